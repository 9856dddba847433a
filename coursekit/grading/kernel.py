"""One kernel in the sandbox, and the talk with it.

Whatever the kernel says may be forged, malformed, huge or endless: a student's code owns the
process and its keys.  So each exchange has a deadline that no message can move, messages have a
largest size, and what does not parse is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

from coursekit.checks.wire import MAX_CHARACTERS
from coursekit.grading.sandbox import Sandbox, SandboxError

__all__ = ["Kernel", "KernelDied", "KernelTimeout"]

_CHANNELS = {"shell": 1, "iopub": 2, "stdin": 3, "hb": 4, "control": 5}
_START_TIMEOUT = 60.0
# After an interrupt a cell may still print its traceback.
_GRACE = 3.0
_IDLE_TIMEOUT = 1.5  # from the reply to the end of the output
_KILL_TIMEOUT = 5.0
_MAX_OUTPUT_MESSAGE = 8 * 2**20
# The kernel writes its five sockets into /io and nothing else belongs there.
_MAX_IO_FILES = 8

Message = dict[str, Any]


class KernelDied(RuntimeError):
    """The process of the student's code has ended."""


class KernelTimeout(RuntimeError):
    """No answer in time; ``.alive`` says whether the kernel obeyed the interrupt."""

    def __init__(self, seconds: float, alive: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.alive = alive


class Kernel:
    """A Python kernel in a sandbox of its own.

    The constructor returns as soon as the process is started, so that a kernel can warm up while
    something else is done; the first request waits for it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="ck-", dir=_short_directory()))
        self._inbox = self._root / "in"
        self._io = self._root / "io"
        self._inbox.mkdir(mode=0o755)
        self._io.mkdir()
        self._io.chmod(0o777)  # under a parent that only we can enter
        self._session = Session(key=secrets.token_hex(32).encode(), username="grader")
        self._context = zmq.Context()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self._requests = 0
        self._write("connection.json", json.dumps(self._connection("/io")))
        argv = [
            *(sys.executable, "-m", "ipykernel_launcher", "-f", "/in/connection.json"),
            "--HistoryManager.enabled=False",
        ]
        self._info, info_write = os.pipe()
        with (self._root / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                sandbox.command(self._inbox, self._io, argv, info_write),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=(info_write,),
                start_new_session=True,
            )
        os.close(info_write)

    def execute(
        self, code: str, timeout: float, on_output: Callable[[Message], None] | None = None
    ) -> Message:
        """Run code as a cell.

        Parameters
        ----------
        timeout : seconds until the kernel is interrupted
        on_output : called with each message that the cell publishes

        Returns
        -------
        Content of the kernel's reply; its status may be "error".

        Raises
        ------
        KernelDied, KernelTimeout
        """
        content = {"code": code, "silent": False, "store_history": True}
        return self._request({**content, "user_expressions": {}}, timeout, on_output)

    def evaluate(self, expression: str, timeout: float) -> str:
        """The text of one expression's value, evaluated beside the notebook's own names."""
        expressions = {"reply": expression}
        content = {"code": "", "silent": True, "store_history": False}
        reply = self._request({**content, "user_expressions": expressions}, timeout, None)
        result = reply.get("user_expressions")
        for key in ("reply", "data", "text/plain"):
            result = result.get(key) if isinstance(result, dict) else None
        if not isinstance(result, str):
            raise KernelDied("the kernel no longer understands requests")
        return result

    def send_file(self, text: str) -> str:
        """Put text where the kernel can read it; its path there."""
        self._requests += 1
        name = f"request-{self._requests}.json"
        self._write(name, text)
        return f"/in/{name}"

    def close(self) -> None:
        """End every process of the sandbox, and remove its files."""
        for channel in self._sockets.values():
            channel.close(linger=0)
        self._context.destroy(linger=0)
        # Killing the first process of a process namespace ends all others in it; the bubblewrap
        # outside waits for that, and ends too.
        inner = self._read_inner_pid()
        if inner is not None and self._process.poll() is None:
            os.kill(inner, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILL_TIMEOUT)
        self._process.kill()
        self._process.wait()
        os.close(self._info)
        shutil.rmtree(self._root, ignore_errors=True)

    # -- messages ----------------------------------------------------------------------------

    def _request(
        self,
        content: Message,
        timeout: float,
        on_output: Callable[[Message], None] | None,
    ) -> Message:
        self._connect()
        content = {**content, "allow_stdin": False, "stop_on_error": False}
        exchange = self._send(content, on_output)
        if self._listen(exchange, timeout):
            return exchange.reply
        self._session.send(self._sockets["control"], "interrupt_request", {})
        # A kernel that still pours out what it printed is as good as lost.
        alive = self._listen(exchange, _GRACE) and exchange.complete
        raise KernelTimeout(timeout, alive)

    def _send(self, content: Message, on_output: Callable[[Message], None] | None) -> _Exchange:
        message = self._session.msg("execute_request", content)
        self._session.send(self._sockets["shell"], message)
        return _Exchange(message["header"]["msg_id"], on_output)

    def _listen(self, exchange: _Exchange, seconds: float) -> bool:
        """Take messages until the exchange is complete (True) or time is up (False)."""
        deadline = time.monotonic() + seconds
        poller = zmq.Poller()
        for name in ("shell", "iopub"):
            poller.register(self._sockets[name], zmq.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = dict(poller.poll(int(min(left, 0.2) * 1000) + 1))
            for name in ("iopub", "shell"):
                if self._sockets[name] in ready:
                    message = self._receive(name)
                    if message is not None:
                        exchange.take(name, message)
            if exchange.complete:
                return True
            if exchange.replied_for(_IDLE_TIMEOUT):
                return True  # the end of the output got lost, perhaps for its size
            if not ready:
                self._check_alive()
        return bool(exchange.reply)

    def _receive(self, channel: str) -> Message | None:
        try:
            _, message = self._session.recv(self._sockets[channel], mode=zmq.NOBLOCK)
        except Exception:
            # Bad signature, bad JSON, missing parts: the sender is not to be trusted, so any
            # exception that it can provoke in the parser means one thing: no message.
            return None
        return message if isinstance(message, dict) else None

    def _check_alive(self) -> None:
        if self._process.poll() is not None:
            raise KernelDied(f"the kernel ended with status {self._process.returncode}")
        if len(os.listdir(self._io)) > _MAX_IO_FILES:
            raise KernelDied("the code wrote into the directory of the kernel's sockets")

    # -- start -------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._sockets:
            return
        deadline = time.monotonic() + _START_TIMEOUT
        for name in ("shell", "iopub", "control"):
            self._wait_for_socket(self._path(name), deadline)
        for name, kind in (("shell", zmq.DEALER), ("iopub", zmq.SUB), ("control", zmq.DEALER)):
            channel = self._context.socket(kind)
            # Once connected never again: the path is the student's to replace.
            channel.setsockopt(zmq.RECONNECT_IVL, -1)
            limit = _MAX_OUTPUT_MESSAGE if name == "iopub" else MAX_CHARACTERS + 2**20
            channel.setsockopt(zmq.MAXMSGSIZE, limit)
            if kind == zmq.SUB:
                channel.setsockopt(zmq.SUBSCRIBE, b"")
            channel.connect(f"ipc://{self._path(name)}")
            self._sockets[name] = channel
        with contextlib.suppress(PermissionError):
            self._io.chmod(0o755)  # the sockets are there, nothing else shall come
        self._greet(deadline)

    def _greet(self, deadline: float) -> None:
        # A subscription takes a moment to arrive; the first output seen proves that it did.
        while time.monotonic() < deadline:
            content = {"code": "", "silent": True, "user_expressions": {}, "allow_stdin": False}
            exchange = self._send(content, None)
            if self._listen(exchange, 1.0) and exchange.complete:
                return
        raise SandboxError(f"the kernel did not answer: {self._stderr()}")

    def _wait_for_socket(self, path: str, deadline: float) -> None:
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as trial, contextlib.suppress(OSError):
                trial.connect(path)
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        raise SandboxError(
            f"the sandboxed kernel did not start: {self._stderr()}; expected Python's directories "
            "to be readable for every user and ipykernel to be installed"
        )

    def _stderr(self) -> str:
        text = (self._root / "stderr").read_bytes()[-2000:]
        return text.decode("utf-8", "replace").strip() or "it said nothing"

    def _connection(self, directory: str) -> dict[str, Any]:
        return {
            "transport": "ipc",
            "ip": f"{directory}/k",
            "key": self._session.key.decode("ascii"),
            "signature_scheme": "hmac-sha256",
            **{f"{name}_port": number for name, number in _CHANNELS.items()},
        }

    def _path(self, channel: str) -> str:
        return f"{self._io}/k-{_CHANNELS[channel]}"

    def _write(self, name: str, text: str) -> None:
        path = self._inbox / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    def _read_inner_pid(self) -> int | None:
        """Process id of the sandbox's first process, as bubblewrap told it."""
        text = b""
        # The other end closes when bubblewrap has written, or has ended.
        while b"}" not in text and (chunk := os.read(self._info, 4096)):
            text += chunk
        with contextlib.suppress(ValueError, KeyError):
            return int(json.loads(text)["child-pid"])
        return None


class _Exchange:
    """One request: its reply, and whether its output has come to an end."""

    def __init__(self, request: str, on_output: Callable[[Message], None] | None) -> None:
        self.request = request
        self.reply: Message = {}
        self._on_output = on_output
        self._idle = False
        self._replied_at = 0.0

    @property
    def complete(self) -> bool:
        return bool(self.reply) and self._idle

    def replied_for(self, seconds: float) -> bool:
        return bool(self.reply) and time.monotonic() - self._replied_at > seconds

    def take(self, channel: str, message: Message) -> None:
        parent, content = message.get("parent_header"), message.get("content")
        if not isinstance(parent, dict) or parent.get("msg_id") != self.request:
            return
        if not isinstance(content, dict):
            return
        kind = message.get("msg_type")
        if channel == "shell" and kind == "execute_reply":
            self.reply = {"status": "error", **content}
            self._replied_at = time.monotonic()
        elif channel == "iopub" and kind == "status":
            self._idle = self._idle or content.get("execution_state") == "idle"
        elif channel == "iopub" and self._on_output is not None:
            self._on_output({"msg_type": kind, "content": content})


def _short_directory() -> str | None:
    # A path of a Unix socket holds 107 characters.
    return None if len(tempfile.gettempdir()) < 60 else "/tmp"
