"""WannierBerri."""

from __future__ import annotations

import cases
import models
import numpy as np
import pythtb
import wannierberri as wb
from wannierberri.calculators import static

SERIAL = {
    "parallel": False,
    "use_irred_kpt": False,
    "symmetrize": False,
    "print_progress_step_time": 3600,
}


def _haldane():
    orbitals, onsite, hoppings = models.haldane_hoppings(**cases.HALDANE)
    model = pythtb.TBModel(pythtb.Lattice(models.HEXAGONAL, orbitals, periodic_dirs=...))
    model.set_onsite(onsite)
    for i, j, R, t in hoppings:
        model.set_hop(t, i, j, R)
    return wb.system.System_R.from_pythtb(model)


def haldane_response():
    system, n = _haldane(), cases.RESPONSE_MESH
    mus = np.linspace(*cases.LEVELS)
    internal = {"Efermi": mus, "constant_factor": 1.0, "kwargs_formula": {"external_terms": False}}
    calculators = {"hall": static.AHC(**internal), "moment": static.Morb(**internal)}
    # The fastest of the sizes from 15 to 60 that were tried.
    grid = wb.Grid(system, NK=(n, n, 1), NKFFT=(60, 60, 1))
    area = np.sqrt(3) / 2

    def ours(results):
        # Sums of f Ω over the volume; moments in μ_B, two of which are one (e/ħ) in atomic units.
        hall, moment = (results[name].data[:, 2] for name in ("hall", "moment"))
        return np.concatenate([-hall, -moment / (2 * area)])

    return lambda: wb.run(system, grid, calculators, **SERIAL).results, ours


def iron(n, path):
    def run():
        system = wb.system.System_R.from_tb_dat(path, berry=True)
        grid = wb.Grid(system, NK=n, NKFFT=5)
        calculators = {"hall": static.AHC(Efermi=np.array([cases.FERMI_ENERGY]))}
        return wb.run(system, grid, calculators, **SERIAL).results["hall"].data

    return run, lambda sigma: sigma / 100  # S/m
