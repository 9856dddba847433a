"""Open pieces of a lattice model, solved exactly in real space.

Nothing here knows of Berry curvature: magnetization is what currents make, and what the energy
does in a field.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.finite.currents import BondCurrents, circulation_weights
from coursekit.finite.field import require_planar
from coursekit.finite.markers import chern_density, magnetization_density
from coursekit.finite.occupation import plain, state_weights
from coursekit.finite.sites import Shape, hops, sites_inside
from coursekit.thermal import FERMI, GRAND, Weight
from coursekit.tight_binding import TightBinding

__all__ = ["Flake"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

# That many sites take 1.6 GB.
_MOST_DENSE = 5000
# Numbers held at a time while bonds are summed over states.
_CHUNK = 1 << 22


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Flake:
    """A piece of a 2D lattice model with open edges.

    Parameters
    ----------
    model : 2D, with or without spin
    shape : (n₁, n₂) cells; or a function of positions (n, 2) that gives n bools; or the corners
        (n, 2) of a polygon, Cartesian, length.  Cell (0, 0) has its corner at the origin.
    B : magnetic field along +z that acts on the orbits, ħ/(e length²)

    Attributes
    ----------
    cells : (n_sites, 2) cell of each site, read-only
    orbitals : (n_sites,) orbital of each site, read-only

    Raises
    ------
    ValueError : not a 2D TightBinding; a shape that is empty, unbounded or of another form

    Notes
    -----
    The Hamiltonian is sparse.  The first quantity that needs states diagonalises it densely, once:
    N sites take 64 N² bytes and about 10 s for N = 1600 on one core, growing with N³.  A flake of
    more than 5000 sites is refused there.
    """

    model: TightBinding
    cells: Ints
    orbitals: Ints
    B: float

    def __init__(self, model: TightBinding, shape: Shape, B: float = 0.0) -> None:
        require_planar(model)
        if np.ndim(B) or not np.isreal(B) or not np.isfinite(B):
            raise ValueError(f"B={B!r}; expected one finite number, the field along +z")
        cells, orbitals = sites_inside(model, shape)
        for array in (cells, orbitals):
            array.flags.writeable = False
        for name, value in (
            ("model", model), ("cells", cells), ("orbitals", orbitals), ("B", float(B)),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def n_sites(self) -> int:
        """Number of orbitals in the flake."""
        return len(self.orbitals)

    @property
    def area(self) -> float:
        """Number of cells, which is n_sites / n_orb, times the area of a cell; length²."""
        return self.n_sites / self.model.n_orb * self.model.lattice.cell_volume

    @cached_property
    def positions(self) -> Floats:
        """(n_sites, 2) Cartesian, length."""
        reduced = self.cells + self.model.orbitals[self.orbitals]
        return np.asarray(reduced @ self.model.lattice.vectors)

    @cached_property
    def hamiltonian(self) -> Any:
        """(n_sites, n_sites) sparse CSR, energy.

        Peierls phases are those of an electron on straight bonds, as in :func:`with_flux`, in the
        symmetric gauge about the middle.
        """
        from scipy import sparse

        rows, columns, amplitudes = hops(self.model, self.cells, self.orbitals)
        if self.B:
            x, y = self._centred.T
            # ∫A·dl along the straight bond from rᵢ to rⱼ is ½ B (rᵢ × rⱼ)_z.
            flux = self.B * (x[rows] * y[columns] - y[rows] * x[columns]) / 2
            amplitudes = amplitudes * np.exp(1j * flux)
        n = self.n_sites
        return sparse.csr_array((amplitudes, (rows, columns)), shape=(n, n))

    @cached_property
    def velocity(self) -> tuple[Any, Any]:
        """vₓ and v_y = i[H, r], sparse, energy × length (ħ = 1)."""
        h = self.hamiltonian.tocoo()
        rows, columns = h.coords
        steps = self.positions[columns] - self.positions[rows]
        vx, vy = h.copy(), h.copy()
        vx.data, vy.data = (1j * h.data * steps[:, axis] for axis in (0, 1))
        return vx.tocsr(), vy.tocsr()

    @property
    def energies(self) -> Floats:
        """(n_sites,) ascending, energy."""
        return self._solution[0]

    @property
    def states(self) -> Complexes:
        """(n_sites, n_sites) normalised eigenstates as columns."""
        return self._solution[1]

    def density(self, mu: ArrayLike, kT: ArrayLike = 0.0) -> Floats:
        """Electrons on each site.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast

        Returns
        -------
        (..., n_sites) with the shape of (mu, kT) in the place of ``...``
        """
        occupation = self._weights(FERMI, mu, kT)
        return np.asarray(occupation @ (abs(self.states) ** 2).T)

    def grand_potential(self, mu: ArrayLike, kT: ArrayLike = 0.0) -> Floats | float:
        """G = −kT Σ ln(1 + e^{(μ−ε)/kT}) of the whole flake, shape of (mu, kT), energy."""
        return plain(-self._weights(GRAND, mu, kT).sum(axis=-1))

    def magnetization(self, mu: ArrayLike, kT: ArrayLike = 0.0) -> Floats | float:
        """Magnetic moment per area, M = −(e/2A) Σ f ⟨r × v⟩_z, along +z.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast

        Returns
        -------
        shape of (mu, kT), (e/ħ) energy; a float for single mu and kT

        Notes
        -----
        It is exactly −(1/A) ∂G/∂B at fixed μ and kT, at any B.  Edges and corners add terms of
        1/L and 1/L² to the bulk value: see :func:`extrapolate`.
        D. Ceresoli, T. Thonhauser, D. Vanderbilt & R. Resta, PRB 74, 024408 (2006);
        DOI 10.1103/PhysRevB.74.024408.

        Examples
        --------
        >>> import coursekit as ck
        >>> model = ck.models.haldane(1, 1 / 3, 0.785398, 2)
        >>> sizes = [6, 8, 10]
        >>> M = [ck.finite.Flake(model, (n, n)).magnetization(mu=-2, kT=0.2) for n in sizes]
        >>> print(f"{ck.finite.extrapolate(sizes, M).bulk:.5f}")
        0.02495
        """
        return plain(self._weights(FERMI, mu, kT) @ self._moments / self.area)

    def bond_currents(self, mu: ArrayLike, kT: ArrayLike = 0.0) -> BondCurrents:
        """Electric current on every bond in equilibrium.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast

        Returns
        -------
        BondCurrents : bonds, start, end, and current of shape (..., n_bonds); positive is positive
            charge from start to end

        Notes
        -----
        d|ψⱼ|²/dt = Σᵢ 2 Im ψⱼ* Hⱼᵢ ψᵢ: so many electrons come from i, each with charge −e.  The
        current that leaves a site vanishes, and ½ Σ I rᵢ × rⱼ is the magnetization times the area.

        Examples
        --------
        >>> import coursekit as ck
        >>> flake = ck.finite.Flake(ck.models.qwz(-1.0, 0.2), (6, 6))
        >>> currents = flake.bond_currents(mu=-0.3, kT=0.1)
        >>> bool(abs(currents.outflow(flake.n_sites)).max() < 1e-12)
        True
        >>> bool(abs(currents.moment() - flake.magnetization(-0.3, 0.1) * flake.area) < 1e-12)
        True
        """
        occupation = self._weights(FERMI, mu, kT)
        bonds, amplitudes = self._bonds
        current = np.empty((*occupation.shape[:-1], len(bonds)))
        step = max(1, _CHUNK // self.n_sites)
        for first in range(0, len(bonds), step):
            part = slice(first, first + step)
            i, j = bonds[part].T
            # −e × 2 Im(ψⱼ* Hⱼᵢ ψᵢ) with Hⱼᵢ = Hᵢⱼ*.
            flow = self.states[j].conj() * self.states[i] * amplitudes[part, None].conj()
            current[..., part] = occupation @ (-2 * flow.imag).T
        r = self.positions
        return BondCurrents(bonds, r[bonds[:, 0]], r[bonds[:, 1]], current)

    def edge_current(self, mu: ArrayLike, kT: ArrayLike = 0.0) -> Floats | float:
        """Net current around the middle of the flake, which is the bulk magnetization.

        All current that crosses a cut from the middle to the outside, anticlockwise positive, as
        an average over the cell in the middle where the cut begins: J = ∇ × M, so that the sum
        along the cut is M inside minus M = 0 outside.

        Parameters
        ----------
        mu, kT : chemical potential and temperature, energy; arrays broadcast

        Returns
        -------
        shape of (mu, kT), e energy / ħ, which is the unit of M in 2D; a float for single mu and kT

        Notes
        -----
        It approaches M as e^{−L/ξ} with the size L, without the 1/L of :meth:`magnetization`.  A
        hole in the middle does not hold the magnetization of the bulk.

        Examples
        --------
        >>> import coursekit as ck
        >>> model = ck.models.haldane(1, 1 / 3, 0.785398, 2)
        >>> flake = ck.finite.Flake(model, (12, 12))
        >>> M = ck.orbital_magnetization(model, -2, 0.2)
        >>> print(f"{flake.edge_current(-2, 0.2):.5f} {M:.5f}")
        0.02495 0.02495
        """
        currents = self.bond_currents(mu, kT)
        vectors = self.model.lattice.vectors
        corner = self.positions.mean(axis=0) @ np.linalg.inv(vectors) - 0.5
        share = circulation_weights(currents.start, currents.end, vectors, corner)
        return plain(currents.current @ share)

    def chern_marker(self, mu: float) -> Floats:
        """Local Chern number of the states below μ.

        Parameters
        ----------
        mu : chemical potential in a gap of the bulk, energy; T = 0

        Returns
        -------
        (n_cells,) for each of ``np.unique(flake.cells, axis=0)``, which :meth:`per_cell` counts.
        It is C deep inside, and its sum over the flake vanishes.

        Raises
        ------
        ValueError : NaN, or a state at μ

        Notes
        -----
        −(4π/A_c) Im Tr_cell P x Q y P with P the states below μ and Q = 1 − P; the bulk average is
        C = (1/2π) ∫Ω with Ω = −2 Im⟨∂ₓu|∂_yu⟩.
        R. Bianco & R. Resta, PRB 84, 241106 (2011); DOI 10.1103/PhysRevB.84.241106.

        Examples
        --------
        >>> import coursekit as ck
        >>> flake = ck.finite.Flake(ck.models.qwz(-1.0), (12, 12))
        >>> marker = flake.chern_marker(mu=0.1).reshape(12, 12)
        >>> print(f"{marker[6, 6]:.2f} {abs(marker.sum()):.2f}")
        1.00 0.00
        """
        occupied = self.states[:, : self._filled(mu)]
        density = chern_density(occupied, self._centred)
        return self.per_cell(density) / self.model.lattice.cell_volume

    def local_magnetization(self, mu: float) -> Floats:
        """Local orbital magnetization of an insulator, also one with a Chern number.

        Parameters
        ----------
        mu : chemical potential in a gap of the bulk, energy; T = 0

        Returns
        -------
        (n_cells,) (e/ħ) energy, cells as in :meth:`chern_marker`.  It is M deep inside, and its
        mean over the flake is :meth:`magnetization`.

        Raises
        ------
        ValueError : NaN, or a state at μ

        Notes
        -----
        Im [P x Q (H − μ) Q y P] − Im [Q x P (H − μ) P y Q] on the diagonal, per area.
        R. Bianco & R. Resta, PRL 110, 087202 (2013); DOI 10.1103/PhysRevLett.110.087202.

        Examples
        --------
        >>> import coursekit as ck
        >>> model = ck.models.haldane(1, 1 / 3, 0.785398, 2)
        >>> M = ck.finite.Flake(model, (11, 11)).local_magnetization(mu=0.0).reshape(11, 11)
        >>> print(f"{M[5, 5]:.4f} {ck.orbital_magnetization(model, 0.0):.4f}")
        0.0051 0.0051
        """
        density = magnetization_density(
            self.states, self.energies - mu, self._filled(mu), self._centred
        )
        return self.per_cell(density) / self.model.lattice.cell_volume

    def per_cell(self, values: ArrayLike) -> Floats:
        """Sums over the sites of each cell.

        Parameters
        ----------
        values : (..., n_sites), such as :meth:`density` gives

        Returns
        -------
        (..., n_cells) for each of ``np.unique(flake.cells, axis=0)``; cells that the edge cuts
        have fewer sites
        """
        array = np.asarray(values, dtype=float)
        if array.shape[-1:] != (self.n_sites,):
            raise ValueError(f"values have shape {array.shape}; expected (..., {self.n_sites})")
        # Sites are ordered by cells.
        first = np.flatnonzero(np.any(np.diff(self.cells, axis=0, prepend=np.inf), axis=1))
        return np.asarray(np.add.reduceat(array, first, axis=-1))

    @cached_property
    def _centred(self) -> Floats:
        return np.asarray(self.positions - self.positions.mean(axis=0))

    @cached_property
    def _solution(self) -> tuple[Floats, Complexes]:
        if self.n_sites > _MOST_DENSE:
            raise ValueError(
                f"the flake has {self.n_sites} sites; expected at most {_MOST_DENSE} where all "
                "states are asked for: a smaller shape"
            )
        energies, states = np.linalg.eigh(self.hamiltonian.toarray())
        return energies, states

    @cached_property
    def _moments(self) -> Floats:
        """(n_sites,) −½⟨r × v⟩ of each state."""
        h = self.hamiltonian.tocoo()
        rows, columns = h.coords
        x, y = self._centred.T
        # ½ (x v_y − y vₓ) has the elements ½ i Hᵢⱼ (rᵢ × rⱼ)_z.
        turning = h.copy()
        turning.data = -0.5j * h.data * (x[rows] * y[columns] - y[rows] * x[columns])
        return np.asarray((self.states.conj() * (turning.tocsr() @ self.states)).sum(axis=0).real)

    @cached_property
    def _bonds(self) -> tuple[Ints, Complexes]:
        """Sites i < j of each bond, and ⟨i|H|j⟩."""
        h = self.hamiltonian.tocoo()
        rows, columns = h.coords
        once = rows < columns
        return np.stack([rows[once], columns[once]], axis=-1), h.data[once]

    def _weights(self, weight: Weight, mu: ArrayLike, kT: ArrayLike) -> Floats:
        """(..., n_sites) weights of the states."""
        return state_weights(weight, self.energies, mu, kT)

    def _filled(self, mu: float) -> int:
        """Number of states below μ, none of them at μ."""
        if np.ndim(mu) or not np.isfinite(mu):
            raise ValueError(f"mu={mu!r}; expected one finite energy")
        distance = abs(self.energies - mu).min()
        if distance <= 1e-12 * self.model.energy_scale:
            raise ValueError(
                f"a state lies at mu={mu!r}, so that the ground state is not unique; expected mu "
                "between two of flake.energies"
            )
        return int((self.energies < mu).sum())

    def __repr__(self) -> str:
        field = f", B={self.B:g}" if self.B else ""
        return f"<Flake: {self.n_sites} sites, area {self.area:g}{field}>"
