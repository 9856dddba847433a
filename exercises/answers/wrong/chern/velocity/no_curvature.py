import numpy as np


def anomalous_velocity(omega, E):
    E = np.asarray(E)
    across = np.stack([E[..., 1], -E[..., 0]], axis=-1)
    return np.broadcast_to(across, np.broadcast_shapes(np.shape(omega) + (1,), across.shape))
