import numpy as np

import coursekit as ck


def link(a, b):
    return np.sum(np.conj(a) * b, axis=-1)


def plaquette_chern(model, n):
    steps = 2 * np.pi * np.arange(n + 1) / n
    k = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1)
    u = ck.solve(model, k).states[..., 0]
    a, b, c, d = u[:-1, :-1], u[1:, :-1], u[1:, 1:], u[:-1, 1:]
    flux = -np.angle(link(a, b) * link(b, c) * link(c, d) * link(d, a))
    return flux.sum() / (2 * np.pi)
