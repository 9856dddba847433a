"""WannierBerri, without its parallel workers."""

from __future__ import annotations

import cases
import models
import numpy as np
import pythtb
import wannierberri as wb
from wannierberri.calculators import static

QUIET = {"parallel": False, "print_progress_step_time": 3600}
WHOLE_ZONE = QUIET | {"use_irred_kpt": False, "symmetrize": False}


def haldane_response(n):
    orbitals, onsite, hoppings = models.haldane_hoppings(**cases.HALDANE)
    model = pythtb.TBModel(pythtb.Lattice(models.HEXAGONAL, orbitals, periodic_dirs=...))
    model.set_onsite(onsite)
    for i, j, R, t in hoppings:
        model.set_hop(t, i, j, R)
    system = wb.system.System_R.from_pythtb(model)
    of_levels = {
        "Efermi": np.linspace(*cases.LEVELS),
        "constant_factor": 1.0,
        "kwargs_formula": {"external_terms": False},
    }
    calculators = {"hall": static.AHC(**of_levels), "moment": static.Morb(**of_levels)}
    # The fastest of the sizes from 15 to 60 that were tried.
    grid = wb.Grid(system, NK=(n, n, 1), NKFFT=(60, 60, 1))
    area = np.sqrt(3) / 2

    def ours(results):
        # Sums of f Ω over the volume; moments in μ_B, two of which are one (e/ħ) in atomic units.
        hall, moment = (results[name].data[:, 2] for name in ("hall", "moment"))
        return np.concatenate([-hall, -moment / (2 * area)])

    return lambda: wb.run(system, grid, calculators, **WHOLE_ZONE).results, ours


def iron(n, path):
    return _iron(path, n, **WHOLE_ZONE)


def iron_closing_in(setting, path):
    group = ["Inversion", "C4z", "TimeReversal*C2x"]
    if setting == "uniform":
        return _iron(path, 50, group, **QUIET)
    n, rounds = {"adaptive": (26, 20), "finer": (52, 40)}[setting]
    return _iron(path, n, group, adpt_num_iter=rounds, **QUIET)


def _iron(path, n, group=(), **options):
    def run():
        system = wb.system.System_R.from_tb_dat(path, berry=True)
        if group:
            system.set_pointgroup(group)
        # The fastest of 5, 9 and 25.
        grid = wb.Grid(system, NK=n, NKFFT=5)
        calculators = {"hall": static.AHC(Efermi=np.array([cases.FERMI_ENERGY]))}
        return wb.run(system, grid, calculators, **options).results["hall"].data

    return run, lambda sigma: sigma / 100  # S/m
