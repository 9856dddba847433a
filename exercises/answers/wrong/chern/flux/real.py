import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    def overlap(a, b):
        return np.abs(np.sum(np.conj(a) * b, axis=-1))

    return -np.angle(overlap(u1, u2) * overlap(u2, u3) * overlap(u3, u4) * overlap(u4, u1))
