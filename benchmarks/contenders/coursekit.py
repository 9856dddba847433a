"""The library."""

from __future__ import annotations

import cases
import models
import numpy as np

import coursekit as ck

# Loaded on first use otherwise, and then counted as the memory of the first question.
for name in ck.__all__:
    getattr(ck, name)


def haldane_curvature(n):
    model = ck.models.haldane(**cases.HALDANE)
    k = ck.uniform_mesh(model.lattice, n)
    return lambda: ck.berry_curvature(model, k, progress=False), lambda omega: omega[..., 0]


def haldane_chern():
    model = ck.models.haldane(**cases.HALDANE)
    return lambda: ck.chern_number(model, 1), float


def narrow_chern():
    model = ck.models.qwz(cases.NEARLY_CLOSED)
    return lambda: ck.chern_number(model, 1), float


def haldane_response(n):
    model = ck.models.haldane(**cases.HALDANE)
    mus = np.linspace(*cases.LEVELS)
    mesh = {"mesh": n, "method": "uniform", "progress": False}

    def run():
        sigma = ck.anomalous_hall(model, mus, **mesh)
        return sigma, ck.orbital_magnetization(model, mus, **mesh)

    return run, np.concatenate


def group_curvature(n):
    orbitals, onsite, hoppings = models.random_hoppings(cases.ORBITALS, cases.FILLED)
    model = ck.TightBinding(np.eye(2), orbitals, hoppings, onsite=onsite)
    k = ck.uniform_mesh(model.lattice, n)
    filled = range(cases.FILLED)
    return lambda: ck.berry_curvature(model, k, filled, progress=False), np.asarray


def weyl_curvature(n):
    model = ck.models.weyl(cases.WEYL_NODE)
    k = ck.uniform_mesh(model.lattice, n)
    return lambda: ck.berry_curvature(model, k, progress=False), lambda omega: omega[..., 0, :]


def iron(n, path):
    return _iron(path, mesh=n, method="uniform")


def iron_closing_in(setting, path):
    if setting == "uniform":
        return _iron(path, mesh=50, method="uniform")
    rtol = {"adaptive": 1e-2, "finer": 5e-3}[setting]
    # A magnet along z: 4/mm′m′.
    turn, flip = (
        ck.symmetry.rotation(part, axis, 3) for part, axis in ((1 / 4, "z"), (1 / 2, "x"))
    )
    group = [turn, ck.symmetry.inversion(3), flip * ck.symmetry.time_reversal(3)]
    return _iron(path, method="adaptive", rtol=rtol, symmetries=group)


def _iron(path, **options):
    def run():
        model = ck.read_wannier90(path)
        return ck.anomalous_hall(model, cases.FERMI_ENERGY, progress=False, **options)

    return run, ck.units.siemens_per_cm
