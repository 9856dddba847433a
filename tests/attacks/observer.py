"""Grades one submission with `nbgrader autograde`, and tells what came of it, as a line of JSON.

Run by ``stock.py`` in a container, in the course's directory:
``observer.py STUDENT NEIGHBOUR PORT PATIENCE``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from witness import fingerprints, listen

RUN = [sys.executable, "-m", "nbgrader"]
LARGE = 12 * 2**20  # bytes of results
LONG = 10**6  # characters of a notebook whose feedback is worth a look


def main(student: str, neighbour: str, port: int, patience: float) -> dict[str, Any]:
    """The student's score, None without a grade, and what else happened, in words."""
    calls: list[str] = []
    with (
        socket.socket(socket.AF_UNIX) as hidden,
        socket.create_server(("127.0.0.1", port)) as open_,
    ):
        hidden.bind(f"\0coursekit-{port}")
        hidden.listen()
        for server in (hidden, open_):
            listen(server, calls)
        before = others_files(student)
        harm = grade(student, patience)
    after = others_files(student)
    if calls:
        harm.append("reaches a server")
    changed = [name for name in before if before[name] != after.get(name)]
    if changed:
        harm.append(f"changes {', '.join(changed[:3])}")
    if Path("/tmp/coursekit-owned").exists():
        harm.append("runs a command of its choice outside the notebook")
    left = processes() - {os.getpid()}
    if left:
        harm.append(f"leaves processes: {len(left)}")
    size = sum(p.stat().st_size for p in Path("autograded", student).rglob("*") if p.is_file())
    if size > LARGE:
        harm.append(f"makes a result of {size // 2**20} MB")
    scores = {name: score(name) for name in (student, neighbour)}
    if scores[neighbour] != 5:
        harm.append("changes a neighbour's score")
    if scores[student] is not None:
        harm += feedback(student, patience)
    return {"score": scores[student], "harm": harm}


def grade(student: str, patience: float) -> list[str]:
    """Run nbgrader; what went wrong with its run."""
    command = [*RUN, "autograde", "chern", f"--student={student}"]
    with open("/tmp/grading.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return [f"holds up the batch for more than {patience:.0f} s"]
    if process.returncode < 0:
        return [f"ends the batch by {signal.Signals(-process.returncode).name}"]
    return []


def score(student: str) -> float | None:
    """What the gradebook says."""
    from nbgrader.api import Gradebook, MissingEntry

    if not Path("autograded", student, "chern").is_dir():
        return None
    try:
        with Gradebook("sqlite:///gradebook.db") as gradebook:
            points: float = gradebook.find_submission("chern", student).score
            return points
    except MissingEntry:
        return None


def feedback(student: str, patience: float) -> list[str]:
    """What is wrong with the student's page, where there is something to look for."""
    text = Path("submitted", student, "chern", "chern.ipynb").read_text("utf-8", "replace")
    if "alert(" not in text and len(text) < LONG:
        return []
    command = [*RUN, "generate_feedback", "chern", f"--student={student}"]
    try:
        subprocess.run(command, capture_output=True, check=False, timeout=patience)
    except subprocess.TimeoutExpired:
        return [f"holds up feedback for more than {patience:.0f} s"]
    pages = "".join(p.read_text("utf-8") for p in Path("feedback", student).rglob("*.html"))
    return ["runs script in the feedback page"] if "<script>alert(" in pages else []


def others_files(student: str) -> dict[str, str]:
    """What the course holds besides the student's own, and the gradebook."""
    return {
        name: content
        for name, content in fingerprints(Path()).items()
        if student not in Path(name).parts and Path(name).suffix not in (".db", ".lock")
    }


def processes() -> set[int]:
    """All but the container's first process and its watchman."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1, os.getppid()}


if __name__ == "__main__":
    print("begun", flush=True)
    told = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(told), flush=True)
    os._exit(0)
