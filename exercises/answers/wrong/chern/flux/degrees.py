import numpy as np


def plaquette_flux(u1, u2, u3, u4):
    links = [np.sum(np.conj(a) * b, axis=-1) for a, b in [(u1, u2), (u2, u3), (u3, u4), (u4, u1)]]
    return -np.angle(links[0] * links[1] * links[2] * links[3], deg=True)
