import numpy as np

import coursekit as ck


def hall_conductivity(model, mu, kT):
    bands = ck.solve(model, ck.uniform_mesh(model.lattice, 100))
    e, v = bands.energies, bands.velocity
    omega = -2 * (v[..., 0, 0, 1] * v[..., 1, 1, 0]).imag / (e[..., 0] - e[..., 1]) ** 2
    mu = np.asarray(mu, dtype=float)[..., None, None]
    f_lower = 1 / (1 + np.exp((e[..., 0] - mu) * kT))
    f_upper = 1 / (1 + np.exp((e[..., 1] - mu) * kT))
    mean = ((f_lower - f_upper) * omega).mean(axis=(-2, -1))
    return -2 * np.pi * mean / model.lattice.cell_volume
