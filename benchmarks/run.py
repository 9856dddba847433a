"""Measure the library against its peers and against closed forms: ``python benchmarks/run.py``.

Each contender answers each question in a process of its own, on one core, with one thread. The
first run warms up; then contenders take turns, and the medians of their times are compared. The
table in README.md is written anew.

PythTB and WannierBerri are installed, once, beside this file; they need Python 3.12 or newer, which
is looked for on the PATH, or named by --python. What is not there is left out, with a message.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import report
from cases import CASES

HERE = Path(__file__).resolve().parent
IRON = HERE.parents[1] / "shared" / "data" / "Fe_tb.dat"
PEERS = ("pythtb", "wannierberri")
ROUNDS = 7
# One run must do for what is slower, and a few for what takes long.
SLOW, LONG = 20.0, 3.0
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cases", nargs="*", help="names of cases; all without it")
    parser.add_argument("--python", help="a Python of 3.12 or newer, for the peers")
    parser.add_argument("--iron", type=Path, default=IRON, help="Fe_tb.dat of bcc iron")
    asked = parser.parse_args()
    unknown = set(asked.cases) - {case.name for case in CASES}
    if unknown:
        parser.error(
            f"no case {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in CASES)}"
        )
    programs = {"coursekit": sys.executable, "closed_form": sys.executable}
    if shutil.which("postw90.x"):
        programs["postw90"] = sys.executable
    else:
        print("postw90.x is not on the PATH: left out (Debian has it in the package wannier90)")
    programs |= peers(asked.python)
    results = []
    for case in CASES:
        if asked.cases and case.name not in asked.cases:
            continue
        if case.needs_iron and not asked.iron.exists():
            print(f"{case.name}: no {asked.iron.name}, left out; name it with --iron")
            continue
        data = [str(asked.iron.resolve())] if case.needs_iron else []
        measured = measure(case, {c: programs[c] for c in case.contenders if c in programs}, data)
        results.append((case, measured))
        print(report.lines(case, measured), flush=True)
    if asked.cases:
        return
    report.write(HERE / "README.md", results, machine())


def measure(case, programs, data):
    """{contender: {"seconds", "peak", "agrees"}} after alternating runs."""
    workers = {name: Worker(program, name, case.name, data) for name, program in programs.items()}
    try:
        first = {name: worker.ask("run")["seconds"] for name, worker in workers.items()}
        rounds = {n: 0 if t > SLOW else 3 if t > LONG else ROUNDS for n, t in first.items()}
        times = {name: [t] if t > SLOW else [] for name, t in first.items()}
        for turn in range(ROUNDS):
            for name, worker in workers.items():
                if turn < rounds[name]:
                    times[name].append(worker.ask("run")["seconds"])
        ends = {name: worker.ask("end") for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.stop()
    ours = np.array(ends["coursekit"]["answer"])
    return {
        name: {
            "seconds": statistics.median(times[name]),
            "peak": end["peak"],
            "answer": end["answer"],
            "off": float(abs(np.array(end["answer"]) - ours).max() / abs(ours).max()),
        }
        for name, end in ends.items()
    }


class Worker:
    """A process that answers one question whenever it is asked."""

    def __init__(self, program, contender, case, data):
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(Path(self._folder.name) / "log", "w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [program, HERE / "worker.py", contender, case, *data],
            cwd=self._folder.name,
            env=os.environ | ONE_THREAD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ask(self, question):
        try:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self._process.wait()
            self._log.seek(0)
            raise SystemExit(f"a worker failed:\n{self._log.read()[-3000:]}") from None

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()


def peers(python):
    """{peer: its Python}, installed on first use."""
    found = {}
    base = None
    for peer in PEERS:
        program = HERE / ".env" / peer / "bin" / "python"
        if not program.exists():
            base = base or new_enough(python)
            if base is None:
                print(f"{peer} is left out: no Python of 3.12 or newer; name one with --python")
                continue
            print(f"installing {peer}, once ...", flush=True)
            try:
                subprocess.run([base, "-m", "venv", program.parents[1]], check=True)
                pins = HERE / "peers" / f"{peer}.txt"
                subprocess.run(
                    [program, "-m", "pip", "install", "--quiet", "--requirement", pins], check=True
                )
            except subprocess.CalledProcessError:
                shutil.rmtree(program.parents[1], ignore_errors=True)
                print(f"{peer} is left out: it could not be installed")
                continue
        found[peer] = str(program)
    return found


def new_enough(python):
    """A Python of at least 3.12 that runs, or None."""
    names = (
        [python] if python else [sys.executable, *(f"python3.{n}" for n in (12, 13, 14)), "python3"]
    )
    for name in names:
        program = shutil.which(name)
        check = "import sys; sys.exit(sys.version_info < (3, 12))"
        # A name on the PATH may be there and not work.
        if program and subprocess.run([program, "-c", check], capture_output=True).returncode == 0:
            return program
    return None


def machine():
    """What matters of the machine, in one line."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        names = [
            line.split(":")[1] for line in info.read_text().splitlines() if "model name" in line
        ]
        model = names[0].strip() if names else model
    return (
        f"{model}, one core of {os.cpu_count()}, one thread; Python {platform.python_version()}, "
        f"NumPy {np.__version__}"
    )


if __name__ == "__main__":
    main()
