"""Names of magnetic point groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.symmetry.names import turn_of
from coursekit.symmetry.operation import Symmetry
from coursekit.symmetry.search import find_symmetries

__all__ = ["MagneticPointGroup", "as_symmetries", "point_group"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MagneticPointGroup:
    """What a magnetic point group is called.

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.symmetry.point_group(ck.models.haldane(1.0, 0.1, 0.5, 0.0))
    <MagneticPointGroup 6/mm'm': 24 operations, black and white, Laue class 6/mmm>
    """

    symbol: str  # Hermann–Mauguin, a prime at what comes with time reversal; "1'" in grey groups
    family: str  # the point group of all R, with time reversal or without
    unitary: str  # the point group of the R without time reversal
    laue: str  # the family together with inversion
    kind: str  # "colourless": no time reversal; "grey": T itself; "black and white": T with an R
    order: int  # number of operations

    def __repr__(self) -> str:
        return (
            f"<MagneticPointGroup {self.symbol}: {self.order} operations, {self.kind}, "
            f"Laue class {self.laue}>"
        )


def point_group(symmetries: Sequence[Symmetry] | Model) -> MagneticPointGroup:
    """Hermann–Mauguin symbol, Laue class and order of a magnetic point group.

    Parameters
    ----------
    symmetries : a model, or a group as :func:`coursekit.symmetry.find_symmetries` returns it.
        Symmetries that turn energies around are left out.

    Raises
    ------
    ValueError : operations that are no group, or not one of a crystal

    Notes
    -----
    The 122 groups are 32 without time reversal, the same 32 with T, and 58 "black and white" ones,
    each of which is fixed by the point groups of all R and of those R without time reversal.
    C. J. Bradley & A. P. Cracknell, *The Mathematical Theory of Symmetry in Solids* (1972), ch. 7.
    """
    group = [s for s in as_symmetries(symmetries) if not s.antisymmetric]
    plain = [s.rotation for s in group if not s.antiunitary]
    reversing = [s.rotation for s in group if s.antiunitary]
    _check_closed(plain, reversing)
    unitary = _crystal_class(plain)
    if not reversing:
        symbol, family, kind = unitary, unitary, "colourless"
    elif any(not turn_of(R).angle and turn_of(R).sign > 0 for R in reversing):
        symbol, family, kind = f"{unitary}1'", unitary, "grey"
    else:
        family, kind = _crystal_class(plain + reversing), "black and white"
        symbol = _BLACK_WHITE[family, unitary]
    return MagneticPointGroup(symbol, family, unitary, _LAUE[family], kind, len(group))


def as_symmetries(given: Sequence[Symmetry] | Model) -> list[Symmetry]:
    """The list itself, or the symmetries of the model."""
    if not isinstance(given, Sequence):
        return find_symmetries(given)
    symmetries = list(given)
    for one in symmetries:
        if not isinstance(one, Symmetry):
            raise ValueError(f"{one!r} is no Symmetry; expected a list of them, or a model")
    if len({one.dim for one in symmetries}) > 1:
        raise ValueError("symmetries of models of different dim; expected those of one model")
    return symmetries


def _check_closed(plain: list[Floats], reversing: list[Floats]) -> None:
    if not plain:
        raise ValueError("no symmetries; expected a group, which has the identity at least")
    both = [np.array(rotations).reshape(-1, 3, 3) for rotations in (plain, reversing)]
    for one, a in enumerate(both):
        for other, b in enumerate(both):
            products = (a[:, None] @ b).reshape(-1, 1, 3, 3)
            same = abs(products - both[one ^ other]).max(axis=(2, 3)) < 1e-4
            if (same.sum(axis=1) != 1).any():
                raise ValueError(
                    "the symmetries are not a group: a product of two of them is missing or there "
                    "twice; expected all, as from find_symmetries(model)"
                )


def _crystal_class(rotations: list[Floats]) -> str:
    """The Hermann–Mauguin symbol, from how many operations of each kind there are."""
    counts: dict[str, int] = {}
    for R in rotations:
        sign, angle, _ = turn_of(R)
        kind = f"{sign * (2 * np.pi / abs(angle) if angle else 1.0):.4g}"
        counts[kind] = counts.get(kind, 0) + 1
    order = sorted(counts, key=lambda kind: (float(kind) < 0, abs(float(kind))))
    signature = " ".join(f"{kind}:{counts[kind]}" for kind in order)
    if signature not in _CLASSES:
        raise ValueError(
            f"operations {counts} are none of the 32 crystal classes; expected those of a lattice"
        )
    return _CLASSES[signature]


# How often rotations by 2π/n occur, and (with a minus sign) those times inversion: -2 is a mirror.
_CLASSES = {
    "1:1": "1",
    "1:1 -1:1": "-1",
    "1:1 2:1": "2",
    "1:1 -2:1": "m",
    "1:1 2:1 -1:1 -2:1": "2/m",
    "1:1 2:3": "222",
    "1:1 2:1 -2:2": "mm2",
    "1:1 2:3 -1:1 -2:3": "mmm",
    "1:1 2:1 4:2": "4",
    "1:1 2:1 -4:2": "-4",
    "1:1 2:1 4:2 -1:1 -2:1 -4:2": "4/m",
    "1:1 2:5 4:2": "422",
    "1:1 2:1 4:2 -2:4": "4mm",
    "1:1 2:3 -2:2 -4:2": "-42m",
    "1:1 2:5 4:2 -1:1 -2:5 -4:2": "4/mmm",
    "1:1 3:2": "3",
    "1:1 3:2 -1:1 -3:2": "-3",
    "1:1 2:3 3:2": "32",
    "1:1 3:2 -2:3": "3m",
    "1:1 2:3 3:2 -1:1 -2:3 -3:2": "-3m",
    "1:1 2:1 3:2 6:2": "6",
    "1:1 3:2 -2:1 -6:2": "-6",
    "1:1 2:1 3:2 6:2 -1:1 -2:1 -3:2 -6:2": "6/m",
    "1:1 2:7 3:2 6:2": "622",
    "1:1 2:1 3:2 6:2 -2:6": "6mm",
    "1:1 2:3 3:2 -2:4 -6:2": "-6m2",
    "1:1 2:7 3:2 6:2 -1:1 -2:7 -3:2 -6:2": "6/mmm",
    "1:1 2:3 3:8": "23",
    "1:1 2:3 3:8 -1:1 -2:3 -3:8": "m-3",
    "1:1 2:9 3:8 4:6": "432",
    "1:1 2:3 3:8 -2:6 -4:6": "-43m",
    "1:1 2:9 3:8 4:6 -1:1 -2:9 -3:8 -4:6": "m-3m",
}

_LAUE = {
    member: laue
    for laue, members in {
        "-1": "1 -1",
        "2/m": "2 m 2/m",
        "mmm": "222 mm2 mmm",
        "4/m": "4 -4 4/m",
        "4/mmm": "422 4mm -42m 4/mmm",
        "-3": "3 -3",
        "-3m": "32 3m -3m",
        "6/m": "6 -6 6/m",
        "6/mmm": "622 6mm -6m2 6/mmm",
        "m-3": "23 m-3",
        "m-3m": "432 -43m m-3m",
    }.items()
    for member in members.split()
}

# (all R, those R without time reversal) -> symbol
_BLACK_WHITE = {
    ("-1", "1"): "-1'",
    ("2", "1"): "2'",
    ("m", "1"): "m'",
    ("2/m", "m"): "2'/m",
    ("2/m", "2"): "2/m'",
    ("2/m", "-1"): "2'/m'",
    ("222", "2"): "2'2'2",
    ("mm2", "m"): "m'm2'",
    ("mm2", "2"): "m'm'2",
    ("mmm", "mm2"): "m'mm",
    ("mmm", "2/m"): "m'm'm",
    ("mmm", "222"): "m'm'm'",
    ("4", "2"): "4'",
    ("-4", "2"): "-4'",
    ("4/m", "2/m"): "4'/m",
    ("4/m", "4"): "4/m'",
    ("4/m", "-4"): "4'/m'",
    ("422", "222"): "4'22'",
    ("422", "4"): "42'2'",
    ("4mm", "mm2"): "4'm'm",
    ("4mm", "4"): "4m'm'",
    ("-42m", "mm2"): "-4'2'm",
    ("-42m", "222"): "-4'2m'",
    ("-42m", "-4"): "-42'm'",
    ("4/mmm", "4mm"): "4/m'mm",
    ("4/mmm", "mmm"): "4'/mm'm",
    ("4/mmm", "-42m"): "4'/m'm'm",
    ("4/mmm", "4/m"): "4/mm'm'",
    ("4/mmm", "422"): "4/m'm'm'",
    ("-3", "3"): "-3'",
    ("32", "3"): "32'",
    ("3m", "3"): "3m'",
    ("-3m", "3m"): "-3'm",
    ("-3m", "32"): "-3'm'",
    ("-3m", "-3"): "-3m'",
    ("6", "3"): "6'",
    ("-6", "3"): "-6'",
    ("6/m", "-6"): "6'/m",
    ("6/m", "6"): "6/m'",
    ("6/m", "-3"): "6'/m'",
    ("622", "32"): "6'22'",
    ("622", "6"): "62'2'",
    ("6mm", "3m"): "6'mm'",
    ("6mm", "6"): "6m'm'",
    ("-6m2", "32"): "-6'm'2",
    ("-6m2", "3m"): "-6'm2'",
    ("-6m2", "-6"): "-6m'2'",
    ("6/mmm", "6mm"): "6/m'mm",
    ("6/mmm", "-6m2"): "6'/mmm'",
    ("6/mmm", "-3m"): "6'/m'mm'",
    ("6/mmm", "6/m"): "6/mm'm'",
    ("6/mmm", "622"): "6/m'm'm'",
    ("m-3", "23"): "m'-3'",
    ("432", "23"): "4'32'",
    ("-43m", "23"): "-4'3m'",
    ("m-3m", "-43m"): "m'-3'm",
    ("m-3m", "m-3"): "m-3m'",
    ("m-3m", "432"): "m'-3'm'",
}
