"""Grade a class with nbgrader as it comes and with the grader: ``python benchmarks/grading.py``.

Both get the same small notebooks, each in a course directory of its own.  They take turns, a part
of the class at a time.  nbgrader runs `nbgrader autograde`; `coursekit grade` also writes the
feedback pages and the report.

With ``--flat`` the grader alone grades one large class in one run, and its memory is told as the
class goes by.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import nbformat.v4 as v4

SET = "small"
CONFIG = Path(__file__).resolve().parents[1] / "exercises" / "nbgrader_config.py"
STOCK_CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'bench'\n"
ROUNDS = 4
ANSWERS = (
    "def double(x):\n    return 2 * x",
    "def double(x):\n    return x + x",
    "def double(x):\n    return x",
)
MEAN = "def mean(x):\n    x = np.asarray(x)\n    return x.sum() / x.size"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--flat", action="store_true", help="memory of one run of the grader")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        if asked.flat:
            flat(Path(folder), asked.students)
        else:
            compare(Path(folder), asked.students)


def compare(folder, students):
    """Print times, their ratio, and the most memory of each."""
    courses = {"nbgrader": folder / "nbgrader", "coursekit": folder / "coursekit"}
    for name, course in courses.items():
        release(course, STOCK_CONFIG if name == "nbgrader" else CONFIG.read_text("utf-8"))
    took = dict.fromkeys(courses, 0.0)
    most = dict.fromkeys(courses, 0)
    for turn in range(ROUNDS):
        names = [f"student{n:04}" for n in range(students) if n % ROUNDS == turn]
        order = list(courses) if turn % 2 == 0 else list(courses)[::-1]
        for name in order:
            hand_in(courses[name], names)
            seconds, memory = run(command(name), courses[name])
            took[name] += seconds
            most[name] = max(most[name], max(size for _, size in memory))
        print(f"{(turn + 1) * students // ROUNDS} of {students} students", flush=True)
    scores = {name: scores_in(course) for name, course in courses.items()}
    if scores["nbgrader"] != scores["coursekit"]:
        raise SystemExit("the two gave different scores")
    for name in courses:
        each = took[name] / students
        print(f"{name:<10} {1 / each:6.2f} submissions/s  {most[name] / 2**20:6.0f} MiB at most")
    ratio = took["nbgrader"] / took["coursekit"]
    print(f"ratio      {ratio:6.2f} on {len(os.sched_getaffinity(0))} processors")


def flat(folder, students):
    """Print the memory of the grader's own processes in each tenth of one run."""
    release(folder, CONFIG.read_text("utf-8"))
    hand_in(folder, [f"student{n:04}" for n in range(students)])
    seconds, memory = run(command("coursekit"), folder)
    for part in range(10):
        sizes = [m for t, m in memory if part <= 10 * t / seconds < part + 1]
        print(f"{10 * part:3}% {max(sizes, default=0) / 2**20:6.0f} MiB at most")
    print(f"{students / seconds:.2f} submissions/s")


def command(name):
    if name == "nbgrader":
        return [sys.executable, "-m", "nbgrader", "autograde", SET]
    program = "from coursekit.grading.cli import main; main()"
    return [sys.executable, "-c", program, "grade", SET, "--course", "."]


def run(argv, course):
    """Seconds, and (second, bytes) of all processes but the sandboxes, while a program runs."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": path_with_tools()}
    memory = [(0.0, 0)]
    with (course / "log").open("wb") as log:
        began = time.monotonic()
        program = subprocess.Popen(argv, cwd=course, env=environment, stdout=log, stderr=log)
        ended = threading.Event()

        def watch():
            while not ended.wait(0.2):
                memory.append((time.monotonic() - began, size_of(program.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = program.wait()
        seconds = time.monotonic() - began
        ended.set()
        watcher.join()
    if status:
        raise SystemExit(f"{' '.join(argv)} failed:\n{(course / 'log').read_text()[-3000:]}")
    return seconds, memory


def path_with_tools():
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def size_of(process):
    """Bytes that a process and those below it hold; pages shared by n count 1/n. Linux only."""
    try:
        about = Path(f"/proc/{process}")
        if b"bwrap" in (about / "cmdline").read_bytes().split(b"\0")[0]:
            return 0
        lines = (about / "smaps_rollup").read_text().splitlines()
        own = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        children = (about / "task" / str(process) / "children").read_text().split()
        return own + sum(map(size_of, children))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0


def release(course, config):
    """Make a course directory, and release the set in it."""
    (course / "source" / SET).mkdir(parents=True)
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    nbformat.write(source(), course / "source" / SET / f"{SET}.ipynb")
    argv = [sys.executable, "-m", "nbgrader", "generate_assignment", SET]
    environment = {**os.environ, "PATH": path_with_tools()}
    subprocess.run(argv, cwd=course, env=environment, check=True, capture_output=True)


def source():
    """The authors' notebook."""

    def cell(make, text, grade_id, **about):
        flags = {"grade": False, "solution": False, "locked": False, "task": False}
        about = {**flags, "schema_version": 3, "grade_id": grade_id, **about}
        return make(text, metadata={"nbgrader": about})

    def task(name, text, tests):
        first, _, rest = text.partition("\n")
        solution = f"{first}\n    ### BEGIN SOLUTION\n{rest}\n    ### END SOLUTION"
        yield cell(v4.new_code_cell, solution, name, solution=True)
        yield cell(v4.new_code_cell, tests, f"{name}-test", grade=True, locked=True, points=2)

    return v4.new_notebook(
        cells=[
            cell(v4.new_markdown_cell, "# A small set", "title", locked=True),
            cell(v4.new_code_cell, "import numpy as np", "imports", locked=True),
            *task("double", ANSWERS[0], "assert double(3) == 6\nassert double(-1.5) == -3"),
            *task("mean", MEAN, "assert np.isclose(mean([1, 2, 4.5]), 2.5)"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )


def hand_in(course, names):
    """Put a notebook for each name into the course."""
    released = nbformat.read(course / "release" / SET / f"{SET}.ipynb", as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in released.cells}
    cells["mean"].source = MEAN
    for name in names:
        cells["double"].source = ANSWERS[int(name[-4:]) % len(ANSWERS)]
        folder = course / "submitted" / name / SET
        folder.mkdir(parents=True)
        nbformat.write(released, folder / f"{SET}.ipynb")


def scores_in(course):
    """Of each student in the gradebook."""
    program = (
        "import json; from nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///gradebook.db', 'bench') as g:\n"
        f"    found = g.assignment_submissions('{SET}')\n"
        "    print(json.dumps({one.student.id: one.score for one in found}))"
    )
    argv = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(argv, cwd=course, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
