import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    corners = [u1, u2, u3, u4, u1]
    phases = [np.angle(np.sum(np.conj(a) * b, axis=-1)) for a, b in zip(corners, corners[1:])]
    return -sum(phases)
