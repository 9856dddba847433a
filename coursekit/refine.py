"""Zone integrals at T = 0 in 3D, from cells that are halved where that changes them most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.accumulate import Sample, separated
from coursekit.bloch_model import Model
from coursekit.cells import quantity_at, simplex_parts
from coursekit.errors import ConvergenceError
from coursekit.fourier import Block
from coursekit.integrand import Integrand
from coursekit.kubo import band_pairs, geometry_of, points_at_a_time
from coursekit.lattice import Lattice
from coursekit.parallel import in_pieces
from coursekit.reduction import Operation, invariant_part
from coursekit.regions import Region, reduced_zone, whole_zone
from coursekit.search import band_edges
from coursekit.two_level import beyond_the_middle

__all__ = ["adaptive_cells"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Off the symmetric points, where bands touch and curvature is set to zero.
_SHIFT = 0.382
# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 20
_FIRST_MESH = 12
# Radius in reduced k of pockets that are looked for; smaller ones hold 1e-12 of a band.
_SMALLEST_POCKET = 1e-4
# Of what is added to the rule, so much may be wrong where all cells err alike, and where each errs
# by itself: of what halving should add, which eight halves share, and of what two levels tell of
# bands that almost touch.
_OF_LEFT = (0.5, 8.0)
_OF_BEYOND = (0.1, 1.0)
# Share of the error that the cells to be halved next carry.
_MARKED = 0.5
# Diagonalisations of two bands before giving up; larger matrices cost more each.
_MOST_POINTS = 4_000_000
_DEEPEST = 30
# So many times more than that will not do either.
_HOPELESS = 100


def adaptive_cells(
    model: Model,
    lattice: Lattice,
    integrand: Integrand,
    mus: Floats,
    rtol: float,
    symmetries: Sequence[Operation],
    progress: bool,
) -> tuple[Floats, Floats, int]:
    """Integrals (P, c), their errors, and the number of wave vectors.

    All cells of a coarse mesh are halved once along every axis.  Then those are halved again that
    make most of the error, until it is below the tolerance.

    Raises
    ------
    ConvergenceError : too many wave vectors; says how far it came
    ValueError : operations that are no symmetries of the model and the integrand
    """
    levels, back = np.unique(mus, return_inverse=True)
    if symmetries:
        average = invariant_part(model, lattice, symmetries, integrand)
        region = reduced_zone(lattice, symmetries, _FIRST_MESH)
        rule = _Rule(model, integrand, levels, region, average, progress)
    else:
        region = whole_zone(lattice, _FIRST_MESH, _SHIFT)
        rule = _Rule(model, integrand, levels, region, None, progress)
    budget = int(2 * _MOST_POINTS / model.n_orb)
    parents, n_k = rule.coarsest()
    least = integrand.smallest(model)
    size = np.maximum(abs(parents.value).sum(axis=0), least)
    # Leaves by depth.
    leaves: dict[int, _Leaves] = {}
    depth = 0
    pockets = _pockets(model, lattice, region, levels)
    while True:
        new, count = rule.halved(parents, depth + 1)
        n_k += count
        leaves[depth + 1] = new if depth + 1 not in leaves else leaves[depth + 1].joined(new)
        size = np.maximum(size, sum(abs(leaf.value).sum(axis=0) for leaf in leaves.values()))
        error, parts = rule.error(leaves)
        allowed = np.maximum(rtol * size.max(axis=1, keepdims=True), 1e-300)
        unseen = _around(pockets, leaves, region)
        if unseen is None and (error <= allowed).all():
            break
        doubts = {d: (part / allowed).max(axis=(1, 2), initial=0.0) for d, part in parts.items()}
        # The error falls with the square of the edge of the cells that make it, and so with the
        # number of those that they are cut into to the power 2/3 at best.
        wanted = _that_matter(doubts) * float((error / allowed).max()) ** 1.5
        if unseen is None and (n_k > budget or depth > _DEEPEST or wanted > _HOPELESS * budget):
            worst = np.unravel_index((error / allowed).argmax(), error.shape)
            volume = lattice.cell_volume
            raise ConvergenceError(
                f"at mu={levels[worst[0]]:.6g}, T=0 the integral is known to "
                f"{error[worst] / volume:.2g} after {n_k} wave vectors; expected rtol={rtol:g} of "
                f"{size[worst[0]].max() / volume:.3g}; "
                "pass kT > 0, a larger rtol, or a fixed mesh= with method='linear'"
            )
        depth, chosen = unseen or _next_to_halve(doubts)
        parents, leaves[depth] = leaves[depth].parted(chosen)
    value = np.asarray(sum((leaf.value + leaf.left).sum(axis=0) for leaf in leaves.values()))
    return (value / lattice.cell_volume)[back], (error / lattice.cell_volume)[back], n_k


class _Leaves(NamedTuple):
    """Cells of one depth that are not halved."""

    cells: Indices  # (S, dim)
    share: Floats  # (S,) of the zone
    value: Floats  # (S, L, c) by the rule
    beyond: Floats  # (S, L, c) what two levels gave to it
    left: Floats  # (S, L, c) what halving should add

    def joined(self, other: _Leaves) -> _Leaves:
        """Both."""
        return _Leaves(
            np.concatenate([self.cells, other.cells]),
            np.concatenate([self.share, other.share]),
            np.concatenate([self.value, other.value]),
            np.concatenate([self.beyond, other.beyond]),
            np.concatenate([self.left, other.left]),
        )

    def parted(self, chosen: Indices) -> tuple[_Leaves, _Leaves]:
        """Those that are chosen, and the others."""
        others = np.ones(len(self.cells), dtype=bool)
        others[chosen] = False
        return self._of(chosen), self._of(np.flatnonzero(others))

    def _of(self, which: Indices) -> _Leaves:
        return _Leaves(
            self.cells[which],
            self.share[which],
            self.value[which],
            self.beyond[which],
            self.left[which],
        )


def _that_matter(doubts: dict[int, Floats]) -> int:
    """Number of cells with more than a hundredth of the largest doubt among them."""
    return sum(
        int(np.count_nonzero(doubt > 0.01 * doubt.max(initial=0.0))) for doubt in doubts.values()
    )


def _next_to_halve(doubts: dict[int, Floats]) -> tuple[int, Indices]:
    """The leaves of one depth that carry most of the error."""
    depth = max(doubts, key=lambda d: doubts[d].sum())
    order = np.argsort(-doubts[depth])
    running = doubts[depth][order].cumsum()
    return depth, order[: int(np.searchsorted(running, _MARKED * running[-1])) + 1]


def _pockets(
    model: Model, lattice: Lattice, region: Region, levels: Floats
) -> list[tuple[Floats, int]]:
    """Where a band's bottom or top just reaches beyond μ, and the depth of cells that see it."""
    pockets = []
    for edge in band_edges(model, lattice, levels):
        # The smallest of the levels' pockets; the cells around it see the others too.
        radius = min((edge.pocket(mu) for mu in levels if mu != edge.energy), default=1.0)
        depth = int(np.ceil(-np.log2(max(radius, _SMALLEST_POCKET) * region.first / 4)))
        if depth > 1:
            pockets.append((region.positions(lattice.to_cartesian(edge.reduced)), depth))
    return pockets


def _around(
    pockets: list[tuple[Floats, int]], leaves: dict[int, _Leaves], region: Region
) -> tuple[int, Indices] | None:
    """Leaves at a pocket that are too large to see it; of one depth, or None."""
    for depth in sorted(leaves):
        n = region.first << depth
        middles = leaves[depth].cells + 0.5
        for centres, wanted in pockets:
            if depth < wanted:
                near = np.zeros(len(middles), dtype=bool)
                for centre in centres:
                    away = middles - centre * n
                    away -= n * np.rint(away / n)
                    near |= (abs(away) <= 1.5).all(axis=1)
                if near.any():
                    return depth, np.flatnonzero(near)
    return None


def _halved(cells: Indices) -> Indices:
    """(2^d S, d): the cells' halves along every axis, those of one cell together."""
    dim = cells.shape[1]
    offsets = np.array(list(np.ndindex(*(2,) * dim)))
    return np.asarray((2 * cells[:, None] + offsets).reshape(-1, dim))


class _Rule:
    """How cells become parts of the integral, and what is not known of these."""

    def __init__(
        self,
        model: Model,
        integrand: Integrand,
        levels: Floats,
        region: Region,
        average: Floats | None,
        progress: bool,
    ) -> None:
        self._model, self._integrand, self._levels = model, integrand, levels
        self._region, self._average, self._progress = region, average, progress
        # Tetrahedra need each band's own quantity to vary slowly, which that of two bands does, as
        # do energies; a surface has no middle.
        self._by_simplices = integrand.on_surface or integrand.kind == "scalar"
        self._follows_pairs = not self._by_simplices and integrand.of_geometry is not None
        self._keep = separated(levels, np.zeros_like(levels))

    def coarsest(self) -> tuple[_Leaves, int]:
        """The cells to begin with, and the number of wave vectors."""
        cells, share = self._region.cells, self._region.share
        value, beyond, count = self._parts(cells, share, 0)
        return _Leaves(cells, share, value, beyond, np.zeros_like(value)), count

    def halved(self, parents: _Leaves, depth: int) -> tuple[_Leaves, int]:
        """The halves of cells, and the number of wave vectors."""
        many = 2 ** parents.cells.shape[1]
        cells, share = _halved(parents.cells), np.repeat(parents.share / many, many)
        value, beyond, count = self._parts(cells, share, depth)
        found = value.reshape(len(parents.cells), many, *value.shape[1:]).sum(axis=1)
        # The error of the rule falls by four: a third of the change is left.
        left = np.repeat((found - parents.value) / (3 * many), many, axis=0)
        return _Leaves(cells, share, value, beyond, left), count

    def _parts(self, cells: Indices, share: Floats, depth: int) -> tuple[Floats, Floats, int]:
        """Parts of the cells, what two levels gave to these, and the number of wave vectors."""
        per_cell = self._model.n_orb * 24 * max(1, len(self._levels) // 4)
        step = max(64, _CHUNK // per_cell)
        pieces = [cells[i : i + step] for i in range(0, len(cells), step)]
        rule = self._simplices if self._by_simplices else self._middles
        found = list(in_pieces(partial(rule, depth), pieces, progress=self._progress))
        value, beyond = (np.concatenate([part[i] for part in found]) for i in (0, 1))
        if self._average is not None:
            value, beyond = value @ self._average.T, beyond @ self._average.T
        share = share[:, None, None]
        return value * share, beyond * share, sum(part[2] for part in found)

    def _middles(self, depth: int, cells: Indices) -> tuple[Floats, Floats, int]:
        """Each cell from its middle, where bands that are filled together leave no trace."""
        k = self._region.points(cells + 0.5, depth)
        if not self._follows_pairs:
            middle = self._weighted(quantity_at(self._model, self._integrand, k, self._keep))
            return middle, np.zeros_like(middle), len(k)
        most = points_at_a_time(self._model)
        edges = self._region.cell_edges(depth)
        of_geometry = self._integrand.of_geometry
        assert of_geometry is not None
        middles, beyond = [], []
        for i in range(0, len(k), most):
            pairs = band_pairs(self._model, Block(k[i : i + most], np.zeros((1, k.shape[1]))))
            middles.append(self._weighted(of_geometry(geometry_of(pairs, self._keep))))
            beyond.append(beyond_the_middle(pairs, edges, self._integrand, self._levels))
        more = np.concatenate(beyond)
        return np.concatenate(middles) + more, more, len(k)

    def _weighted(self, sample: Sample) -> Floats:
        """(K, L, c)."""
        total = np.zeros(())
        for weight, values in zip(self._integrand.weights, sample.values, strict=True):
            w = weight(sample.energies, self._levels[:, None, None], np.zeros(()))
            total = total + np.einsum("lnk,nck->klc", w, values)
        return np.asarray(total)

    def _simplices(self, depth: int, cells: Indices) -> tuple[Floats, Floats, int]:
        """Each cell from its corners, cut into tetrahedra."""
        dim = cells.shape[1]
        n = self._region.first << depth
        offsets = np.array(list(np.ndindex(*(2,) * dim)))
        corners = (cells[None] + offsets[:, None]) % n  # (2^d, S, d)
        keys = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), (n,) * dim)
        unique, member = np.unique(keys, return_inverse=True)
        index = np.stack(np.unravel_index(unique, (n,) * dim), axis=-1)
        k = self._region.points(index, depth)
        sample = quantity_at(self._model, self._integrand, k, None)
        number = np.arange(len(cells))
        member = member.reshape(keys.shape)
        value = simplex_parts(
            self._integrand, sample, member, self._levels, False, number, len(cells)
        )
        return value, np.zeros_like(value), len(unique)

    def error(self, leaves: dict[int, _Leaves]) -> tuple[Floats, dict[int, Floats]]:
        """(L, c) of what halving may still change, and (S, L, c) what each cell has in it.

        Tetrahedra err everywhere to the same side; middles miss the Fermi surface to either side.
        """
        if self._by_simplices:
            parts = {d: abs(leaf.left) for d, leaf in leaves.items()}
            return np.asarray(sum(part.sum(axis=0) for part in parts.values())), parts
        error = np.zeros(())
        parts = dict.fromkeys(leaves, error)
        left = {d: leaf.left for d, leaf in leaves.items()}
        beyond = {d: leaf.beyond for d, leaf in leaves.items()}
        for wrong, (common, chance) in ((left, _OF_LEFT), (beyond, _OF_BEYOND)):
            total = abs(np.asarray(sum(x.sum(axis=0) for x in wrong.values())))
            spread = np.sqrt(np.asarray(sum((x**2).sum(axis=0) for x in wrong.values())))
            error = error + common * total + chance * spread
            for d, x in wrong.items():
                parts[d] = parts[d] + common * abs(x) + chance * x**2 / np.maximum(spread, 1e-300)
        return error, parts
