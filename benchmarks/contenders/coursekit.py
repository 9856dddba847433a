"""The library."""

from __future__ import annotations

import cases
import models
import numpy as np

import coursekit as ck

# Loaded on first use otherwise, and then counted as the memory of the first question.
for name in ck.__all__:
    getattr(ck, name)


def _built(vectors, orbitals, onsite, hoppings):
    return ck.TightBinding(vectors, orbitals, hoppings, onsite=onsite)


def haldane_curvature():
    model = ck.models.haldane(**cases.HALDANE)
    k = ck.uniform_mesh(model.lattice, cases.CURVATURE_MESH)
    return lambda: ck.berry_curvature(model, k, progress=False), lambda omega: omega[..., 0]


def haldane_chern():
    model = ck.models.haldane(**cases.HALDANE)
    return lambda: ck.chern_number(model, 1), float


def narrow_chern():
    model = ck.models.qwz(cases.NEARLY_CLOSED)
    return lambda: ck.chern_number(model, 1), float


def haldane_response():
    model = ck.models.haldane(**cases.HALDANE)
    mus = np.linspace(*cases.LEVELS)
    mesh = {"mesh": cases.RESPONSE_MESH, "method": "uniform", "progress": False}

    def run():
        sigma = ck.anomalous_hall(model, mus, **mesh)
        return sigma, ck.orbital_magnetization(model, mus, **mesh)

    return run, np.concatenate


def group_curvature():
    orbitals, onsite, hoppings = models.random_hoppings(cases.ORBITALS, cases.FILLED)
    model = _built(np.eye(2), orbitals, onsite, hoppings)
    k = ck.uniform_mesh(model.lattice, cases.GROUP_MESH)
    filled = range(cases.FILLED)
    return lambda: ck.berry_curvature(model, k, filled, progress=False), np.asarray


def weyl_curvature():
    model = ck.models.weyl(cases.WEYL_NODE)
    k = ck.uniform_mesh(model.lattice, cases.WEYL_MESH)
    return lambda: ck.berry_curvature(model, k, progress=False), lambda omega: omega[..., 0, :]


def iron(n, path):
    def run():
        model = ck.read_wannier90(path)
        return ck.anomalous_hall(
            model, cases.FERMI_ENERGY, mesh=n, method="uniform", progress=False
        )

    return run, ck.units.siemens_per_cm
