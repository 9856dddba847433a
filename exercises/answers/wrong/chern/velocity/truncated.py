import numpy as np


def anomalous_velocity(omega, E):
    omega, E = np.asarray(omega), np.asarray(E)
    shape = np.broadcast_shapes(omega.shape + (1,), E.shape)
    velocity = np.zeros(shape, dtype=int)
    velocity[..., 0] = omega * E[..., 1]
    velocity[..., 1] = -omega * E[..., 0]
    return velocity
