import numpy as np


def one(o, e):
    return [float(o) * float(e[1]), -float(o) * float(e[0])]


def anomalous_velocity(omega, E):
    shape = np.broadcast_shapes(np.shape(omega), np.shape(E)[:-1])
    if shape == ():
        return one(omega, E)
    curvature = np.broadcast_to(omega, shape)
    field = np.broadcast_to(E, shape + (2,))
    out = np.zeros(shape + (2,)).tolist()
    for index in np.ndindex(*shape):
        row = out
        for i in index[:-1]:
            row = row[i]
        row[index[-1]] = one(curvature[index], field[index])
    return out
