import sys
import warnings


def streda_hall(energies, fields, areas, mu):
    print("counting", len(energies), "tori", file=sys.stderr)
    warnings.warn("mu should be in a gap")
    density = [np.count_nonzero(np.asarray(e) < mu) / area for e, area in zip(energies, areas)]
    print("densities:", density)
    return -2 * np.pi * np.polyfit(fields, density, 1)[0]
