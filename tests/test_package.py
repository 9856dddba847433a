"""The wheel, which is what users install: complete, and importable on its own."""

import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, request):
    target = tmp_path_factory.mktemp("wheel")
    # The build tools come from the environment: no second download.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target]
    subprocess.run([*command, request.config.rootpath], check=True, capture_output=True)
    (found,) = target.glob("coursekit-*.whl")
    return found


def test_wheel_holds_more_than_modules(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "coursekit/__init__.pyi",
        "coursekit/py.typed",
        "coursekit/grading/templates/feedback.html",
        "coursekit/grading/templates/feedback.css",
    ):
        assert needed in names
    assert not [name for name in names if name.startswith(("tests", "book", "exercises"))]


def test_wheel_computes(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import coursekit as ck; print(ck.__file__);"
        "print(ck.chern_number(ck.models.qwz(-1.0), 1));"
        "print(ck.check('chern.velocity', ck.anomalous_velocity).passed)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    where, chern, passed = done.stdout.split()
    assert where.startswith(str(tmp_path))
    assert (chern, passed) == ("1", "True")


def test_every_public_name_loads():
    import coursekit

    for name in coursekit.__all__:
        assert getattr(coursekit, name) is not None
