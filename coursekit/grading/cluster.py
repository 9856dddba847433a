"""Workers on other machines: those of a scheduler of dask.distributed.

There, too, marking is done in processes of its own, beside the cluster's.  They must have this
library; they need neither the course directory nor the gradebook.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from coursekit.grading.marking import Job, Outcome, Setting, library_digest
from coursekit.grading.worker import Worker, WorkerDied

__all__ = ["outcomes_on"]

_ATTEMPTS = 2
_CONNECT_TIMEOUT = 20.0
# A process that gets no job for so long ends: whoever wanted it may be gone.
_IDLE = 60.0


def outcomes_on(
    address: str,
    setting: Setting,
    students: Sequence[str],
    make_job: Callable[[str], Job],
    patience: float,
) -> Generator[Outcome, None, None]:
    """Do a job for each student; outcomes in the order in which they come.

    Parameters
    ----------
    address : of the scheduler, as in ``"tcp://192.0.2.1:8786"``
    make_job : makes a student's job when its time has come
    patience : seconds after which a job is given up

    Raises
    ------
    ValueError : there is no scheduler at the address, or it has no workers
    """
    try:
        import distributed
    except ImportError:
        raise ValueError(
            "dask.distributed is not installed; --scheduler needs it: pip install distributed"
        ) from None
    try:
        dask: Any = distributed
        client = dask.Client(address, timeout=_CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no scheduler answers at {address!r} ({error}); expected the address that "
            "`dask scheduler` prints"
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ValueError(f"the scheduler at {address} has no workers; expected some")
        shared = client.scatter(setting, broadcast=True)
        waiting = deque(students)
        names: dict[Any, str] = {}
        pending = dask.as_completed(loop=client.loop)

        def submit() -> None:
            student = waiting.popleft()
            job = make_job(student)
            future = client.submit(_mark, shared, job, patience, pure=False, key=f"mark-{student}")
            names[future.key] = student
            pending.add(future)

        try:
            # Some more than can be done at once, so that no worker waits for its next job.
            for _ in range(min(2 * threads, len(waiting))):
                submit()
            for future in pending:
                student = names.pop(future.key)
                if waiting:
                    submit()
                try:
                    yield future.result()
                except Exception as error:
                    # The cluster's own trouble, such as a machine that went away again and again.
                    yield Outcome(student, problem=f"{type(error).__name__}: {error}")
        finally:
            with contextlib.suppress(Exception):
                client.run(_dismiss)


def _mark(setting: Setting, job: Job, patience: float) -> Outcome:
    """Do a job on a machine of the cluster."""
    if setting.library != library_digest():
        return Outcome(
            job.student,
            problem="a worker of the cluster has another version of coursekit; expected the same "
            "one everywhere: install it there",
        )
    problem = ""
    for _ in range(_ATTEMPTS):
        worker = _hands.take(setting)
        try:
            worker.wait_until_ready()
            worker.begin(job, ahead=False)
            if not worker.connection.poll(patience):
                raise WorkerDied(f"no result within {patience:g} s")
            outcome = worker.receive()
            assert outcome is not None
        except WorkerDied as death:
            _hands.drop(worker)
            problem = f"{death}, {_ATTEMPTS} times; perhaps there is too little memory"
        else:
            _hands.give_back(worker)
            return outcome
    return Outcome(job.student, problem=problem)


def _dismiss() -> None:
    _hands.dismiss()


class _Hands:
    """The marking processes beside one process of the cluster, which may have several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._setting: Setting | None = None
        self._idle: list[tuple[float, Worker]] = []
        self._all: set[Worker] = set()

    def take(self, setting: Setting) -> Worker:
        with self._lock:
            if setting != self._setting:
                self._setting = setting
                for _, worker in self._idle:
                    worker.close()
                self._idle.clear()
            while self._idle:
                since, worker = self._idle.pop()
                # One that is about to end must not get a job any more.
                if time.monotonic() - since < _IDLE / 2:
                    return worker
                self._all.discard(worker)
                worker.close()
        worker = Worker(setting, _room() / "log", _room(), idle=_IDLE)
        with self._lock:
            self._all.add(worker)
        return worker

    def give_back(self, worker: Worker) -> None:
        with self._lock:
            self._idle.append((time.monotonic(), worker))

    def drop(self, worker: Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.close()

    def dismiss(self) -> None:
        """End them all, whatever they are doing."""
        with self._lock:
            everyone, self._idle = list(self._all), []
            self._all.clear()
        for worker in everyone:
            worker.terminate()
        for worker in everyone:
            worker.close()


_hands = _Hands()


@functools.cache
def _room() -> Path:
    """A directory for the processes' own files, which goes away with this process."""
    return Path(_temporary_directory().name)


@functools.cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="coursekit-")
