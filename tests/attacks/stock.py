"""What the attacks do to nbgrader as it comes: ``python tests/attacks/stock.py``.

The set is the same, but its tests are ordinary asserts that share a kernel with the student's code.
Each attack is handed in to a course of its own, in which one honest student has been graded before,
and `nbgrader autograde` grades the attacker.  A container keeps that from the rest of this machine:
it holds the course, a listener, and nothing else that could be harmed.

Names after the command choose attacks.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from attack import Attack
from cheats import FORGED, HOOKS, HOSTILE_REPLIES, LYING, PATCHED, REFERENCE, STATEFUL
from classroom import PLAIN, hand_in, source_notebook
from harms import ENDS, FLOODS, HANGS, NETWORK, RESOURCES, SOCKETS
from honest import HONEST
from notebooks import FILES, MALFORMED, PAGES, TAMPERED

from coursekit.grading import guard
from coursekit.grading.sandbox import _drop_to, _parents, _tmpfs, find_bwrap

FAMILIES = {
    "honest work": HONEST,
    "patched libraries": PATCHED,
    "the reference, other people's work, the gradebook": REFERENCE,
    "lying types": LYING,
    "hostile replies": HOSTILE_REPLIES,
    "hooks of IPython and Python": HOOKS,
    "forged results": FORGED,
    "answers that differ between calls": STATEFUL,
    "ends": ENDS,
    "hangs": HANGS,
    "floods": FLOODS,
    "memory, disk, processes": RESOURCES,
    "descriptors and directories": SOCKETS,
    "network and the machine": NETWORK,
    "cells and metadata": TAMPERED,
    "files": FILES,
    "malformed notebooks": MALFORMED,
    "pages that run code": PAGES,
}
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")
OURS = (Path(__file__).resolve().parents[2], Path(sys.prefix), Path(sys.base_prefix))
SHOWN = (*map(Path, SYSTEM), *OURS)
INSIDE = Path(__file__).resolve().with_name("observer.py")
COURSE = "/class"  # where the container shows it
PORT = 8765  # in a network of the container's own
NEIGHBOUR = "honest-right"
PATIENCE = 90.0  # seconds, three times what nbgrader gives a cell
MEMORY = 4 * 2**30
# Limits on processes are counted for each user, so each container has its own.
_users = itertools.count(61184)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of an attack: its score, None where there is no grade, and what else happened."""

    score: float | None
    harm: str


def main(chosen: list[str]) -> None:
    # nbgrader looks for alembic by its name, which may lie in this environment alone.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    wanted = [
        (family, attack)
        for family, attacks in FAMILIES.items()
        for attack in attacks
        if not chosen or attack.name in chosen
    ]
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        template = Path(folder) / "template"
        prepare(template)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            outcomes = []
            for outcome in pool.map(lambda pair: attempt(template, pair[1]), wanted):
                outcomes.append(outcome)
                print(f"\r{len(outcomes)} of {len(wanted)} attacks", end="", file=sys.stderr)
    print(file=sys.stderr)
    print_table(wanted, outcomes)


def prepare(course: Path) -> None:
    """A course with the set released, and one honest student graded."""
    (course / "source" / "chern").mkdir(parents=True)
    nbformat.write(source_notebook(PLAIN), course / "source" / "chern" / "chern.ipynb")
    config = "c = get_config()\nc.CourseDirectory.course_id = 'stock'\n"
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    run = [sys.executable, "-m", "nbgrader"]
    quiet: dict[str, Any] = {"cwd": course, "check": True, "capture_output": True}
    subprocess.run([*run, "generate_assignment", "chern", "--create"], **quiet)
    hand_in(course, [attack for attack in HONEST if attack.name == NEIGHBOUR], {})
    subprocess.run([*run, "autograde", "chern", f"--student={NEIGHBOUR}"], **quiet)


def attempt(template: Path, attack: Attack) -> Outcome:
    """Hand in one attack, and let nbgrader grade it."""
    student = attack.name if attack.name != NEIGHBOUR else f"{NEIGHBOUR}-too"
    user = next(_users)
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        course = Path(folder) / "course"
        shutil.copytree(template, course)
        words = {"@COURSE@": COURSE, "@PORT@": str(PORT), "@MARK@": "stock-orphan"}
        hand_in(course, [dataclasses.replace(attack, name=student)], words)
        if os.geteuid() == 0:
            for path in (course, *course.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)
        argv = [sys.executable, str(INSIDE), student, NEIGHBOUR, str(PORT), str(PATIENCE)]
        return judge(container(course, user, argv))


def judge(command: list[str]) -> Outcome:
    """The outcome that the observer in the container tells, or why it could not."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said, errors = process.communicate(timeout=PATIENCE + 60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Outcome(None, "stops everything around it")
    begun, *rest = said.splitlines() or [b""]
    if begun != b"begun":
        raise SystemExit(f"the container did not start: {errors.decode(errors='replace')[-800:]}")
    try:
        told = json.loads(rest[-1])
    except (IndexError, ValueError):
        if b"bytes of memory" in errors:
            return Outcome(None, f"takes more than {MEMORY // 2**30} GB of memory")
        return Outcome(None, "kills every process of its user")
    return Outcome(told["score"], "; ".join(told["harm"]))


def container(course: Path, user: int, argv: list[str]) -> list[str]:
    """A machine of its own to grade on: a system, Python, a course."""
    own = ["--unshare-user", "--uid", str(user), "--gid", str(user)]
    names = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP") if os.geteuid() == 0 else ()
    return [
        *(find_bwrap(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *(() if names else own),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *(word for name in names for word in ("--cap-add", name)),
        *("--proc", "/proc", "--dev", "/dev"),
        *_tmpfs("/tmp", 2**29),
        *_tmpfs("/dev/shm", 2**26),
        *(word for path in SHOWN for word in _parents(path)),
        *(word for path in SHOWN for word in ("--ro-bind-try", str(path), str(path))),
        *("--bind", str(course), COURSE),
        *("--setenv", "HOME", "/tmp", "--setenv", "OMP_NUM_THREADS", "1", "--chdir", COURSE, "--"),
        *(_drop_to(user) if names else ()),
        *("prlimit", f"--as={MEMORY}", "--nproc=200", "--fsize=200000000", "--core=0", "--"),
        *(sys.executable, "-I", "-S", str(guard.__file__), str(MEMORY), *argv),
    ]


def print_table(wanted: list[tuple[str, Attack]], outcomes: list[Outcome]) -> None:
    """A table in Markdown, by families, and the sums."""
    pairs = [
        (family, attack, found) for (family, attack), found in zip(wanted, outcomes, strict=True)
    ]
    for family in dict.fromkeys(family for family, _ in wanted):
        print(f"\n### {family[0].upper()}{family[1:]}\n")
        print("| attack | deserves | nbgrader gives | and |")
        print("| --- | --- | --- | --- |")
        for name, attack, outcome in pairs:
            if name == family:
                given = "no grade" if outcome.score is None else f"{outcome.score:g}"
                told = f"**{given}**" if outcome.score != attack.deserved else given
                print(f"| {attack.name} | {attack.deserved:g} | {told} | {outcome.harm} |")
    scores = [(attack.deserved, outcome.score) for _, attack, outcome in pairs]
    gains = sum(score is not None and score > due for due, score in scores)
    losses = sum(score is not None and score < due for due, score in scores)
    none = sum(score is None for _, score in scores)
    harms = sum(bool(outcome.harm) for outcome in outcomes)
    print(
        f"\nOf {len(pairs)} submissions, {gains} gain marks that they do not deserve, {losses} lose"
    )
    print(f"marks that they do, and {none} get no grade; {harms} do other harm.")


if __name__ == "__main__":
    main(sys.argv[1:])
