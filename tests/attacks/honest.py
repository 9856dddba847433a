"""Students who attack nothing; the scores of these must not depend on who sits beside them."""

from __future__ import annotations

from attack import WRONG_VELOCITY, Attack, code

HONEST = (
    Attack("honest-right", 5),
    Attack("honest-half", 3, velocity=WRONG_VELOCITY),
    Attack(
        "honest-empty",
        0,
        velocity=code("""
        def anomalous_velocity(omega, E):
            raise NotImplementedError()
        """),
        double=code("def double(x):\n    raise NotImplementedError()"),
    ),
    Attack(
        "honest-other-style",
        5,
        before="from math import pi\n",
        velocity=code("""
        def anomalous_velocity(omega, E):
            omega, E = np.asarray(omega), np.asarray(E)
            shape = np.broadcast_shapes(omega.shape, E.shape[:-1])
            both = np.array([np.broadcast_to(E[..., 1], shape) * omega + 0j,
                             -np.broadcast_to(E[..., 0], shape) * omega])
            return both.transpose([*range(1, len(shape) + 1), 0])
        """),
    ),
    Attack(
        "honest-noisy",
        5,
        before="import sys, warnings\nwarnings.warn('careful')\nprint('oops', file=sys.stderr)\n",
        double=code("""
        def double(x):
            print('x', file=sys.stderr)
            warnings.warn('y')
            return 2 * x
        """),
        after="1 / 0\n",
    ),
    Attack(
        "honest-plots-and-processes",
        5,
        before=code("""
        import matplotlib.pyplot as plt, multiprocessing, threading, subprocess
        plt.plot([1, 2]); plt.show()
        with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, 2]))
        threading.Thread(target=print, args=('thread',)).start()
        print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout)
        """),
    ),
)
