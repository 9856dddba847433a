import numpy as np

import coursekit as ck


def link(a, b):
    return np.sum(np.conj(a) * b, axis=-1)


def plaquette_chern(model, n):
    # The last row is the first one, moved by b: u(k + b) = exp(-i b·r) u(k).
    b1, b2 = model.lattice.reciprocal
    r = model.orbitals @ model.lattice.vectors
    u = ck.solve(model, ck.uniform_mesh(model.lattice, n, shift=0.5)).states[..., 0]
    u = np.concatenate([u, u[:1] * np.exp(-1j * r @ b1)], axis=0)
    u = np.concatenate([u, u[:, :1] * np.exp(-1j * r @ b2)], axis=1)
    a, b, c, d = u[:-1, :-1], u[1:, :-1], u[1:, 1:], u[:-1, 1:]
    product = link(a, b) * link(b, c) * link(c, d) * link(d, a)
    clockwise = b1[0] * b2[1] - b1[1] * b2[0] < 0
    total = -np.angle(product).sum() / (2 * np.pi)
    return complex(-total if clockwise else total)
