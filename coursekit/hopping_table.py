"""Models as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["hopping_table", "own_bonds"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
# Lines of a table before it is cut short.
_LINES = 24


def own_bonds(
    blocks: Mapping[tuple[int, ...], Complexes],
) -> list[tuple[int, int, tuple[int, ...], complex]]:
    """Each bond (i, j, R, t) once, in one of its two directions; on-site energies left out."""
    return [
        (int(i), int(j), R, complex(block[i, j]))
        for R, block in blocks.items()
        for i, j in np.argwhere(block)
        if i < j or (i == j and tuple(-x for x in R) < R)
    ]


def hopping_table(
    title: str,
    vectors: Floats,
    orbitals: Floats,
    blocks: Mapping[tuple[int, ...], Complexes],
) -> str:
    """The lattice, the orbitals and the bonds from short to long, one a line."""
    dim = len(vectors)
    home = blocks.get((0,) * dim, np.zeros((len(orbitals), len(orbitals)))).diagonal().real
    lattice = [(f"a{n}", _row(a)) for n, a in enumerate(vectors, start=1)]
    places = [
        (str(n), _row(place), _number(energy))
        for n, (place, energy) in enumerate(zip(orbitals, home, strict=True))
    ]
    bonds = []
    for i, j, R, t in own_bonds(blocks):
        length = float(np.linalg.norm((np.array(R) + orbitals[j] - orbitals[i]) @ vectors))
        # Lengths that differ by rounding are in one shell.
        bonds.append((round(length, 9), i, j, R, t))
    bonds.sort(key=lambda bond: bond[:4])
    lines = [(str(i), str(j), _row(R), _number(t), _number(d)) for d, i, j, R, t in bonds]
    return "\n".join(
        [
            title,
            "",
            *_table(("lattice", "cartesian"), lattice),
            "",
            *_table(("orbital", "reduced", "energy"), places),
            "",
            *_table(("i", "j", "R", "⟨i,0|H|j,R⟩", "length"), lines),
        ]
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    shown = rows if len(rows) <= _LINES else rows[: _LINES - 1]
    widths = [max(map(len, column)) for column in zip(head, *shown, strict=True)]
    for row in (head, *shown):
        yield "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
    if len(shown) < len(rows):
        yield f"… and {len(rows) - len(shown)} more"


def _row(values: Iterable[float]) -> str:
    return "(" + ", ".join(_number(value) for value in values) + ")"


def _number(value: complex) -> str:
    """Four figures; the real or the imaginary part alone where the other one is rounding."""
    x, y = complex(value).real, complex(value).imag
    if abs(y) <= 1e-12 * abs(x) or y == 0:
        return f"{x:.4g}"
    if abs(x) <= 1e-12 * abs(y):
        return f"{y:.4g}i"
    return f"{x:.4g}{y:+.4g}i"
