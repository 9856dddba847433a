import numpy as np

import coursekit as ck


def hall_conductivity(model, mu, kT):
    bands = ck.solve(model, ck.uniform_mesh(model.lattice, 100))
    e, v = bands.energies, bands.velocity
    omega = -2 * (v[..., 0, 0, 1] * v[..., 1, 1, 0]).imag / (e[..., 0] - e[..., 1]) ** 2
    mu = np.asarray(mu, dtype=float)[..., None, None]
    f_lower = 1 / (1 + np.exp((e[..., 0] - mu) / kT))
    return -2 * np.pi * (f_lower * omega).mean(axis=(-2, -1)) / model.lattice.cell_volume
