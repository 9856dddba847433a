"""What ``import coursekit`` costs."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.split()


def test_import_is_light():
    """Heavy packages wait until they are asked for."""
    loaded = run("import coursekit, sys; print(*sys.modules)")
    heavy = {"matplotlib", "scipy", "scipy.linalg", "ipywidgets", "nbgrader", "IPython"}
    assert not heavy & set(loaded)
    # So does the physics: energies and curvature take numpy alone.
    loaded = run(
        "import sys, coursekit as ck\n"
        "ck.berry_curvature(ck.models.qwz(-1), [0.1, 0.2])\n"
        "ck.chern_number(ck.models.qwz(-1), 1)\n"
        "print(*sys.modules)"
    )
    assert not heavy & set(loaded)


def test_import_is_quick():
    """Less than 0.15 s beyond numpy.

    Each run measures, inside a fresh interpreter, what is left to do after numpy is there.  Other
    work on the machine only adds to that, so the best of five runs is the fair measure.
    """
    code = (
        "import numpy, time\n"
        "start = time.perf_counter()\n"
        "import coursekit\n"
        "print(time.perf_counter() - start)"
    )
    assert min(float(run(code)[0]) for _ in range(5)) < 0.15


def test_every_public_name_is_there():
    import coursekit

    assert "berry_curvature" in dir(coursekit)
    for name in coursekit.__all__:
        assert getattr(coursekit, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = coursekit.no_such_name
