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


def test_style_gives_the_same_file_twice() -> None:
    import io

    plotting.use_style()
    files = []
    for _ in range(2):
        plotting.plot_bands(ck.models.qwz(1.0), [[0, 0], [1, 0]], ["Γ", "k"])
        files.append(io.BytesIO())
        plt.savefig(files[-1], format="svg", metadata={"Date": None})
    assert files[0].getvalue() == files[1].getvalue()
