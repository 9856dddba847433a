"""Measure the library against its peers and against closed forms: ``python benchmarks/run.py``.

Each contender answers each question in a process of its own, on one core, with one thread.  A first
run warms up; then contenders take turns, and medians of their times are compared.  The tables of
README.md are written anew.

PythTB and WannierBerri are installed, once, beside this file; they need Python 3.12 or newer, which
is looked for on the PATH, or named by --python.  What is not there is left out, with a message.
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

import cases
import numpy as np
import report

HERE = Path(__file__).resolve().parent
IRON = HERE.parents[1] / "shared" / "data" / "Fe_tb.dat"
PEERS = ("pythtb", "wannierberri")
ROUNDS = 7
# Seconds: from where on three rounds will do, and from where on the first run is the only one.
LONG, VERY_LONG = 3.0, 15.0
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "BLIS")
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cases", nargs="*", help="names of cases to show, without a new README")
    parser.add_argument("--python", help="a Python of 3.12 or newer, for the peers")
    parser.add_argument("--iron", type=Path, default=IRON, help="Fe_tb.dat of bcc iron")
    asked = parser.parse_args()
    tables = {"compared": cases.COMPARED, "growing": cases.GROWING, "closing in": cases.CLOSING_IN}
    names = {case.name for table in tables.values() for case in table}
    if unknown := set(asked.cases) - names:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(sorted(names))}")
    programs = available(asked.python)
    measured = {}
    for title, table in tables.items():
        measured[title] = []
        for case in table:
            if asked.cases and case.name not in asked.cases:
                continue
            if case.needs_iron and not asked.iron.exists():
                print(f"{case.name} is left out: no {asked.iron.name}; name it with --iron")
                continue
            contenders = {name: programs[name] for name in case.contenders if name in programs}
            if not contenders:
                continue
            arguments = [] if case.size is None else [case.size]
            arguments += [str(asked.iron.resolve())] if case.needs_iron else []
            try:
                results = measure(case, contenders, arguments, alternate=title != "closing in")
            except WorkerFailed as failure:
                print(f"{case.name} is left out: {failure}")
                continue
            measured[title].append((case, results))
            print(report.lines(case, results), flush=True)
    if not asked.cases:
        report.write(HERE / "README.md", measured, machine())


def measure(case, contenders, arguments, alternate):
    """What each contender took and answered, {name: Measured}."""
    workers = {
        name: Worker(program, name, case.function, arguments)
        for name, program in contenders.items()
    }
    try:
        times = {name: [worker.ask("run")["seconds"]] for name, worker in workers.items()}
        for turn in range(ROUNDS if alternate else 0):
            for name, worker in workers.items():
                first = times[name][0]
                if turn < (0 if first > VERY_LONG else 3 if first > LONG else ROUNDS):
                    times[name].append(worker.ask("run")["seconds"])
        ends = {name: worker.ask("end") for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.stop()
    reference = np.array(ends[case.contenders[0]]["answer"])
    return {
        name: report.Measured(
            # The first run warms up, where there are others.
            statistics.median(times[name][1:] or times[name]),
            end["peak"],
            end["answer"],
            float(abs(np.array(end["answer"]) - reference).max() / abs(reference).max()),
        )
        for name, end in ends.items()
    }


class WorkerFailed(Exception):
    """With the end of what the worker had to say."""


class Worker:
    """A process that answers one question whenever it is asked."""

    def __init__(self, program, contender, function, arguments):
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(Path(self._folder.name) / "log", "w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [program, HERE / "worker.py", contender, function, json.dumps(arguments)],
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
            raise WorkerFailed(self._log.read()[-2000:]) from None

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()


def available(python):
    """{contender: the Python that runs its worker}."""
    programs = dict.fromkeys(("coursekit", "closed_form", "in_blocks"), sys.executable)
    if shutil.which("postw90.x"):
        programs["postw90"] = sys.executable
    else:
        print("postw90 is left out: no postw90.x on the PATH; Debian's package is wannier90")
    base = new_enough(python)
    for peer in PEERS:
        program = HERE / ".env" / peer / "bin" / "python"
        if not program.exists() and not (base and installed(base, peer, program.parents[1])):
            why = "it could not be installed" if base else "no Python of 3.12 or newer: --python"
            print(f"{peer} is left out: {why}")
            continue
        programs[peer] = str(program)
    return programs


def installed(base, peer, folder):
    """Whether the peer could be installed into ``folder``."""
    print(f"installing {peer}, once ...", flush=True)
    pins = HERE / "peers" / f"{peer}.txt"
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", pins]
    try:
        subprocess.run([base, "-m", "venv", folder], check=True)
        subprocess.run(pip, check=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def new_enough(python):
    """A Python of at least 3.12 that runs, or None."""
    on_path = [f"python3.{minor}" for minor in (12, 13, 14)]
    check = "import sys; sys.exit(sys.version_info < (3, 12))"
    for name in [python] if python else [sys.executable, *on_path, "python3"]:
        program = shutil.which(name)
        # A name on the PATH may be there and not work.
        if program and subprocess.run([program, "-c", check], capture_output=True).returncode == 0:
            return program
    return None


def machine():
    """What matters of the machine, in one line."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        found = [
            x.split(":")[1].strip() for x in info.read_text().splitlines() if "model name" in x
        ]
        model = found[0] if found else model
    return (
        f"One core of {os.cpu_count()} ({model}), one thread; Python {platform.python_version()}, "
        f"NumPy {np.__version__}."
    )


if __name__ == "__main__":
    main()
