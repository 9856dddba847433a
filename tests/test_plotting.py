"""Figures: what they show, not how they look."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import coursekit as ck
from coursekit import plotting


@pytest.fixture(autouse=True)
def _no_windows() -> Iterator[None]:
    matplotlib.use("agg")
    with matplotlib.rc_context():
        yield
    plt.close("all")


def test_bands_are_drawn_along_the_path() -> None:
    model = ck.models.qwz(-1.0)
    axes = plotting.plot_bands(model, [[0, 0], [np.pi, 0], [np.pi, np.pi]], ["Γ", "X", "M"])
    lower, upper = axes.lines
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Γ", "X", "M"]
    np.testing.assert_allclose(axes.get_xticks(), [0, np.pi, 2 * np.pi])
    # |d| is 1 at Γ and X and 3 at M.
    for line, sign in ((lower, -1), (upper, +1)):
        energies = np.asarray(line.get_ydata())
        np.testing.assert_allclose(energies[[0, 100, 200]], sign * np.array([1, 1, 3]))


def test_bands_go_where_they_are_asked_to() -> None:
    axes = plt.subplots()[1]
    assert plotting.plot_bands(ck.models.qwz(1.0), [[0, 0], [1, 0]], ["Γ", "k"], axes) is axes


def test_each_corner_needs_a_label() -> None:
    with pytest.raises(ValueError, match="1 labels for 2 points"):
        plotting.plot_bands(ck.models.qwz(1.0), [[0, 0], [1, 0]], ["Γ"])


def test_named_points_and_energies_from_mu() -> None:
    model = ck.models.haldane(1.0, 0.2, 0.8, 0.3)
    axes = plotting.plot_bands(model, ["G", "K", "M", "K'"], mu=0.25)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Γ", "K", "M", "K′"]
    points = ck.high_symmetry_points(model.lattice)
    energies = [ck.solve(model, points[name]).energies[0] - 0.25 for name in ("Γ", "K", "M", "K′")]
    np.testing.assert_allclose(np.asarray(axes.lines[0].get_ydata())[::100], energies)
    assert axes.get_ylabel() == "energy − μ"
    assert list(axes.lines[-1].get_ydata()) == [0, 0]
    renamed = plotting.plot_bands(model, ["G", "K"], ["Γ", "here"])
    assert renamed.get_xticklabels()[1].get_text() == "here"


def test_bands_coloured_by_a_function_of_k() -> None:
    """The middle of each step has the mean of its ends; both bands are there."""
    model = ck.models.qwz(-1.0, 0.2)
    axes = plotting.plot_bands(
        model, ["Γ", "X"], quantity=lambda k: ck.berry_curvature(model, k), label="Ω"
    )
    (lines,) = axes.collections
    colours = np.asarray(lines.get_array())
    k = np.linspace(0, 1, 101)[:, None] * [np.pi, 0]
    omega = ck.berry_curvature(model, k)
    expected = (omega[1:] + omega[:-1]) / 2
    np.testing.assert_allclose(np.sort(colours), np.sort(expected.ravel()), atol=1e-12)
    starts = np.array([segment[0] for segment in lines.get_segments()])
    energies = ck.solve(model, k[:-1]).energies
    np.testing.assert_allclose(np.sort(starts[:, 1]), np.sort(energies.ravel()), atol=1e-12)
    assert lines.norm.vmin == -lines.norm.vmax
    assert axes.figure.axes[1].get_ylabel() == "Ω"


def test_bands_coloured_by_an_expectation_value() -> None:
    """Layers of a ribbon: the two edge states at k = 0 are in the first and the last of them."""
    ribbon = ck.models.qwz(-1.0).cut(1, 12)
    axes = plotting.plot_bands(
        ribbon, [[0.0], [0.1]], ["0", "k"], quantity=np.diag(np.arange(24) // 2), label="layer"
    )
    (lines,) = axes.collections
    starts = np.array([segment[0] for segment in lines.get_segments()])
    middle = (starts[:, 0] == 0.05) & (abs(starts[:, 1]) < 0.5)
    assert middle.sum() == 2
    np.testing.assert_allclose(np.sort(lines.get_array()[middle]), [0, 11], atol=0.05)
    assert lines.get_cmap().name == "levels"


def test_peaks_go_beyond_the_scale() -> None:
    values = np.append(np.linspace(-1, 1, 1000), 50.0)
    assert 0.9 < plotting.style.symmetric(values).vmax < 1
    assert plotting.style.symmetric(np.array([-1.0, 0.5])).vmax == 1
    assert plotting.style.symmetric(np.append(np.zeros(1000), [-3.0])).vmax == 3
    assert plotting.style.symmetric(np.zeros(3)).vmax == 1
    model = ck.models.haldane(1, 0.2, np.pi / 2, 1.03)
    axes = plotting.plot_bands(
        model, ["Γ", "K", "M", "K′", "Γ"], quantity=lambda k: ck.berry_curvature(model, k)
    )
    (lines,) = axes.collections
    assert abs(lines.get_array()).max() > 2 * lines.norm.vmax


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        (np.eye(3), r"quantity has shape \(3, 3\); expected \(2, 2\)"),
        (lambda k: k[..., 0], r"quantity\(k\) has shape \(101,\); expected \(101, 2\)"),
    ],
)
def test_refuses_bad_quantities(quantity: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plotting.plot_bands(ck.models.qwz(1.0), ["Γ", "X"], quantity=quantity)


def test_refuses_unknown_names() -> None:
    with pytest.raises(
        ValueError, match=r"points \['K'\] are not of this lattice; expected \['Γ', "
    ):
        plotting.plot_bands(ck.models.qwz(1.0), ["Γ", "K"])
    with pytest.raises(ValueError, match="has no lattice to name points of"):
        plotting.plot_bands(ck.models.massive_dirac(1.0, 0.5), ["Γ", "K"])
    with pytest.raises(ValueError, match="0 labels for 2 points"):
        plotting.plot_bands(ck.models.qwz(1.0), [[0, 0], [1, 0]])


@pytest.mark.parametrize(
    ("model", "points", "labels", "wrong"),
    [
        (ck.models.kagome(0.6), [[0, 0], [2 / 3, 1 / 3], [0.5, 0]], "ΓKM", "K"),
        (ck.models.kagome(0.6), [[0, 0], [0.333, 0.667]], "ΓK", "K"),
        (ck.models.qwz(1.0), [[0, 0], [0.5, 0.5]], "ΓM", "M"),
        (ck.models.weyl(1.0), [[0, 0, 0], [0, 0, 0.5]], ["G", "X"], "X"),
    ],
)
def test_refuses_corners_in_reduced_coordinates(
    model: ck.TightBinding, points: list[list[float]], labels: list[str], wrong: str
) -> None:
    with pytest.raises(ValueError, match=f"corner {wrong} is at .*expected Cartesian k: pass"):
        plotting.plot_bands(model, points, labels)
    plotting.plot_bands(model, model.lattice.to_cartesian(points), labels)


@pytest.mark.parametrize(
    ("lattice", "points", "labels"),
    [
        # Lengths at which reduced is Cartesian, labels of other meaning, other equivalent points.
        (2 * np.pi * np.eye(2), [[0, 0], [0.5, 0.5]], "ΓM"),
        (np.eye(2), [[0, 0], [0.5, 0.5]], "ΓA"),
        (np.eye(2), [[0, 0], [0.7, 0.4]], "ΓM"),
        (np.eye(2), [[0, 0], [0, -np.pi], [3 * np.pi, -np.pi]], "ΓXM"),
        ([[1, 0, 0], [0, 1.2, 0], [0.2, 0, 1.3]], [[0, 0, 0], [0.5, 0, 0]], "ΓX"),
    ],
)
def test_other_corners_are_taken_as_they_are(
    lattice: np.ndarray, points: list[list[float]], labels: str
) -> None:
    bare = ck.TightBinding(lattice, np.zeros((1, len(lattice))), [])
    plotting.plot_bands(bare, points, labels)


def test_zone_shows_the_quantity_over_one_cell() -> None:
    model = ck.models.haldane(1.0, 1 / 3, 0.8, 0.3)
    seen = []

    def curvature(k: np.ndarray) -> np.ndarray:
        seen.append(k)
        return ck.berry_curvature(model, k)[..., 0]

    axes = plotting.plot_zone(model, curvature, "Ω")
    (mesh,) = axes.collections
    (k,) = seen
    # The mean over the cell times its area is 2πC.
    area = abs(np.linalg.det(model.lattice.reciprocal))
    total = np.asarray(mesh.get_array()).mean() * area / (2 * np.pi)
    assert total == pytest.approx(ck.chern_number(model, 1), abs=1e-6)
    np.testing.assert_allclose(k.mean(axis=(0, 1)), 0, atol=1e-12)


@pytest.mark.parametrize(("offset", "cmap"), [(0.0, "RdBu_r"), (9.0, "viridis")])
def test_zero_is_in_the_middle_of_a_scale_of_both_signs(offset: float, cmap: str) -> None:
    axes = plotting.plot_zone(ck.models.qwz(1.0), lambda k: k[..., 0] + offset, "k")
    (mesh,) = axes.collections
    low, high = mesh.get_clim()
    assert mesh.get_cmap().name == cmap
    assert (low == -high) == (cmap == "RdBu_r")


def test_a_continuum_model_has_no_zone() -> None:
    with pytest.raises(ValueError, match="has no 2D Brillouin zone"):
        plotting.plot_zone(ck.models.massive_dirac(1.0, 0.5), lambda k: k[..., 0], "k")


def test_a_quantity_is_one_number_for_each_k() -> None:
    with pytest.raises(ValueError, match=r"shape \(120, 120, 2\)"):
        plotting.plot_zone(ck.models.qwz(1.0), lambda k: k, "k")


@pytest.mark.parametrize(
    ("vectors", "names", "outlines"),
    [
        ([[2.0]], "$b_1$ X Γ", 1),
        ([[1, 0], [0.5, np.sqrt(3) / 2]], "$b_1$ $b_2$ K K′ M Γ", 1),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], "$k_x$ $k_y$ $k_z$ K L U W X Γ", 14),
        (np.diag([1, 1, 1.3]), "$k_x$ $k_y$ $k_z$ A M R X Z Γ", 6),
        ([[1, 0, 0], [0, 1.2, 0], [0.2, 0, 1.3]], "$k_x$ $k_y$ $k_z$ Γ", 8),
    ],
)
def test_brillouin_zone(vectors: list[list[float]], names: str, outlines: int) -> None:
    lattice = ck.Lattice(vectors)
    axes = plotting.plot_brillouin_zone(lattice)
    assert sorted(text.get_text() for text in axes.texts if text.get_text()) == names.split()
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 2 or lattice.dim == 1]
    solid = [line for line in drawn if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
    dashed = [line for line in drawn if line.get_linestyle() == "--"]
    if lattice.dim == 3:
        # Half of the faces of a body with inversion look away.
        assert len(solid) == len(dashed) == outlines / 2
        assert len(axes.patches) == len(solid)
    elif lattice.dim == 2:
        (hexagon,) = solid
        (expected,) = ck.zone_faces(lattice)
        np.testing.assert_allclose(hexagon.get_xydata()[:-1], expected)


def test_brillouin_zone_of_a_model() -> None:
    axes = plt.subplots()[1]
    assert plotting.plot_brillouin_zone(ck.models.qwz(1.0), axes) is axes
    with pytest.raises(ValueError, match="has no lattice, so no Brillouin zone"):
        plotting.plot_brillouin_zone(ck.models.massive_dirac(1.0, 0.5))


def test_projection_keeps_handedness() -> None:
    """x, y and z as seen by a reader whom all three come towards: anticlockwise."""
    paper, near = plotting.style.project(np.eye(3))
    angles = np.unwrap(np.arctan2(paper[:, 1], paper[:, 0]))
    assert (np.diff(angles) > 0).all()
    assert (near > 0).all()
    # An orthogonal projection: lengths are kept in all.
    np.testing.assert_allclose((paper**2).sum(axis=1) + near**2, 1)


def labels_of(axes: plt.Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def test_lattice_of_haldane() -> None:
    """Widths by size, colours by phase, arrows where ⟨i|H|j⟩ has a phase between 0 and π."""
    axes = plotting.plot_lattice(ck.models.haldane(1, 0.2, 1.0, 0.3))
    assert labels_of(axes) == ["$a_1$", "$a_2$", "0", "1"]
    strong = [line for line in axes.lines if line.get_alpha() == 1 and len(line.get_xdata()) > 2]
    assert len(strong) == 9
    widths = sorted({round(line.get_linewidth(), 9) for line in strong})
    np.testing.assert_allclose(widths, [0.8 + 2.6 * 0.2, 0.8 + 2.6])
    assert len({line.get_color() for line in strong}) == 2
    arrows = {
        (annotation.xy[0] - annotation.xyann[0], annotation.xy[1] - annotation.xyann[1])
        for annotation in axes.texts
        if not annotation.get_text() and annotation.arrowprops["alpha"] == 1
    }
    # Along a₁, a₂ − a₁ and −a₂ on A, and the opposite on B: e^{+iφ} there.
    directions = sorted(round(np.degrees(np.arctan2(y, x))) % 360 for x, y in arrows)
    assert directions == [0, 60, 120, 180, 240, 300]
    from_a = [line.get_xydata() for line in strong if np.allclose(line.get_xydata()[0], 0)]
    turns = [points[-1] for points in from_a if np.linalg.norm(points[-1]) > 0.9]
    assert sorted(round(np.degrees(np.arctan2(y, x))) % 360 for x, y in turns) == [0, 120, 240]
    assert axes.figure.axes[1].get_ylabel() == "phase of ⟨i|H|j⟩, i → j"


def test_lattice_without_phases_has_no_scale() -> None:
    axes = plotting.plot_lattice(ck.models.gapped_graphene(1.0, 0.2))
    assert len(axes.figure.axes) == 1
    # With negative hopping it has: π is a phase.
    assert len(plotting.plot_lattice(ck.models.gapped_graphene(-1.0, 0.2)).figure.axes) == 2


def test_lattice_with_several_orbitals_on_a_site() -> None:
    axes = plotting.plot_lattice(ck.models.kane_mele(1, 0.1))
    assert labels_of(axes)[2:] == ["0, 2", "1, 3"]
    strong = [line for line in axes.lines if line.get_alpha() == 1 and len(line.get_xdata()) > 2]
    # One for nearest neighbours, t times one; σ_z to next neighbours is more than a number.
    assert len(strong) == 9
    assert len([line for line in strong if line.get_color() == "#707070"]) == 6
    many = ck.TightBinding(np.eye(2), np.zeros((4, 2)), [(0, 1, (1, 0), 1j)])
    assert labels_of(plotting.plot_lattice(many))[2:] == ["0, …"]
    unequal = ck.TightBinding(np.eye(2), [[0, 0], [0, 0], [0.5, 0.5]], [(0, 2, (0, 0), 1j)])
    strong = [line for line in plotting.plot_lattice(unequal).lines if line.get_alpha() == 1]
    assert [line.get_color() for line in strong if len(line.get_xdata()) > 2] == ["#707070"]


def test_bonds_are_bent_around_sites() -> None:
    chain = ck.TightBinding([[1.0]], [[0.0]], [(0, 0, (1,), 1.0), (0, 0, (2,), 0.5)])
    axes = plotting.plot_lattice(chain)
    strong = [line for line in axes.lines if line.get_alpha() == 1 and len(line.get_xdata()) > 2]
    straight, bent = sorted(strong, key=lambda line: np.ptp(line.get_ydata()))
    assert np.ptp(straight.get_ydata()) == 0
    assert np.ptp(bent.get_ydata()) > 0.2


def test_lattices_in_3d_and_without_bonds() -> None:
    axes = plt.subplots()[1]
    assert plotting.plot_lattice(ck.models.weyl(1.0), axes) is axes
    assert labels_of(axes) == ["$a_1$", "$a_2$", "$a_3$", "0, 1"]
    plotting.plot_lattice(ck.TightBinding(np.eye(2), [[0, 0]], []))
    with pytest.raises(ValueError, match="expected a TightBinding: orbitals on a lattice"):
        plotting.plot_lattice(ck.models.massive_dirac(1.0, 0.5))


def test_style_gives_the_same_file_twice() -> None:
    import io

    plotting.use_style()
    files = []
    for _ in range(2):
        plotting.plot_bands(ck.models.qwz(1.0), [[0, 0], [1, 0]], ["Γ", "k"])
        files.append(io.BytesIO())
        plt.savefig(files[-1], format="svg", metadata={"Date": None})
    assert files[0].getvalue() == files[1].getvalue()
