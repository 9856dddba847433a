"""PythTB 2."""

from __future__ import annotations

import itertools

import cases
import models
import numpy as np
import pythtb

# It sums curvature over a mesh that the user chooses.
CHERN_MESH = 100


def _built(vectors, orbitals, onsite, hoppings):
    model = pythtb.TBModel(pythtb.Lattice(vectors, orbitals, periodic_dirs=...))
    model.set_onsite(list(onsite))
    for i, j, R, t in hoppings:
        model.set_hop(t, i, j, R)
    return model


def _mesh(n, dim):
    return np.array(list(itertools.product(np.arange(n) / n, repeat=dim)))


def _haldane():
    return _built(models.HEXAGONAL, *models.haldane_hoppings(**cases.HALDANE))


def _chern(model):
    return lambda: model.chern_number((0, 1), (CHERN_MESH, CHERN_MESH), [0]), float


def haldane_curvature(n):
    model, k = _haldane(), _mesh(n, 2)
    return lambda: model.berry_curvature(k, [0], (0, 1), cartesian=True), np.asarray


def haldane_chern():
    return _chern(_haldane())


def narrow_chern():
    return _chern(_built(np.eye(2), *models.qwz_hoppings(cases.NEARLY_CLOSED)))


def group_curvature(n):
    model = _built(np.eye(2), *models.random_hoppings(cases.ORBITALS, cases.FILLED))
    k, filled = _mesh(n, 2), list(range(cases.FILLED))
    return lambda: model.berry_curvature(k, filled, (0, 1), cartesian=True), np.asarray


def weyl_curvature(n):
    model, k = _built(np.eye(3), *models.weyl_hoppings(cases.WEYL_NODE)), _mesh(n, 3)

    def axial(tensor):
        return np.stack([tensor[1, 2], tensor[2, 0], tensor[0, 1]], axis=-1)

    return lambda: model.berry_curvature(k, [0], cartesian=True), axial
