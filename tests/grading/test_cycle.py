"""A term in a minute: instructor and students are different users of one machine.

Made as root, because only root can make users; they are removed afterwards.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import nbformat
import pytest

import coursekit
from coursekit.checks import get, names
from coursekit.grading.sample import solutions
from coursekit.grading.sandbox import find_bwrap

pytestmark = pytest.mark.slow

EXERCISES = Path(__file__).parents[2] / "exercises"
SET = "chern"
POINTS = sum(get(name).points for name in names(SET))


def program(name: str, *arguments: str) -> list[str]:
    """A command, as its script in the environment's bin runs it."""
    module = {"nbgrader": "nbgrader.apps.nbgraderapp", "coursekit": "coursekit.grading.cli"}[name]
    call = f"import sys; from {module} import main; sys.exit(main())"
    return [sys.executable, "-c", call, *arguments]


@dataclass(frozen=True)
class Student:
    """A user of the machine, who has nothing to do with the course but an account."""

    name: str
    home: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, in the home directory."""
        environment = {
            **{"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name},
            **{"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8"},
            "OMP_NUM_THREADS": "1",
        }
        become = [shutil.which("setpriv") or "setpriv", f"--reuid={self.name}"]
        become += [f"--regid={self.name}", "--clear-groups", "--no-new-privs"]
        done = subprocess.run(
            [*opened_python(), *become, *command],
            **{"cwd": self.home, "env": environment, "text": True},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def nbgrader(self, *arguments: str) -> str:
        """What nbgrader says to this user."""
        return self.run(*program("nbgrader", *arguments)).stdout


def opened_python() -> list[str]:
    """A prefix that lets other users reach a Python that lies in a closed home directory.

    Nothing else changes: users and the modes of files are the machine's own.
    """
    closed = []
    prefixes = (Path(sys.base_prefix), Path(sys.prefix), Path(coursekit.__file__).parent)
    for prefix in dict.fromkeys(path.resolve() for path in prefixes):
        barriers = [p for p in (*reversed(prefix.parents), prefix) if not p.stat().st_mode & 0o001]
        if barriers:
            closed.append((barriers[0], prefix))
    if not closed:
        return []
    options = ["--bind", "/", "/", "--dev-bind", "/dev", "/dev"]
    for barrier in dict.fromkeys(barrier for barrier, _ in closed):
        options += ["--perms", "0755", "--tmpfs", str(barrier)]
    for barrier, prefix in closed:
        between = [p for p in reversed(prefix.parents) if p != barrier and barrier in p.parents]
        for parent in between:
            options += ["--perms", "0755", "--dir", str(parent)]
        options += ["--ro-bind", str(prefix), str(prefix)]
    return [find_bwrap(), *options, "--"]


@pytest.fixture
def students(bubblewrap: str) -> Iterator[dict[str, Student]]:
    """Two users of the machine."""
    if os.geteuid() != 0 or shutil.which("useradd") is None:
        pytest.skip("two users of the machine are needed; expected root and the command useradd")
    mark = secrets.token_hex(3)
    made: dict[str, Student] = {}
    try:
        for who in ("ada", "bela"):
            name = f"{who}-{mark}"
            home = Path(tempfile.mkdtemp(prefix=f"home-{who}-"))
            subprocess.run(
                ["useradd", "--no-create-home", "--home-dir", str(home), "--user-group", name],
                check=True,
            )
            made[who] = Student(name, home)
            shutil.chown(home, name, name)
            home.chmod(0o700)
        yield made
    finally:
        for student in made.values():
            subprocess.run(["userdel", student.name], check=False, capture_output=True)
            shutil.rmtree(student.home, ignore_errors=True)


@dataclass(frozen=True)
class Instructor:
    """Owns the course directory, which students cannot enter, and the exchange, which they can."""

    course: Path
    exchange: Path

    def run(self, *command: str) -> str:
        """What a command says that is given in the course directory."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            program(*command),
            **{"cwd": self.course, "env": {**os.environ, "PATH": path}, "text": True},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def instructor(
    students: dict[str, Student], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instructor]:
    course = tmp_path_factory.mktemp("course")
    course.chmod(0o700)
    # Not under pytest's directory, which is closed to other users.
    exchange = Path(tempfile.mkdtemp(prefix="exchange-"))
    exchange.chmod(0o777)
    shutil.copytree(EXERCISES / "authored", course / "authored")
    config = (EXERCISES / "nbgrader_config.py").read_text(encoding="utf-8")
    config += f"\nc.Exchange.root = {str(exchange)!r}\n"
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for student in students.values():
        own = f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n"
        (student.home / "nbgrader_config.py").write_text(own, encoding="utf-8")
    yield Instructor(course, exchange)
    shutil.rmtree(exchange, ignore_errors=True)


def answer(student: Student, answers: dict[str, str], explanation: str) -> None:
    """Edit the fetched notebook as this user."""
    path = student.home / SET / f"{SET}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.nbgrader.grade_id
        given = explanation if name.endswith("-manual") else answers.get(name)
        cell.source = given or cell.source
    edited = path.with_suffix(".edited")
    nbformat.write(notebook, edited)
    os.replace(edited, path)
    shutil.chown(path, student.name, student.name)


def text_of(page: Path) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("collector", ["nbgrader", "coursekit"])
def test_a_term(instructor: Instructor, students: dict[str, Student], collector: str) -> None:
    ada, bela = students["ada"], students["bela"]
    # Release, by the instructor; list and fetch, by the students.
    instructor.run("coursekit", "source", SET, "--course", ".")
    listed = ada.nbgrader("list")
    assert f"berry {SET}" in listed
    for student in (ada, bela):
        student.nbgrader("fetch_assignment", SET, "--course", "berry")
        fetched = nbformat.read(student.home / SET / f"{SET}.ipynb", as_version=4)
        assert "SOLUTION" not in str(fetched)

    # Ada solves everything. Bela has a sign wrong, and does not finish.
    wrong = EXERCISES / "answers" / "wrong" / SET / "flux" / "sign.py"
    answer(
        ada,
        solutions(instructor.course, SET),
        "Each minus sign enters once: $j_x = -\\frac{e^2}{h} C E_y$.",
    )
    answer(bela, {"flux-solution": wrong.read_text(encoding="utf-8")}, "I do not know.")

    # Ada validates; so does Bela, and is told what is wrong.
    assert "Success" in ada.nbgrader("validate", f"{SET}/{SET}.ipynb")
    told = bela.nbgrader("validate", f"{SET}/{SET}.ipynb")
    assert "failed" in told
    assert "Not written yet" in told

    # Submit. Nobody but the instructor, and nobody who submitted, sees another's work.
    for student in (ada, bela):
        student.nbgrader("submit", SET, "--course", "berry")
    inbound = instructor.exchange / "berry" / "inbound"
    (handed_in,) = inbound.glob(f"{ada.name}+{SET}+*")
    for attempt in (["ls", str(inbound)], ["ls", str(ada.home)], ["ls", str(instructor.course)]):
        assert "Permission denied" in bela.run(*attempt, check=False).stdout
    # A folder that cannot be listed is entered by its name, which ends in random letters.
    assert len(handed_in.name.rsplit("+", 1)[1]) >= 12

    # Collect, grade, give feedback.
    where = ["--course", "."] if collector == "coursekit" else []
    instructor.run(collector, "collect", SET, *where)
    report = instructor.run("coursekit", "grade", SET, "--course", ".")
    lines = {line.split()[0]: line for line in report.splitlines() if line.strip()}
    assert f"{POINTS:.1f} /" in lines[ada.name]
    assert " 0.0 /" in lines[bela.name]
    instructor.run("nbgrader", "release_feedback", SET)

    pages = {}
    for who, student in students.items():
        student.nbgrader("fetch_feedback", SET, "--course", "berry")
        (page,) = student.home.rglob("feedback/**/*.html")
        pages[who] = text_of(page)
    assert ada.name in pages["ada"]
    assert bela.name in pages["bela"]
    assert bela.name not in pages["ada"]
    (hint,) = (d.hint for d in get("chern.flux").diagnoses if d.name == "sign")
    assert hint in pages["bela"]
    assert "Not written yet" in pages["bela"]
    # Feedback of others lies beside it under names that cannot be guessed or listed.
    feedback = instructor.exchange / "berry" / "feedback"
    assert "Permission denied" in bela.run("ls", str(feedback), check=False).stdout
