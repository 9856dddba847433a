import cmath

import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    """1j·log of the product, complex with a zero imaginary part."""
    shape = np.shape(u1)[:-1]
    flux = np.zeros(shape, dtype=complex)
    for index in np.ndindex(*shape):
        a, b, c, d = (u[index] for u in (u1, u2, u3, u4))
        product = np.vdot(a, b) * np.vdot(b, c) * np.vdot(c, d) * np.vdot(d, a)
        flux[index] = 1j * cmath.log(product / abs(product))
    return flux
