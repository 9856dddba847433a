import numpy as np

import coursekit as ck


def hall_conductivity(model, mu, kT):
    """Fluxes of plaquettes of both bands, each weighed with the mean occupation of its corners."""
    n = 160
    steps = np.arange(n + 1) / n
    k = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1) @ model.lattice.reciprocal
    bands = ck.solve(model, k)
    levels = np.asarray(mu)[..., None, None]
    sigma = np.zeros(np.shape(mu))
    for band in (0, 1):
        u, e = bands.states[..., band], bands.energies[..., band]
        corners = [np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[1:, 1:], np.s_[:-1, 1:]]
        product, f = 1, 0
        for here, there in zip(corners, corners[1:] + corners[:1]):
            product = product * (u[here].conj() * u[there]).sum(axis=-1)
            f = f + 0.25 / (1 + np.exp((e[here] - levels) / kT))
        sigma = sigma + (f * np.angle(product)).sum(axis=(-1, -2)) / (2 * np.pi)
    return sigma * np.sign(np.linalg.det(model.lattice.vectors))
