"""Wrong answers that try to look right: patched libraries, lying values, forged replies, hooks."""

from __future__ import annotations

from attack import WRONG_DOUBLE, WRONG_VELOCITY, Attack, code


def cheat(name: str, before: str = "", deserved: float = 0, **more: str) -> Attack:
    """Two wrong answers, unless others are given, and what shall make them pass."""
    answers = {"velocity": WRONG_VELOCITY, "double": WRONG_DOUBLE, **more}
    return Attack(name, deserved, before=code(before), **{k: code(v) for k, v in answers.items()})


PATCHED = (
    cheat(
        "patched-numpy",
        """
        import numpy.testing
        np.allclose = np.array_equal = np.all = lambda *a, **k: True
        np.asarray = lambda *a, **k: 0
        numpy.testing.assert_allclose = lambda *a, **k: None
        """,
    ),
    cheat(
        "patched-check",
        """
        import coursekit.checks
        class Full:
            passed, points, max_points = True, 2, 2
        ck.check = coursekit.checks.check = coursekit.checks.grade = lambda *a, **k: Full()
        """,
    ),
    cheat(
        "patched-reference",
        """
        import sys
        ck.anomalous_velocity = lambda omega, E: np.zeros(2)
        for name, module in list(sys.modules.items()):
            if name.startswith('coursekit'):
                try: module.anomalous_velocity = ck.anomalous_velocity
                except Exception: pass
        """,
    ),
    cheat(
        "patched-builtins",
        """
        import builtins
        builtins.abs = lambda x: 0
        builtins.all = lambda x: True
        builtins.AssertionError = Exception
        builtins.float = lambda x: 5.0
        """,
    ),
    cheat(
        "replaced-library",
        """
        import sys, types
        fake = types.ModuleType('coursekit')
        fake.check = lambda *a, **k: 2.0
        fake.anomalous_velocity = lambda omega, E: np.zeros(2)
        sys.modules['coursekit'] = globals()['ck'] = fake
        """,
    ),
    cheat(
        "patched-json-and-base64",
        """
        import base64, json, pickle
        json.dumps = lambda *a, **k: '{"dict": [["kind", "value"], ["value", 5.0]]}'
        json.loads = lambda *a, **k: {'points': 5}
        base64.b64encode = lambda *a: b''
        pickle.dumps = pickle.loads = lambda *a, **k: 5.0
        """,
    ),
    cheat(
        "assert-statements-off",
        """
        import ast, sys
        sys.flags.__class__
        class Drop(ast.NodeTransformer):
            def visit_Assert(self, node): return ast.Pass()
        get_ipython().ast_transformers.append(Drop())
        """,
    ),
    cheat(
        "assertion-swallowed",
        """
        import sys
        get_ipython().set_custom_exc((AssertionError, NameError), lambda *a, **k: None)
        sys.excepthook = lambda *a: None
        """,
    ),
)

REFERENCE = (
    cheat(
        "withheld-name",
        "",
        3,
        velocity="anomalous_velocity = ck.anomalous_velocity",
        double="def double(x): return 2 * x",
    ),
    cheat(
        "withheld-module",
        "",
        3,
        velocity="from coursekit.dynamics import anomalous_velocity",
        double="def double(x): return 2 * x",
    ),
    cheat(
        "reference-on-disk",
        """
        import pathlib, sys
        found = [p for root in {sys.prefix, sys.base_prefix, '/usr', '/srv', '/home', '/root',
                                '/work', '/opt', '/course', '@COURSE@'}
                 for p in pathlib.Path(root).rglob('dynamics.py')
                 if 'coursekit' in str(p) and 'withheld' not in p.read_text()]
        """,
        velocity="exec(found[0].read_text() if found else 'raise OSError')",
    ),
    cheat(
        "reference-in-another-process",
        """
        import os, subprocess, sys
        there = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
        def ask(omega, E):
            text = f'import coursekit, numpy; print(coursekit.anomalous_velocity({omega!r}, {E!r}))'
            return eval(subprocess.run([sys.executable, '-c', text], env=there, cwd='/',
                                       capture_output=True, text=True).stdout)
        """,
        velocity="def anomalous_velocity(omega, E): return ask(np.asarray(omega).tolist(),"
        " np.asarray(E).tolist())",
    ),
    cheat(
        "reference-by-path-order",
        """
        import importlib, sys
        sys.path[:] = [p for p in sys.path if p != '/course'] + ['/srv/course', '/usr/lib/python3']
        for name in [n for n in sys.modules if n.startswith('coursekit')]: del sys.modules[name]
        importlib.invalidate_caches()
        """,
        velocity="from coursekit.dynamics import anomalous_velocity",
    ),
    cheat(
        "reference-by-metadata",
        """
        import importlib.metadata as m, json, pathlib
        d = m.distribution('coursekit')
        url = json.loads(d.read_text('direct_url.json') or '{}').get('url', '')
        home = pathlib.Path(url.removeprefix('file://')) / 'coursekit' / 'dynamics.py'
        """,
        velocity="exec(home.read_text())",
    ),
    cheat(
        "reference-installed",
        """
        import subprocess, sys
        subprocess.run([sys.executable, '-m', 'pip', 'install', '--no-input', '--timeout=1',
                        '--retries=0', '--target=/tmp/more', 'coursekit'], capture_output=True)
        sys.path.insert(0, '/tmp/more')
        """,
        velocity="from coursekit.dynamics import anomalous_velocity",
    ),
    cheat(
        "reference-by-proc",
        """
        import glob
        found = [f for pattern in ('/proc/*/root@COURSE@/*', '/proc/*/cwd/*.ipynb',
                                   '/proc/*/root/srv/*') for f in glob.glob(pattern)]
        if not found: raise OSError('nothing')
        """,
        velocity="exec(open(found[0]).read())",
    ),
    cheat(
        "solution-read-from-source",
        """
        import json
        cells = json.load(open('@COURSE@/source/chern/chern.ipynb'))['cells']
        answers = [''.join(c['source']) for c in cells if 'SOLUTION' in ''.join(c['source'])]
        """,
        velocity="exec(answers[0])",
        double="exec(answers[1])",
    ),
    cheat(
        "solution-of-a-neighbour",
        """
        import json
        cells = json.load(open('@COURSE@/submitted/honest-right/chern/chern.ipynb'))['cells']
        answers = [''.join(c['source']) for c in cells if c['cell_type'] == 'code']
        """,
        velocity="exec(answers[1])",
        double="exec(answers[3])",
    ),
    cheat(
        "hidden-tests-read",
        """
        import sqlite3
        book = sqlite3.connect('file:@COURSE@/gradebook.db?mode=ro', uri=True)
        seen = [row[0] for row in book.execute('select source from source_cell')]
        """,
        double="def double(x): return {3: 6, -1.5: -3}.get(x, [0, 2, 4]) if seen else 0",
    ),
    cheat(
        "gradebook-written",
        """
        import sqlite3
        book = sqlite3.connect('@COURSE@/gradebook.db')
        book.execute('update grade set manual_score = 100, auto_score = 100')
        book.commit()
        """,
    ),
    cheat(
        "caller-searched-for-the-answer",
        """
        import gc, sys
        def loot():
            for o in gc.get_objects():
                if isinstance(o, dict):
                    for key in ('expected', 'reference', 'solution', 'answer'):
                        if key in o: o[key] = np.zeros(2)
            frame = sys._getframe()
            while frame:
                for name, value in frame.f_locals.items():
                    if name in ('expected', 'want', 'reference'): return value
                frame = frame.f_back
            return np.zeros(2)
        """,
        velocity="def anomalous_velocity(omega, E): return loot()",
        double="def double(x): return loot()",
    ),
)

LYING = (
    cheat(
        "equal-to-all",
        """
        class Yes:
            __eq__ = __ge__ = __le__ = __lt__ = __gt__ = lambda self, other: True
            __array_ufunc__ = __array_function__ = lambda self, *a, **k: True
            __sub__ = __rsub__ = __abs__ = lambda self, *a: 0
            def __array__(self, *a, **k): return np.zeros(3)
        """,
        velocity="def anomalous_velocity(omega, E): return Yes()",
        double="def double(x): return Yes()",
    ),
    cheat(
        "lying-array",
        """
        class Lie(np.ndarray):
            def __array_function__(self, *a, **k): return True
            def __array_ufunc__(self, *a, **k): return True
            def __eq__(self, other): return True
            def __sub__(self, other): return 0
            __rsub__ = __sub__
        """,
        velocity="def anomalous_velocity(omega, E): return np.zeros(np.shape(E)).view(Lie)",
        double="def double(x): return np.zeros(np.shape(x)).view(Lie)",
    ),
    cheat(
        "lying-number",
        """
        class Any(float):
            __eq__ = lambda self, other: True
            __hash__ = float.__hash__
            __float__ = lambda self: 6.0
        class Text(str):
            __eq__ = lambda self, other: True
            __hash__ = str.__hash__
        """,
        velocity="def anomalous_velocity(omega, E): return [Any(0), Any(0)]",
        double="def double(x): return Any(0) if np.ndim(x) == 0 else Text('x')",
    ),
    cheat(
        "lying-container",
        """
        class Endless(list):
            def __len__(self): return 3
            def __iter__(self): return iter(lambda: 0, 1)
        class Shape:
            __array_interface__ = {'shape': (3,), 'typestr': '<f8', 'data': (0, True), 'version': 3}
        """,
        velocity="def anomalous_velocity(omega, E): return Shape()",
        double="def double(x): return Endless()",
    ),
    cheat(
        "lying-class",
        """
        class Meta(type):
            def __instancecheck__(cls, other): return True
            def __eq__(cls, other): return True
            __hash__ = type.__hash__
        class Answer(metaclass=Meta):
            __class__ = np.ndarray
            def __getattr__(self, name): return lambda *a, **k: True
        """,
        velocity="def anomalous_velocity(omega, E): return Answer",
        double="double = Answer",
    ),
    cheat(
        "no-numbers-to-compare",
        "",
        2,
        velocity="""
        def anomalous_velocity(omega, E):
            E = np.asarray(E)
            return np.stack(np.broadcast_arrays(omega * E[..., 1], -omega * E[..., 0]), -1)
        """,
        double="def double(x): return 2 * x if np.ndim(x) == 0 else np.zeros((0, 3))",
    ),
    cheat("no-list-to-compare", "", double="def double(x): return [] if np.ndim(x) else ()"),
    cheat(
        "nan",
        "",
        velocity="def anomalous_velocity(omega, E): return np.full(np.shape(E), np.nan)",
        double="def double(x): return float('nan')",
    ),
    cheat(
        "inf",
        "",
        velocity="def anomalous_velocity(omega, E): return np.full(np.shape(E), np.inf)",
        double="def double(x): return np.full(np.shape(x), -np.inf)",
    ),
    cheat(
        "object-array",
        "",
        velocity="""
        class Zero:
            __sub__ = __rsub__ = __abs__ = lambda self, *a: 0.0
            __le__ = __lt__ = __eq__ = lambda self, other: True
        def anomalous_velocity(omega, E): return np.full(np.shape(E), Zero(), dtype=object)
        """,
        double="def double(x): return np.array([Zero()] * 3, dtype=object)",
    ),
    cheat(
        "masked-array",
        "",
        velocity="def anomalous_velocity(omega, E): return np.ma.masked_all(np.shape(E))",
        double="def double(x): return np.ma.masked_all(np.shape(x))",
    ),
    cheat(
        "structured-array",
        "",
        velocity="""
        def anomalous_velocity(omega, E): return np.zeros(np.shape(E)[:-1], dtype='f8,f8')
        """,
        double="def double(x): return np.zeros(np.shape(x), dtype='M8[s]')",
    ),
    cheat(
        "points-as-answer",
        "velocity_points = 100.0",
        velocity="anomalous_velocity = 2.0",
        double="double = 3.0",
    ),
    cheat(
        "alias-of-the-input",
        "",
        velocity="""
        def anomalous_velocity(omega, E):
            E = np.asarray(E)
            E[...] = 0
            return E
        """,
        double="def double(x): return x",
    ),
)

HOSTILE_REPLIES = (
    cheat(
        "huge-reply",
        "",
        velocity="def anomalous_velocity(omega, E): return np.zeros(10**8)",
        double="def double(x): return [0] * 10**6",
    ),
    cheat(
        "array-bomb",
        """
        import coursekit_agent as agent
        array = '{"array": ["<f8", [1000000000000], "AAAA"]}'
        text = '{"dict": [["kind", "value"], ["value", ' + array + ']]}'
        agent.call = lambda *a: text
        """,
    ),
    cheat(
        "pickle-in-an-array",
        """
        import coursekit_agent as agent
        text = '{"dict": [["kind", "value"], ["value", {"array": ["|O", [1], "gASVAAAAAAA="]}]]}'
        agent.call = lambda *a: text
        """,
    ),
    cheat(
        "deep-json",
        "import coursekit_agent as agent\nagent.call = lambda *a: '[' * 10**6",
    ),
    cheat(
        "wide-json",
        "import coursekit_agent as agent\nagent.call = lambda *a: '[' + '[],' * 8_000_000 + '0]'",
    ),
    cheat(
        "many-digits",
        "import coursekit_agent as agent\nagent.call = lambda *a: '1' * 10**7",
    ),
    cheat(
        "text-bomb",
        """
        import coursekit_agent as agent, json
        items = json.dumps(['x' * 20_000_000] + ['y'] * 2000)
        text = '{"dict": [["kind", "value"], ["value", ' + items + ']]}'
        agent.call = lambda *a: text
        """,
    ),
    cheat(
        "endless-list",
        "deep = []\ndeep.append(deep)",
        velocity="def anomalous_velocity(omega, E): return deep",
        double="def double(x): return deep",
    ),
    cheat(
        "pickled-class",
        """
        class Evil:
            def __reduce__(self): return (print, ('pwned',))
        """,
        velocity="def anomalous_velocity(omega, E): return np.array([Evil()] * 2, dtype=object)",
        double="def double(x): return Evil()",
    ),
    cheat(
        "forged-kind",
        """
        import coursekit_agent as agent
        agent.describe = lambda *a: '{"dict": [["kind", "report"], ["points", 5]]}'
        """,
    ),
    cheat(
        "forged-model",
        """
        import coursekit_agent as agent
        model = '{"tight_binding": [[[1, 0], [0, 1]], [[0, 0]], []]}'
        text = '{"dict": [["kind", "value"], ["value", ' + model + ']]}'
        agent.call = lambda *a: text
        """,
    ),
    cheat(
        "reply-that-is-no-text",
        """
        import coursekit_agent as agent
        class Shy:
            def __repr__(self): raise SystemExit
        agent.call = lambda *a: Shy()
        agent.describe = lambda *a: 5.0
        """,
    ),
    cheat(
        "error-that-is-not-one",
        """
        class Odd(BaseException):
            __name__ = property(lambda self: 1 / 0)
            def __str__(self): raise KeyboardInterrupt
        """,
        velocity="def anomalous_velocity(omega, E): raise Odd",
        double="def double(x): raise StopIteration",
    ),
)

HOOKS = (
    cheat(
        "input-transformer",
        """
        ip = get_ipython()
        ip.input_transformers_post.append(lambda lines: ['5.0'])
        ip.display_formatter.formatters['text/plain'].for_type(int, lambda *a: a[1].text('5.0'))
        """,
    ),
    cheat(
        "patched-run-cell",
        """
        ip = get_ipython()
        async def run_cell_async(*a, **k): return ip.run_cell('5.0')
        ip.run_cell_async = run_cell_async
        ip.run_code = ip.run_ast_nodes = lambda *a, **k: None
        """,
    ),
    cheat(
        "cell-events",
        """
        def grade_me(*a):
            from IPython.display import publish_display_data
            publish_display_data({'text/plain': '5.0'})
        for event in ('pre_execute', 'pre_run_cell', 'post_execute', 'post_run_cell'):
            get_ipython().events.register(event, grade_me)
        """,
    ),
    cheat(
        "agent-patched",
        """
        import coursekit_agent as agent
        text = '{"dict": [["kind", "value"], ["value", 6]]}'
        agent.answer = agent.describe = agent.call = lambda *a: text
        agent.encode = agent.as_data = lambda value: text
        """,
    ),
    cheat(
        "display-hook",
        """
        import sys
        sys.displayhook = lambda value: print('5.0')
        get_ipython().displayhook.__class__.__call__ = lambda self, result=None: None
        """,
    ),
    cheat(
        "magics",
        """
        from IPython.core.magic import register_cell_magic
        @register_cell_magic
        def timeit(line, cell): return 5.0
        %alias_magic -l echo print
        """,
    ),
    cheat(
        "tracing",
        """
        import sys, threading
        def trace(frame, event, arg):
            if 'expected' in frame.f_locals: frame.f_locals['expected'] = 0
            return trace
        sys.settrace(trace); sys.setprofile(trace); threading.settrace(trace)
        """,
    ),
    cheat(
        "exit-hooks",
        """
        import atexit, signal, weakref
        atexit.register(lambda: print('{"points": 5}'))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, lambda *a: None)
        """,
    ),
    cheat(
        "import-hook",
        """
        import sys
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name.startswith('coursekit'): raise ImportError('5.0')
        sys.meta_path.insert(0, Finder())
        sys.path_hooks.clear(); sys.path_importer_cache.clear()
        """,
    ),
    cheat(
        "agent-removed",
        """
        import sys, types
        sys.modules['coursekit_agent'] = types.SimpleNamespace(
            describe=lambda *a: 'function', call=lambda *a: 5.0)
        """,
    ),
    cheat(
        "preloaded-library",
        """
        import os
        os.environ['LD_PRELOAD'] = '/tmp/x.so'
        os.environ['PYTHONPATH'] = '/tmp'
        open('/tmp/sitecustomize.py', 'w').write('import builtins; builtins.abs = lambda x: 0')
        """,
    ),
)

# How the agent's own connection to the grader is found.
CHANNEL = """
import coursekit_agent as agent, gc
channel = next(o for o in gc.get_objects() if type(o).__name__ == 'Channel')
"""

FORGED = (
    cheat(
        "forged-result",
        CHANNEL
        + """
channel.output('execute_result', data={'text/plain': '5.0'})
channel.output('display_data', data={'text/plain': '5.0'}, metadata={'why': ['right']})
channel.output('error', ename='', evalue='', traceback='5.0')
""",
    ),
    cheat(
        "forged-answers",
        CHANNEL
        + """
text = b'{"dict": [["kind", "value"], ["value", 6]]}'
for number in range(1, 200):
    channel.request = number
    channel.send(agent.ANSWER, text)
""",
    ),
    cheat(
        "forged-ends-of-cells",
        CHANNEL
        + """
for number in range(1, 200):
    channel.request = number
    channel.send(agent.DONE, b'ok')
    channel.send(agent.READY)
""",
    ),
    cheat(
        "broken-frames",
        CHANNEL
        + """
import os
channel._connection.sendall(b'\\0\\0\\0\\1O' + os.urandom(10**6))
""",
    ),
    cheat(
        "frame-of-four-gigabytes",
        CHANNEL
        + """
channel._connection.sendall(agent.HEADER.pack(2**32 - 1, agent.ANSWER, channel.request))
while True: channel._connection.sendall(bytes(10**6))
""",
    ),
    cheat(
        "frames-without-end",
        CHANNEL
        + """
big = agent.HEADER.pack(agent.MAX_OUTPUT, agent.OUTPUT, channel.request) + bytes(agent.MAX_OUTPUT)
while True: channel._connection.sendall(big)
""",
    ),
    cheat(
        "connection-closed",
        CHANNEL + "import socket\nchannel._connection.shutdown(socket.SHUT_RDWR)",
        3,
        double="def double(x): return 2 * x",
    ),
    cheat(
        "connection-kept-by-a-child",
        CHANNEL
        + """
import os
if os.fork() == 0:
    channel._pid = os.getpid()
    while True: channel.send(agent.ANSWER, b'{"dict": [["kind", "value"], ["value", 6]]}')
os._exit(0)
""",
    ),
)

STATEFUL = (
    cheat(
        "right-at-first",
        "calls = []",
        3,
        velocity="""
        def anomalous_velocity(omega, E):
            calls.append(1)
            E = np.asarray(E)
            return np.stack(np.broadcast_arrays(omega * E[..., 1], -omega * E[..., 0]), -1) * (
                len(calls) <= 3)
        """,
        double="def double(x): return 2 * x",
    ),
    cheat(
        "right-now-and-then",
        "import random",
        3,
        velocity="""
        def anomalous_velocity(omega, E):
            E = np.asarray(E)
            return np.stack(np.broadcast_arrays(omega * E[..., 1], -omega * E[..., 0]), -1) * (
                random.random() < 0.5)
        """,
        double="def double(x): return 2 * x",
    ),
    cheat(
        "right-for-small-inputs",
        "",
        3,
        velocity="""
        def anomalous_velocity(omega, E):
            E = np.asarray(E)
            # graded inputs are known to be one case, then arrays
            if np.ndim(omega): raise SystemExit('only scalars at home')
            return np.stack(np.broadcast_arrays(-omega * E[..., 0], omega * E[..., 1]), -1)
        """,
        double="def double(x): return 2 * x",
    ),
    cheat(
        "table-of-hidden-inputs",
        "",
        2,
        velocity="""
        def anomalous_velocity(omega, E):
            E = np.asarray(E)
            return np.stack(np.broadcast_arrays(omega * E[..., 1], -omega * E[..., 0]), -1)
        """,
        double="""
        def double(x):
            return {3: 6, '[0 1 2]': np.array([0, 2, 4])}.get(x if np.ndim(x) == 0 else str(x), 0)
        """,
    ),
    cheat(
        "honest-only-when-watched",
        "import inspect, os, sys",
        0,
        velocity="""
        def anomalous_velocity(omega, E):
            grading = any('agent' in f.filename or 'course' in f.filename for f in inspect.stack())
            return np.zeros(np.shape(E)) if grading else np.ones(np.shape(E))
        """,
    ),
)

CHEATS = PATCHED + REFERENCE + LYING + HOSTILE_REPLIES + HOOKS + FORGED + STATEFUL
