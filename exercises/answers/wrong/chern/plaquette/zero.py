import numpy as np

import coursekit as ck


def link(a, b):
    return np.sum(np.conj(a) * b, axis=-1)


def plaquette_chern(model, n):
    # Reduced coordinates, closed into a torus: a patch so small that nothing winds.
    steps = np.arange(n) / n
    u = ck.solve(model, np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1)).states[..., 0]
    right, up = np.roll(u, -1, axis=0), np.roll(u, -1, axis=1)
    corner = np.roll(right, -1, axis=1)
    flux = -np.angle(link(u, right) * link(right, corner) * link(corner, up) * link(up, u))
    return int(round(flux.sum() / (2 * np.pi)))
