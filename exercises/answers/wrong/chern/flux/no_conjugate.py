import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    def link(a, b):
        return np.sum(a * b, axis=-1)

    return -np.angle(link(u1, u2) * link(u2, u3) * link(u3, u4) * link(u4, u1))
