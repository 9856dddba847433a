"""Lines of k through the zone of a 2D model, and integrals along them, exact at the Fermi edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.bloch_model import Model
from coursekit.charts import Chart
from coursekit.errors import ConvergenceError
from coursekit.fourier import Block
from coursekit.integrand import Integrand, at_points
from coursekit.kubo import band_energies

__all__ = ["Lines", "per_line"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Numbers held at a time in the largest temporary array.
_CHUNK = 1 << 18
_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(12)
_DEEPEST = 40
_MOST_PANELS = 5000  # on a line
# Terms that cancel leave rounding: what is below this fraction of them is measured against them.
# With the default rtol that asks for 1e-12 of them, and 1e-14 inside.
_CANCELLED = 1e-4
# Near a small gap Ω itself carries relative rounding of about this size: no finer panel helps.
_NOISE = 1e-10
# The Fermi function is 0 or 1 to 1e-7 this many kT from μ.
_SMEAR = 16.0
# Where lines touch the Fermi line: lines to start from, steps, of samples the step of differences.
_SCAN, _NEWTON_STEPS, _DIFFERENCE = 64, 12, 0.01
_BUT_LAST, _BUT_FIRST = slice(None, -1), slice(1, None)


@dataclass(frozen=True)
class Lines:
    """Integrals along y at given x, exact at the Fermi edge, for several cases of μ and kT."""

    model: Model
    integrand: Integrand
    chart: Chart
    mus: Floats
    kTs: Floats

    @property
    def on_fermi_line(self) -> bool:
        """Whether the integrand lives where bands cross μ alone."""
        return self.integrand.on_surface and bool(self.kTs[0] == 0)

    @property
    def at_a_time(self) -> int:
        """Lines whose energies fit into memory."""
        samples = self.chart.samples.shape[1]
        return int(max(16, 4 * _CHUNK // (samples * self.model.n_orb**2)))

    def size(self) -> Floats:
        """(P, c) ∫ |integrand|, roughly: a scale, not a result."""
        sizes = []
        for n in range(len(self.mus)):
            x = np.concatenate([np.linspace(0.03, 0.97, 24), self.chart.centres(n)])
            case = np.full(len(x), n)
            if self.on_fermi_line:
                line, band, root = self._crossings(case, x, self._samples(case, x), self.mus[case])
                terms = abs(self._fermi_terms(case[line], x[line], band, root))
            else:
                line, low, high = self._pieces(case, x)
                terms = self._panels(case[line], x[line], low, high, size=True)
            sizes.append(per_line(line, terms, len(x)).mean(axis=0))
        return np.array(sizes)

    def segments(self, cases: Indices) -> tuple[Indices, Floats, Floats]:
        """Case, start and end in x of segments between cuts."""
        tangents = self._tangents(cases)
        edges = []
        for case in cases:
            cuts = np.concatenate([self.chart.cuts(case), tangents[1][tangents[0] == case]])
            edges.append(np.unique(np.concatenate([[0.0], cuts.round(12), [1.0]])))
        owner = np.repeat(cases, [len(x) - 1 for x in edges])
        start, end = (np.concatenate([x[part] for x in edges]) for part in (_BUT_LAST, _BUT_FIRST))
        return owner, start, end

    def integrals(self, case: Indices, x: Floats, tolerance: Floats) -> Floats:
        """∫ dy (N, c) for each case and x, every panel refined to ``tolerance``."""
        step = self.at_a_time
        parts = (slice(i, i + step) for i in range(0, len(x), step))
        return np.concatenate([self._integrals(case[p], x[p], tolerance[p]) for p in parts])

    def _integrals(self, case: Indices, x: Floats, tolerance: Floats) -> Floats:
        n_lines = len(x)
        if self.on_fermi_line:
            line, band, root = self._crossings(case, x, self._samples(case, x), self.mus[case])
            return per_line(line, self._fermi_terms(case[line], x[line], band, root), n_lines)
        owner, low, high = self._pieces(case, x)
        values = self._panels(case[owner], x[owner], low, high)
        total = np.zeros((n_lines, values.shape[1]))
        depth = 0
        while True:
            middle = (low + high) / 2
            left = self._panels(case[owner], x[owner], low, middle)
            right = self._panels(case[owner], x[owner], middle, high)
            share = tolerance[owner] * np.maximum(high - low, 0.01)
            allowed = np.maximum(share[:, None], _NOISE * (abs(left) + abs(right)))
            rough = (abs(left + right - values) > allowed).any(axis=1)
            total = total + per_line(owner[~rough], (left + right)[~rough], n_lines)
            if not rough.any():
                return total
            count = np.bincount(owner[rough])
            if depth == _DEEPEST or count.max() > _MOST_PANELS:
                mu, kT = (of[case[count.argmax()]] for of in (self.mus, self.kTs))
                raise ConvergenceError(
                    f"at mu={mu:.6g}, kT={kT:.3g} the integral along a line of k does not settle; "
                    "expected a smoother integrand; pass kT > 0 or a larger rtol"
                )
            depth += 1
            owner = np.tile(owner[rough], 2)
            low, high, values = (
                np.concatenate([a[rough], b[rough]])
                for a, b in ((low, middle), (middle, high), (left, right))
            )

    def _panels(
        self, case: Indices, x: Floats, low: Floats, high: Floats, size: bool = False
    ) -> Floats:
        """(N, c), Gauss quadrature of each panel [low, high] at its x; of the size if asked."""
        half = (high - low) / 2
        y = (low + high)[:, None] / 2 + half[:, None] * _GAUSS_X
        out = []
        n_points = len(_GAUSS_X)
        step = max(1, _CHUNK // (n_points * self.model.n_orb**2 * 4))
        for i in range(0, max(1, len(x)), step):
            part = slice(i, i + step)
            k, _, weight = self.chart.map(case[part, None], x[part, None], y[part])
            mu, kT = (np.repeat(of[case[part]], n_points) for of in (self.mus, self.kTs))
            points = k.reshape(-1, self.model.dim)
            values, terms = at_points(self.model, self.integrand, points, mu, kT)
            if size:
                values = np.maximum(abs(values), _CANCELLED * terms)
            out.append((values.reshape(len(values), *weight.shape) * weight) @ _GAUSS_W)
        return np.concatenate(out, axis=1).T * half[:, None]

    def _pieces(self, case: Indices, x: Floats) -> tuple[Indices, Floats, Floats]:
        """The panels of every line, cut at the edges of f: sharp, or on both sides of the smear."""
        edges = np.broadcast_to(self.chart.panels, (len(x), len(self.chart.panels)))
        found = [(np.repeat(np.arange(len(x)), edges.shape[1]), edges.ravel())]
        energies = self._samples(case, x)
        # Without the outer cuts Gauss points may lie on one side of a thin layer and miss the rest.
        for offset in (-_SMEAR, 0.0, _SMEAR) if self.kTs[0] > 0 else (0.0,):
            level = self.mus[case] + offset * self.kTs[case]
            crossed, _, root = self._crossings(case, x, energies, level)
            found.append((crossed, root))
        line, cuts = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((cuts, line))
        line, cuts = line[order], cuts[order]
        # Bands that are equal along a line cut it at the same place.
        panel = (line[:-1] == line[1:]) & (cuts[:-1] < cuts[1:])
        return line[:-1][panel], cuts[:-1][panel], cuts[1:][panel]

    def _samples(self, case: Indices, x: Floats) -> Floats:
        """(N, samples, bands) energies along each line."""
        return self._energies(case[:, None], x[:, None], self.chart.samples[case])

    def _crossings(
        self, case: Indices, x: Floats, energies: Floats, level: Floats
    ) -> tuple[Indices, Indices, Floats]:
        """Line, band and y of every point where a band crosses the line's level."""
        from scipy.optimize.elementwise import find_minimum, find_root

        y, e = self.chart.samples[case], energies - level[:, None, None]
        line, at, band = np.nonzero((e[:, 1:] > 0) != (e[:, :-1] > 0))
        low, high = y[line, at], y[line, at + 1]
        # Two crossings between neighbouring samples: an extremum that dips through μ there. The
        # distance |e| then has a local minimum among the samples, below the second difference.
        size, before, after = abs(e[:, 1:-1]), abs(e[:, :-2]), abs(e[:, 2:])
        one_side = (e[:, :-2] > 0) == (e[:, 2:] > 0)
        dip = one_side & (size <= before) & (size <= after) & (size <= before + after - 2 * size)
        dip_line, dip_at, dip_band = np.nonzero(dip & ((e[:, 1:-1] > 0) == (e[:, 2:] > 0)))
        if len(dip_line):
            y3 = tuple(y[dip_line, dip_at + n] for n in range(3))
            sign = np.sign(e[dip_line, dip_at + 1, dip_band])
            args = (dip_line * 1.0, dip_band * 1.0, sign)
            with np.errstate(divide="ignore", invalid="ignore"):  # of parabolas that are flat
                lowest = find_minimum(self._distance(case, x, level), y3, args=args, maxiter=60)
            crossed = lowest.f_x < 0
            bottom = lowest.x[crossed]
            line = np.concatenate([line, dip_line[crossed], dip_line[crossed]])
            band = np.concatenate([band, dip_band[crossed], dip_band[crossed]])
            low = np.concatenate([low, y3[0][crossed], bottom])
            high = np.concatenate([high, bottom, y3[2][crossed]])
        if not len(line):
            return line, band, low
        args = (line * 1.0, band * 1.0, np.ones(len(line)))
        root = find_root(self._distance(case, x, level), (low, high), args=args).x
        inside = (root > 0) & (root < 1)
        return line[inside], band[inside], root[inside]

    def _distance(self, case: Indices, x: Floats, level: Floats) -> Callable[..., Floats]:
        """±(ε − level) of one band at each y, on one of the lines."""

        def distance(y: Floats, line: Floats, band: Floats, sign: Floats) -> Floats:
            n = line.astype(np.intp)
            energies = self._energies(case[n], x[n], y)
            mine = np.take_along_axis(energies, band.astype(np.intp)[..., None], axis=-1)[..., 0]
            return np.asarray(sign * (mine - level[n]))

        return distance

    def _tangents(self, cases: Indices) -> tuple[Indices, Floats]:
        """Case and x of lines that touch a Fermi line: ε = μ and ∂ε/∂y = 0.

        Newton's method starts from samples whose neighbours tell that a touch may be near.  What it
        misses is left to halving, which takes more lines.
        """
        near = zip(*map(self._near, cases), strict=True)
        case, band, x, y, step = (np.concatenate(part, axis=-1) for part in near)
        h = _DIFFERENCE * step
        level = self.mus[case]
        dx, dy = np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij")
        moved = np.full(len(x), np.inf)
        for _ in range(_NEWTON_STEPS if len(x) else 0):
            at = x[:, None, None] + h[0, :, None, None] * dx
            e = self._energies(case[:, None, None], at, y[:, None, None] + h[1, :, None, None] * dy)
            e = np.take_along_axis(e, band[:, None, None, None], axis=-1)[..., 0]
            f = e[:, 1, 1] - level
            f_x, f_y = (e[:, 2, 1] - e[:, 0, 1]) / 2, (e[:, 1, 2] - e[:, 1, 0]) / 2
            f_yy = e[:, 1, 2] - 2 * e[:, 1, 1] + e[:, 1, 0]
            f_xy = (e[:, 2, 2] - e[:, 2, 0] - e[:, 0, 2] + e[:, 0, 0]) / 4
            with np.errstate(divide="ignore", invalid="ignore"):
                walk = np.array([f_y**2 - f * f_yy, f * f_xy - f_x * f_y])
                walk = h * walk / (f_x * f_yy - f_y * f_xy)
            walk = np.clip(np.nan_to_num(walk, nan=np.inf), -step, step)
            x = np.clip(x + walk[0], h[0], 1 - h[0])
            y = np.clip(y + walk[1], h[1], self.chart.last_sample - h[1])
            moved = abs(walk[0])
        found = moved < 1e-11
        return case[found], x[found]

    def _near(self, case: int) -> tuple[Indices, Indices, Floats, Floats, Floats]:
        """Case, band, x, y, and steps (2, N) along both, of samples near which lines may touch."""
        x = np.union1d((np.arange(_SCAN) + 0.5) / _SCAN, self.chart.cuts(case))
        y = self.chart.samples[case]
        e = self._samples(np.full(len(x), case), x) - self.mus[case]
        along_x, along_y = abs(np.diff(e, axis=0)), np.diff(e, axis=1)
        before, after = along_y[:, :-1], along_y[:, 1:]
        reach = abs(before) + abs(after)
        reach[1:] += along_x[:, 1:-1]
        reach[:-1] += along_x[:, 1:-1]
        at_x, at_y, band = np.nonzero((before * after <= 0) & (abs(e[:, 1:-1]) <= reach))
        steps = np.stack([np.gradient(x)[at_x], np.gradient(y)[at_y + 1]])
        return np.full(len(band), case), band, x[at_x], y[at_y + 1], steps

    def _energies(self, case: Indices, x: Floats, y: Floats) -> Floats:
        k = self.chart.map(case, x, y)[0]
        block = Block(k.reshape(-1, self.model.dim), np.zeros((1, self.model.dim)))
        return band_energies(self.model, block).T.reshape(*k.shape[:-1], -1)

    def _fermi_terms(self, case: Indices, x: Floats, band: Indices, y: Floats) -> Floats:
        """(N, c), ∫ w δ(ε − μ) dy of each crossing, the part of it that these lines see best.

        By itself it is w/|∂ε/∂y|, which blows up where the Fermi line runs along y. The lines along
        x have their trouble elsewhere, so the two share it: 1 = (ε_y² + ε_x²)/(ε_y² + ε_x²).
        """
        if not len(x):
            nowhere = Block(np.zeros((1, self.model.dim)), np.zeros((1, self.model.dim)))
            values = self.integrand.quantity(self.model, nowhere, None).values[0]
            return np.zeros((0, values.shape[1]))
        k, along, weight = self.chart.map(case, x, y)
        states = np.linalg.eigh(self.model.hamiltonian(k))[1]
        u = np.take_along_axis(states, band[:, None, None], axis=-1)[..., 0]
        gradient = self.model.velocity_operator(k)
        velocity = np.einsum("cj,cajl,cl->ca", u.conj(), gradient, u).real
        slope_x, slope_y = ((velocity * direction).sum(axis=-1) for direction in along)
        sample = self.integrand.quantity(self.model, Block(k, np.zeros((1, 2))), None)
        mine = sample.values[0][band, :, np.arange(len(k))]
        share = weight * abs(slope_y) / (slope_x**2 + slope_y**2)
        return np.asarray(mine * share[:, None])


def per_line(line: Indices, values: Floats, n_lines: int) -> Floats:
    """(n_lines, c) sums of the values (N, c) that belong to each line."""
    return np.stack([np.bincount(line, column, n_lines) for column in values.T], axis=-1)
