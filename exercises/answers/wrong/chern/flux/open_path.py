import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    product = 1
    for a, b in [(u1, u2), (u2, u3), (u3, u4)]:
        product = product * np.sum(np.conj(a) * b, axis=-1)
    return -np.angle(product)
