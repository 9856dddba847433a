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
_FIRST_MESH = 16
# Radius in reduced k of pockets that are looked for; smaller ones hold 1e-12 of a band.
_SMALLEST_POCKET = 1e-4
# What two levels foresee may be wrong by so much, where all cells err alike.
_TRUST = 0.1
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
    halving should change most, until what it would change is below the tolerance.

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
    coarse, n_k = rule.parts(region.cells, region.share, 0)
    parents = _Leaves(region.cells, region.share, coarse, coarse.value)
    least = integrand.smallest(model)
    size = np.maximum(abs(coarse.value).sum(axis=0), least)
    # Leaves by depth.
    leaves: dict[int, _Leaves] = {}
    depth = 0
    pockets = _pockets(model, lattice, region, levels)
    while True:
        new, count = rule.halved(parents, depth + 1)
        n_k += count
        leaves[depth + 1] = new if depth + 1 not in leaves else leaves[depth + 1].joined(new)
        size = np.maximum(size, sum(abs(leaf.parts.value).sum(axis=0) for leaf in leaves.values()))
        error = rule.error(list(leaves.values()))
        allowed = rtol * size.max(axis=1, keepdims=True)
        unseen = _around(pockets, leaves, region)
        if unseen is None and (error <= allowed).all():
            break
        # The error falls with the square of the edge of the cells that make it, and so with the
        # number of those that they are cut into to the power 2/3 at best.
        ratio = float((error / np.maximum(allowed, 1e-300)).max())
        wanted = sum(_that_matter(leaf.doubt) for leaf in leaves.values()) * ratio**1.5
        if unseen is None and (n_k > budget or depth > _DEEPEST or wanted > _HOPELESS * budget):
            worst = np.unravel_index((error / np.maximum(allowed, 1e-300)).argmax(), error.shape)
            volume = lattice.cell_volume
            raise ConvergenceError(
                f"at mu={levels[worst[0]]:.6g}, T=0 the integral is known to "
                f"{error[worst] / volume:.2g} after {n_k} wave vectors; expected rtol={rtol:g} of "
                f"{size[worst[0]].max() / volume:.3g}; "
                "pass kT > 0, a larger rtol, or a fixed mesh= with method='linear'"
            )
        depth, chosen = unseen or _next_to_halve(leaves, allowed)
        parents, leaves[depth] = leaves[depth].parted(chosen)
    value = np.asarray(sum(leaf.parts.best.sum(axis=0) for leaf in leaves.values()))
    return (value / lattice.cell_volume)[back], (error / lattice.cell_volume)[back], n_k


class _Parts(NamedTuple):
    """What cells give."""

    value: Floats  # (S, L, c) by the rule
    left: Floats  # (S, L, c) what halving should add

    @property
    def best(self) -> Floats:
        """(S, L, c)."""
        return self.value + self.left


class _Leaves(NamedTuple):
    """Cells of one depth that are not halved."""

    cells: Indices  # (S, dim)
    share: Floats  # (S,) of the zone
    parts: _Parts
    surprise: Floats  # (S, L, c) what may be wrong with ``left``, by what was wrong before

    @property
    def doubt(self) -> Floats:
        """(S, L, c) what halving may change."""
        return abs(self.parts.left) + abs(self.surprise)

    def joined(self, other: _Leaves) -> _Leaves:
        """Both."""
        return _Leaves(
            np.concatenate([self.cells, other.cells]),
            np.concatenate([self.share, other.share]),
            _Parts(
                np.concatenate([self.parts.value, other.parts.value]),
                np.concatenate([self.parts.left, other.parts.left]),
            ),
            np.concatenate([self.surprise, other.surprise]),
        )

    def parted(self, chosen: Indices) -> tuple[_Leaves, _Leaves]:
        """Those that are chosen, and the others."""
        others = np.ones(len(self.cells), dtype=bool)
        others[chosen] = False
        return self._of(chosen), self._of(np.flatnonzero(others))

    def _of(self, which: Indices) -> _Leaves:
        parts = _Parts(self.parts.value[which], self.parts.left[which])
        return _Leaves(self.cells[which], self.share[which], parts, self.surprise[which])


def _that_matter(left: Floats) -> int:
    """Number of cells with more than a hundredth of the largest error among them."""
    largest = abs(left).max(axis=(1, 2), initial=0.0)
    return int(np.count_nonzero(largest > 0.01 * largest.max(initial=0.0)))


def _next_to_halve(leaves: dict[int, _Leaves], allowed: Floats) -> tuple[int, Indices]:
    """The leaves of one depth that carry most of the error."""
    shares = {
        d: (leaf.doubt / np.maximum(allowed, 1e-300)).max(axis=(1, 2), initial=0.0)
        for d, leaf in leaves.items()
    }
    depth = max(shares, key=lambda d: shares[d].sum())
    order = np.argsort(-shares[depth])
    running = shares[depth][order].cumsum()
    return depth, order[: int(np.searchsorted(running, _MARKED * running[-1])) + 1]


def _pockets(
    model: Model, lattice: Lattice, region: Region, levels: Floats
) -> list[tuple[Floats, int]]:
    """Where a band's bottom or top just reaches beyond μ, and the depth of cells that see it."""
    pockets = []
    for edge in band_edges(model, lattice):
        # The smallest of the levels' pockets; the cells around it see the others too.
        radius = min((edge.pocket(mu) for mu in levels if mu != edge.energy), default=1.0)
        depth = int(np.ceil(-np.log2(max(radius, _SMALLEST_POCKET) * region.first / 2)))
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
                    near |= (abs(away) <= 1).all(axis=1)
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

    def parts(self, cells: Indices, share: Floats, depth: int) -> tuple[_Parts, int]:
        """Parts of the cells, and the number of wave vectors."""
        per_cell = self._model.n_orb * 24 * max(1, len(self._levels) // 4)
        step = max(64, _CHUNK // per_cell)
        pieces = [cells[i : i + step] for i in range(0, len(cells), step)]
        rule = self._simplices if self._by_simplices else self._middles
        found = list(in_pieces(partial(rule, depth), pieces, progress=self._progress))
        value = self._over_set(np.concatenate([part.value for part, _ in found]), share)
        left = self._over_set(np.concatenate([part.left for part, _ in found]), share)
        return _Parts(value, left), sum(count for _, count in found)

    def halved(self, parents: _Leaves, depth: int) -> tuple[_Leaves, int]:
        """The halves of cells, and the number of wave vectors."""
        many = 2 ** parents.cells.shape[1]
        cells, share = _halved(parents.cells), np.repeat(parents.share / many, many)
        parts, count = self.parts(cells, share, depth)
        found = parts.best.reshape(len(parents.cells), many, *parts.value.shape[1:]).sum(axis=1)
        wrong = np.repeat((found - parents.parts.best) / many, many, axis=0)
        if self._follows_pairs:
            # What two levels miss falls at least by four.
            return _Leaves(cells, share, parts, wrong / 4), count
        # The error of the rule falls by four: a third of the change is left, and added.
        value = parts.value
        change = value.reshape(len(parents.cells), many, *value.shape[1:]).sum(axis=1)
        left = np.repeat((change - parents.parts.value) / (3 * many), many, axis=0)
        return _Leaves(cells, share, _Parts(value, left), np.zeros_like(left)), count

    def _over_set(self, parts: Floats, share: Floats) -> Floats:
        """Of all cells that symmetry turns into these."""
        if self._average is not None:
            parts = parts @ self._average.T
        return parts * share[:, None, None]

    def _middles(self, depth: int, cells: Indices) -> tuple[_Parts, int]:
        """Each cell from its middle, where bands that are filled together leave no trace."""
        k = self._region.points(cells + 0.5, depth)
        if not self._follows_pairs:
            middle = self._weighted(quantity_at(self._model, self._integrand, k, self._keep))
            return _Parts(middle, np.zeros_like(middle)), len(k)
        most = points_at_a_time(self._model)
        edges = self._region.cell_edges(depth)
        of_geometry = self._integrand.of_geometry
        assert of_geometry is not None
        value, left = [], []
        for i in range(0, len(k), most):
            pairs = band_pairs(self._model, Block(k[i : i + most], np.zeros((1, k.shape[1]))))
            value.append(self._weighted(of_geometry(geometry_of(pairs, self._keep))))
            left.append(beyond_the_middle(pairs, edges, self._integrand, self._levels))
        return _Parts(np.concatenate(value), np.concatenate(left)), len(k)

    def _weighted(self, sample: Sample) -> Floats:
        """(K, L, c)."""
        total = np.zeros(())
        for weight, values in zip(self._integrand.weights, sample.values, strict=True):
            w = weight(sample.energies, self._levels[:, None, None], np.zeros(()))
            total = total + np.einsum("lnk,nck->klc", w, values)
        return np.asarray(total)

    def _simplices(self, depth: int, cells: Indices) -> tuple[_Parts, int]:
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
        return _Parts(value, np.zeros_like(value)), len(unique)

    def error(self, leaves: list[_Leaves]) -> Floats:
        """(L, c) of what halving may still change.

        Tetrahedra err everywhere to the same side; middles miss the Fermi surface to either side.
        """
        left = _Sums([leaf.parts.left for leaf in leaves])
        if self._by_simplices:
            return left.size
        if self._follows_pairs:
            surprise = _Sums([leaf.surprise for leaf in leaves])
            return _TRUST * left.common + left.chance + surprise.common + surprise.chance
        return left.common + 3 * left.chance


class _Sums:
    """Errors (S, L, c) of cells, added up."""

    def __init__(self, errors: list[Floats]) -> None:
        self._errors = errors

    @property
    def common(self) -> Floats:
        """(L, c) where they help each other."""
        return abs(np.asarray(sum(part.sum(axis=0) for part in self._errors)))

    @property
    def chance(self) -> Floats:
        """(L, c) where they are independent."""
        return np.asarray(np.sqrt(sum((part**2).sum(axis=0) for part in self._errors)))

    @property
    def size(self) -> Floats:
        """(L, c) at worst."""
        return np.asarray(sum(abs(part).sum(axis=0) for part in self._errors))
