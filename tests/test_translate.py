"""Other packages' words and models, against numbers that those packages printed.

The packages are no dependencies.  Stand-ins below show what the real objects show, copied from runs
of the versions named; where a package is installed, its real object is tested as well.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import coursekit as ck
from coursekit import translate

# One Haldane model, in the numbers that go into every package.
HEXAGONAL = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
ORBITALS = np.array([[1 / 3, 1 / 3], [2 / 3, 2 / 3]])
MASS, HOP = 0.2, 0.15j
ONSITE = [-MASS, MASS]
HOPPINGS = [
    *((0, 1, R, 1.0) for R in [(0, 0), (-1, 0), (0, -1)]),
    *((0, 0, R, HOP) for R in [(1, 0), (-1, 1), (0, -1)]),
    *((1, 1, R, HOP) for R in [(-1, 0), (1, -1), (0, 1)]),
]
REDUCED = np.array([[2 / 3, 1 / 3], [1 / 3, 2 / 3], [0.13, 0.29]])
# H(k) at the third point, printed by PythTB's hamiltonian, and by sisl's Hk with gauge="atom".
INSIDE = [
    [-0.38141402, 2.22323597 + 0.0242867679j],
    [2.22323597 - 0.0242867679j, 0.38141402],
]
# The same from Kwant's wraparound and pyqula's get_hk_gen, whose phases lack the positions.
OUTSIDE = [
    [-0.38141402, 1.43585722 - 1.69755179j],
    [1.43585722 + 1.69755179j, 0.38141402],
]


@pytest.fixture(scope="module")
def model():
    return ck.TightBinding(HEXAGONAL, ORBITALS, HOPPINGS, onsite=ONSITE)


@pytest.fixture(scope="module")
def k(model):
    return model.lattice.to_cartesian(REDUCED)


# The numbers by which the packages were compared ------------------------------------------------


def test_energies_curvature_moment_at_three_points(model, k):
    np.testing.assert_allclose(
        ck.berry_curvature(model, k, 0), [-1.11696615, -0.39092261, -0.00859011], atol=6e-9
    )
    np.testing.assert_allclose(ck.solve(model, k[0]).energies, [-0.57942286, 0.57942286], atol=6e-9)
    np.testing.assert_allclose(ck.orbital_moment(model, k[0]), [0.64720, 0.64720], atol=6e-6)
    metric = ck.quantum_metric(model, k[2], 0)
    expected = [[3.90939331e-3, 2.24588044e-3], [2.24588044e-3, 6.00898753e-3]]  # PythTB
    np.testing.assert_allclose(metric, expected, atol=1e-10)


def test_integers_and_responses(model):
    assert ck.chern_number(model, 1) == -1
    np.testing.assert_allclose(2 * np.pi * ck.anomalous_hall(model, mu=0.0), 1.0, atol=1e-7)
    mesh = {"mesh": 300, "method": "uniform"}
    sigma = ck.units.conductance_quanta(ck.anomalous_hall(model, mu=-1.4, **mesh))
    np.testing.assert_allclose(sigma, 0.0947823027, atol=6e-11)
    M = ck.units.bohr_magnetons_per_cell(
        ck.orbital_magnetization(model, mu=0.21, **mesh), model.lattice.cell_volume
    )
    np.testing.assert_allclose(M, -0.00759708738, atol=6e-12)


def test_least_curvature_on_a_mesh(model):
    mesh = ck.uniform_mesh(model.lattice, 200)
    np.testing.assert_allclose(ck.berry_curvature(model, mesh, 0).min(), -1.115874, atol=6e-7)


# What they printed, through the last column of the table ----------------------------------------


def test_curvature_for_each_reduced_k(model, k):
    """PythTB without cartesian=True; pyqula by links with dk = 0.001, positions outside."""
    per_area = model.lattice.cell_volume / (2 * np.pi) ** 2
    omega = ck.berry_curvature(model, k, 0)
    pythtb = np.array([-50.91773972, -17.82050049, -0.39158681])
    np.testing.assert_allclose(pythtb * per_area, omega, atol=1e-8)
    pyqula = np.array([-50.91468782, -17.82027906])
    np.testing.assert_allclose(pyqula * per_area, omega[:2], rtol=1e-4)
    # At a point of no symmetry, positions matter: pyqula and sisl's "cell" gauge agree.
    np.testing.assert_allclose(-1.35355986 * per_area, -0.02969273, rtol=1e-4)
    bare = ck.TightBinding(HEXAGONAL, np.zeros((2, 2)), HOPPINGS, onsite=ONSITE)
    np.testing.assert_allclose(ck.berry_curvature(bare, k[2], 0), -0.02969273, atol=1e-8)


def test_conductivity_of_a_cell_with_a_height(model):
    quantum = 1 / 25812.8074593  # S
    # WannierBerri's AHC in S/m, in a cell of height 1 Å: at μ = −1.4 on 60², and in the gap.
    mesh = {"mesh": 60, "method": "uniform"}
    ours = ck.units.conductance_quanta(ck.anomalous_hall(model, [-1.4, 0.0], **mesh))
    np.testing.assert_allclose(ours, np.array([37058.68302, 387404.5865]) / 387404.6, rtol=1e-6)
    np.testing.assert_allclose(quantum / 1e-10, 387404.6, rtol=1e-6)
    # sisl's ahc without time reversal, S/Å with a height of 10 Å.
    np.testing.assert_allclose(3.874045864931816e-06 * 10 / 3.874e-5, 1.0, rtol=2e-5)


def test_magnetization_of_wannierberri(model):
    """static.Morb on 60² at μ = −1.4 and 0.21, μ_B in a cell."""
    M = ck.orbital_magnetization(model, [-1.4, 0.21], mesh=60, method="uniform")
    ours = ck.units.bohr_magnetons_per_cell(M, model.lattice.cell_volume)
    np.testing.assert_allclose(ours, [4.84485837e-3, -7.59708738e-3], atol=6e-11)


def test_metric_of_sisl(model, k):
    """Im berry_curvature(sum=False) of the lower band, xx and xy; gauge="atom"."""
    metric = ck.quantum_metric(model, k[2], 0)
    np.testing.assert_allclose([0.00781879 / 2, 0.00449176 / 2], metric[0], atol=6e-9)


# The table ---------------------------------------------------------------------------------------


def test_table_names_every_package():
    peers = {row.peer for row in translate.table().rows}
    assert peers == {"PythTB", "WannierBerri", "sisl", "pyqula", "Z2Pack", "Kwant"}


def test_table_of_one_package():
    only = translate.table("sISL")
    assert {row.peer for row in only.rows} == {"sisl"}
    head, *lines = repr(only).splitlines()
    assert head.split()[:2] == ["package", "quantity"]
    assert len(lines) == len(only.rows)
    assert all(line.startswith("sisl 0.20  ") for line in lines)


def test_table_in_a_notebook():
    html = translate.Table((translate.Translation("<b>", "1", "Ω", "a & b", "X"),))._repr_html_()
    assert "<td>&lt;b&gt; 1</td><td>Ω</td><td>a &amp; b</td><td>X</td>" in html
    assert html.startswith("<table><thead><tr><th>package</th>")


def test_table_knows_no_other():
    with pytest.raises(ValueError, match="peer='TBmodels'; expected one of PythTB, WannierBerri"):
        translate.table("TBmodels")


# Models: stand-ins with what the real objects show -----------------------------------------------


def pythtb_model(**changes):
    hoppings = [
        {"amplitude": t, "from_orbital": i, "to_orbital": j}
        | ({"lattice_vector": list(R)} if any(R) else {})
        for i, j, R, t in HOPPINGS
    ]
    shown = {
        "lat_vecs": HEXAGONAL,
        "orb_vecs": ORBITALS,
        "onsite": np.array(ONSITE),
        "hoppings": hoppings,
        "nspin": 1,
        "periodic_dirs": [0, 1],
    }
    return SimpleNamespace(**shown | changes)


class _Sparse:
    """What tocsr() of sisl gives, as far as it is used."""

    def __init__(self, elements):
        self.row, self.col = (np.array([e[n] for e in elements]) for n in (0, 1))
        self.data = np.array([e[2] for e in elements])

    def tocoo(self):
        return self


def sisl_hamiltonian(**changes):
    # Cells in sisl's order, and columns as cell × 2 + orbital.
    cells = [(0, 0), (-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]
    elements = [(i, i, ONSITE[i]) for i in (0, 1)]
    for i, j, (a, b), t in HOPPINGS:
        elements.append((i, 2 * cells.index((a, b)) + j, t))
        elements.append((j, 2 * cells.index((-a, -b)) + i, np.conj(t)))
    geometry = SimpleNamespace(
        lattice=SimpleNamespace(
            nsc=np.array([3, 3, 1]), cell=np.pad(HEXAGONAL, (0, 1)) + np.diag([0, 0, 10.0])
        ),
        xyz=np.pad(ORBITALS @ HEXAGONAL, ((0, 0), (0, 1))),
        o2a=lambda orbitals: orbitals,
        o2isc=lambda columns: np.array([(*cells[c // 2], 0) for c in columns]),
    )
    shown = {
        "geometry": geometry,
        "tocsr": lambda: _Sparse(elements),
        "orthogonal": True,
        "spin": SimpleNamespace(is_unpolarized=True),
        "no": 2,
    }
    return SimpleNamespace(**shown | changes)


def pyqula_hamiltonian(**changes):
    blocks = {}

    def add(R, i, j, t):
        # Keys mix int and numpy's, values are np.matrix there.
        key = (*map(np.int64, R), np.int64(0))
        blocks.setdefault(key, np.zeros((2, 2), dtype=complex))[i, j] += t

    for i in (0, 1):
        add((0, 0), i, i, ONSITE[i])
    for i, j, R, t in HOPPINGS:
        add(R, i, j, t)
        add((-R[0], -R[1]), j, i, np.conj(t))
    geometry = SimpleNamespace(
        dimensionality=2,
        a1=np.array([*HEXAGONAL[0], 0.0]),
        a2=np.array([*HEXAGONAL[1], 0.0]),
        a3=np.array([0.0, 0.0, 100.0]),
        r=np.pad(ORBITALS @ HEXAGONAL, ((0, 0), (0, 1))),
    )
    shown = {
        "geometry": geometry,
        "get_hopping_dict": lambda: blocks,
        "has_eh": False,
        "has_spin": False,
    }
    return SimpleNamespace(**shown | changes)


class Site(NamedTuple):
    """A site as Kwant has it: its family and tag, sortable, with a position."""

    family: str
    tag: tuple[int, int]

    @property
    def pos(self):
        return (ORBITALS["AB".index(self.family)] + self.tag) @ HEXAGONAL


class Translations:
    periods = HEXAGONAL

    def which(self, site):
        return site.tag

    def act(self, R, site):
        return Site(site.family, (site.tag[0] + R[0], site.tag[1] + R[1]))


def kwant_builder(matrix=1.0, own=0.0, **changes):
    """With ``matrix`` every hopping is a matrix in spin space, and ``own`` every site's."""
    home = [Site("A", (0, 0)), Site("B", (0, 0))]
    # Not in order: a Builder has none.
    sites = [(home[i], own + matrix * ONSITE[i]) for i in (1, 0)]
    hoppings = [((home[i], Site("AB"[j], R)), matrix * t) for i, j, R, t in HOPPINGS]
    shown = {
        "symmetry": Translations(),
        "site_value_pairs": lambda: sites,
        "hopping_value_pairs": lambda: hoppings,
    }
    return SimpleNamespace(**shown | changes)


READERS = [
    (translate.from_pythtb, pythtb_model),
    (translate.from_sisl, sisl_hamiltonian),
    (translate.from_pyqula, pyqula_hamiltonian),
    (translate.from_kwant, kwant_builder),
]


@pytest.mark.parametrize(("read", "stand_in"), READERS)
def test_models_of_others(model, k, read, stand_in):
    theirs = read(stand_in())
    np.testing.assert_allclose(theirs.hamiltonian(k[2]), INSIDE, atol=6e-9)
    np.testing.assert_allclose(theirs.hamiltonian(k), model.hamiltonian(k), atol=1e-14)
    np.testing.assert_allclose(
        ck.berry_curvature(theirs, k), ck.berry_curvature(model, k), atol=1e-12
    )


def test_phases_without_positions(model, k):
    """What Kwant and pyqula print is ours with every orbital in the corner of the cell."""
    bare = ck.TightBinding(HEXAGONAL, np.zeros((2, 2)), HOPPINGS, onsite=ONSITE)
    np.testing.assert_allclose(bare.hamiltonian(k[2]), OUTSIDE, atol=6e-9)


SPIN = np.array([[1.0, 0.3j], [-0.2, -0.7]])
FIELD = np.array([[0.1, 0.25 - 0.4j], [0.25 + 0.4j, -0.1]])


def by_hand(k):
    """H(k) of ``kwant_builder(SPIN, FIELD)``, bond by bond in space: first A↑, A↓, B↑, B↓."""
    h = np.zeros((2, 2, 2, 2), dtype=complex)
    for i, j, R, t in HOPPINGS:
        phase = np.exp(1j * k @ ((ORBITALS[j] + R - ORBITALS[i]) @ HEXAGONAL))
        h[i, :, j, :] += t * phase * SPIN
        h[j, :, i, :] += np.conj(t * phase) * SPIN.conj().T
    for i in (0, 1):
        h[i, :, i, :] += FIELD + ONSITE[i] * np.diag([1.0, -1.0])
    return h.reshape(4, 4)


def with_spin_pythtb():
    own = np.array([FIELD + e * np.diag([1.0, -1.0]) for e in ONSITE])
    return pythtb_model(
        nspin=2,
        onsite=own,
        hoppings=[h | {"amplitude": h["amplitude"] * SPIN} for h in pythtb_model().hoppings],
    )


def with_spin_kwant():
    builder = kwant_builder(SPIN)
    own = [
        (site, FIELD + ONSITE["AB".index(site.family)] * np.diag([1.0, -1.0]))
        for site, _ in builder.site_value_pairs()
    ]
    builder.site_value_pairs = lambda: own
    return builder


def with_spin_pyqula():
    blocks = {(0, 0, 0): np.kron(np.eye(2), FIELD) + np.kron(np.diag(ONSITE), np.diag([1, -1]))}
    for i, j, R, t in HOPPINGS:
        bond = np.zeros((2, 2))
        bond[i, j] = 1
        there, back = (*R, 0), (-R[0], -R[1], 0)
        blocks[there] = blocks.get(there, 0) + np.kron(bond, t * SPIN)
        blocks[back] = blocks.get(back, 0) + np.kron(bond.T, np.conj(t) * SPIN.conj().T)
    sparse = {R: _Matrix(block) for R, block in blocks.items()}
    return pyqula_hamiltonian(has_spin=True, get_hopping_dict=lambda: sparse)


class _Matrix:
    """A sparse matrix, which some Hamiltonians hold."""

    def __init__(self, dense):
        self._dense = dense

    def toarray(self):
        return self._dense


@pytest.mark.parametrize(
    "theirs",
    [
        lambda: translate.from_pythtb(with_spin_pythtb()),
        lambda: translate.from_kwant(with_spin_kwant(), spin="pairs"),
        lambda: translate.from_pyqula(with_spin_pyqula()),
    ],
)
def test_models_with_spin(theirs, k):
    read = theirs()
    np.testing.assert_allclose(read.hamiltonian(k[2]), by_hand(k[2]), atol=1e-14)
    half = np.array([[0.5, 0], [0, -0.5]])
    np.testing.assert_array_equal(read.spin[2], np.kron(np.eye(2), half))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: translate.from_pythtb(7), "int has no lat_vecs.*expected a pythtb.TBModel"),
        (lambda: translate.from_sisl(7), "expected a sisl.Hamiltonian"),
        (lambda: translate.from_pyqula(7), "expected a pyqula Hamiltonian"),
        (lambda: translate.from_kwant(7), "expected a kwant.Builder"),
        (
            lambda: translate.from_kwant(kwant_builder(symmetry=object())),
            "object has no periods, which; expected a builder with a TranslationalSymmetry",
        ),
        (
            lambda: translate.from_pythtb(pythtb_model(periodic_dirs=[0])),
            r"periodic_dirs=\[0\] of 2 vectors; expected a model that is periodic in all",
        ),
        (
            lambda: translate.from_pythtb(
                pythtb_model(hoppings=[{"amplitude": "t", "from_orbital": 0, "to_orbital": 1}])
            ),
            "a hopping or an energy is 't'; expected numbers",
        ),
        (
            lambda: translate.from_kwant(kwant_builder(site_value_pairs=lambda: [(0, abs)])),
            "a hopping or an energy is <built-in function abs>; expected numbers",
        ),
        (
            lambda: translate.from_sisl(sisl_hamiltonian(orthogonal=False)),
            "overlap matrix.*expected orthogonal orbitals without spin",
        ),
        (
            lambda: translate.from_sisl(
                sisl_hamiltonian(spin=SimpleNamespace(is_unpolarized=False))
            ),
            "expected orthogonal orbitals without spin",
        ),
        (
            lambda: translate.from_pyqula(pyqula_hamiltonian(has_eh=True)),
            "has_eh=True; expected a crystal of electrons",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_refuses_a_crystal_out_of_its_plane():
    hamiltonian = pyqula_hamiltonian()
    hamiltonian.geometry.a2 = np.array([0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="not in the first 2 Cartesian directions; expected them"):
        translate.from_pyqula(hamiltonian)


# The real ones, where they are installed ---------------------------------------------------------


def test_real_pythtb(model, k):
    pythtb = pytest.importorskip("pythtb", minversion="2.0")
    theirs = pythtb.TBModel(pythtb.Lattice(HEXAGONAL, ORBITALS, periodic_dirs=...))
    theirs.set_onsite(ONSITE)
    for i, j, R, t in HOPPINGS:
        theirs.set_hop(t, i, j, R)
    ours = translate.from_pythtb(theirs)
    np.testing.assert_allclose(ours.hamiltonian(k), theirs.hamiltonian(REDUCED), atol=1e-14)
    spinful = pythtb.TBModel(pythtb.Lattice(HEXAGONAL, ORBITALS, periodic_dirs=...), spinful=True)
    spinful.set_onsite([FIELD + e * np.diag([1.0, -1.0]) for e in ONSITE])
    for i, j, R, t in HOPPINGS:
        spinful.set_hop(t * SPIN, i, j, R)
    ours, theirs = (
        translate.from_pythtb(spinful),
        spinful.hamiltonian(REDUCED, flatten_spin_axis=True),
    )
    np.testing.assert_allclose(ours.hamiltonian(k), theirs, atol=1e-14)
    np.testing.assert_allclose(ours.hamiltonian(k[2]), by_hand(k[2]), atol=1e-14)


def test_real_sisl(k):
    sisl = pytest.importorskip("sisl")
    lattice = sisl.Lattice(np.pad(HEXAGONAL, (0, 1)) + np.diag([0, 0, 10.0]), nsc=[3, 3, 1])
    xyz = np.pad(ORBITALS @ HEXAGONAL, ((0, 0), (0, 1)))
    theirs = sisl.Hamiltonian(
        sisl.Geometry(xyz, [sisl.Atom(1, R=1.01)] * 2, lattice=lattice), dtype=complex
    )
    for i in (0, 1):
        theirs[i, i] = ONSITE[i]
    for i, j, (a, b), t in HOPPINGS:
        theirs[i, j, (a, b, 0)] = t
        theirs[j, i, (-a, -b, 0)] = np.conj(t)
    expected = theirs.Hk((*REDUCED[2], 0), gauge="atom").toarray()
    np.testing.assert_allclose(translate.from_sisl(theirs).hamiltonian(k[2]), expected, atol=1e-14)


def test_real_pyqula(k):
    pytest.importorskip("pyqula")
    from pyqula import geometry

    theirs = geometry.honeycomb_lattice().get_hamiltonian(has_spin=True)
    theirs.add_haldane(0.1)
    theirs.add_rashba(0.2)
    theirs.add_zeeman([0.1, 0.2, 0.3])
    theirs.add_onsite(0.3)
    ours = translate.from_pyqula(theirs)
    here = ours.lattice.to_cartesian(REDUCED[2])
    expected = np.asarray(theirs.get_hk_gen()([*REDUCED[2], 0.0]))
    bare = ck.TightBinding.from_blocks(
        ours.lattice, np.zeros((4, 2)), dict(ours.blocks), spin="pairs"
    )
    np.testing.assert_allclose(bare.hamiltonian(here), expected, atol=1e-14)


def test_real_kwant(k):
    kwant = pytest.importorskip("kwant")
    lattice = kwant.lattice.general(HEXAGONAL, ORBITALS @ HEXAGONAL, norbs=2)
    sites = lattice.sublattices
    builder = kwant.Builder(kwant.TranslationalSymmetry(*HEXAGONAL))
    for i in (1, 0):
        builder[sites[i](0, 0)] = FIELD + ONSITE[i] * np.diag([1.0, -1.0])
    for i, j, R, t in HOPPINGS:
        builder[sites[i](0, 0), sites[j](*R)] = t * SPIN
    read = translate.from_kwant(builder, spin="pairs")
    np.testing.assert_allclose(read.hamiltonian(k[2]), by_hand(k[2]), atol=1e-14)
