"""Tensors that symmetries allow, and what models with those symmetries show."""

from __future__ import annotations

import numpy as np
import pytest

import coursekit as ck
from coursekit import symmetry as sym
from coursekit.symmetry import KINDS, TensorKind

HEXAGONAL = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
T = sym.time_reversal(3)


def closed(*generators):
    group = [generators[0] ** 0]
    for one in group:  # grows while it is read
        for other in generators:
            product = one * other
            if not any(product.same_point_operation(known) for known in group):
                group.append(product)
    return group


C2Z, C2X = sym.rotation(1 / 2, "z", 3), sym.rotation(1 / 2, "x", 3)
C3Z, C4Z, C6Z = (sym.rotation(1 / n, "z", 3) for n in (3, 4, 6))
C3D = sym.rotation(1 / 3, [1, 1, 1], 3)
P, MX, MZ = sym.inversion(3), sym.mirror("x", 3), sym.mirror("z", 3)
GROUPS = [
    closed(*generators)
    for generators in [
        (sym.identity(3),), (P,), (C2Z,), (MZ,), (C3Z,), (C4Z,), (C6Z,), (T,), (P * T,),
        (C2Z * T,), (MZ * T,), (C4Z * T,), (C4Z, C2X), (C4Z, MX), (C4Z, MX * T), (C4Z * T, MX),
        (C3Z, C2X), (C3Z, MX), (C3Z, MX * T), (C3Z, MX, T), (C3Z, P, MX * T), (C6Z, MX * T, P),
        (C6Z * T, MX), (C3D, C2Z), (C3D, C4Z), (C3D, C4Z * T), (C3D, C4Z, P, T), (C3D, C2Z, P * T),
        (MX, C2Z), (MX * T, C2Z), (MX, MZ * T), (C4Z * P, MX), (C4Z * P * T, MX),
    ]
]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_number_of_free_components(name):
    """n = Σ_g χ(g)/|G|, the characters written down by hand: no tensor is built for it."""
    kind = KINDS[name]
    for group in GROUPS:
        total = 0.0
        for one in group:
            R = one.rotation
            sign = np.linalg.det(R) if kind.axial else 1.0
            if one.antiunitary and kind.time_odd:
                sign = -sign
            trace, trace_of_square = np.trace(R), np.trace(R @ R)
            if kind.symmetric:
                pair = (trace**2 + trace_of_square) / 2
                character = trace ** (kind.rank - 2) * pair
            elif kind.onsager and one.antiunitary:
                # Exchange after R ⊗ R: Σ R_ab R_ba.
                character = trace_of_square
            else:
                character = trace**kind.rank
            total += sign * character
        basis = sym.allowed_tensor(group, name)
        assert basis.shape[1:] == (3,) * kind.rank
        assert len(basis) == pytest.approx(total / len(group), abs=1e-9)


def test_invariance_and_generators():
    """Each basis tensor stays what it is; generators do as well as the group."""
    for group in GROUPS:
        basis = sym.allowed_tensor(group, "spin_hall")
        for one in group:
            R = one.rotation
            turned = np.linalg.det(R) * np.einsum("ai,bj,ck,nijk->nabc", R, R, R, basis)
            np.testing.assert_allclose(turned, basis, atol=1e-9)
    np.testing.assert_array_equal(
        sym.allowed_tensor([C3D, C4Z * T], "magnetoelectric"),
        sym.allowed_tensor(closed(C3D, C4Z * T), "magnetoelectric"),
    )


@pytest.mark.parametrize(
    ("generators", "kind", "form"),
    [
        # Conductivity with its Hall part: Seemann et al. (2015), table of Laue groups.
        ((C4Z,), "conductivity", "[[a, b, 0], [−b, a, 0], [0, 0, c]]"),
        ((C4Z, C2X), "conductivity", "[[a, 0, 0], [0, a, 0], [0, 0, b]]"),
        ((C4Z, C2X * T), "conductivity", "[[a, b, 0], [−b, a, 0], [0, 0, c]]"),
        ((C2Z * T,), "conductivity", "[[a, b, c], [b, d, e], [−c, −e, f]]"),
        ((T,), "conductivity", "[[a, b, c], [b, d, e], [c, e, f]]"),
        ((C3D, C2Z), "conductivity", "[[a, 0, 0], [0, a, 0], [0, 0, a]]"),
        # A magnet along z.
        ((C4Z, MX * T), "magnetization", "[0, 0, a]"),
        ((MZ,), "magnetization", "[0, 0, a]"),
        ((MX,), "magnetization", "[a, 0, 0]"),
        ((MZ * T,), "magnetization", "[a, b, 0]"),
        ((P,), "magnetization", "[a, b, c]"),
        ((P * T,), "magnetization", "[0, 0, 0]"),
        ((C4Z * T,), "anomalous_hall", "[0, 0, 0]"),
        # Polar axes.
        ((C4Z, MX), "polarization", "[0, 0, a]"),
        ((P,), "polarization", "[0, 0, 0]"),
        # Cr₂O₃, -3'm'.
        ((C3Z, C2X, P * T), "magnetoelectric", "[[a, 0, 0], [0, a, 0], [0, 0, b]]"),
        # Quartz, 32 with the twofold axis along x: d₁₁ and d₁₄.
        ((C3Z, C2X), "piezoelectric",
         "[[[a, 0, 0], [0, −a, b], [0, b, 0]], [[0, −a, −b], [−a, 0, 0], [−b, 0, 0]], "
         "[[0, 0, 0], [0, 0, 0], [0, 0, 0]]]"),
        # Zinc blende: d₁₄ alone.
        ((C3D, C4Z * P), "piezoelectric",
         "[[[0, 0, 0], [0, 0, a], [0, a, 0]], [[0, 0, a], [0, 0, 0], [a, 0, 0]], "
         "[[0, a, 0], [a, 0, 0], [0, 0, 0]]]"),
        # Tellurium, 32. That b = −2a follows from div Ω = 0, which no symmetry says.
        ((C3Z, C2X, T), "berry_curvature_dipole", "[[a, 0, 0], [0, a, 0], [0, 0, b]]"),
        # Cubic: the spin Hall tensor is ε_abc.
        ((C3D, C4Z, P), "spin_hall",
         "[[[0, 0, 0], [0, 0, a], [0, −a, 0]], [[0, 0, −a], [0, 0, 0], [a, 0, 0]], "
         "[[0, a, 0], [−a, 0, 0], [0, 0, 0]]]"),
        # A Rashba plane, 4mm: M = χ ẑ × E.
        ((C4Z, MX, T), "edelstein", "[[0, a, 0], [−a, 0, 0], [0, 0, 0]]"),
        # A collinear altermagnet with C4·T: opposite spins along x and y.
        ((C4Z * T, C2X * C4Z), "magnetic_spin_hall",
         "[[[0, 0, a], [0, 0, 0], [b, 0, 0]], [[0, 0, 0], [0, 0, −a], [0, −b, 0]], "
         "[[c, 0, 0], [0, −c, 0], [0, 0, 0]]]"),
        # An oblique axis: numbers beside the letters.
        ((sym.mirror([np.sqrt(3), 1, 0], 3),), "polarization", "[a, −1.732a, b]"),
    ],
)  # fmt: skip
def test_known_forms(generators, kind, form):
    assert sym.allowed_matrix_form(list(generators), kind) == form


def test_kinds_by_hand():
    any_vector = TensorKind(rank=1)
    assert sym.allowed_tensor([], any_vector).shape == (3, 3)
    assert sym.allowed_matrix_form([P], TensorKind(rank=2)) == "[[a, b, c], [d, e, f], [g, h, i]]"
    # A tensor of rank 4 with nothing to restrict it has more components than there are letters.
    assert "a80" in sym.allowed_matrix_form([P], TensorKind(rank=4))
    # Elastic constants of an isotropic-like cubic crystal, without symmetric pairs: four.
    assert len(sym.allowed_tensor(closed(C3D, C4Z, P), TensorKind(rank=4))) == 4
    # Symmetries that turn energies around forbid nothing.
    assert len(sym.allowed_tensor([sym.chiral(3)], any_vector)) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TensorKind(0), "rank=0; expected 1 to 4"),
        (lambda: TensorKind(1, symmetric=True), "expected rank 2 or more"),
        (lambda: TensorKind(2, plane="p"), "plane='p'; expected one of"),
        (lambda: TensorKind(2, plane="px"), "plane='px'"),
        (lambda: sym.allowed_tensor([P], "spin hall"), "kind='spin hall'; expected a TensorKind"),
        (lambda: sym.forbids([]), "no symmetries"),
        (lambda: sym.allowed_tensor(ck, "polarization"), "expected a TightBinding"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_planes():
    """In a plane currents stay inside and Ω stands on it; spin may point anywhere."""
    rashba = ck.models.kane_mele(1.0, 0.06, 0.05, 0.1)
    assert sym.allowed_matrix_form(rashba, "spin_hall") == (
        "[[[a, 0], [0, −a]], [[0, −a], [−a, 0]], [[0, b], [−b, 0]]]"
    )
    assert sym.allowed_tensor([sym.identity(2)], "berry_curvature_dipole").shape == (2, 3, 3)
    assert sym.allowed_matrix_form([sym.identity(2)], "berry_curvature_dipole") == "[[a], [b]]"
    assert sym.allowed_matrix_form([sym.identity(2)], "anomalous_hall") == "[a]"
    assert sym.allowed_matrix_form([sym.identity(2)], "magnetization") == "[a, b, c]"


# ------------------------------------------------------------------ numbers


def out_of_span(values, basis):
    """The part of a tensor that is in no allowed one, over its size."""
    flat = basis.reshape(len(basis), -1)
    rest = values.ravel() - flat.T @ np.linalg.lstsq(flat.T, values.ravel(), rcond=None)[0]
    return abs(rest).max() / abs(values).max()


def spin_hall_on_mesh(model, mu, kT, n):
    """Σ f Ωˢ over a Γ-centred mesh, which has every symmetry of the lattice; all three spins."""
    k = ck.uniform_mesh(model.lattice, n).reshape(-1, 2)
    energies, states = np.linalg.eigh(model.hamiltonian(k))
    v = model.velocity_operator(k)
    spins = model.spin[:, None, None]
    current = np.moveaxis(spins @ v + v @ spins, 1, 0) / 2  # (K, s, a, n, n)
    to_bands = states[:, None].conj().swapaxes(-1, -2)
    v = to_bands @ v @ states[:, None]
    current = to_bands[:, None] @ current @ states[:, None, None]
    f = 1 / (1 + np.exp((energies - mu) / kT))
    gap = energies[:, :, None] - energies[:, None, :]
    together = abs(gap) < 1e-6
    factor = np.where(together, 0, f[:, :, None] - f[:, None, :]) / np.where(together, 1, gap) ** 2
    # σ = −q ∫ f Ωˢ with q = −1 and Ωˢ = −2 Im Σ j v/gap²; each pair once in either order.
    total = -np.einsum("knl,ksanl,kbln->sab", factor, current, v).imag
    return total / (len(k) * model.lattice.cell_volume)


@pytest.mark.parametrize(
    "model",
    [
        ck.models.kane_mele(1.0, 0.2, 0.3, 0.1),
        ck.models.kagome_antiferromagnet(1.7, 0.2, angle=0.4),
        ck.models.kagome_antiferromagnet(1.7, 0.2, chirality=-1),
        ck.models.altermagnet(1.0, 0.2, lam=0.3),
    ],
    ids=["kane-mele", "kagome", "kagome, other chirality", "altermagnet"],
)
def test_spin_hall(model):
    """Every allowed component of a metal is there, and no other."""
    values = np.zeros((3, 3, 3))
    values[:, :2, :2] = spin_hall_on_mesh(model, mu=-0.7, kT=0.3, n=24)
    basis = sym.allowed_tensor(model, "spin_hall")
    assert out_of_span(values, basis) < 1e-10
    for tensor in basis:
        first = np.unravel_index(np.argmax(tensor.ravel() != 0), tensor.shape)
        assert abs(values[first]) > 1e-4 * abs(values).max()
    for s, spin in enumerate("xyz"):
        there = ck.spin_hall(model, mu=-0.7, kT=0.3, spin=spin, mesh=24)
        np.testing.assert_allclose(there, values[s, :2, :2], atol=1e-9 * abs(values).max())


def strained(mirror):
    """A gapped honeycomb, stretched along y: with its mirror x, or with none."""
    hops = [1.0, 0.6, 0.6 if mirror else 0.8]
    return ck.TightBinding(
        HEXAGONAL, [[0, 0], [1 / 3, 1 / 3]],
        [(0, 1, R, t) for R, t in zip([(0, -1), (0, 0), (-1, 0)], hops, strict=True)],
        onsite=[0.3, -0.3],
    )  # fmt: skip


def test_dipole_of_strained_graphene():
    """One mirror leaves the component of D along its normal."""
    model = strained(mirror=True)
    rules = sym.forbids(model)
    assert rules.group.symbol == "mm21'"
    assert rules.forms["berry_curvature_dipole"] == "[[a], [0]]"
    assert "anomalous_hall" in rules.forbidden
    D = ck.berry_curvature_dipole(model, mu=0.55, kT=0.05)
    assert abs(D[0]) > 1e-3
    assert abs(D[1]) < 1e-7 * abs(D[0])
    D = ck.berry_curvature_dipole(strained(mirror=False), mu=0.55, kT=0.05)
    assert sym.forbids(strained(mirror=False)).forms["berry_curvature_dipole"] == "[[a], [b]]"
    assert abs(D).min() > 1e-3


@pytest.mark.parametrize(
    ("model", "inversion", "magnetization"),
    [
        # Both trivial insulators: M is one number for all μ of the gap.
        (ck.models.haldane(1.0, 1 / 3, np.pi / 4, 2.0), False, 0.0051164730340),
        (ck.models.qwz(-3.0, 0.3), True, 0.00332679559312),
    ],
    ids=["haldane", "qwz"],
)
def test_magnetization_without_chern_number(model, inversion, magnetization):
    """Symmetry allows σ_xy and M alike; topology alone makes σ_xy zero."""
    rules = sym.forbids(model)
    assert rules.forms["anomalous_hall"] == rules.forms["orbital_magnetization"] == "[a]"
    assert ck.chern_number(model, 1) == 0
    assert ck.orbital_magnetization(model, 0.0) == pytest.approx(magnetization, rel=1e-9)
    assert abs(ck.anomalous_hall(model, 0.0)) < 1e-12
    # In a metal nothing forbids it.
    assert abs(ck.anomalous_hall(model, -2.1, 0.1)) > 1e-4
    assert sym.holds(model, sym.inversion(2)) == inversion
    assert not sym.holds(model, sym.time_reversal(2))


@pytest.mark.parametrize(
    "model",
    [
        ck.models.gapped_graphene(1.0, 0.3),
        ck.models.kane_mele(1.0, 0.06, 0.05, 0.1),
        ck.models.altermagnet(1.0, 0.2, lam=0.3),
        ck.models.kagome_antiferromagnet(1.7, 0.2, angle=np.pi / 2),
    ],
    ids=["graphene", "kane-mele", "altermagnet", "kagome"],
)
def test_forbidden_hall_and_magnetization(model):
    """Ω is there (but for inversion with T), its integrals vanish on a symmetric mesh."""
    rules = sym.forbids(model)
    assert {"anomalous_hall", "orbital_magnetization"} <= set(rules.forbidden)
    for quantity in (ck.anomalous_hall, ck.orbital_magnetization):
        whole = quantity(model, -0.7, 0.1, mesh=24, symmetries=[sym.identity(2)])
        assert abs(whole) < 1e-12
    k = np.array([0.4, 1.1])
    vanishes = "so Ω and m vanish at every k" in rules.statements
    assert (abs(ck.berry_curvature(model, k, bands=0)).max() < 1e-9) == vanishes


def test_weyl_hall_vector():
    rules = sym.forbids(ck.models.weyl(1.0))
    assert rules.forms["anomalous_hall"] == "[0, 0, a]"
    here = [sym.identity(3)]  # a mesh centred at Γ
    sigma = ck.anomalous_hall(ck.models.weyl(1.0), 0.3, 0.2, mesh=16, symmetries=here)
    assert abs(sigma[2]) > 0.01
    assert abs(sigma[:2]).max() < 1e-12


# ------------------------------------------------------------------ words


def test_rules_in_words():
    text = repr(sym.forbids(ck.models.kagome_antiferromagnet(1.7, 0.0)))
    for line in [
        "Magnetic point group 6'/m'mm', 24 operations",
        "orbits, whatever the spins do: the group 6/mmm1'",
        "time reversal: Ω(−k) = −Ω(k), and so m",
        "inversion: Ω(−k) = Ω(k), and so m",
        "so Ω and m vanish at every k",
        "Hall conductivity σ_xy: [0]",
        "spin Hall conductivity σˢ_ab, s = x, y, z: ",
    ]:
        assert line in text
    chiral = sym.forbids(ck.models.haldane(1.0, 0.1, 0.5, 0.3)).statements
    assert chiral == (
        "C3 rotation about z: Ω(C3z k) = Ω(k), and so m",
        "Mx·T: Ω(kx, −ky) = Ω(kx, ky), and so m",
    )
    chain = sym.forbids(ck.models.rice_mele(1.0, 0.3))
    assert chain.statements == ()
    assert chain.forbidden == ("polarization",)
    assert "Hall" not in repr(chain)
    altermagnet = sym.forbids(ck.models.altermagnet(1.0, 0.2, lam=0.3)).statements
    assert "C4z·T: Ω(−C4z k) = −Ω(k), and so m" in altermagnet


@pytest.mark.parametrize(
    ("generators", "statements"),
    [
        ((C3Z,), ["C3 rotation about z: Ω(C3z k) = C3z Ω(k), and so m"]),
        ((P,), ["inversion: Ω(−k) = Ω(k), and so m"]),
        ((P * T,), ["P·T: Ω(k) = −Ω(k), and so m", "so Ω and m vanish at every k"]),
        ((MZ,), ["mirror z: Ω(kx, ky, −kz) = (−Ωx, −Ωy, Ωz)(kx, ky, kz), and so m"]),
        ((C4Z * T,), ["C2 rotation about z: Ω(−kx, −ky, kz) = (−Ωx, −Ωy, Ωz)(kx, ky, kz), and so m",
                      "C4z·T: Ω(−C4z k) = −C4z Ω(k), and so m"]),
    ],
)  # fmt: skip
def test_rules_in_space(generators, statements):
    assert list(sym.forbids(closed(*generators)).statements) == statements
