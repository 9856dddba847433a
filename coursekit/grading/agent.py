"""The grader's hand in the sandbox: runs cells as a notebook does, and calls answers.

This file runs beside the student's code and is at its mercy, so nothing depends on its honesty:
whatever it sends is an output or an answer, right or wrong, and a check compares it elsewhere.

It is IPython's shell without a Jupyter kernel around it, which would double the time to start.  The
grader holds the other end of the socket that stands at standard input.
"""

from __future__ import annotations

import asyncio
import base64
import json
import linecache
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from coursekit.checks.drawing import as_data
from coursekit.checks.wire import decode, encode

__all__ = ["ANSWER", "ASK", "DONE", "HEADER", "INTERRUPT", "MAX_OUTPUT", "OUTPUT", "READY", "RUN"]

# A frame: the size of what follows, its kind, and the number of the request that it belongs to.
HEADER = struct.Struct("!IcI")
RUN, ASK, INTERRUPT = b"r", b"q", b"i"
READY, OUTPUT, DONE, ANSWER = b"R", b"O", b"D", b"A"
MAX_OUTPUT = 8 * 2**20  # bytes of one output
_MAX_OUTPUTS = 2 * MAX_OUTPUT  # of one cell; the grader keeps less
_FLUSH_SIZE, _FLUSH_SECONDS = 8_000, 0.05
_MAX_LINES, _MAX_MESSAGE = 100, 10_000
_MAX_FRAMES = 6
_MAX_LINE = 300


# -- what the grader asks ------------------------------------------------------------------------


def answer(names: dict[str, Any], question: Any) -> str:
    """The reply to one question about the notebook's names."""
    name = question["name"]
    if "args" in question:
        return call(names, name, question["args"], question["kwargs"])
    return describe(names, name)


def describe(names: dict[str, Any], name: str) -> str:
    """What a name stands for: nothing, a function, or a value with the value itself."""
    if name not in names:
        return encode({"kind": "missing"})
    value = names[name]
    try:
        if callable(value) and not hasattr(value, "__array__"):
            return encode({"kind": "function"})
        return encode({"kind": "value", "value": as_data(value)})
    except BaseException as error:
        return encode({"kind": "unreadable", "message": f"`{name}`: {error}"})


def call(names: dict[str, Any], name: str, args: Any, kwargs: Any) -> str:
    """The result of a function, or what went wrong."""
    try:
        value = names[name](*args, **kwargs)
    except BaseException as error:
        return encode({"kind": "error", **_error(error)})
    try:
        return encode({"kind": "value", "value": as_data(value)})
    except BaseException as error:
        message = f"the result of `{name}` cannot be graded: {error}"
        return encode({"kind": "unreadable", "message": message})


def _error(error: BaseException) -> dict[str, Any]:
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


# -- the connection ------------------------------------------------------------------------------


class Channel:
    """Frames to the grader, whole ones whatever happens meanwhile."""

    def __init__(self, connection: socket.socket) -> None:
        self.request = 0
        self.muted = False
        self.running = False  # whether an interrupt means anything
        self._connection = connection
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._main = threading.get_ident()
        self._shielded = self._interrupted = False
        self._left = 0

    @property
    def is_ours(self) -> bool:
        """False in a process that the notebook forked: its frames would cut into those of ours."""
        return os.getpid() == self._pid

    def begin(self, request: int, muted: bool) -> None:
        """What is sent from now on belongs to this request."""
        self.request, self.muted, self._left = request, muted, _MAX_OUTPUTS

    def output(self, kind: str, **content: Any) -> None:
        """An output of a cell, as a Jupyter kernel would publish it."""
        if self.muted or not self.is_ours:
            return
        payload = json.dumps({"msg_type": kind, "content": content}, default=_as_text).encode()
        if len(payload) > min(self._left, MAX_OUTPUT) and kind != "error":
            if self._left > 0:
                self._left = 0
                note = {"name": "stdout", "text": "... the rest of the output was too large ...\n"}
                self.send(OUTPUT, json.dumps({"msg_type": "stream", "content": note}).encode())
            return
        self._left -= len(payload)
        self.send(OUTPUT, payload)

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """One frame."""
        frame = HEADER.pack(len(payload), kind, self.request) + payload
        is_main = threading.get_ident() == self._main
        if is_main:
            self._shielded = True
        try:
            with self._lock:
                self._connection.sendall(frame)
        finally:
            if is_main:
                self._shielded = False
        if is_main and self._interrupted:
            self._interrupted = False
            if self.running:
                raise KeyboardInterrupt

    def on_interrupt(self, *_: object) -> None:
        """Handler of SIGINT: half a frame must not be left behind."""
        if self._shielded:
            self._interrupted = True
        elif self.running:
            raise KeyboardInterrupt

    def receive(self, take: Callable[[bytes, int, bytes], None]) -> None:
        """Hand on what comes from the grader, until it goes away; runs in a thread of its own."""
        with self._connection.makefile("rb") as stream:
            while len(head := stream.read(HEADER.size)) == HEADER.size:
                size, kind, request = HEADER.unpack(head)
                payload = stream.read(size)
                if kind == INTERRUPT:
                    signal.pthread_kill(self._main, signal.SIGINT)
                else:
                    take(kind, request, payload)
        os._exit(0)


def _as_text(value: object) -> str:
    """What JSON does not know: bytes of an image, or whatever a notebook displays."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else repr(value)


class Printed:
    """What is printed, sent in pieces of some size and in its order."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.RLock()
        self._name = "stdout"
        self._parts: list[str] = []
        self._size = 0
        self._sent_at = 0.0

    def take(self, name: str, text: str) -> None:
        if not self._channel.is_ours:
            os.write(1 if name == "stdout" else 2, text.encode("utf-8", "backslashreplace"))
            return
        with self._lock:
            if name != self._name:
                self.flush()
                self._name = name
            self._parts.append(text)
            self._size += len(text)
            if self._size > _FLUSH_SIZE or time.monotonic() - self._sent_at > _FLUSH_SECONDS:
                self.flush()

    def flush(self) -> None:
        with self._lock:
            parts, self._parts, self._size = self._parts, [], 0
            self._sent_at = time.monotonic()
        if parts:
            self._channel.output("stream", name=self._name, text="".join(parts))


# -- the shell -----------------------------------------------------------------------------------


def _make_shell(channel: Channel, printed: Printed) -> Any:
    """IPython's shell, whose outputs go to the grader."""
    import io

    from IPython.core import page
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    class Stream(io.TextIOBase):
        encoding = "utf-8"
        errors = "backslashreplace"

        def __init__(self, name: str) -> None:
            self.name = name

        def write(self, text: str) -> int:
            if not isinstance(text, str):
                raise TypeError(f"write() argument must be str, not {type(text).__name__}")
            printed.take(self.name, text)
            return len(text)

        def flush(self) -> None:
            printed.flush()

        def writable(self) -> bool:
            return True

        def fileno(self) -> int:
            return 1 if self.name == "stdout" else 2

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, *_: Any, **__: Any) -> None:
            printed.flush()
            channel.output("display_data", data=data)

        def clear_output(self, wait: bool = False) -> None:
            printed.flush()
            channel.output("clear_output", wait=wait)

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            printed.flush()
            channel.output("execute_result", data=format_dict)

        def finish_displayhook(self) -> None:
            pass

    # Libraries know by this name that they run in a notebook.
    class ZMQInteractiveShell(InteractiveShell):
        displayhook_class = Type(Hook)
        display_pub_class = Type(Publisher)

        def init_hooks(self) -> None:
            super().init_hooks()  # type: ignore[no-untyped-call]
            pager: Any = page
            self.set_hook("show_in_pager", pager.as_hook(pager.display_page), 99)  # type: ignore[no-untyped-call]

        def init_virtualenv(self) -> None:
            pass

        def enable_gui(self, gui: Any = None) -> None:
            pass

        def ask_exit(self) -> None:
            """Called by `exit`; the cells below it count, too."""

        def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
            printed.flush()
            _show_error(channel, evalue, stb)

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    return ZMQInteractiveShell.instance(config=config)


def _show_error(channel: Channel, error: BaseException, lines: list[str]) -> None:
    text = str(error)[:_MAX_MESSAGE]
    shown = [line[:_MAX_MESSAGE] for line in lines[:_MAX_LINES]]
    channel.output("error", ename=type(error).__name__, evalue=text, traceback=shown)


async def _run_cell(shell: Any, code: str) -> bool:
    """Run a cell while an event loop runs, as notebooks expect; whether it ended without error."""
    problem = None
    try:
        transformed = shell.transform_cell(code)
    except Exception:
        transformed, problem = code, sys.exc_info()
    result = None
    try:
        result = await shell.run_cell_async(
            code,
            store_history=True,
            transformed_cell=transformed,
            preprocessing_exc_tuple=problem,
        )
    finally:
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
    return bool(result.success)


def main() -> None:
    """Serve the grader until it goes away."""
    channel = Channel(socket.socket(fileno=os.dup(0)))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    printed = Printed(channel)
    shell = _make_shell(channel, printed)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    signal.signal(signal.SIGINT, channel.on_interrupt)
    requests: queue.SimpleQueue[tuple[bytes, int, bytes]] = queue.SimpleQueue()
    threading.Thread(
        target=channel.receive, args=(lambda *request: requests.put(request),), daemon=True
    ).start()
    channel.send(READY)
    while True:
        kind, number, payload = requests.get()
        channel.begin(number, muted=kind == ASK)
        if kind == ASK:
            reply = ANSWER, answer(shell.user_ns, decode(payload.decode())).encode()
        else:
            success = False
            try:
                channel.running = True
                success = loop.run_until_complete(_run_cell(shell, payload.decode()))
            except BaseException as error:
                _show_error(channel, error, [])
            finally:
                channel.running = False
            reply = DONE, b"ok" if success else b"error"
        if not channel.is_ours:
            os._exit(0)  # a fork of the notebook's that came to the end of the cell
        printed.flush()
        channel.send(*reply)
