"""One kernel in the sandbox, and the talk with it.

Whatever the kernel says may be forged, malformed, huge or endless: a student's code owns the
process that says it.  So each exchange has a deadline that no message can move, messages have a
largest size, and what does not parse ends the kernel.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from coursekit.checks.wire import MAX_CHARACTERS
from coursekit.grading import agent
from coursekit.grading.sandbox import Sandbox, SandboxError

__all__ = ["Kernel", "KernelDied", "KernelTimeout"]

_AGENT = ("-c", "import coursekit_agent; coursekit_agent.main()")
_START_TIMEOUT = 60.0
# After an interrupt a cell may still print its traceback.
_GRACE = 3.0
_KILL_TIMEOUT = 5.0
_LARGEST = {agent.READY: 0, agent.OUTPUT: agent.MAX_OUTPUT, agent.DONE: 16}
_LARGEST[agent.ANSWER] = MAX_CHARACTERS
_CHUNK = 2**18
_ENDED = re.compile(r"the sandbox was ended: .*")

Message = dict[str, Any]


class KernelDied(RuntimeError):
    """The process of the student's code has ended."""


class KernelTimeout(RuntimeError):
    """No answer in time; ``.alive`` says whether the kernel obeyed the interrupt."""

    def __init__(self, seconds: float, alive: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.alive = alive


class Kernel:
    """IPython in a sandbox of its own.

    The constructor returns as soon as the process is started, so that a kernel can warm up while
    something else is done; the first request waits for it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._request = 0
        self._is_ready = False
        self._received = bytearray()
        self._said = ""  # the end of what the process wrote to its standard error
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._info, info_write = os.pipe()
        argv = [sys.executable, *_AGENT]
        try:
            self._process = subprocess.Popen(
                sandbox.command(argv, info_write),
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(info_write,),
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(info_write)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipes = {
            self._process.stdout.fileno(): _Pipe(self._process.stdout, "stdout"),
            self._process.stderr.fileno(): _Pipe(self._process.stderr, "stderr"),
        }

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
        ``{"status": ...}``, which is "ok" or "error"

        Raises
        ------
        KernelDied, KernelTimeout
        """
        self._wait_until_ready()
        self._request += 1
        deadline = time.monotonic() + timeout
        self._send(agent.RUN, code.encode("utf-8", "replace"), deadline)
        status = self._listen(agent.DONE, on_output, deadline)
        if status is None:
            deadline = time.monotonic() + _GRACE
            self._send(agent.INTERRUPT, b"", deadline)
            # A kernel that still pours out what it printed is as good as lost.
            obeyed = self._listen(agent.DONE, on_output, deadline) is not None
            raise KernelTimeout(timeout, alive=obeyed)
        return {"status": "ok" if status == b"ok" else "error"}

    def ask(self, question: str, timeout: float) -> str:
        """The agent's reply to a question about the notebook's names.

        Raises
        ------
        KernelDied, KernelTimeout : after which the kernel is of no more use
        """
        self._wait_until_ready()
        self._request += 1
        deadline = time.monotonic() + timeout
        self._send(agent.ASK, question.encode(), deadline)
        reply = self._listen(agent.ANSWER, None, deadline)
        if reply is None:
            raise KernelTimeout(timeout, alive=False)
        return reply.decode("utf-8", "replace")

    def close(self) -> None:
        """End every process of the sandbox."""
        self._socket.close()
        # Killing the first process of a process namespace ends all others in it; the bubblewrap
        # outside waits for that, and ends too.
        inner = self._read_inner_pid()
        if inner is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(inner, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILL_TIMEOUT)
        self._process.kill()
        self._process.wait()
        os.close(self._info)
        for pipe in self._pipes.values():
            pipe.file.close()

    # -- messages ----------------------------------------------------------------------------

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        try:
            started = self._listen(agent.READY, None, time.monotonic() + _START_TIMEOUT)
        except KernelDied:
            started = None
        if started is None:
            raise SandboxError(
                f"the sandboxed kernel did not start: {self._said.strip() or 'it said nothing'}; "
                "expected Python's directories to be readable for every user and IPython to be "
                "installed"
            )
        self._is_ready = True

    def _send(self, kind: bytes, payload: bytes, deadline: float) -> None:
        """Send a request; one that the kernel does not take until the deadline gets no answer."""
        left = memoryview(agent.HEADER.pack(len(payload), kind, self._request) + payload)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                wait = deadline - time.monotonic()
                if wait <= 0:
                    return
                select.select([], [self._socket], [], min(wait, 0.2))
            except OSError:
                self._mourn()

    def _listen(
        self, kind: bytes, on_output: Callable[[Message], None] | None, deadline: float
    ) -> bytes | None:
        """Take messages until the awaited one comes, or time is up (None)."""
        poller = select.poll()
        for descriptor in (self._socket.fileno(), *self._pipes):
            poller.register(descriptor, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            found = None
            ready = poller.poll(min(left, 0.2) * 1000)
            for descriptor, _ in ready:
                if descriptor == self._socket.fileno():
                    self._receive()
                    found = self._take_frames(kind, on_output, deadline)
                elif not self._take_text(self._pipes[descriptor], on_output):
                    poller.unregister(descriptor)
            if found is not None:
                # What a program wrote that the cell started is in its pipe by now.
                for pipe in self._pipes.values():
                    if select.select([pipe.file], [], [], 0)[0]:
                        self._take_text(pipe, on_output)
                return found
            if not ready and self._process.poll() is not None:
                self._mourn()
        return None

    def _receive(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._mourn()
        self._received += chunk

    def _take_frames(
        self, kind: bytes, on_output: Callable[[Message], None] | None, deadline: float
    ) -> bytes | None:
        """Read the frames that are complete; the payload of the awaited one, if there."""
        start, found = 0, None
        size = agent.HEADER.size
        while found is None and len(self._received) >= start + size:
            length, what, request = agent.HEADER.unpack_from(self._received, start)
            if length > _LARGEST.get(what, -1):
                raise KernelDied("the kernel no longer speaks as the grader's agent does")
            if len(self._received) < start + size + length or time.monotonic() > deadline:
                break
            payload = bytes(self._received[start + size : start + size + length])
            start += size + length
            if request == self._request and what == kind:
                found = payload
            elif request == self._request and what == agent.OUTPUT and on_output is not None:
                self._publish(payload, on_output)
        del self._received[:start]
        return found

    def _publish(self, payload: bytes, on_output: Callable[[Message], None]) -> None:
        try:
            message = json.loads(payload)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and isinstance(message.get("content"), dict):
            on_output({"msg_type": message.get("msg_type"), "content": message["content"]})

    def _take_text(self, pipe: _Pipe, on_output: Callable[[Message], None] | None) -> bool:
        """Take what programs inside wrote past Python; False when nobody can write any more."""
        raw = os.read(pipe.file.fileno(), _CHUNK)
        text = pipe.decoder.decode(raw)
        if pipe.name == "stderr":
            self._said = (self._said + text)[-2000:]
        if text and on_output is not None:
            on_output({"msg_type": "stream", "content": {"name": pipe.name, "text": text}})
        return bool(raw)

    def _mourn(self) -> NoReturn:
        try:
            status = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            raise KernelDied("the kernel closed its connection to the grader") from None
        for pipe in self._pipes.values():
            if select.select([pipe.file], [], [], 0)[0]:
                self._take_text(pipe, None)
        # The watchman's last word; whoever forges it misleads only themselves.
        reason = _ENDED.search(self._said)
        raise KernelDied(reason[0] if reason else f"the kernel ended with status {status}")

    def _read_inner_pid(self) -> int | None:
        """Process id of the sandbox's first process, as bubblewrap told it."""
        text = b""
        # The other end closes when bubblewrap has written, or has ended.
        while b"}" not in text and (chunk := os.read(self._info, 4096)):
            text += chunk
        with contextlib.suppress(ValueError, KeyError):
            return int(json.loads(text)["child-pid"])
        return None


class _Pipe:
    """Where a stream of the sandbox's processes arrives."""

    def __init__(self, file: Any, name: str) -> None:
        self.file = file
        self.name = name
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
