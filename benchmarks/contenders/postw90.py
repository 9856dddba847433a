"""Wannier90's postw90.x, a Fortran program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cases
from wannier90_files import write_postw90


def iron(n, path):
    return _iron(path, n)


def iron_closing_in(setting, path):
    if setting == "uniform":
        return _iron(path, 40)
    return _iron(path, 30, "berry_curv_adpt_kmesh = 5\nberry_curv_adpt_kmesh_thresh = 100\n")


def _iron(path, n, more=""):
    # The mesh of the first-principles calculation, and the neighbours of a point of its lattice.
    write_postw90(path, ".", (2, 2, 2), 12, fermi_energy=cases.FERMI_ENERGY, berry_mesh=n)
    with open("Fe.win", "a") as file:
        file.write(more)
    command = [shutil.which("postw90.x"), "Fe"]
    if timer := shutil.which("time"):
        command = [timer, "-f", "%M", "-o", "memory", *command]

    def run():
        Path("Fe.wpout").unlink(missing_ok=True)
        subprocess.run(command, check=True, capture_output=True)
        return Path("Fe.wpout").read_text()

    def printed(text):
        return [float(x) for x in re.search(r"==========\s+(\S+)\s+(\S+)\s+(\S+)", text).groups()]

    return run, printed


def peak():
    """Bytes that the program took, where the system has the command ``time`` to say so."""
    memory = Path("memory")
    return 1024 * int(memory.read_text()) if memory.exists() else None
