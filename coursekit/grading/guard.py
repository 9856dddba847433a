"""The sandbox's watchman: starts the kernel, and ends everything when the limits of all are passed.

Limits that the system keeps count for each process, and a student's code can start many.  This file
runs inside, as the process that the sandbox lives and dies with: code that ends it ends itself.
Signals that would stop it are refused by the filter of kernel calls, or ignored.

Called as ``guard.py MEMORY PROGRAM ARGUMENT...``.
"""

from __future__ import annotations

import os
import signal
import sys

_INTERVAL = 0.1
_PAGE = os.sysconf("SC_PAGESIZE")
_STOPPING = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGINT)


def main(memory: int, argv: list[str]) -> int:
    """Run a program; its exit status, or 137 where a limit was passed.

    Parameters
    ----------
    memory : bytes that all processes may hold together
    """
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    child = os.posix_spawn(argv[0], argv, os.environ, setsigmask=(), setsigdef=_STOPPING)
    while True:
        # Wakes when the program ends, and every now and then.
        signal.sigtimedwait({signal.SIGCHLD}, _INTERVAL)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) & 255
        used = _memory_in_use(memory)
        if used > memory:
            text = f"its processes together held {used:,} bytes of memory, of {memory:,} allowed"
            print(f"the sandbox was ended: {text}", file=sys.stderr)
            return 137


def _memory_in_use(allowed: int) -> int:
    """Bytes that all processes hold; looked at closely only where it may exceed what is allowed."""
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    # What processes share is counted for each of them, so this is the most that it can be.
    most = sum(map(_resident, processes))
    return most if most <= allowed else sum(map(_proportional, processes))


def _resident(process: str) -> int:
    """Bytes in memory, shared ones included; 0 for a process that is gone."""
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _proportional(process: str) -> int:
    """Bytes in memory, where what n processes share counts 1/n for each."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except PermissionError:
        pass  # a process of another user, or one that hides
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return _resident(process)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
