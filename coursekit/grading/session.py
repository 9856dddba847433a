"""A student's notebook as it runs: its cells, and the names that they leave behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coursekit.checks import AnswerError, AnswerTimeout
from coursekit.checks.wire import WireError, decode, encode
from coursekit.grading.kernel import Kernel, KernelDied, KernelTimeout
from coursekit.grading.outputs import OutputCollector, error_output

__all__ = ["StudentFunction", "StudentSession", "TimeLimits", "Undefined"]


@dataclass(frozen=True)
class TimeLimits:
    """Seconds that a student's code may take."""

    cell: float = 30.0
    call: float = 20.0  # one call of an answer
    test: float = 60.0  # all calls of one test cell
    notebook: float = 600.0
    restarts: int = 10  # kernels that one notebook may use up


class StudentSession:
    """Runs a notebook's cells in a kernel, and brings the kernel back when it is lost.

    Parameters
    ----------
    start : makes a kernel
    limits : seconds for each thing that may hang
    """

    def __init__(self, start: Callable[[], Kernel], limits: TimeLimits) -> None:
        self._start = start
        self._limits = limits
        self._kernel: Kernel | None = None
        self._starts = 0
        self._history: list[str] = []
        self._spent = 0.0
        self._test_spent = 0.0

    def run_cell(self, source: str) -> list[Any]:
        """Run one cell; its outputs, among them the error if it failed."""
        collector = OutputCollector()
        began = time.monotonic()
        try:
            kernel = self._ready()
            kernel.execute(source, self._allowed(self._limits.cell), collector.take)
        except KernelTimeout as timeout:
            if not timeout.alive:
                self._drop()
            text = f"this cell was interrupted: {timeout}"
            return [*collector.outputs, error_output("CellTimeoutError", text)]
        except KernelDied as death:
            self._drop()
            text = f"{death} while this cell ran; later cells run in a new one, without this cell"
            return [*collector.outputs, error_output("DeadKernelError", text)]
        else:
            self._history.append(source)
            return collector.outputs
        finally:
            self._spent += time.monotonic() - began

    def begin_test(self) -> None:
        """A new test cell begins, with time of its own."""
        self._test_spent = 0.0

    def lookup(self, name: str) -> Any:
        """What the notebook means by a name: plain data itself, or a stand-in."""
        try:
            answer = self._ask({"name": name})
        except AnswerError as error:
            return Undefined(name, str(error))
        if answer["kind"] == "value":
            return answer["value"]
        if answer["kind"] == "function":
            return StudentFunction(name, self)
        if answer["kind"] == "missing":
            return Undefined(name)
        return Undefined(name, str(answer["message"]))

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the notebook with plain data; the plain data that it returns.

        Raises
        ------
        AnswerError : the function raised, ended its kernel, or returned no plain data
        AnswerTimeout : it took too long
        """
        answer = self._ask({"name": name, "args": args, "kwargs": kwargs})
        if answer["kind"] == "value":
            return answer["value"]
        if answer["kind"] == "error":
            text = f"The function raised {answer['type']}: {answer['message']}"
            where = [f"({frame})" for frame in answer["frames"] if isinstance(frame, str)]
            raise AnswerError("\n".join([text, *where]), kind=answer["type"])
        raise AnswerError(str(answer["message"]))

    def close(self) -> None:
        """End the kernel and everything that it started."""
        self._drop()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        name = question["name"]
        text = encode(question)
        kernel = self._running(name)
        seconds = min(self._limits.call, self._limits.test - self._test_spent)
        began = time.monotonic()
        try:
            text = kernel.ask(text, seconds)
        except KernelTimeout:
            # The function may still hold the kernel, or have left half of its work in it.
            self._drop()
            raise AnswerTimeout(
                f"`{name}` gave no answer within {seconds:.3g} s; expected one sooner: look for a "
                "loop that does not end, or work on all k at once instead of one by one"
            ) from None
        except KernelDied as death:
            self._drop()
            raise AnswerError(f"`{name}` ended Python itself: {death}") from None
        finally:
            spent = time.monotonic() - began
            self._spent += spent
            self._test_spent += spent
        return _well_formed(text, name)

    def _running(self, name: str) -> Kernel:
        if self._test_spent >= self._limits.test:
            raise AnswerTimeout(
                f"`{name}` was not called again: the calls of this test took more than "
                f"{self._limits.test:g} s together"
            )
        try:
            return self._ready()
        except (KernelDied, KernelTimeout) as error:
            raise AnswerError(f"`{name}` could not be called: {error}") from None

    def _ready(self) -> Kernel:
        """The kernel; a new one, in which the cells so far have run again, if it was lost."""
        if self._spent > self._limits.notebook:
            raise KernelTimeout(self._limits.notebook, alive=True)
        if self._kernel is not None:
            return self._kernel
        if self._starts > self._limits.restarts:
            raise KernelDied(f"the kernel ended {self._starts} times; it was not started again")
        self._starts += 1
        self._kernel = self._start()
        for source in list(self._history):
            began = time.monotonic()
            try:
                self._kernel.execute(source, self._allowed(self._limits.cell))
            except (KernelDied, KernelTimeout):
                # It went well the first time; from now on the notebook goes on without it.
                self._history.remove(source)
                self._drop()
                return self._ready()
            finally:
                self._spent += time.monotonic() - began
        return self._kernel

    def _allowed(self, seconds: float) -> float:
        return min(seconds, max(1.0, self._limits.notebook - self._spent))

    def _drop(self) -> None:
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None


class StudentFunction:
    """A function of the notebook, called where it lives."""

    def __init__(self, name: str, session: StudentSession) -> None:
        self.__name__ = name
        self._session = session

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self.__name__, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__name__} of the submitted notebook>"


class Undefined:
    """A name that the notebook does not define, or whose value cannot leave it."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        self.__name__ = name
        self.reason = reason or (
            f"`{name}` is not defined in your notebook; expected a cell that defines it and runs "
            "without an error: restart the kernel, run all cells, and look at the first that fails"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise AnswerError(self.reason)

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        raise AnswerError(self.reason)

    def __bool__(self) -> bool:
        raise AnswerError(self.reason)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AnswerError(self.reason)

    def __eq__(self, other: object) -> bool:
        raise AnswerError(self.reason)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.__name__}: not defined in the submitted notebook>"


_FIELDS: dict[str, dict[str, type]] = {
    "missing": {},
    "function": {},
    "value": {"value": object},
    "unreadable": {"message": str},
    "error": {"type": str, "message": str, "frames": list},
}


def _well_formed(text: str, name: str) -> dict[str, Any]:
    try:
        answer = decode(text)
    except WireError as error:
        raise AnswerError(f"the reply of `{name}` cannot be read: {error}") from None
    kind = answer.get("kind") if isinstance(answer, dict) else None
    fields = _FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None or not all(
        key in answer and isinstance(answer[key], expected) for key, expected in fields.items()
    ):
        raise AnswerError(f"the reply of `{name}` is not one that the grader's agent sends")
    return dict(answer)
