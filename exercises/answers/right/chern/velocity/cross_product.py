import numpy as np


def anomalous_velocity(omega, E):
    E = np.asarray(E)
    field = np.concatenate([E, np.zeros(E.shape[:-1] + (1,))], axis=-1)
    curvature = np.asarray(omega)[..., None] * np.array([0.0, 0.0, 1.0])
    return np.cross(field, curvature)[..., :2]
