import numpy as np


def anomalous_velocity(omega, E):
    omega, E = np.asarray(omega), np.asarray(E)
    return np.stack([-omega * E[..., 1], omega * E[..., 0]], axis=-1)
