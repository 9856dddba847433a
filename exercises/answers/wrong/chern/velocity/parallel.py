import numpy as np


def anomalous_velocity(omega, E):
    return np.asarray(omega)[..., np.newaxis] * np.asarray(E)
