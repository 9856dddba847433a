import numpy as np


def streda_hall(energies, fields, areas, mu):
    density = np.array([np.searchsorted(np.sort(e), mu) for e in energies]) / np.array(areas)
    design = np.stack([fields, np.ones(len(fields))], axis=1)
    (slope, offset), *rest = np.linalg.lstsq(design, density, rcond=None)
    return np.complex128(-slope * 2 * np.pi)
