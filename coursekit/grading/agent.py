"""The grader's hand in the student's kernel: it calls what it is told to and sends plain data.

This file runs beside the student's code and is at its mercy, so nothing depends on its honesty:
whatever it sends is an answer, right or wrong, and a check compares it elsewhere.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from typing import Any

from coursekit.checks.drawing import as_data
from coursekit.checks.wire import decode, encode

_MAX_FRAMES = 6
_MAX_LINE = 300


class Reply(str):
    """Text that is its own representation, so that it crosses as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str.__str__(self)


def describe(names: dict[str, Any], name: str) -> Reply:
    """What a name stands for: nothing, a function, or a value with the value itself."""
    if name not in names:
        return Reply(encode({"kind": "missing"}))
    value = names[name]
    if callable(value) and not hasattr(value, "__array__"):
        return Reply(encode({"kind": "function"}))
    try:
        return Reply(encode({"kind": "value", "value": as_data(value)}))
    except Exception as error:
        return Reply(encode({"kind": "unreadable", "message": f"`{name}`: {error}"}))


def call(names: dict[str, Any], path: str) -> Reply:
    """Call a function as the file says; its result, or what went wrong."""
    with open(path, encoding="utf-8") as file:
        request = decode(file.read())
    try:
        value = names[request["name"]](*request["args"], **request["kwargs"])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return Reply(encode({"kind": "error", **_error(error, request["name"])}))
    try:
        return Reply(encode({"kind": "value", "value": as_data(value)}))
    except Exception as error:
        message = f"the result of `{request['name']}` cannot be graded: {error}"
        return Reply(encode({"kind": "unreadable", "message": message}))


def _error(error: BaseException, name: str) -> dict[str, Any]:
    frames = []
    # The first frame is ours; the library's own frames tell a student little.
    for frame in traceback.extract_tb(error.__traceback__)[1:]:
        if _is_students(frame.filename):
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            frames.append(f"line {frame.lineno} in {frame.name}: {line}"[:_MAX_LINE])
    return {
        "type": type(error).__name__[:_MAX_LINE],
        "message": str(error)[: 4 * _MAX_LINE],
        "frames": frames[-_MAX_FRAMES:],
    }


def _is_students(filename: str) -> bool:
    return not filename.startswith(("/course/", "/usr/", sys.prefix, sys.base_prefix))
