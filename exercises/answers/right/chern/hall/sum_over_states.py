import numpy as np

import coursekit as ck


def hall_conductivity(model, mu, kT):
    # The sum over states as printed, band by band and with the area of the zone.
    n = 70
    k = ck.uniform_mesh(model.lattice, n, shift=0.5).reshape(-1, 2)
    bands = ck.solve(model, k)
    b1, b2 = model.lattice.reciprocal
    area_of_zone = abs(b1[0] * b2[1] - b1[1] * b2[0])
    results = []
    for level in np.ravel(mu):
        integral = 0
        for m in range(model.n_orb):
            f = 1 / (np.exp((bands.energies[:, m] - level) / kT) + 1)
            for l in range(model.n_orb):
                if l == m:
                    continue
                vx, vy = bands.velocity[:, 0, m, l], bands.velocity[:, 1, l, m]
                curvature = -2 * vx * vy / (bands.energies[:, m] - bands.energies[:, l]) ** 2
                integral = integral + (f * curvature.imag).mean() * area_of_zone / (2 * np.pi) ** 2
        results.append(-integral * 2 * np.pi)
    return results[0] if np.ndim(mu) == 0 else results
