"""A process that marks, and the handle by which another process holds it.

What may go wrong with one student's notebook, a process killed for want of memory among it, stays
in here.  A worker ends with the process that started it, and its sandboxes end with the worker.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import FrameType
from typing import NoReturn

from coursekit.grading.marking import Job, Marker, Outcome, Setting
from coursekit.grading.pool import shared_pool

__all__ = ["Worker", "WorkerDied"]

_PR_SET_PDEATHSIG = 1
_PATIENCE = 10.0  # seconds that a worker gets to end its sandboxes
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class WorkerDied(RuntimeError):
    """The process ended, or could not be spoken to."""


class Worker:
    """A process of its own, which does one job after the other.

    Parameters
    ----------
    log : file that takes what the process itself has to say
    scratch : directory for its temporary files, which the caller removes
    idle : seconds without a job after which the process ends by itself; never, without it
    """

    def __init__(
        self, setting: Setting, log: Path, scratch: Path, idle: float | None = None
    ) -> None:
        ours, theirs = Pipe()
        self.connection = ours
        self.job: Job | None = None
        self.busy_since = 0.0
        self._is_ready = False
        call = f"serve({theirs.fileno()}, {os.getpid()}, {idle})"
        with theirs, log.open("ab") as said:
            self._process = subprocess.Popen(
                # -P: a module beside the course must not pass for one of Python's.
                [sys.executable, "-P", "-c", f"from {__name__} import serve; {call}"],
                env={**os.environ, **_ONE_THREAD, "TMPDIR": str(scratch)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(theirs.fileno(),),
                # A Ctrl-C in the terminal is for the one who holds this handle.
                start_new_session=True,
            )
        self._send(setting)

    def wait_until_ready(self) -> None:
        """Wait for a process that has just been started.

        Raises
        ------
        WorkerDied
        """
        if not self._is_ready:
            self.receive()

    def begin(self, job: Job, ahead: bool) -> None:
        """Hand over a job.

        Parameters
        ----------
        ahead : whether a sandbox is to be made ready for another one

        Raises
        ------
        WorkerDied
        """
        self.job, self.busy_since = job, time.monotonic()
        self._send((job, ahead))

    def receive(self) -> Outcome | None:
        """What became of the job; None from a worker that is ready for its first one.

        Raises
        ------
        WorkerDied
        """
        try:
            outcome = self.connection.recv()
        except (EOFError, OSError):
            self._mourn()
        self._is_ready = True
        if outcome is None:
            return None
        assert isinstance(outcome, Outcome)
        self.job = None
        return replace(outcome, seconds=round(time.monotonic() - self.busy_since, 2))

    def terminate(self) -> None:
        """Tell the process to end, and wait for nothing."""
        self.connection.close()
        # One that is idle ends when nobody is at the other end any more.
        if self.job is not None and self._process.poll() is None:
            self._process.terminate()

    def close(self) -> None:
        """End the process and its sandboxes, whatever it is doing."""
        self.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except OSError:
            self._mourn()

    def _mourn(self) -> NoReturn:
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise WorkerDied(f"the grading process {how}")


def serve(descriptor: int, parent: int, idle: float | None) -> None:
    """Do jobs until the other end is closed; the main function of a worker's process."""
    _end_with(parent)
    signal.signal(signal.SIGTERM, _leave)
    with (
        Connection(descriptor) as connection,
        closing(shared_pool),
        suppress(EOFError, ConnectionError),
    ):
        setting = connection.recv()
        if setting.root.is_dir():
            os.chdir(setting.root)
        marker = Marker(setting)
        connection.send(None)
        while connection.poll(idle):
            job, shared_pool.ahead = connection.recv()
            connection.send(marker.do(job))


def _end_with(parent: int) -> None:
    """Let the system kill this process when the one that started it is gone, even if killed."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the grader ended before its worker began")


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # An exception, so that open sandboxes are closed on the way.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)
