"""Grades one submission with `nbgrader autograde`, and tells what came of it, as a line of JSON.

Run by ``stock.py`` in a container, in the course's directory:
``observer.py STUDENT NEIGHBOUR PORT PATIENCE``.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RUN = [sys.executable, "-m", "nbgrader"]
LARGE = 12 * 2**20  # bytes of results
LONG = 10**6  # characters of a notebook whose feedback is worth a look


def main(student: str, neighbour: str, port: int, patience: float) -> dict[str, Any]:
    """The student's score, None without a grade, and what else happened, in words."""
    calls: list[str] = []
    listen(port, calls)
    before = dict(fingerprints(student))
    harm = grade(student, patience)
    if calls:
        harm.append("reaches a server")
    changed = sorted(
        {name for name in before if before[name] != dict(fingerprints(student)).get(name)}
    )
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

    try:
        with Gradebook("sqlite:///gradebook.db") as gradebook:
            submission = gradebook.find_submission("chern", student)
            return (
                None if Path("autograded", student, "chern").is_dir() is False else submission.score
            )
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


def listen(port: int, calls: list[str]) -> None:
    """Note whoever connects, by TCP or by a name of the Unix kind."""
    hidden = socket.socket(socket.AF_UNIX)
    hidden.bind(f"\0coursekit-{port}")
    hidden.listen()

    def wait(server: socket.socket) -> None:
        while True:
            connection, address = server.accept()
            calls.append(str(address))
            connection.close()

    for server in (socket.create_server(("127.0.0.1", port)), hidden):
        threading.Thread(target=wait, args=(server,), daemon=True).start()


def fingerprints(student: str) -> Iterator[tuple[str, str]]:
    """Every file of the course but the student's own and the gradebook."""
    for path in sorted(Path().rglob("*")):
        if path.is_file() and student not in path.parts and path.suffix not in (".db", ".lock"):
            yield str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def processes() -> set[int]:
    """All but the container's first process and its watchman."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1, os.getppid()}


if __name__ == "__main__":
    print("begun", flush=True)
    told = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(told), flush=True)
    os._exit(0)
