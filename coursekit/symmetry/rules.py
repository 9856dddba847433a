"""What the symmetries of a model forbid, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.symmetry.groups import MagneticPointGroup, as_symmetries, point_group
from coursekit.symmetry.operation import Symmetry
from coursekit.symmetry.search import find_symmetries
from coursekit.symmetry.tensors import allowed_matrix_form, allowed_tensor

__all__ = ["SelectionRules", "forbids"]

Floats = NDArray[np.float64]

_ORBITAL = {
    "anomalous_hall": "Hall conductivity σ_xy",
    "orbital_magnetization": "orbital magnetization M",
    "conductivity": "conductivity σ_ab",
    "berry_curvature_dipole": "Berry-curvature dipole D_ab",
    "polarization": "polarization P (up to its quantum)",
}
_SPIN = {"spin_hall": "spin Hall conductivity σˢ_ab, s = x, y, z"}


@dataclass(frozen=True, repr=False)
class SelectionRules:
    """What a group of symmetries forbids."""

    group: MagneticPointGroup
    statements: tuple[str, ...]  # how Ω(k) and m(k) answer to each kind of operation, and what for
    forms: Mapping[str, str]  # kind of tensor -> its form, as from allowed_matrix_form
    forbidden: tuple[str, ...]  # the kinds that vanish

    def __repr__(self) -> str:
        names = _ORBITAL | _SPIN
        lines = [f"Magnetic point group {self.group.symbol}, {self.group.order} operations"]
        lines += [f"  {statement}" for statement in self.statements]
        lines += [f"  {names[kind]}: {form}" for kind, form in self.forms.items()]
        return "\n".join(lines)


def forbids(symmetries: Sequence[Symmetry] | Model) -> SelectionRules:
    """What symmetries say about Ω(k) and m(k), and which responses they forbid.

    Parameters
    ----------
    symmetries : a model, or a group as from :func:`coursekit.symmetry.find_symmetries`. A model
        with spin answers with its free symmetries for what orbits do, and with its locked ones for
        what spins do.

    Returns
    -------
    SelectionRules : prints as a list; .statements, .forms, .forbidden, .group

    Notes
    -----
    The relations hold for a band that touches no other at k, or for the trace over a group of bands
    that the symmetry keeps together.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.symmetry.forbids(ck.models.haldane(1.0, 0.0, 0.0, 0.3))
    Magnetic point group -6m21', 24 operations
      time reversal: Ω(−k) = −Ω(k), and so m
      C3 rotation about z: Ω(C3z k) = Ω(k), and so m
      mirror x: Ω(−kx, ky) = −Ω(kx, ky), and so m; zero on the line that stays
      Hall conductivity σ_xy: [0]
      orbital magnetization M: [0]
      conductivity σ_ab: [[a, 0], [0, a]]
      Berry-curvature dipole D_ab: [[0], [0]]
      polarization P (up to its quantum): [0, 0]
    >>> ck.symmetry.forbids(ck.models.qwz(-3.0, 0.3)).forbidden
    ('berry_curvature_dipole', 'polarization')
    """
    spins = as_symmetries(symmetries)
    orbits, kinds = spins, _ORBITAL | _SPIN
    if not isinstance(symmetries, Sequence):
        orbits = find_symmetries(symmetries, spin="free")
        kinds = _ORBITAL if symmetries.spin is None else kinds
    if orbits and orbits[0].dim == 1:
        kinds = {kind: kinds[kind] for kind in ("conductivity", "polarization")}
    forms, forbidden = {}, []
    for kind in kinds:
        group = orbits if kind in _ORBITAL else spins
        forms[kind] = allowed_matrix_form(group, kind)
        if len(allowed_tensor(group, kind)) == 0:
            forbidden.append(kind)
    named = point_group(spins)
    statements = _statements(orbits)
    larger = point_group(orbits)
    if larger.symbol != named.symbol:
        statements.insert(0, f"orbits, whatever the spins do: the group {larger.symbol}")
    return SelectionRules(named, tuple(statements), MappingProxyType(forms), tuple(forbidden))


def _statements(symmetries: Sequence[Symmetry]) -> list[str]:
    """One statement for each operation that does not follow from those before it."""
    if symmetries[0].dim == 1:
        return []
    known = [np.eye(len(_effect(symmetries[0])))]
    lines = []
    for one in sorted(symmetries, key=_rank):
        effect = _effect(one)
        if one.antisymmetric or any(_same(effect, other) for other in known):
            continue
        lines.append(_relation(one))
        known = _generated([*known, effect])
    dim = symmetries[0].dim
    if any(_same(e[:dim, :dim], np.eye(dim)) and not _same(e, known[0]) for e in known):
        lines.append("so Ω and m vanish at every k")
    return lines


def _effect(one: Symmetry) -> Floats:
    """What it does to (k, Ω), a matrix of two blocks; in 2D Ω is its z component."""
    axial = one.axial_matrix[2:, 2:] if one.dim == 2 else one.axial_matrix
    effect = np.zeros((one.dim + len(axial),) * 2)
    effect[: one.dim, : one.dim] = one.k_matrix
    effect[one.dim :, one.dim :] = axial
    return effect


def _generated(effects: list[Floats]) -> list[Floats]:
    group = list(effects)
    for a in group:  # grows while it is read
        for b in effects:
            if not any(_same(a @ b, c) for c in group):
                group.append(a @ b)
    return group


def _same(a: Floats, b: Floats) -> bool:
    return bool(abs(a - b).max() < 1e-4)


def _rank(one: Symmetry) -> tuple[float | str, ...]:
    """Time reversal and inversion first, then rotations of high order, mirrors, and the rest."""
    R = one.rotation
    bare = _same(abs(R), np.eye(3)) and _same(R, R[0, 0] * np.eye(3))
    leaves_plane = one.dim == 2 and R[2, 2] < 0
    improper = np.linalg.det(R) < 0
    # The trace of a rotation grows with its order.
    order = -round(abs(np.trace(R)), 6)
    return (not bare, leaves_plane, one.antiunitary, improper, order, len(one.label), one.label)


def _relation(one: Symmetry) -> str:
    """ "mirror x: Ω(−kx, ky) = −Ω(kx, ky), and so m"."""
    K, axial = one.k_matrix, one.axial_matrix
    dim = one.dim
    here, there = "k", f"{'−' if one.antiunitary else ''}{one.label.removesuffix('·T')} k"
    if _same(abs(K), np.eye(dim)):
        signs = ["" if x > 0 else "−" for x in np.diag(K)]
        if len(set(signs)) == 1:
            there = f"{signs[0]}k"
        else:
            here = ", ".join(f"k{a}" for a in "xyz"[:dim])
            there = ", ".join(f"{sign}k{a}" for sign, a in zip(signs, "xyz", strict=False))
    if dim == 2:
        minus = axial[2, 2] < 0
        text = f"Ω({there}) = {'−' if minus else ''}Ω({here}), and so m"
        # A reflection of k that turns Ω around leaves no Ω on its line.
        reflection = np.linalg.det(K) < 0
        return f"{one}: {text}" + ("; zero on the line that stays" if minus and reflection else "")
    if _same(abs(axial), np.eye(3)):
        parts = [f"{'' if x > 0 else '−'}Ω{a}" for x, a in zip(np.diag(axial), "xyz", strict=True)]
        uniform = len({part[0] == "−" for part in parts}) == 1
        after = (
            f"{'−' if parts[0][0] == '−' else ''}Ω({here})"
            if uniform
            else (f"({', '.join(parts)})({here})")
        )
    else:
        label = one.label.removesuffix("·T")
        minus = not _same(axial, one.rotation)
        after = f"{'−' if minus else ''}{label} Ω({here})"
    return f"{one}: Ω({there}) = {after}, and so m"
