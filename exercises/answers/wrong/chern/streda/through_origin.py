import numpy as np


def streda_hall(energies, fields, areas, mu):
    density = np.array([np.sum(e < mu) / area for e, area in zip(energies, areas)])
    B = np.array(fields)
    return -2 * np.pi * np.sum(density * B) / np.sum(B * B)
