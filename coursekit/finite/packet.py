"""Wavepackets on an open lattice, moved by the Schrödinger equation alone.

Nothing here knows of Berry curvature or orbital moments: a packet of Bloch states of one band is
put on a finite lattice and evolves in real space.  What it does then is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.bands import solve
from coursekit.bloch_model import check_k
from coursekit.errors import DegenerateBandsError, format_k
from coursekit.lattice import uniform_mesh
from coursekit.tight_binding import TightBinding

__all__ = ["KDistribution", "Wavepacket", "wavepacket"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

# Amplitude, as a fraction of the largest, from which on a Bloch state counts as part of a packet.
_COUNTS = 1e-2
# Such a state must have at least this overlap with the one in the middle, for a smooth gauge.
_SMALLEST_OVERLAP = 0.1
_SMALLEST_GAP = 1e-12
# Amplitude that may be cut off at the border of the zone, and weight at the edge of the lattice.
_CUT = 1e-3
_EDGE_WEIGHT = 1e-4


class KDistribution(NamedTuple):
    """Weights of the Bloch states of the lattice closed to a torus."""

    k: Floats  # (N₁, …, dim) Cartesian, one zone with Γ in its corner, 1/length
    weights: Floats  # (..., N₁, …, n_bands)


@dataclass(frozen=True, eq=False, repr=False)
class Wavepacket:
    """States on an open lattice of cells; a set of them has its shape in the place of ``...``.

    Attributes
    ----------
    model : 1D, 2D or 3D
    psi : (..., N₁, …, n_orb) amplitudes in cell (n₁, …), cell (0, …) at the origin
    origin : (dim,) where A = ½ B × (r − origin) and the potential E·(r − origin) vanish, length
    B : magnetic field that the velocity is measured in: 2D a number, 3D (3,)
    """

    model: TightBinding
    psi: Complexes
    origin: Floats
    B: Floats

    def evolve(self, times: ArrayLike, E: ArrayLike = 0.0, B: ArrayLike = 0.0) -> Wavepacket:
        """The packet at later times in uniform fields, which are there from the first time on.

        Parameters
        ----------
        times : (n_times,) that do not decrease, ħ/energy; the packet is as it is at the first
        E : (dim,) electric field, energy / (e length); 0 for none
        B : 2D a number, the field along +z; 3D (3,); 1D 0; ħ/(e length²)

        Returns
        -------
        Wavepacket : with ``psi`` of shape (n_times, ..., N₁, …, n_orb), and in the field B

        Raises
        ------
        ValueError : times that decrease; fields of a wrong shape; NaN

        Notes
        -----
        An electron gains +E·r on its way through the field and the Peierls phase of
        :func:`with_flux` on every bond.  Each step is the exponential of the Hamiltonian, exact to
        rounding: A. H. Al-Mohy & N. J. Higham, SIAM J. Sci. Comput. 33, 488 (2011), DOI
        10.1137/100788860.  An edge reflects; see ``edge_weight``.
        """
        from scipy import sparse
        from scipy.sparse.linalg import expm_multiply

        t = np.asarray(times, dtype=float)
        if t.ndim != 1 or t.size == 0 or not np.isfinite(t).all() or (np.diff(t) < 0).any():
            raise ValueError(f"times={times!r}; expected one or more that do not decrease")
        dim = self.model.dim
        electric = np.zeros(dim) if np.ndim(E) == 0 and E == 0 else _real("E", E, (dim,))
        packet = replace(self, B=_magnetic(dim, B))
        potential = (self.positions - self.origin) @ electric
        h = packet.hamiltonian + sparse.diags_array(potential.ravel())
        psi = self._columns()
        states = [psi]
        for step in np.diff(t):
            psi = expm_multiply(-1j * step * h, psi)
            states.append(psi)
        shape = (t.size, *self.psi.shape)
        return replace(packet, psi=np.stack([state.T for state in states]).reshape(shape))

    def __getitem__(self, index: Any) -> Wavepacket:
        """One of the states, or some of them: ``moved[-1]`` is the packet at the last time."""
        many, one = self.psi.shape[: -self.model.dim - 1], self.psi.shape[-self.model.dim - 1 :]
        # Numbers stand for the states, so that no index reaches into the cells.
        chosen = np.arange(math.prod(many)).reshape(many)[index]
        return replace(self, psi=self.psi.reshape(-1, *one)[chosen])

    @property
    def cells(self) -> tuple[int, ...]:
        """(N₁, …) cells along each primitive vector."""
        return self.psi.shape[-self.model.dim - 1 : -1]

    @property
    def positions(self) -> Floats:
        """(N₁, …, n_orb, dim) Cartesian positions of the orbitals, length."""
        return _positions(self.model, self.cells)

    @cached_property
    def hamiltonian(self) -> Any:
        """Sparse H of the open lattice in the field B, site = cell × n_orb + orbital; energy."""
        from scipy import sparse

        bonds = []
        for R, block in self.model.blocks.items():
            # Ones where the column's cell lies R beyond the row's.
            hops = [sparse.eye_array(n, k=step) for n, step in zip(self.cells, R, strict=True)]
            bonds.append(sparse.kron(reduce(sparse.kron, hops), block))
        h = sum(bonds[1:], start=bonds[0]).tocoo().astype(complex)
        if self.B.any():
            r = self.positions.reshape(-1, self.model.dim) - self.origin
            # ∫A·dl along the straight bond from rᵢ to rⱼ is ½ B·(rᵢ × rⱼ).
            flux = self.B * _cross(r[h.row], r[h.col]) / 2
            h.data = h.data * np.exp(1j * (flux.sum(axis=-1) if self.model.dim == 3 else flux))
        return h.tocsr()

    @property
    def norm(self) -> Floats:
        """(...,) ⟨ψ|ψ⟩, which is 1 and stays 1."""
        return self._sum(self._density())

    @property
    def centre(self) -> Floats:
        """(..., dim) ⟨r⟩, length."""
        density = self._density()
        return np.stack([self._sum(density * x) for x in self._coordinates()], axis=-1)

    @property
    def velocity(self) -> Floats:
        """(..., dim) ⟨v⟩ with v = i[H, r]/ħ, length × energy / ħ."""
        velocities = self._velocities()
        return np.stack([self._sum((self.psi.conj() * v).real) for v in velocities], axis=-1)

    @property
    def energy(self) -> Floats:
        """(...,) ⟨H⟩ in the field B, without the potential of an electric field."""
        return self._sum((self.psi.conj() * self._applied(self.psi)).real)

    @property
    def moment(self) -> Floats:
        """Magnetic moment of the self-rotation, (q/2)⟨(r − ⟨r⟩) × v⟩ = −½⟨(r − ⟨r⟩) × v⟩.

        2D (...,), the z component; 3D (..., 3); (e/ħ) energy × length².  That of a packet at rest
        much wider than a cell is the orbital moment of its Bloch state.
        """
        if self.model.dim == 1:
            raise ValueError("the model has 1 dimension; expected 2 or 3: a chain has no moment")
        ones = [1] * (self.model.dim + 1)
        centre = np.moveaxis(self.centre, -1, 0)
        away = [
            x - np.reshape(c, (*c.shape, *ones))
            for x, c in zip(self._coordinates(), centre, strict=True)
        ]
        velocities = self._velocities()

        def rotation(a: int, b: int) -> Floats:
            turning = away[a] * velocities[b] - away[b] * velocities[a]
            return -self._sum((self.psi.conj() * turning).real) / 2

        if self.model.dim == 2:
            return rotation(0, 1)
        return np.stack([rotation(1, 2), rotation(2, 0), rotation(0, 1)], axis=-1)

    @property
    def k_distribution(self) -> KDistribution:
        """Weights |⟨uₙ(k)|ψ⟩|² of the Bloch states, ``k`` and ``weights``."""
        dim = self.model.dim
        k = uniform_mesh(self.model.lattice, self.cells)
        waves = np.fft.fftn(self.psi, axes=range(-dim - 1, -1), norm="ortho")
        waves *= np.exp(-1j * k @ (self.model.orbitals @ self.model.lattice.vectors).T)
        in_bands = waves[..., None, :] @ solve(self.model, k).states.conj()
        return KDistribution(k, np.asarray(abs(in_bands[..., 0, :]) ** 2, dtype=float))

    @property
    def band_weights(self) -> Floats:
        """(..., n_bands) weight in each band."""
        weights = self.k_distribution.weights
        return np.asarray(weights.sum(axis=tuple(range(-self.model.dim - 1, -1))))

    @property
    def edge_weight(self) -> Floats:
        """(...,) weight in the outermost cells; the edge has a say where it is not small."""
        inside = np.zeros((*self.cells, 1), dtype=bool)
        inside[(slice(1, -1),) * len(self.cells)] = True
        return self._sum(self._density() * ~inside)

    def _density(self) -> Floats:
        return self.psi.real**2 + self.psi.imag**2

    def _columns(self) -> Complexes:
        return self.psi.reshape(-1, math.prod(self.psi.shape[-self.model.dim - 1 :])).T

    def _applied(self, psi: Complexes) -> Complexes:
        """Hψ, shape of ψ."""
        flat = psi.reshape(-1, self.hamiltonian.shape[0])
        return np.asarray((self.hamiltonian @ flat.T).T).reshape(psi.shape)

    def _velocities(self) -> list[Complexes]:
        """i(H x − x H)ψ for every direction x."""
        moved = self._applied(self.psi)
        return [1j * (self._applied(x * self.psi) - x * moved) for x in self._coordinates()]

    def _coordinates(self) -> Floats:
        """(dim, N₁, …, n_orb)"""
        return np.moveaxis(self.positions, -1, 0)

    def _sum(self, density: Floats) -> Floats:
        return np.asarray(density.sum(axis=tuple(range(-self.model.dim - 1, 0))))

    def __repr__(self) -> str:
        cells = " × ".join(map(str, self.cells))
        states = self.psi.shape[: -self.model.dim - 1]
        return f"<Wavepacket: {cells} cells, {self.model.n_orb} orbitals, states {states}>"


def wavepacket(
    model: TightBinding,
    cells: int | Sequence[int],
    band: int,
    k0: ArrayLike,
    width: float,
    centre: ArrayLike | None = None,
) -> Wavepacket:
    """Gaussian packet of Bloch states of one band on an open lattice.

    Parameters
    ----------
    model : 1D, 2D or 3D, orbitals with definite positions
    cells : along each primitive vector; one number means the same along all
    band : index of the band
    k0 : (dim,) Cartesian wave vector in the middle, 1/length
    width : standard deviation of the density in real space along each direction, length; that of
        the density in k is 1/(2 width)
    centre : (dim,) Cartesian, where the packet starts; without it the middle of the lattice

    Returns
    -------
    Wavepacket : normalised

    Raises
    ------
    DegenerateBandsError : the band touches another inside the packet; carries k and gap
    ValueError : a packet that reaches the edge of the lattice, that is as wide as the zone in k,
        or in which u(k) turns away from u(k₀); wrong shapes

    Notes
    -----
    ψ = Σₖ e^{−(k − k₀)² width²} e^{ik·(r − centre)} u(k), where the phase of u(k) is such that
    ⟨u(k₀)|u(k)⟩ > 0.  In this gauge the Berry connection vanishes at k₀, so that the packet sits at
    ``centre`` but for terms of second order in 1/width.
    G. Sundaram & Q. Niu, PRB 59, 14915 (1999); DOI 10.1103/PhysRevB.59.14915.

    Examples
    --------
    Half a Bloch period in a field along +y: a packet of curvature Ω > 0 moves along +x.

    >>> import numpy as np, coursekit as ck
    >>> packet = ck.finite.wavepacket(ck.models.qwz(-1.0), 41, band=0, k0=[0, 0], width=4.0)
    >>> moved = packet.evolve([0, np.pi / 0.2], E=[0, 0.2])
    >>> x, y = moved.centre[1] - moved.centre[0]
    >>> print(f"{x:.1f}")
    1.5
    """
    if not isinstance(model, TightBinding):
        raise ValueError(f"model={model!r}; expected a TightBinding: orbitals on a lattice")
    dim = model.dim
    sizes = np.broadcast_to(cells, (dim,)) if np.ndim(cells) == 0 else np.asarray(cells)
    if sizes.shape != (dim,) or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise ValueError(f"cells={cells!r}; expected one positive integer or {dim} of them")
    number = np.asarray(band)
    if number.ndim or number.dtype.kind not in "iu" or not 0 <= number < model.n_orb:
        raise ValueError(f"band={band!r}; expected one band, 0 to {model.n_orb - 1}")
    k0 = check_k(k0, dim)
    if k0.ndim != 1:
        raise ValueError(f"k0 has shape {k0.shape}; expected one wave vector ({dim},)")
    if not (np.ndim(width) == 0 and 0 < width < np.inf):
        raise ValueError(f"width={width!r}; expected a positive length")
    shape = tuple(int(n) for n in sizes)
    positions = _positions(model, shape)
    middle = positions.reshape(-1, dim).mean(axis=0)
    start = middle if centre is None else _real("centre", centre, (dim,))

    # Bloch states of the torus, their k − k₀ folded into one cell around zero.
    torus = np.stack(np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"), axis=-1)
    reduced = (torus - k0 @ model.lattice.vectors.T / (2 * np.pi) + 0.5) % 1 - 0.5
    dk = model.lattice.to_cartesian(reduced)
    distance = (dk**2).sum(axis=-1)
    # Relative to the nearest state, so that a packet too wide for its lattice does not underflow.
    amplitude = np.exp((distance.min() - distance) * width**2)
    border = (abs(reduced) + 0.5 / np.array(shape) >= 0.5).any(axis=-1)
    if amplitude[border].max() > _CUT:
        raise ValueError(
            f"width={width:g}: the packet is as wide as the zone in k; expected several lattice "
            "constants, and a lattice several times as wide as that"
        )
    u = _smooth_states(model, int(number), k0, k0 + dk, amplitude)
    # Σₖ e^{ik·(R + rⱼ − centre)}: the sum over e^{ik·R} is a Fourier transform.
    orbitals = model.orbitals @ model.lattice.vectors
    waves = amplitude[..., None] * u * np.exp(1j * (k0 + dk) @ (orbitals - start).T)
    psi = np.fft.ifftn(waves, axes=range(dim))
    packet = Wavepacket(model, psi / np.linalg.norm(psi), start, _magnetic(dim, 0.0))
    if packet.edge_weight > _EDGE_WEIGHT:
        raise ValueError(
            f"the packet has {packet.edge_weight:.2g} of its weight at the edge of the lattice; "
            "expected one inside: more cells, a smaller width or another centre"
        )
    return packet


def _smooth_states(
    model: TightBinding, band: int, k0: Floats, k: Floats, amplitude: Floats
) -> Complexes:
    """u(k), (..., n_orb), with ⟨u(k₀)|u(k)⟩ > 0."""
    bands = solve(model, k)
    counts = amplitude > _COUNTS
    others = np.delete(bands.energies, band, axis=-1)
    gaps = abs(others - bands.energies[..., [band]]).min(axis=-1, initial=np.inf)
    gaps[~counts] = np.inf
    worst = np.unravel_index(gaps.argmin(), gaps.shape)
    if gaps[worst] <= _SMALLEST_GAP * model.energy_scale:
        raise DegenerateBandsError(
            f"band {band} touches another at k={format_k(k[worst])}, inside the packet: gap "
            f"{gaps[worst]:.2g}; expected a band apart: another k0 or a larger width",
            k[worst],
            float(gaps[worst]),
        )
    u = bands.states[..., band]
    overlap = u @ solve(model, k0).states[:, band].conj()
    size = abs(overlap)
    if size[counts].min() < _SMALLEST_OVERLAP:
        away = k[counts][size[counts].argmin()]
        raise ValueError(
            f"the states at k={format_k(away)}, inside the packet, have overlap "
            f"{size[counts].min():.2g} with those at k0; expected at least {_SMALLEST_OVERLAP}, "
            "so that they make one packet: a larger width"
        )
    phase = np.where(size > 0, overlap, 1) / np.where(size > 0, size, 1)
    return np.asarray(u * phase.conj()[..., None])


def _positions(model: TightBinding, cells: tuple[int, ...]) -> Floats:
    """(N₁, …, n_orb, dim) Cartesian."""
    corners = np.stack(np.meshgrid(*map(np.arange, cells), indexing="ij"), axis=-1)
    return np.asarray((corners[..., None, :] + model.orbitals) @ model.lattice.vectors)


def _cross(a: Floats, b: Floats) -> Floats:
    """a × b of vectors (n, dim): (n,) in 2D, the z component; (n, 3) in 3D."""
    if a.shape[-1] == 3:
        return np.asarray(np.cross(a, b))
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _magnetic(dim: int, B: ArrayLike) -> Floats:
    if dim == 3 and np.ndim(B) == 0 and B == 0:
        return np.zeros(3)
    field = _real("B", B, (3,) if dim == 3 else ())
    if dim == 1 and field:
        raise ValueError(f"B={B!r} in 1D; expected 0: a chain encloses no flux")
    return field


def _real(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name}={values!r}; expected finite real numbers of shape {shape}")
    return array.astype(float)
