import numpy as np


def streda_hall(energies, fields, areas, mu):
    # The line is straight, so its two ends are enough.
    first, last = int(np.argmin(fields)), int(np.argmax(fields))
    n = {i: len([x for x in energies[i] if x < mu]) / areas[i] for i in (first, last)}
    slope = (n[last] - n[first]) / (fields[last] - fields[first])
    return [-2 * np.pi * slope][0]
