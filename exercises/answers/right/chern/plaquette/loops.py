import cmath
import math

import numpy as np


def plaquette_chern(model, n):
    """Point by point, with the model's own Hamiltonian and numpy's eigh."""
    b1, b2 = model.lattice.reciprocal
    states = {}
    for i in range(n + 1):
        for j in range(n + 1):
            energies, vectors = np.linalg.eigh(model.hamiltonian(i / n * b1 + j / n * b2))
            states[i, j] = vectors[:, 0]
    total = 0.0
    for i in range(n):
        for j in range(n):
            loop = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), (i, j)]
            product = 1.0
            for start, end in zip(loop, loop[1:]):
                product *= np.vdot(states[start], states[end])
            total -= cmath.phase(product)
    a1, a2 = model.lattice.vectors
    if a1[0] * a2[1] - a1[1] * a2[0] < 0:
        total = -total
    print("the Chern number is", total / (2 * math.pi))
    return int(round(total / (2 * math.pi)))
