"""Strips: periodic along one direction, with two open edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.finite.currents import cut_integral
from coursekit.finite.field import repeated_spin, require_planar
from coursekit.finite.occupation import plain
from coursekit.integrate import chemical
from coursekit.lattice import Lattice, uniform_mesh
from coursekit.thermal import FERMI
from coursekit.tight_binding import TightBinding

__all__ = ["EdgeModes", "Ribbon", "RibbonBands"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Numbers held at a time while states are summed over k.
_CHUNK = 1 << 20
# Modes are counted that far above and below an energy, as a fraction of the largest.
_BESIDE = 1e-4
# Wave vectors to begin with, and how often the steps between them may be halved.
_FIRST_K = 64
_HALVINGS = 12
# How far the weights that cross in a half may be from whole states, and the weight of a mode
# outside the quarters at the edges.
_WHOLE, _INSIDE = 0.1, 0.3


class RibbonBands(NamedTuple):
    """Bands of a ribbon; natural units."""

    k: Floats  # (...,) along the direction, 1/length
    energies: Floats  # (..., n_sites) ascending
    velocity: Floats  # (..., n_sites) ∂ε/∂k
    lower: Floats  # (..., n_sites) weight in the quarter of the cells at the lower edge
    upper: Floats  # (..., n_sites) the same at the upper edge


class EdgeModes(NamedTuple):
    """Modes that run along the direction minus modes that run against it, on each edge."""

    lower: int
    upper: int


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Ribbon:
    """A strip of a 2D lattice model.

    Looking along the direction, the upper edge is on the left and the lower edge on the right: for
    the direction (1, 0) with a₁ along +x and a₂ above it they are up and down on the page.

    Parameters
    ----------
    model : 2D
    width : cells across
    direction : (m₁, m₂) along which the ribbon is periodic, m₁a₁ + m₂a₂, without a common factor
    B : magnetic field along +z that acts on the orbits, ħ/(e length²)

    Attributes
    ----------
    chain : the ribbon as a 1D model with width × n_orb orbitals, row by row from the lower edge;
        its k is that along the direction
    across : (n_sites,) distance of each of these orbitals from the middle, positive towards the
        upper edge; read-only, length

    Raises
    ------
    ValueError : not a 2D TightBinding, a width below 1, a direction with a common factor

    Examples
    --------
    C = +1 and electrons: on the upper edge they run along the direction, clockwise around a sample.

    >>> import coursekit as ck
    >>> ribbon = ck.finite.Ribbon(ck.models.qwz(-1.0), width=16)
    >>> ribbon.edge_modes(0.3)
    EdgeModes(lower=-1, upper=1)
    """

    model: TightBinding
    width: int
    direction: tuple[int, int]
    B: float
    chain: TightBinding
    across: Floats

    def __init__(
        self,
        model: TightBinding,
        width: int,
        direction: Sequence[int] = (1, 0),
        B: float = 0.0,
    ) -> None:
        require_planar(model)
        if np.ndim(width) or width != int(width) or width < 1:
            raise ValueError(f"width={width!r}; expected at least one cell across")
        m = np.asarray(direction)
        if m.shape != (2,) or m.dtype.kind not in "iu" or math.gcd(*m.tolist()) != 1:
            raise ValueError(
                f"direction={direction!r}; expected two whole numbers without a common factor, as "
                "in (1, 0) or (1, 2)"
            )
        if np.ndim(B) or not np.isreal(B) or not np.isfinite(B):
            raise ValueError(f"B={B!r}; expected one finite number, the field along +z")
        chain, across = _chain(model, int(width), m, float(B))
        across.flags.writeable = False
        for name, value in (
            ("model", model),
            ("width", int(width)),
            ("direction", (int(m[0]), int(m[1]))),
            ("B", float(B)),
            ("chain", chain),
            ("across", across),
        ):
            object.__setattr__(self, name, value)

    @property
    def n_sites(self) -> int:
        """Number of orbitals in one period."""
        return self.chain.n_orb

    @property
    def period(self) -> float:
        """Length of m₁a₁ + m₂a₂."""
        return self.chain.lattice.cell_volume

    @property
    def area(self) -> float:
        """Area of one period, width times that of a cell."""
        return self.width * self.model.lattice.cell_volume

    def bands(self, k: ArrayLike) -> RibbonBands:
        """Energies, velocities and weights at the edges.

        Parameters
        ----------
        k : (...,) along the direction, 1/length; the bands repeat after 2π / ``period``

        Returns
        -------
        RibbonBands : k, energies, velocity, lower, upper
        """
        k = np.asarray(k, dtype=float)
        bands = solve(self.chain, k[..., None])
        density = abs(bands.states) ** 2
        velocity = np.einsum("...nn->...n", bands.velocity[..., 0, :, :]).real
        lower, upper = (density[..., edge, :].sum(axis=-2) for edge in self._edges)
        return RibbonBands(k, bands.energies, velocity, lower, upper)

    def edge_modes(self, energy: float) -> EdgeModes:
        """Net number of chiral modes on each edge at an energy in a gap of the bulk.

        Parameters
        ----------
        energy : in a gap of the bulk

        Returns
        -------
        EdgeModes : lower = −C and upper = +C, with C the sum of the Chern numbers below the gap

        Raises
        ------
        ValueError : states of the bulk at the energy

        Notes
        -----
        Crossings of the bands are counted a little above and below the energy, so that modes of the
        two edges that meet right there do no harm; a bound on the velocity tells where k must be
        refined to miss none.  A ribbon not much wider than the decay length opens a gap of its own,
        without modes.
        Y. Hatsugai, PRL 71, 3697 (1993); DOI 10.1103/PhysRevLett.71.3697.
        """
        if np.ndim(energy) or not np.isfinite(energy):
            raise ValueError(f"energy={energy!r}; expected one finite energy")
        shift = _BESIDE * self.model.energy_scale
        found = [self._crossings(energy + sign * shift) for sign in (1, -1)]
        net = np.array(found)
        modes = np.rint(net[0, :2])
        (lower, upper), between = net[0, :2], net[:, 2].max()
        if abs(net[:, :2] - modes).max() > _WHOLE or between > _INSIDE or modes.sum() != 0:
            raise ValueError(
                f"the states that cross energy={energy:g} have net weights {lower:.2f} in the "
                f"lower half and {upper:.2f} in the upper half, and up to {between:.2f} of a state "
                "between the edges; expected whole numbers and 0: an energy in a gap of the bulk, "
                "or a wider ribbon"
            )
        return EdgeModes(int(modes[0]), int(modes[1]))

    def _crossings(self, energy: float) -> tuple[float, float, float]:
        """Weights in the lower and in the upper half of the states at the energy, counted by the
        signs of their velocities, and the largest weight between the quarters at the edges."""

        def levels(k: Floats) -> Floats:
            return np.asarray(np.linalg.eigvalsh(self.chain.hamiltonian(k[:, None])) - energy)

        k = np.linspace(0, 2 * np.pi / self.period, _FIRST_K + 1)
        e = levels(k)
        for _ in range(_HALVINGS):
            # A band may touch the energy between two points where it is on the same side of it.
            reach = self.chain.velocity_bound * np.diff(k)[:, None]
            near = (e[1:] * e[:-1] > 0) & (abs(e[1:]) + abs(e[:-1]) <= reach)
            first = np.flatnonzero(near.any(axis=1))
            if not len(first):
                break
            middle = (k[first] + k[first + 1]) / 2
            k = np.insert(k, first + 1, middle)
            e = np.insert(e, first + 1, levels(middle), axis=0)
        step, band = np.nonzero((e[1:] > 0) != (e[:-1] > 0))
        before, after = e[step, band], e[step + 1, band]
        at = k[step] - before * (k[step + 1] - k[step]) / (after - before)
        bands = np.linalg.eigh(self.chain.hamiltonian(at[:, None]))
        density = abs(bands.eigenvectors[np.arange(len(at)), :, band]) ** 2
        half = self.n_sites // 2
        lower, upper = (
            float(np.sign(after - before) @ density[:, part].sum(axis=1))
            for part in (slice(0, half), slice(self.n_sites - half, None))
        )
        between = density[:, self._edges[0].stop : self._edges[1].start].sum(axis=1)
        return lower, upper, float(between.max(initial=0))

    def density(self, mu: ArrayLike, kT: ArrayLike = 0.0, n_k: int = 200) -> Floats:
        """Electrons on each site of one period, (..., n_sites), with the shape of (mu, kT) first.

        ``n_k`` wave vectors stand for the zone: the error falls exponentially with their number
        where kT > 0 or no band crosses μ, and as 1/n_k elsewhere.
        """
        return self._sum(lambda states, _: np.asarray(abs(states) ** 2, float), mu, kT, n_k)

    def current_profile(self, mu: ArrayLike, kT: ArrayLike = 0.0, n_k: int = 200) -> Floats:
        """Electric current along the direction at each site, in equilibrium.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast
        n_k : wave vectors along the zone; see :meth:`density`

        Returns
        -------
        (..., n_sites) at ``across``; e energy / ħ.  Half of what a bond carries counts for each of
        its ends.  The sum vanishes: currents of magnetization transport no charge.

        Examples
        --------
        >>> import coursekit as ck
        >>> ribbon = ck.finite.Ribbon(ck.models.qwz(-1.0, 0.2), width=12)
        >>> current = ribbon.current_profile(mu=-0.3, kT=0.1)
        >>> above = current[ribbon.across > 0].sum()
        >>> print(f"{above:.3f} {abs(current.sum()):.3f}")
        0.081 0.000
        """

        def flow(states: Complexes, velocity: Complexes) -> Floats:
            return -(states.conj() * (velocity @ states)).real / self.period

        return self._sum(flow, mu, kT, n_k)

    def magnetization(self, mu: ArrayLike, kT: ArrayLike = 0.0, n_k: int = 200) -> Floats | float:
        """Magnetic moment per area, −(1/A) ∂G/∂B, along +z.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast
        n_k : wave vectors along the zone; see :meth:`density`

        Returns
        -------
        shape of (mu, kT), (e/ħ) energy; it is the bulk value with a term of 1/width beside it
        """
        y = self.across
        return self._turning((y[:, None] + y) / 2 * self.period / self.area, mu, kT, n_k)

    def edge_current(self, mu: ArrayLike, kT: ArrayLike = 0.0, n_k: int = 200) -> Floats | float:
        """Current in the lower half along the direction, which is the bulk magnetization.

        As much runs back in the upper half.  The line between the halves is averaged over the
        height of a row, as in :meth:`Flake.edge_current`.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast
        n_k : wave vectors along the zone; see :meth:`density`

        Returns
        -------
        shape of (mu, kT), e energy / ħ; M up to e^{−width/ξ}

        Examples
        --------
        >>> import coursekit as ck
        >>> model = ck.models.qwz(-1.0, 0.2)
        >>> M = ck.orbital_magnetization(model, 0.3, 0.1)
        >>> print(f"{ck.finite.Ribbon(model, 20).edge_current(0.3, 0.1):.5f} {M:.5f}")
        0.01315 0.01315
        """
        row = self.model.lattice.cell_volume / self.period
        # Share of lines through a row in the middle that pass below y, averaged along the bond.
        y = self.across / row + 0.5
        rise = y - y[:, None]
        level = abs(rise) < 1e-9
        mean = np.where(
            level,
            np.clip((y + y[:, None]) / 2, 0, 1),
            (cut_integral(y) - cut_integral(y)[:, None]) / np.where(level, 1.0, rise),
        )
        return self._turning(mean, mu, kT, n_k)

    def _turning(self, weights: Floats, mu: ArrayLike, kT: ArrayLike, n_k: int) -> Floats | float:
        """Flow of electrons along the direction, bonds (n_sites, n_sites) weighted."""

        def flow(states: Complexes, velocity: Complexes) -> Floats:
            weighted = (states.conj() * ((velocity * weights) @ states)).real
            return np.asarray(weighted.sum(axis=-2, keepdims=True) / self.period)

        return plain(self._sum(flow, mu, kT, n_k)[..., 0])

    def _sum(
        self,
        quantity: Callable[[Complexes, Complexes], Floats],
        mu: ArrayLike,
        kT: ArrayLike,
        n_k: int,
    ) -> Floats:
        """Mean over k of Σ f × quantity, for a quantity (n_k, m, n_bands) of states and velocity:
        (..., m)."""
        mus, kTs, shape = chemical(mu, kT)
        k = uniform_mesh(self.chain.lattice, n_k, shift=0.5)
        total: Floats | float = 0.0
        for part in self._parts(n_k):
            energies, states = np.linalg.eigh(self.chain.hamiltonian(k[part]))
            velocity = self.chain.velocity_operator(k[part])[:, 0]
            f = FERMI(energies, mus[:, None, None], kTs[:, None, None])
            total = total + np.einsum("skn,kmn->sm", f, quantity(states, velocity), optimize=True)
        return np.asarray(total).reshape(*shape, -1) / n_k

    def _parts(self, n_k: int) -> list[slice]:
        step = max(1, _CHUNK // self.n_sites**2)
        return [slice(first, first + step) for first in range(0, n_k, step)]

    @cached_property
    def _edges(self) -> tuple[slice, slice]:
        """Sites of the quarter of the rows at each edge."""
        sites = max(1, self.width // 4) * self.model.n_orb
        return slice(0, sites), slice(self.n_sites - sites, self.n_sites)

    def __repr__(self) -> str:
        field = f", B={self.B:g}" if self.B else ""
        return f"<Ribbon: {self.width} cells across, along {self.direction}{field}>"


def _chain(
    model: TightBinding, width: int, m: NDArray[np.int64], B: float
) -> tuple[TightBinding, Floats]:
    """The 1D model, and the distance of its orbitals from the middle."""
    vectors = model.lattice.vectors
    basis = np.stack([m, _rowward(m, vectors)])
    t, s = basis @ vectors
    length = float(np.linalg.norm(t))
    ahead = t / length
    left = np.array([-ahead[1], ahead[0]])
    r = (np.arange(width)[:, None, None] * s + model.orbitals @ vectors).reshape(-1, 2)
    x, y = r @ ahead, r @ left
    y = y - y.mean()
    inverse = np.rint(np.linalg.inv(basis)).astype(int)
    blocks: dict[tuple[int, ...], Complexes] = {}
    for R, block in model.blocks.items():
        turn, climb = (np.array(R) @ inverse).tolist()
        # A = −B y along the direction: the straight bond collects its mean y.
        dx = turn * length + x - x[:, None]
        phase = np.exp(-1j * B * (y + y[:, None]) / 2 * dx)
        hop = np.kron(np.eye(width, k=climb), block) * phase
        blocks[turn,] = blocks.get((turn,), 0) + hop
    spin = repeated_spin(model, width)
    return TightBinding.from_blocks(Lattice([[length]]), x[:, None] / length, blocks, spin), y


def _rowward(m: NDArray[np.int64], vectors: Floats) -> NDArray[np.int64]:
    """The translation from one row to the next towards the left, as straight across as can be."""
    a, b = m.tolist()
    # a y − b x = ±1 with a left turn from m to (x, y).
    sign = int(np.sign(np.linalg.det(vectors)))
    x, y = next(
        (x, (sign + b * x) // a) if a else (-sign * b, 0)
        for x in range(max(1, abs(a)))
        if not a or (sign + b * x) % a == 0
    )
    t, s = np.array([m, [x, y]]) @ vectors
    return np.asarray([x, y] - round(float(s @ t / (t @ t))) * m)
