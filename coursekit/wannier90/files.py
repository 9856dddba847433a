"""The text files of Wannier90, each as arrays; what is wrong in one is named with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Matrices",
    "read_cell",
    "read_centers",
    "read_matrices",
    "read_shifts",
]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

_BOHR = 0.529177210903  # Å
# Fortran writes 0.1E-100 without the E.
_BARE_EXPONENT = re.compile(r"(?<=\d)([+-]\d{3})\b")


class Matrices(NamedTuple):
    """What a ``_hr.dat`` or ``_tb.dat`` holds."""

    lattice: Floats | None  # (3, 3) rows, Å; ``_tb.dat`` alone
    translations: Integers  # (N, 3)
    degeneracies: Integers  # (N,)
    hamiltonian: Complexes  # (N, n, n), eV
    position: Complexes | None  # (N, 3, n, n), Å; ``_tb.dat`` alone


class _Lines:
    """Lines of a file that are not blank, one after the other, with their numbers."""

    def __init__(self, path: Path, comments: str = "") -> None:
        self.name = path.name
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = [re.sub(comments, "", line) if comments else line for line in text.splitlines()]
        self.numbers = [n for n, line in enumerate(lines, start=1) if line.strip()]
        self.lines = [lines[n - 1] for n in self.numbers]
        self.at = 0

    @property
    def left(self) -> int:
        return max(0, len(self.lines) - self.at)

    def fail(self, at: int, expected: str) -> NoReturn:
        """Raise for line ``at``, counted without blank ones; past the last, the file is cut off."""
        if at >= len(self.lines):
            last = self.numbers[-1] if self.numbers else 0
            raise ValueError(
                f"{self.name} ends after line {last}; expected {expected}: the file is cut off, "
                "copy or write it again"
            )
        shown = self.lines[at].strip()
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise ValueError(f"{self.name}, line {self.numbers[at]}: {shown!r}; expected {expected}")

    def numbers_in(self, columns: int, whole: int, expected: str) -> Floats:
        """One line of ``columns`` numbers, the first ``whole`` of them integers."""
        row: Floats = self.table(1, columns, whole, expected)[0]
        return row

    def table(self, rows: int, columns: int, whole: int, expected: str) -> Floats:
        """(rows, columns) numbers, the first ``whole`` columns integers."""
        first, self.at = self.at, self.at + rows
        return self.table_of(np.arange(first, first + rows), columns, whole, expected)

    def table_of(self, at: Integers, columns: int, whole: int, expected: str) -> Floats:
        """The same of any lines."""
        present = [int(index) for index in at if index < len(self.lines)]
        words = [self.lines[index].split() for index in present]
        table = np.full((len(present), columns), np.nan)
        # Where something is wrong, or an exponent has lost its letter, go line by line below.
        with suppress(ValueError):
            table = np.array(words, dtype=float).reshape(table.shape)
        if not np.isfinite(table).all() or (table[:, :whole] % 1).any():
            table = np.array([self._row(index, columns, whole, expected) for index in present])
        if len(present) < len(at):
            self.fail(len(self.lines), expected)
        return table

    def _row(self, at: int, columns: int, whole: int, expected: str) -> Floats:
        line = self.lines[at].upper().replace("D", "E")
        try:
            row = np.array(_BARE_EXPONENT.sub(r"E\1", line).split(), dtype=float)
        except ValueError:
            self.fail(at, expected)
        if len(row) != columns or not np.isfinite(row).all() or (row[:whole] % 1).any():
            self.fail(at, expected)
        return row

    def count(self, what: str) -> int:
        """A positive integer that has a line for itself."""
        number = int(self.numbers_in(1, 1, f"the {what}, one positive integer")[0])
        if number < 1:
            self.fail(self.at - 1, f"the {what}, one positive integer")
        return number

    def end(self, what: str) -> None:
        """Raise where anything is left."""
        if self.left:
            self.fail(
                self.at, f"the end of the file after {what}; the counts at its head do not fit it"
            )


def read_matrices(path: Path) -> Matrices:
    """Read a ``_hr.dat`` or a ``_tb.dat``, which their second lines tell apart.

    Raises
    ------
    ValueError : the file is neither, is cut off, or does not hold together
    """
    lines = _Lines(path)
    lines.at = 1  # a comment
    columns = len(lines.lines[1].split()) if lines.left else 0
    if columns not in (1, 3):
        lines.fail(
            1,
            "the number of Wannier functions (a _hr.dat) or a lattice vector (a _tb.dat) below "
            "the comment in line 1",
        )
    lattice = None
    if columns == 3:
        lattice = lines.table(3, 3, 0, "a lattice vector, three numbers in Å")
    n = lines.count("number of Wannier functions")
    n_blocks = lines.count("number of lattice vectors R")
    degeneracies = _degeneracies(lines, n_blocks)
    if lattice is None:
        translations, hamiltonian = _flat_blocks(lines, n_blocks, n)
        position = None
    else:
        translations, values = _headed_blocks(lines, n_blocks, n, 2, "Hamiltonian")
        hamiltonian = values[..., 0]
        again, values = _headed_blocks(lines, n_blocks, n, 6, "position matrix")
        different = (again != translations).any(axis=1)
        if different.any():
            where = int(different.argmax())
            raise ValueError(
                f"{lines.name}: block {where + 1} of the position matrix is at "
                f"R={_shown(again[where])}; expected R={_shown(translations[where])}, as in the "
                "Hamiltonian"
            )
        position = np.moveaxis(values, -1, 1)
    lines.end(f"{n_blocks} lattice vectors")
    _, first, count = np.unique(translations, axis=0, return_index=True, return_counts=True)
    if (count > 1).any():
        twice = translations[first[count > 1][0]]
        raise ValueError(
            f"{lines.name} names the lattice vector R={_shown(twice)} twice; expected each once"
        )
    return Matrices(lattice, translations, degeneracies, hamiltonian, position)


def _degeneracies(lines: _Lines, count: int) -> Integers:
    found: list[float] = []
    while len(found) < count:
        expected = f"degeneracies of {count} lattice vectors, positive integers ({len(found)} read)"
        if not lines.left:
            lines.fail(lines.at, expected)
        columns = len(lines.lines[lines.at].split())
        row = lines.numbers_in(columns, columns, expected)
        if len(found) + len(row) > count or (row < 1).any():
            lines.fail(lines.at - 1, expected)
        found.extend(row)
    return np.array(found, dtype=np.intp)


def _flat_blocks(lines: _Lines, n_blocks: int, n: int) -> tuple[Integers, Complexes]:
    """Lines ``R₁ R₂ R₃ i j Re Im``, n² of them for each R."""
    first = lines.at
    expected = "R₁ R₂ R₃ i j Re H Im H"
    table = lines.table(n_blocks * n * n, 7, 5, expected).reshape(n_blocks, n * n, 7)
    translations = table[:, :1, :3]
    strange = (table[..., :3] != translations).any(axis=-1).ravel()
    if strange.any():
        at = int(strange.argmax())
        R = _shown(translations[at // n**2, 0])
        lines.fail(first + at, f"R={R}, which has {n * n} lines for {n} Wannier functions")
    places = first + np.arange(n_blocks * n * n).reshape(n_blocks, n * n)
    matrices = _placed(lines, table[..., 3:], n, places)
    return translations[:, 0].astype(np.intp), matrices[..., 0]


def _headed_blocks(
    lines: _Lines, n_blocks: int, n: int, columns: int, what: str
) -> tuple[Integers, Complexes]:
    """A line ``R₁ R₂ R₃``, then n² lines ``i j`` and pairs of Re and Im."""
    size = 1 + n * n
    at = lines.at + np.arange(n_blocks * size).reshape(n_blocks, size)
    lines.at += n_blocks * size
    head = f"a lattice vector R₁ R₂ R₃ of the {what}, after {n * n} lines for the one before"
    body = f"i j and {columns} numbers of the {what}, {n * n} lines for each R"
    # Heads first: a block with a line too few or too many has none where one is due.
    translations = lines.table_of(at[:, 0], 3, 3, head)
    table = lines.table_of(at[:, 1:].ravel(), 2 + columns, 2, body)
    matrices = _placed(lines, table.reshape(n_blocks, n * n, -1), n, at[:, 1:])
    return translations.astype(np.intp), matrices


def _placed(lines: _Lines, table: Floats, n: int, at: Integers) -> Complexes:
    """(N, n, n, m) matrices from (N, n², 2 + 2m) rows of indices and pairs Re, Im."""
    row, column = (table[..., c].astype(np.intp) - 1 for c in (0, 1))
    outside = (np.minimum(row, column) < 0) | (np.maximum(row, column) >= n)
    if outside.any():
        lines.fail(int(at[outside][0]), f"indices i j from 1 to {n}")
    element = row * n + column
    order = np.argsort(element, axis=1, kind="stable")
    again = np.diff(np.take_along_axis(element, order, axis=1), axis=1) == 0
    if again.any():
        block, place = np.argwhere(again)[0]
        lines.fail(int(at[block, order[block, place + 1]]), "each pair i j once for each R")
    values = np.take_along_axis(table[..., 2:], order[..., None], axis=1)
    return np.asarray((values[..., ::2] + 1j * values[..., 1::2]).reshape(len(table), n, n, -1))


def read_shifts(path: Path, n: int) -> Iterator[tuple[tuple[int, ...], int, int, Integers]]:
    """(R, i, j, shifts (N, 3)) from a ``_wsvec.dat``.

    Raises
    ------
    ValueError : the file is cut off or does not hold together
    """
    lines = _Lines(path)
    lines.at = 1  # a comment
    while lines.left:
        row = lines.numbers_in(5, 5, "R₁ R₂ R₃ i j, or the end of the file").astype(np.intp)
        i, j = row[3:] - 1
        if not (0 <= i < n and 0 <= j < n):
            lines.fail(lines.at - 1, f"indices i j from 1 to {n}")
        shifts = lines.table(lines.count("number of shifts"), 3, 3, "a shift T₁ T₂ T₃")
        yield tuple(int(x) for x in row[:3]), int(i), int(j), shifts.astype(np.intp)


def read_cell(path: Path) -> Floats:
    """(3, 3) primitive vectors in Å from the ``unit_cell_cart`` block of a ``.win`` file.

    Raises
    ------
    ValueError : there is no such block, or it does not hold three vectors
    """
    lines = _Lines(path, comments="[!#].*")
    names = [line.lower().split() for line in lines.lines]
    begin = ["begin", "unit_cell_cart"]
    if begin not in names:
        raise ValueError(
            f"{lines.name} has no block unit_cell_cart; expected the primitive vectors there; "
            "pass lattice="
        )
    lines.at = names.index(begin) + 1
    unit = names[lines.at] if lines.left else []
    lines.at += unit in (["bohr"], ["ang"])
    vectors = lines.table(3, 3, 0, "a primitive vector of unit_cell_cart, three numbers")
    return vectors * (_BOHR if unit == ["bohr"] else 1.0)


def read_centers(path: Path, n: int) -> Floats:
    """(n, 3) centres in Å from the rows ``X`` of a ``_centres.xyz`` file.

    Raises
    ------
    ValueError : there are not n of them
    """
    lines = _Lines(path)
    rows = [m for m, line in enumerate(lines.lines) if line.split()[0] == "X"]
    if len(rows) != n:
        raise ValueError(
            f"{lines.name} has {len(rows)} centres, lines with X; expected {n}, as many as there "
            "are Wannier functions; pass centers="
        )
    lines.lines = [line.replace("X", "", 1) for line in lines.lines]
    return lines.table_of(np.array(rows), 3, 0, "a centre, X and three numbers in Å")


def _shown(R: Integers | Floats) -> str:
    return "(" + ", ".join(str(int(x)) for x in R) + ")"
