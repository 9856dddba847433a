import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    # Clockwise, so that the phase comes out as +A·dk.
    loop = [u1, u4, u3, u2, u1]
    overlaps = [np.einsum("...i,...i->...", a.conj(), b) for a, b in zip(loop, loop[1:])]
    return np.log(np.prod(overlaps, axis=0)).imag
