"""The gradebook in PostgreSQL, and marking on a cluster's workers: the same scores as here."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from coursekit.grading.cli import main
from coursekit.grading.course import Course
from coursekit.grading.report import Result
from coursekit.grading.runner import grade_set

pytestmark = pytest.mark.slow

ONLY_ONE = "def double(x):\n    return x"
# Long enough for a test to do something meanwhile.
SLOW = "def double(x):\n    import time\n    time.sleep(0.8)\n    return 2 * x"


def a_class(hand_in: Any) -> None:
    hand_in.notebook("ada")
    hand_in.notebook("bob", double=ONLY_ONE)
    hand_in.file("cem", b"{")
    hand_in.notebook("eve", velocity="def anomalous_velocity(omega, E):\n    return 0")


def told(results: list[Result]) -> list[tuple[str, str, float, bool]]:
    return [(r.student, r.status, r.score, r.by_hand) for r in results]


DUE = [
    ("ada", "graded", 5.0, True),
    ("bob", "graded", 2.0, True),
    ("cem", "unreadable", 0.0, False),
    ("eve", "graded", 3.0, True),
]


# -- PostgreSQL ----------------------------------------------------------------------------------


def program(name: str) -> str:
    """A program of PostgreSQL's server, which Debian keeps off the PATH."""
    found = shutil.which(name)
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if found is None and not packaged:
        pytest.skip(f"no {name} on this machine; install the package `postgresql`")
    return found or str(packaged[-1])


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own, as a person would write it."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    initdb, server = program("initdb"), program("postgres")
    data = tmp_path_factory.mktemp("postgresql") / "data"
    data.mkdir()
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    if os.getuid() == 0:
        # The server refuses to run as root.
        options["user"] = "postgres"
        shutil.chown(data, "postgres")
        for parent in data.parents:
            if parent.owner() == "root" and parent != Path("/tmp") and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    subprocess.run(
        [initdb, "-D", str(data), "-U", "teacher", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        cwd="/",
        **options,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
    process = subprocess.Popen([server, "-D", str(data), *settings], cwd="/", **options)
    try:
        import psycopg

        address = f"postgresql://teacher@127.0.0.1:{port}/postgres"
        for _ in range(100):
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        with closing(psycopg.connect(address, autocommit=True)) as connection:
            connection.execute("CREATE DATABASE grades")
        yield f"postgresql://teacher@127.0.0.1:{port}/grades"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_a_gradebook_in_postgresql(
    postgresql: str, fresh_course: Course, fresh_hand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Release, grade, grade again, by hand, with nbgrader's own commands."""
    from nbgrader.converters import GenerateAssignment

    there = Course(fresh_course.root, postgresql)
    there.convert(GenerateAssignment, "chern")
    a_class(fresh_hand_in)
    arguments = ["chern", "--course", str(there.root), "--db", postgresql]
    assert main(["grade", *arguments]) == 0
    assert "4 submissions: 3 graded, 1 unreadable" in capsys.readouterr().out
    results = grade_set(there, "chern", progress=False)
    assert told(results) == DUE
    # What a person enters stays when the work is graded again.
    with there.gradebook() as gradebook:
        submission = gradebook.find_submission("chern", "ada")
        grade = next(g for g in submission.notebooks[0].grades if g.name == "why")
        grade.manual_score, grade.needs_manual_grade = 4.0, False
        gradebook.db.commit()
    again = grade_set(there, "chern", regrade=True, progress=False)
    # It is for a person to look at once more, as nbgrader has it.
    assert told(again)[0] == ("ada", "graded", 9.0, True)
    # The file beside the configuration has not seen any of it.
    with fresh_course.gradebook() as gradebook:
        assert gradebook.assignment_submissions("chern") == []
    run = subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", "--to", "there.csv",
         f"--CourseDirectory.db_url={there.coursedir('chern').db_url}"],
        cwd=there.root, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    with (there.root / "there.csv").open(encoding="utf-8", newline="") as file:
        scores = {line["student_id"]: float(line["score"]) for line in csv.DictReader(file)}
    assert scores == {"ada": 9.0, "bob": 2.0, "cem": 0.0, "eve": 3.0}


def test_a_database_that_is_not_there(
    fresh_course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["grade", "chern", "--course", str(fresh_course.root)]
    for address in ("postgresql://nobody@127.0.0.1:1/none", "sqlite:////nowhere/at/all.db"):
        assert main([*arguments, "--db", address]) == 2
        error = capsys.readouterr().err
        assert error.startswith("coursekit: the gradebook's database")
        assert "Traceback" not in error
    assert main([*arguments, "--db", "gradebook"]) == 2
    assert "expected an address such as" in capsys.readouterr().err


# -- a cluster -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


def test_marking_on_a_cluster(cluster: Any, fresh_course: Course, fresh_hand_in: Any) -> None:
    a_class(fresh_hand_in)
    address = cluster.scheduler_address
    there = grade_set(fresh_course, "chern", progress=False, scheduler=address)
    assert told(there) == DUE
    here = grade_set(fresh_course, "chern", progress=False, regrade=True)
    assert told(here) == DUE
    pages = fresh_course.path("feedback", "chern", "bob")
    assert "<b>2</b> of 9 points" in (pages / "chern.html").read_text("utf-8")


def test_a_worker_of_the_cluster_dies(
    cluster: Any, fresh_course: Course, fresh_hand_in: Any
) -> None:
    """Its students go to the others."""
    students = [f"s{number}" for number in range(6)]
    for student in students:
        fresh_hand_in.notebook(student, double=SLOW)
    victim = next(iter(cluster.workers.values())).pid
    threading.Timer(2.0, os.kill, (victim, signal.SIGKILL)).start()
    results = grade_set(fresh_course, "chern", progress=False, scheduler=cluster.scheduler_address)
    assert [(r.student, r.score) for r in results] == [(s, 5.0) for s in students]


def test_no_cluster_at_the_address(
    fresh_course: Course, fresh_hand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coursekit.grading import cluster as module

    monkeypatch.setattr(module, "_CONNECT_TIMEOUT", 1.0)
    fresh_hand_in.notebook("ada")
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(ValueError, match="no scheduler answers at"):
            grade_set(fresh_course, "chern", progress=False, scheduler=address)
