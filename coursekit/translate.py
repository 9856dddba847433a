"""What other packages mean by the same words, and their models as ours.

Every line of :func:`table` was run against one Haldane model in the version it names.  The
functions ``from_…`` read what the other package's object shows, and import nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.tight_binding import TightBinding

__all__ = [
    "Table",
    "Translation",
    "from_kwant",
    "from_pyqula",
    "from_pythtb",
    "from_sisl",
    "table",
]

Floats = NDArray[np.float64]
Bond = tuple[int, int, tuple[int, ...], complex]


class Translation(NamedTuple):
    """One quantity of one package."""

    peer: str
    version: str
    quantity: str
    theirs: str  # what to call there, and what it means
    ours: str  # ours = …, with X for what they return


@dataclass(frozen=True)
class Table:
    """Translations that show as a table, in a terminal and in a notebook."""

    rows: tuple[Translation, ...]

    def __repr__(self) -> str:
        lines = [_HEAD, *(_cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        def line(cells: Iterable[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(line(_cells(row), "td") for row in self.rows)
        return f"<table><thead>{line(_HEAD, 'th')}</thead><tbody>{body}</tbody></table>"


_HEAD = ("package", "quantity", "theirs, X", "ours")


def _cells(row: Translation) -> tuple[str, str, str, str]:
    return (f"{row.peer} {row.version}", row.quantity, row.theirs, row.ours)


_PHASE = "Bloch phase"
_SIGMA = "σ_xy"
_ROWS = tuple(
    Translation(*row)
    for row in (
        ("PythTB", "2.0.2", "k", "reduced", "model.lattice.to_cartesian(X)"),
        ("PythTB", "2.0.2", _PHASE, "e^{ik·(R + rⱼ − rᵢ)}", "the same"),
        ("PythTB", "2.0.2", "Ω", "berry_curvature(k, occ, (0, 1)), per reduced k", "X A/(2π)²"),
        ("PythTB", "2.0.2", "Ω", "the same with cartesian=True; trace over occ", "X"),
        ("PythTB", "2.0.2", "C", "chern_number, a sum of Ω over a mesh", "X, once converged"),
        ("PythTB", "2.0.2", "g", "quantum_metric(k, occ, cartesian=True)", "X"),
        ("WannierBerri", "26.10", "k", "reduced, three numbers", "model.lattice.to_cartesian(X)"),
        ("WannierBerri", "26.10", _PHASE, "e^{ik·(R + rⱼ − rᵢ)}", "the same"),
        ("WannierBerri", "26.10", "Ω", "evaluate_k(…, 'berry_curvature'), Å²", "X"),
        ("WannierBerri", "26.10", _SIGMA, "static.AHC, S/m; 2D: cell of height c in Å", "3D: X"),
        ("WannierBerri", "26.10", _SIGMA, "the same, in e²/h of a 2D model", "X c/387404.6"),
        ("WannierBerri", "26.10", "M", "static.Morb, μ_B per cell", "X, bohr_magnetons_per_cell"),
        ("sisl", "0.20", "k", "reduced, three numbers", "model.lattice.to_cartesian(X)"),
        ("sisl", "0.20", _PHASE, "e^{ik·R}, gauge='cell'; Ω and metals differ", "gauge='atom'"),
        ("sisl", "0.20", "Ω", "state.berry_curvature(sum=False)[0, 1], complex", "Re X"),
        ("sisl", "0.20", "g", "Im state.berry_curvature(sum=False)[a, b]", "X/2"),
        ("sisl", "0.20", _SIGMA, "ahc(MonkhorstPack(H, n)) takes T for granted", "wrong"),
        ("sisl", "0.20", _SIGMA, "with trs=False; S/Å, cell of height c in Å", "Re X c/3.874e-5"),
        ("pyqula", "0.0.96", "k", "reduced", "model.lattice.to_cartesian(X)"),
        ("pyqula", "0.0.96", _PHASE, "e^{ik·R} for Ω, positions inside for the metric", "–"),
        ("pyqula", "0.0.96", "Ω", "berry_curvature(h, k), per reduced k, by links", "X A/(2π)²"),
        ("pyqula", "0.0.96", "C", "get_chern, chern", "X"),
        ("pyqula", "0.0.96", _SIGMA, "hall_conductivity, another name of chern", "−X"),
        ("pyqula", "0.0.96", _SIGMA, "optical_conductivity(component='xy') at ω = 0, e²/ħ", "X"),
        ("Z2Pack", "2.2", _PHASE, "e^{ik·R} with convention=2; pos= puts rⱼ inside", "pos="),
        ("Z2Pack", "2.2", "C", "chern of surface [s, t]: flow of the second centre", "−X"),
        ("Z2Pack", "2.2", "C", "chern of surface [t, s]", "X"),
        ("Kwant", "1.5", _PHASE, "e^{ik·R} of wraparound", "–"),
        ("Kwant", "1.5", _SIGMA, "kpm.conductivity('x', 'y') over the area, e²/h", "−X"),
    )
)


def table(peer: str | None = None) -> Table:
    """What other packages call Ω, C, σ and so on, and how to get ours from it.

    A is the signed area of the 2D cell, a₁ × a₂; X stands for what the other package returns.

    Parameters
    ----------
    peer : name of one package; all without it

    Raises
    ------
    ValueError : a package that the table does not have

    Examples
    --------
    >>> import coursekit as ck
    >>> ck.translate.table("Z2Pack")
    package     quantity     theirs, X                                           ours
    Z2Pack 2.2  Bloch phase  e^{ik·R} with convention=2; pos= puts rⱼ inside     pos=
    Z2Pack 2.2  C            chern of surface [s, t]: flow of the second centre  −X
    Z2Pack 2.2  C            chern of surface [t, s]                             X
    """
    if peer is None:
        return Table(_ROWS)
    rows = tuple(row for row in _ROWS if row.peer.lower() == peer.lower())
    if not rows:
        names = ", ".join(dict.fromkeys(row.peer for row in _ROWS))
        raise ValueError(f"peer={peer!r}; expected one of {names}")
    return Table(rows)


def from_pythtb(model: Any) -> TightBinding:
    """The model of a ``pythtb.TBModel``, PythTB 2, periodic in all directions.

    Raises
    ------
    ValueError : no such object, directions that are not periodic, hoppings with free parameters
    """
    _require(model, "a pythtb.TBModel of PythTB 2", "lat_vecs", "orb_vecs", "onsite", "hoppings")
    vectors = np.array(model.lat_vecs, dtype=float)
    if len(list(model.periodic_dirs)) != len(vectors):
        raise ValueError(
            f"periodic_dirs={list(model.periodic_dirs)} of {len(vectors)} vectors; expected "
            "a model that is periodic in all directions; ck.finite makes ribbons and flakes"
        )
    spinful = int(model.nspin) == 2
    width = 2 if spinful else 1
    positions = np.repeat(np.array(model.orb_vecs, dtype=float), width, axis=0)
    own = np.asarray(model.onsite, dtype=complex).reshape(-1, width, width)
    onsite = np.concatenate([np.diagonal(block) for block in own]).real
    bonds: list[Bond] = []
    home = (0,) * len(vectors)
    for i, block in enumerate(own):
        if spinful:
            bonds += _bonds(np.triu(block, 1), 2 * i, 2 * i, home)
    for hopping in model.hoppings:
        amplitude, R = hopping["amplitude"], hopping.get("lattice_vector", home)
        start, end = width * hopping["from_orbital"], width * hopping["to_orbital"]
        bonds += _bonds(_numbers(amplitude), start, end, tuple(int(x) for x in R))
    return TightBinding(vectors, positions, bonds, onsite=onsite, spin="pairs" if spinful else None)


def from_sisl(hamiltonian: Any) -> TightBinding:
    """The model of a ``sisl.Hamiltonian`` of orthogonal orbitals without spin.

    Directions with a single supercell, ``nsc`` = 1, are not periodic.

    Raises
    ------
    ValueError : no such object, an overlap matrix, spin
    """
    _require(hamiltonian, "a sisl.Hamiltonian", "geometry", "tocsr", "orthogonal", "spin")
    if not hamiltonian.orthogonal or not hamiltonian.spin.is_unpolarized:
        raise ValueError(
            f"the Hamiltonian has an overlap matrix or {hamiltonian.spin}; expected orthogonal "
            "orbitals without spin: orthogonalise it, or build the model from its hoppings"
        )
    geometry = hamiltonian.geometry
    periodic = np.flatnonzero(np.asarray(geometry.lattice.nsc) > 1)
    n = int(hamiltonian.no)
    vectors, positions = _flat(
        np.asarray(geometry.lattice.cell)[periodic],
        np.asarray(geometry.xyz)[geometry.o2a(np.arange(n))],
    )
    elements = hamiltonian.tocsr().tocoo()
    cells = np.asarray(geometry.o2isc(elements.col))[:, periodic]
    blocks: dict[tuple[int, ...], NDArray[np.complex128]] = {}
    for i, j, R, t in zip(elements.row, elements.col % n, cells, elements.data, strict=True):
        block = blocks.setdefault(tuple(int(x) for x in R), np.zeros((n, n), dtype=complex))
        block[i, j] += t
    return TightBinding.from_blocks(vectors, positions, blocks)


def from_pyqula(hamiltonian: Any) -> TightBinding:
    """The model of a pyqula ``Hamiltonian`` without pairing.

    Raises
    ------
    ValueError : no such object, no periodic direction, electrons and holes together
    """
    _require(hamiltonian, "a pyqula Hamiltonian", "geometry", "get_hopping_dict", "has_eh")
    geometry = hamiltonian.geometry
    dim = int(geometry.dimensionality)
    if hamiltonian.has_eh or dim == 0:
        raise ValueError(
            f"the Hamiltonian has dimensionality {dim} and has_eh={hamiltonian.has_eh}; expected a "
            "crystal of electrons: turn pairing off with remove_nambu()"
        )
    spinful = bool(hamiltonian.has_spin)
    vectors, positions = _flat(
        np.array([geometry.a1, geometry.a2, geometry.a3])[:dim], np.asarray(geometry.r)
    )
    blocks = {
        tuple(int(x) for x in R[:dim]): np.asarray(_dense(matrix))
        for R, matrix in hamiltonian.get_hopping_dict().items()
    }
    return TightBinding.from_blocks(
        vectors,
        np.repeat(positions, 2, axis=0) if spinful else positions,
        blocks,
        spin="pairs" if spinful else None,
    )


def from_kwant(builder: Any, spin: str | ArrayLike | None = None) -> TightBinding:
    """The model of a ``kwant.Builder`` with as many translations as it has dimensions.

    Parameters
    ----------
    spin : what the orbitals of a site mean, as for :class:`TightBinding`; "pairs" where each site
        has a spin up and a spin down

    Raises
    ------
    ValueError : no such object, values that are functions
    """
    _require(builder, "a kwant.Builder", "symmetry", "site_value_pairs", "hopping_value_pairs")
    _require(builder.symmetry, "a builder with a TranslationalSymmetry", "periods", "which")
    own = {site: _numbers(value) for site, value in builder.site_value_pairs()}
    sites = sorted(own)
    widths = [len(own[site]) for site in sites]
    first = dict(zip(sites, np.cumsum([0, *widths[:-1]]).tolist(), strict=True))
    vectors, positions = _flat(
        np.array(builder.symmetry.periods, dtype=float),
        np.repeat([np.asarray(site.pos, dtype=float) for site in sites], widths, axis=0),
    )
    home = (0,) * len(vectors)
    bonds: list[Bond] = []
    for site in sites:
        bonds += _bonds(np.triu(own[site], 1), first[site], first[site], home)
    for (here, there), value in builder.hopping_value_pairs():
        R = tuple(int(x) for x in builder.symmetry.which(there))
        back = tuple(-x for x in R)
        bonds += _bonds(_numbers(value), first[here], first[builder.symmetry.act(back, there)], R)
    onsite = np.concatenate([np.diagonal(own[site]).real for site in sites])
    return TightBinding(vectors, positions, bonds, onsite=onsite, spin=spin)


def _bonds(block: NDArray[Any], i: int, j: int, R: tuple[int, ...]) -> list[Bond]:
    """The elements of a hopping matrix whose first orbitals are ``i`` and ``j``."""
    rows, columns = np.nonzero(block)
    return [
        (i + int(row), j + int(column), R, complex(block[row, column]))
        for row, column in zip(rows, columns, strict=True)
    ]


def _numbers(value: Any) -> NDArray[np.complex128]:
    """A number or a matrix as a matrix, or a ValueError."""
    if callable(value) or isinstance(value, str):
        raise ValueError(
            f"a hopping or an energy is {value!r}; expected numbers: give the parameters values "
            "first"
        )
    return np.atleast_2d(np.asarray(value, dtype=complex))


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


def _flat(vectors: Floats, positions: Floats) -> tuple[Floats, Floats]:
    """Lattice vectors in as many components as there are vectors, and reduced positions."""
    dim = len(vectors)
    if vectors[:, dim:].any():
        raise ValueError(
            f"lattice vectors {vectors.tolist()} are not in the first {dim} Cartesian directions; "
            "expected them there: turn the crystal"
        )
    return vectors[:, :dim], positions[:, :dim] @ np.linalg.inv(vectors[:, :dim])


def _require(thing: Any, what: str, *attributes: str) -> None:
    missing = [name for name in attributes if not hasattr(thing, name)]
    if missing:
        raise ValueError(f"{type(thing).__name__} has no {', '.join(missing)}; expected {what}")
