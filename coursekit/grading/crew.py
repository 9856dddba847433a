"""Workers on this machine, each busy with one student."""

from __future__ import annotations

import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from coursekit.grading.marking import Job, Outcome, Setting
from coursekit.grading.sandbox import SandboxError
from coursekit.grading.worker import Worker, WorkerDied

__all__ = ["Crew"]

_ATTEMPTS = 2


@dataclass(frozen=True)
class Crew:
    """A number of workers.

    Parameters
    ----------
    log : file that takes what workers have to say
    size : how many there are at a time
    patience : seconds after which a job is given up
    """

    setting: Setting
    log: Path
    size: int
    patience: float

    def outcomes(
        self, students: Sequence[str], make_job: Callable[[str], Job]
    ) -> Generator[Outcome, None, None]:
        """Do a job for each student; outcomes in the order in which they come.

        A worker that ends is replaced, and its student gets one more attempt, behind the others.

        Parameters
        ----------
        make_job : makes a student's job when its time has come

        Raises
        ------
        SandboxError : workers end before they have begun
        """
        shift = _Shift(self, deque(students), make_job)
        try:
            while shift.goes_on:
                yield from shift.next_outcomes()
        finally:
            shift.close()


class _Shift:
    """The crew at work."""

    def __init__(self, crew: Crew, waiting: deque[str], make_job: Callable[[str], Job]) -> None:
        self._crew = crew
        self._waiting = waiting
        self._make_job = make_job
        self._attempts: Counter[str] = Counter()
        self._scratch = tempfile.TemporaryDirectory(prefix="coursekit-")
        self._workers: dict[Connection, Worker] = {}
        for _ in range(min(crew.size, len(waiting))):
            self._hire()

    @property
    def goes_on(self) -> bool:
        return bool(self._workers)

    def next_outcomes(self) -> list[Outcome]:
        """Wait until something has happened; the jobs that are done, if any."""
        found = []
        for connection in wait(list(self._workers), timeout=1.0):
            assert isinstance(connection, Connection)
            worker = self._workers[connection]
            try:
                outcome = worker.receive()
                if outcome is not None:
                    found.append(outcome)
                self._occupy(worker)
            except WorkerDied as death:
                found += self._replace(worker, str(death))
        for worker in list(self._workers.values()):
            if worker.job and time.monotonic() - worker.busy_since > self._crew.patience:
                found += self._replace(worker, f"no result within {self._crew.patience:g} s")
        return found

    def close(self) -> None:
        """End all workers and what they left behind."""
        for worker in self._workers.values():
            worker.terminate()
        for worker in self._workers.values():
            worker.close()
        self._scratch.cleanup()

    def _hire(self) -> None:
        worker = Worker(self._crew.setting, self._crew.log, Path(self._scratch.name))
        self._workers[worker.connection] = worker

    def _occupy(self, worker: Worker) -> None:
        """Give the worker its next job, or let it go."""
        if not self._waiting:
            del self._workers[worker.connection]
            worker.close()
            return
        student = self._waiting.popleft()
        self._attempts[student] += 1
        # Behind the last students a kernel would be made ready for nobody.
        ahead = len(self._waiting) >= len(self._workers)
        worker.begin(self._make_job(student), ahead)

    def _replace(self, worker: Worker, why: str) -> list[Outcome]:
        """Let a lost worker's job be done by another, unless it was lost before."""
        del self._workers[worker.connection]
        worker.close()
        if worker.job is None:
            raise SandboxError(
                f"{why} before it had begun; expected it to start: see {self._crew.log}"
            )
        student = worker.job.student
        given_up = self._attempts[student] >= _ATTEMPTS
        if not given_up:
            self._waiting.append(student)
        if self._waiting:
            self._hire()
        problem = f"{why}, {_ATTEMPTS} times; perhaps there is too little memory"
        return [Outcome(student, problem=problem)] if given_up else []
