"""Adaptive integrals over the k space of a 2D model, exact at the Fermi edge.

Lines of k are cut where a band crosses μ; Gauss points between the cuts are refined along the lines
by halving, and across the lines by scipy's cubature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.errors import ConvergenceError
from coursekit.fourier import Block
from coursekit.integrand import Integrand, at_points
from coursekit.kubo import band_energies
from coursekit.lattice import Lattice
from coursekit.parallel import in_pieces
from coursekit.search import BandEdge, band_edges

__all__ = ["adaptive"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 18
_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(12)
_SAMPLES = 96
# One step beyond the end, as before the start: a pocket may sit astride the zone's edge.
_ALL_ROUND = 1 + 1 / _SAMPLES
_EVEN_PANELS = np.linspace(0, 1, 5)
# In reduced coordinates; even samples find what is larger.
_LARGEST_POCKET = 0.1
_DEEPEST = 40
_MOST_PANELS = 200_000
# Terms that cancel leave rounding: what is below this fraction of them is measured against them.
# With the default rtol that asks for 1e-12 of them, and 1e-14 inside.
_CANCELLED = 1e-4
# Gauss–Kronrod error estimates are too small by far near the square roots that the tangents of a
# Fermi line make, smeared or not.
_SAFETY = 0.01
# Near a small gap Ω itself carries relative rounding of about this size: no finer panel helps.
_NOISE = 1e-10
# The Fermi function is 0 or 1 to 1e-7 this many kT from μ.
_SMEAR = 16.0


class _Pocket(NamedTuple):
    """States near μ at the edge of a band, too few for evenly spaced lines to find."""

    centre: Floats  # (2,) reduced
    radius: float  # reduced

    def around(self, axis: int) -> Floats:
        """Coordinates that resolve the pocket, and its image beyond the zone's edge."""
        near = self.radius * np.linspace(-2, 2, 9)
        centre = self.centre[axis]
        return np.concatenate([centre + near, centre - 1 + near, centre + 1 + near])


@dataclass(frozen=True)
class _Chart:
    """Coordinates (x, y) in the unit square for the k space of a 2D model."""

    pockets: list[_Pocket]  # where lines and samples must be close to each other
    panels: Floats  # edges along y, the start of the refinement
    last_sample: float  # crossings are looked for from one step below 0 up to here
    # x, y -> k, (∂k/∂x, ∂k/∂y), weight of dx dy
    map: Callable[[Floats, Floats], tuple[Floats, tuple[Floats, Floats], Floats]]

    @property
    def samples(self) -> Floats:
        """y between which crossings are looked for."""
        even = np.linspace(-1 / _SAMPLES, self.last_sample, _SAMPLES + 3)
        return np.union1d(even, np.concatenate([even, *(p.around(1) for p in self.pockets)]))

    @property
    def cuts(self) -> Floats:
        """x between which the lines' integrals vary slowly, or as √ at worst; ends not counted."""
        cuts = np.concatenate([[], *(p.around(0) for p in self.pockets)])
        return cuts[(cuts > 0) & (cuts < 1)]

    def transposed(self) -> _Chart:
        """The same with x and y exchanged: lines that cross the others."""

        def to_k(x: Floats, y: Floats) -> tuple[Floats, tuple[Floats, Floats], Floats]:
            k, along, weight = self.map(y, x)
            return k, along[::-1], weight

        pockets = [_Pocket(p.centre[::-1], p.radius) for p in self.pockets]
        return _Chart(pockets, _EVEN_PANELS, _ALL_ROUND, to_k)


def _lattice_chart(lattice: Lattice, edges: list[BandEdge], mu: float, kT: float) -> _Chart:
    b = lattice.reciprocal
    weight = 1 / lattice.cell_volume  # d²k/(2π)² = dx dy / cell area

    def to_k(x: Floats, y: Floats) -> tuple[Floats, tuple[Floats, Floats], Floats]:
        k = x[..., None] * b[0] + y[..., None] * b[1]
        along = np.broadcast_to(b[0], k.shape), np.broadcast_to(b[1], k.shape)
        return k, along, np.full(x.shape, weight)

    pockets = []
    for edge in edges:
        radius = edge.pocket(mu, kT)
        if radius < _LARGEST_POCKET:
            pockets.append(_Pocket(edge.reduced, radius))
    return _Chart(pockets, _EVEN_PANELS, _ALL_ROUND, to_k)


def _plane_chart(model: Model, mu: float, kT: float) -> _Chart:
    """Polar coordinates: x is the angle, y = r/(r + κ) with κ the radius where things happen."""
    h0 = np.linalg.norm(model.hamiltonian(np.zeros(2)), 2)
    slope = np.linalg.norm(model.hamiltonian_gradient(np.zeros(2)), 2, (-2, -1)).max()
    energy = h0 + abs(mu) + kT
    kappa = float(energy / slope) if energy > 0 and slope > 0 else 1.0

    def to_k(x: Floats, y: Floats) -> tuple[Floats, tuple[Floats, Floats], Floats]:
        angle = 2 * np.pi * x
        ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        turned = np.stack([-ray[..., 1], ray[..., 0]], axis=-1)
        radius, stretch = kappa * y / (1 - y), kappa / (1 - y) ** 2
        along = 2 * np.pi * radius[..., None] * turned, stretch[..., None] * ray
        # d²k/(2π)² = r dr dx / 2π
        return radius[..., None] * ray, along, radius * stretch / (2 * np.pi)

    panels = np.array([0, 1 / 64, 1 / 16, 1 / 4, 1 / 2, 3 / 4, 1])
    # y = 1 lies at infinity.
    return _Chart([], panels, 1 - 1e-6, to_k)


def adaptive(
    model: Model, integrand: Integrand, mus: Floats, kTs: Floats, rtol: float, progress: bool
) -> tuple[Floats, Floats]:
    """Integrals (P, c) for each pair of ``mus`` (P,) and ``kTs`` (P,), and their errors."""
    edges = [] if model.lattice is None else band_edges(model, model.lattice)
    pairs = list(zip(mus.tolist(), kTs.tolist(), strict=True))

    def one(pair: tuple[float, float]) -> Floats:
        return _adaptive_one(model, integrand, edges, *pair, rtol)

    values = np.array(list(in_pieces(one, pairs, progress=progress, label="mu")))
    return values[..., 0], values[..., 1]


def _adaptive_one(
    model: Model, integrand: Integrand, edges: list[BandEdge], mu: float, kT: float, rtol: float
) -> Floats:
    """(c, 2) values and errors."""
    if model.lattice is None:
        chart = _plane_chart(model, mu, kT)
    else:
        chart = _lattice_chart(model.lattice, edges, mu, kT)
    charts = [chart]
    if kT == 0 and integrand.on_surface:
        charts.append(chart.transposed())
    probe = Block(np.zeros((1, model.dim)), np.zeros((1, model.dim)))
    components = range(integrand.quantity(model, probe, None).values[0].shape[1])
    every = [[_Lines(model, integrand, chart, c, mu, kT) for chart in charts] for c in components]
    # The size of what is summed sets the absolute tolerance: the integral itself may vanish, and
    # one component may be rounding alone beside the others.
    size = max(sum(one.size() for one in lines) for lines in every)
    if model.lattice is not None:
        size = max(size, integrand.smallest(model) / model.lattice.cell_volume)
    found = [[_across(one, size, rtol) if size else (0.0, 0.0) for one in ls] for ls in every]
    return np.asarray(np.sum(found, axis=1))


def _across(lines: _Lines, size: float, rtol: float) -> tuple[float, float]:
    """Integral over x of the integrals along y, and its error."""
    from scipy.integrate import cubature

    tolerance = _SAFETY * rtol * size
    result = cubature(
        lambda x: lines.integrals(x[:, 0], tolerance),
        [0.0],
        [1.0],
        rule="gk21",
        rtol=0,
        atol=tolerance,
        max_subdivisions=1000,
        points=[[x] for x in lines.chart.cuts],
    )
    if result.status != "converged":
        raise ConvergenceError(
            f"at mu={lines.mu:.6g}, kT={lines.kT:.3g} the integral is known to "
            f"{float(result.error):.2g} after {result.subdivisions} subdivisions; expected "
            f"rtol={rtol:g} of {size:.3g}; pass kT > 0 or a larger rtol"
        )
    return float(result.estimate), float(result.error)


@dataclass(frozen=True)
class _Lines:
    """Integrals along y at given x, exact at the Fermi edge."""

    model: Model
    integrand: Integrand
    chart: _Chart
    component: int
    mu: float
    kT: float

    @property
    def on_fermi_line(self) -> bool:
        """Whether the integrand lives where bands cross μ alone."""
        return self.kT == 0 and self.integrand.on_surface

    def size(self) -> float:
        """∫ |integrand|, roughly: a scale, not a result."""
        x = np.concatenate(
            [np.linspace(0.03, 0.97, 24), *(p.centre[:1] for p in self.chart.pockets)]
        )
        if self.on_fermi_line:
            line, band, root = self._crossings(x, self.mu)
            sizes = _per_line(line, abs(self._fermi_terms(x[line], band, root)), len(x))
        else:
            owner, low, high = self._pieces(x)
            panels = self._panels(x[owner], low, high, size=True)
            sizes = _per_line(owner, panels, len(x))
        return float(sizes.mean())

    def integrals(self, x: Floats, tolerance: float) -> Floats:
        """∫ dy at each x (X,), every panel refined to ``tolerance``."""
        if self.on_fermi_line:
            line, band, root = self._crossings(x, self.mu)
            return _per_line(line, self._fermi_terms(x[line], band, root), len(x))
        owner, low, high = self._pieces(x)
        total = np.zeros(len(x))
        values = self._panels(x[owner], low, high)
        for _ in range(_DEEPEST):
            if not len(owner):
                break
            if len(owner) > _MOST_PANELS:
                raise ConvergenceError(
                    f"at mu={self.mu:.6g}, kT={self.kT:.3g} the integrand still needs {len(owner)} "
                    f"panels on {len(x)} lines; expected a smoother one; pass kT > 0 or a larger "
                    "rtol"
                )
            middle = (low + high) / 2
            left = self._panels(x[owner], low, middle)
            right = self._panels(x[owner], middle, high)
            allowed = np.maximum(
                tolerance * np.maximum(high - low, 0.01), _NOISE * (abs(left) + abs(right))
            )
            rough = abs(left + right - values) > allowed
            total = total + _per_line(owner[~rough], (left + right)[~rough], len(x))
            owner = np.tile(owner[rough], 2)
            low, high, values = (
                np.concatenate([a[rough], b[rough]])
                for a, b in ((low, middle), (middle, high), (left, right))
            )
        return total + _per_line(owner, values, len(x))

    def _panels(self, x: Floats, low: Floats, high: Floats, size: bool = False) -> Floats:
        """Gauss quadrature of each panel [low, high] at its x; of the integrand's size if asked."""
        half = (high - low) / 2
        y = (low + high)[:, None] / 2 + half[:, None] * _GAUSS_X
        out = np.empty(len(x))
        step = max(1, _CHUNK // (len(_GAUSS_X) * self.model.n_orb**2 * 4))
        for i in range(0, len(x), step):
            part = slice(i, i + step)
            k, _, weight = self.chart.map(np.broadcast_to(x[part, None], y[part].shape), y[part])
            points = k.reshape(-1, self.model.dim)
            values, terms = at_points(self.model, self.integrand, points, self.mu, self.kT)
            if size:
                values = np.maximum(abs(values), _CANCELLED * terms)
            out[part] = (values[self.component].reshape(weight.shape) * weight) @ _GAUSS_W
        return out * half

    def _pieces(self, x: Floats) -> tuple[Indices, Floats, Floats]:
        """The panels of every line, cut at the edges of f: sharp, or on both sides of the smear."""
        edges = np.broadcast_to(self.chart.panels, (len(x), len(self.chart.panels)))
        found = [(np.repeat(np.arange(len(x)), edges.shape[1]), edges.ravel())]
        smear = _SMEAR * self.kT
        # Without the outer cuts Gauss points may lie on one side of a thin layer and miss the rest.
        for level in {self.mu - smear, self.mu, self.mu + smear}:
            crossed, _, root = self._crossings(x, level)
            found.append((crossed, root))
        line, cuts = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((cuts, line))
        line, cuts = line[order], cuts[order]
        same = line[:-1] == line[1:]
        return line[:-1][same], cuts[:-1][same], cuts[1:][same]

    def _crossings(self, x: Floats, level: float) -> tuple[Indices, Indices, Floats]:
        """Line, band and y of every point where a band crosses the level."""
        from scipy.optimize.elementwise import find_minimum, find_root

        y = self.chart.samples
        e = self._energies(*np.meshgrid(x, y, indexing="ij")) - level
        line, at, band = np.nonzero((e[:, 1:] > 0) != (e[:, :-1] > 0))
        low, high = y[at], y[at + 1]
        # Two crossings between neighbouring samples: an extremum that dips through μ there. The
        # distance |e| then has a local minimum among the samples, below the second difference.
        size, before, after = abs(e[:, 1:-1]), abs(e[:, :-2]), abs(e[:, 2:])
        one_side = (e[:, :-2] > 0) == (e[:, 2:] > 0)
        dip = one_side & (size <= before) & (size <= after) & (size <= before + after - 2 * size)
        dip_line, dip_at, dip_band = np.nonzero(dip & ((e[:, 1:-1] > 0) == (e[:, 2:] > 0)))
        if len(dip_line):
            y3 = (y[dip_at], y[dip_at + 1], y[dip_at + 2])
            sign = np.sign(e[dip_line, dip_at + 1, dip_band])
            args = x[dip_line], dip_band * 1.0, sign, np.full(len(sign), level)
            lowest = find_minimum(self._distance, y3, args=args, maxiter=60)
            crossed = lowest.f_x < 0
            bottom = lowest.x[crossed]
            line = np.concatenate([line, dip_line[crossed], dip_line[crossed]])
            band = np.concatenate([band, dip_band[crossed], dip_band[crossed]])
            low = np.concatenate([low, y3[0][crossed], bottom])
            high = np.concatenate([high, bottom, y3[2][crossed]])
        if not len(line):
            return line, band, low
        args = x[line], band * 1.0, np.ones(len(line)), np.full(len(line), level)
        root = find_root(self._distance, (low, high), args=args).x
        inside = (root > 0) & (root < 1)
        return line[inside], band[inside], root[inside]

    def _distance(self, y: Floats, x: Floats, band: Floats, sign: Floats, level: Floats) -> Floats:
        """±(ε − level) of one band at each point."""
        energies = self._energies(x, y)
        mine = np.take_along_axis(energies, band.astype(int)[..., None], axis=-1)[..., 0]
        return np.asarray(sign * (mine - level))

    def _energies(self, x: Floats, y: Floats) -> Floats:
        k = self.chart.map(x, y)[0]
        block = Block(k.reshape(-1, self.model.dim), np.zeros((1, self.model.dim)))
        return band_energies(self.model, block).T.reshape(*k.shape[:-1], -1)

    def _fermi_terms(self, x: Floats, band: Indices, y: Floats) -> Floats:
        """∫ w δ(ε − μ) dy of each crossing, the part of it that these lines see best.

        By itself it is w/|∂ε/∂y|, which blows up where the Fermi line runs along y. The lines along
        x have their trouble elsewhere, so the two share it: 1 = (ε_y² + ε_x²)/(ε_y² + ε_x²).
        """
        if not len(x):
            return np.zeros(0)
        k, along, weight = self.chart.map(x, y)
        states = np.linalg.eigh(self.model.hamiltonian(k))[1]
        u = np.take_along_axis(states, band[:, None, None], axis=-1)[..., 0]
        gradient = self.model.velocity_operator(k)
        velocity = np.einsum("cj,cajl,cl->ca", u.conj(), gradient, u).real
        slope_x, slope_y = ((velocity * direction).sum(axis=-1) for direction in along)
        sample = self.integrand.quantity(self.model, Block(k, np.zeros((1, 2))), None)
        mine = sample.values[0][band, self.component, np.arange(len(k))]
        return np.asarray(mine * weight * abs(slope_y) / (slope_x**2 + slope_y**2))


def _per_line(line: Indices, values: Floats, n_lines: int) -> Floats:
    """Sum of the values that belong to each line."""
    return np.bincount(line, values, n_lines).astype(float)
