"""Test cells, run in the grader's own process.

They see ``ck``, ``np``, what locked cells import, and stand-ins for the student's names.  Nothing
that a student wrote is executed here.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import math
import time
import traceback
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np

import coursekit
from coursekit.checks import AnswerError, Report, grade
from coursekit.grading.empties import guarded, unguarded
from coursekit.grading.outputs import error_output, inert_tex, output
from coursekit.grading.sandbox import SandboxError
from coursekit.grading.session import StudentFunction, StudentSession, Undefined

__all__ = ["CellRunner"]

_FILENAME = "<test cell>"
_MAX_PRINTED = 50_000


class CellRunner:
    """Runs the test cells of one notebook against one student's session.

    Parameters
    ----------
    session : where the student's names live
    seed : secret, from which the checks draw their inputs
    locked_sources : sources of the locked cells, whose imports the tests may rely on
    """

    def __init__(self, session: StudentSession, seed: str, locked_sources: Iterable[str]) -> None:
        self._session = session
        self._seed = seed
        self._reports: list[Report] = []
        self._missing: dict[str, Undefined] = {}
        self._names: dict[str, Any] = {"__name__": "__main__"}
        for source in locked_sources:
            _run_imports(source, self._names)
        self._names.update(ck=_Coursekit(self._check), np=np)

    def run(self, source: str, points: float) -> list[Any]:
        """Run one test cell.

        Returns
        -------
        Its outputs. Without an error among them the cell earns all points, or as many as its one
        execute_result says, a number from 0 to ``points``.
        """
        self._reports = []
        self._missing = {}
        self._session.begin_test()
        began = time.monotonic()
        printed = io.StringIO()
        try:
            # What a test writes to stderr, warnings above all, is no reason to lose the mark.
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = self._execute(source)
                outputs = [*_shown(self._reports), *self._credit(value, points)]
        except SandboxError:
            raise  # our machine's failure, not the student's
        except (Exception, SystemExit) as error:
            if isinstance(error, NameError) and error.name in self._missing:
                error = AnswerError(self._missing[error.name].reason).with_traceback(
                    error.__traceback__
                )
            outputs = [*_shown(self._reports), _error(error)]
        for shown in outputs[: len(self._reports)]:
            shown.metadata["seconds"] = round(time.monotonic() - began, 2)
        if text := printed.getvalue()[:_MAX_PRINTED]:
            outputs.insert(0, output("stream", name="stdout", text=text))
        return outputs

    def _execute(self, source: str) -> object:
        """The value of the cell's last expression, or None."""
        tree = ast.parse(source, _FILENAME)
        loaded, bound = _names_in(tree)
        foreign = sorted(loaded - bound - set(self._names) - set(vars(builtins)))
        answers = {name: self._session.lookup(name) for name in foreign}
        # A check says of an answer that is missing what it is worth; anything else meets what it
        # would meet in a notebook, a NameError where the name is used.
        self._missing = {n: a for n, a in answers.items() if _is_missing(a)}
        shown = _checked_names(tree) | (set(foreign) - set(self._missing))
        names = self._names | {n: _as_seen(a) for n, a in answers.items() if n in shown}
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if isinstance(last, ast.Expr) and _root(last.value) in foreign:
            raise TypeError(
                "the test cell ends with a value that the student chose; expected points, True or "
                "False, or no value: end it with an assert"
            )
        exec(compile(tree, _FILENAME, "exec"), names)
        value = None
        if isinstance(last, ast.Expr):
            expression = ast.Expression(last.value)
            value = eval(compile(expression, _FILENAME, "eval"), names)
        # Later test cells see what this one defined; `ck` and `np` stay the grader's.
        self._names.update((name, names[name]) for name in bound - {"ck", "np"} if name in names)
        return value

    def _check(self, name: str, answer: object) -> Report:
        report = grade(
            name, answer.answer if isinstance(answer, _Seen) else unguarded(answer), self._seed
        )
        self._reports.append(report)
        return report

    def _credit(self, value: object, points: float) -> list[Any]:
        if self._reports:
            possible = sum(report.max_points for report in self._reports)
            earned = sum(report.points for report in self._reports)
            return [_result(points * earned / possible if possible else 0.0, points)]
        if isinstance(value, Report):
            raise TypeError(
                "got a report made with the students' own seed; expected one from the grader's "
                "`ck`: do not import coursekit in a test cell"
            )
        if isinstance(value, np.bool_):
            value = bool(value)
        if isinstance(value, Real):
            return [_result(float(value) * (points if isinstance(value, bool) else 1), points)]
        if value is None:
            return []
        raise TypeError(
            f"the test cell ends with a value of type {type(value).__name__}; expected a number "
            "of points, True or False, or no value: end it with an assert"
        )


class _Seen:
    """A function of the notebook, as plain asserts see it."""

    def __init__(self, answer: StudentFunction) -> None:
        self.__name__ = answer.__name__
        self.answer = answer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return guarded(self.answer(*args, **kwargs))

    def __repr__(self) -> str:
        return repr(self.answer)


def _as_seen(answer: Any) -> Any:
    return _Seen(answer) if isinstance(answer, StudentFunction) else guarded(answer)


def _is_missing(answer: object) -> bool:
    return isinstance(answer, Undefined) and answer.reason == Undefined(answer.__name__).reason


class _Coursekit:
    """The library as test cells see it: all of it, and a `check` that uses the secret seed."""

    def __init__(self, check: Callable[[str, object], Report]) -> None:
        self.check = check

    def __getattr__(self, name: str) -> Any:
        return getattr(coursekit, name)


def _run_imports(source: str, names: dict[str, Any]) -> None:
    """Import what a locked cell imports; a locked cell that does not parse imports nothing."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # it holds magics, which belong to the student's kernel
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = ast.Module(body=[node], type_ignores=[])
            exec(compile(module, "<locked cell>", "exec"), names)


def _names_in(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Names that code loads, and names that it binds anywhere."""
    loaded: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((a.asname or a.name).partition(".")[0] for a in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return loaded, bound


def _checked_names(tree: ast.AST) -> set[str]:
    """Names that stand as arguments of a check."""
    return {
        argument.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "check"
        for argument in (*node.args, *(k.value for k in node.keywords))
        if isinstance(argument, ast.Name)
    }


def _root(node: ast.AST) -> str:
    """The name that a chain of calls, attributes and items begins with."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _shown(reports: list[Report]) -> list[Any]:
    return [
        output(
            "display_data",
            data={"text/html": inert_tex(r._repr_html_()), "text/plain": str(r)},
            metadata={"why": _why(r)},
        )
        for r in reports
    ]


def _why(report: Report) -> list[str]:
    """What went wrong, for the head of the feedback page: the diagnoses, or the first complaint."""
    complaints = [part.message for part in report.parts if part.message]
    return list(report.diagnoses) or complaints[:1]


def _result(credit: float, points: float) -> Any:
    if not math.isfinite(credit):
        raise ValueError(f"the test cell gives {credit} points; expected a finite number")
    # nbgrader reads the text of a result as points, and gives up when it exceeds their maximum.
    text = repr(float(min(max(credit, 0.0), points)))
    return output("execute_result", data={"text/plain": text}, execution_count=None)


def _error(error: BaseException) -> Any:
    name, message = type(error).__name__, str(error)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == _FILENAME]
    place = [f"line {frames[-1].lineno} of the test"] if frames else []
    return error_output(name, message, [*place, f"{name}: {message}"])
