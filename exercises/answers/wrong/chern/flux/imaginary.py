import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    # To first order the phase of P is its imaginary part.
    product = 1
    for a, b in [(u1, u2), (u2, u3), (u3, u4), (u4, u1)]:
        product = product * (np.conj(a) * b).sum(axis=-1)
    return -product.imag
