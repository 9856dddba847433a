"""Runs that end too early: nothing is lost, nothing is left behind, and the next one goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from coursekit.grading.course import Course
from coursekit.grading.report import load_results
from coursekit.grading.runner import grade_set

pytestmark = pytest.mark.slow

STUDENTS = [f"s{number}" for number in range(6)]


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.05)
    return False


def started(course: Course, *more: str) -> subprocess.Popen[str]:
    run = "from coursekit.grading.cli import main; raise SystemExit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", run, "grade", "chern", "--course", str(course.root), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a run as a person would, in a terminal of its own."""
    runs: list[subprocess.Popen[str]] = []

    def begin(course: Course, *more: str) -> subprocess.Popen[str]:
        runs.append(started(course, *more))
        return runs[-1]

    yield begin
    for run in runs:
        run.kill()
        run.communicate()


def children_of(parent: int) -> list[int]:
    """Processes below one, at any depth."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    below: set[int] = set()
    while True:
        more = {p for p, q in parents.items() if q == parent or q in below} - below
        if not more:
            return sorted(below)
        below |= more


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def a_class(hand_in: Any) -> None:
    """Six students whose work takes a while."""
    slow = "def double(x):\n    import time\n    time.sleep(1.2)\n    return 2 * x"
    for student in STUDENTS:
        hand_in.notebook(student, double=slow)


def journal(course: Course) -> dict[str, Any]:
    """Results by student, of a run that has ended or is at work."""
    found = {name: asdict(r) for name, r in load_results(course.root / "report.chern.json").items()}
    path = course.root / "report.chern.journal"
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if "status" in entry:
                found[entry["student"]] = entry
    return found


@pytest.mark.parametrize("after", [0, 3])
def test_killed_and_started_again(
    start: Any, fresh_course: Course, fresh_hand_in: Any, after: int
) -> None:
    """SIGKILL, which nothing can catch, when so many students are done."""
    a_class(fresh_hand_in)
    run = start(fresh_course)
    assert wait_for(lambda: children_of(run.pid) and len(journal(fresh_course)) >= after)
    below = children_of(run.pid)
    os.kill(run.pid, signal.SIGKILL)
    run.wait(10)
    # What worked for it notices by itself, students' code included.
    assert wait_for(lambda: not any(alive(pid) for pid in below))
    done = journal(fresh_course)
    assert len(done) >= after
    results = grade_set(fresh_course, "chern", progress=False)
    assert [(r.student, r.status, r.score) for r in results] == [
        (s, "graded", 5.0) for s in STUDENTS
    ]
    for student, result in done.items():
        kept = next(r for r in results if r.student == student)
        assert kept.seconds == result["seconds"], "graded again although it was done"
    with fresh_course.gradebook() as gradebook:
        entries = gradebook.assignment_submissions("chern")
        assert sorted(e.student.id for e in entries) == STUDENTS
        assert all(e.score == 5.0 for e in entries)
        assert gradebook.db.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_person_ends_it(start: Any, fresh_course: Course, fresh_hand_in: Any) -> None:
    """Ctrl-C: a word, no traceback, nothing left running, and the rest another time."""
    a_class(fresh_hand_in)
    run = start(fresh_course)
    assert wait_for(lambda: len(journal(fresh_course)) >= 1)
    below = children_of(run.pid)
    os.killpg(run.pid, signal.SIGINT)
    _, error = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "a new run goes on" in error
    assert "Traceback" not in error
    assert wait_for(lambda: not any(alive(pid) for pid in below), 10)
    results = grade_set(fresh_course, "chern", progress=False)
    assert [r.score for r in results] == [5.0] * len(STUDENTS)


def test_a_worker_dies(start: Any, fresh_course: Course, fresh_hand_in: Any) -> None:
    """As when the machine has no memory left: its student gets another one."""
    a_class(fresh_hand_in)
    run = start(fresh_course, "--workers", "2")
    assert wait_for(lambda: len(journal(fresh_course)) >= 1)
    workers = [pid for pid in children_of(run.pid) if _parent(pid) == run.pid]
    assert workers
    os.kill(workers[-1], signal.SIGKILL)
    out, error = run.communicate(timeout=120)
    assert run.returncode == 0, out + error
    assert [r["score"] for r in journal(fresh_course).values()] == [5.0] * len(STUDENTS)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_two_runs_at_once(start: Any, fresh_course: Course, fresh_hand_in: Any) -> None:
    """The second one says so and leaves the first alone."""
    a_class(fresh_hand_in)
    first = start(fresh_course)
    assert wait_for(lambda: children_of(first.pid))
    assert wait_for(lambda: len(journal(fresh_course)) >= 1)
    second = start(fresh_course)
    _, error = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "another run" in error
    assert first.wait(120) == 0
    assert len(journal(fresh_course)) == len(STUDENTS)


def test_a_full_disk(fresh_hand_in: Any, fresh_course: Course, tmp_path: Path) -> None:
    """What cannot be written is told, and is done when there is room again."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        for student in ("ada", "bob"):
            fresh_hand_in.notebook(student)
        root = small / "course"
        subprocess.run(["cp", "-r", str(fresh_course.root), str(root)], check=True)
        course = Course(root)
        filler = small / "filler"
        left = os.statvfs(small)
        filler.write_bytes(b"0" * max(0, left.f_bavail * left.f_frsize - 30_000))
        failed = ""
        try:
            failed = "".join(r.message for r in grade_set(course, "chern", progress=False))
        except Exception as error:
            failed = str(error)
        assert "space" in failed or "full" in failed
        filler.unlink()
        results = grade_set(course, "chern", progress=False)
        assert [(r.student, r.status, r.score) for r in results] == [
            ("ada", "graded", 5.0),
            ("bob", "graded", 5.0),
        ]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)
