"""Work in pieces: order, threads, progress, interruption, clusters."""

from __future__ import annotations

import io
import pickle
import signal
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest

import coursekit as ck
from coursekit import parallel
from coursekit.parallel import in_pieces
from coursekit.thermal import ENTROPY, FERMI, GRAND, HEAT, SURFACE

METAL = ck.models.haldane(1, 0.2, 0.7, 0.9)


def ours():
    """Threads that the pool has started and not yet ended."""
    return [t for t in threading.enumerate() if t.name.startswith("coursekit")]


@pytest.fixture
def eager(monkeypatch):
    """Threads for any job, four of them."""
    monkeypatch.setattr(parallel, "_WORTH_THREADS", -1.0)
    monkeypatch.setattr(parallel, "_cores", lambda: 4)


class Terminal(io.StringIO):
    """What tqdm takes for a terminal."""

    def isatty(self):
        return True


# Threads ---------------------------------------------------------------------------------------


def test_order_of_results(eager):
    """The later pieces are done first, and yet come last."""

    def slow_at_first(n):
        time.sleep(0.01 * (8 - n))
        return n, threading.current_thread().name

    results = list(in_pieces(slow_at_first, range(8)))
    assert [n for n, _ in results] == list(range(8))
    assert len({name for _, name in results}) > 1
    assert not ours()
    assert list(in_pieces(str, [])) == []
    assert list(in_pieces(str, iter([7]))) == ["7"]


def test_small_jobs_start_no_threads(monkeypatch):
    monkeypatch.setattr(parallel, "_cores", lambda: 4)
    names = set(in_pieces(lambda n: threading.current_thread().name, range(20)))
    assert names == {threading.current_thread().name}


def test_one_core_starts_no_threads(monkeypatch):
    monkeypatch.setattr(parallel, "_WORTH_THREADS", -1.0)
    monkeypatch.setattr(parallel, "_cores", lambda: 1)
    names = set(in_pieces(lambda n: threading.current_thread().name, range(20)))
    assert names == {threading.current_thread().name}
    assert parallel._cores() == 1
    monkeypatch.undo()
    assert parallel._cores() >= 1


def test_threads_help(eager):
    """Eight pieces that wait 50 ms each: the first alone, the others four at a time."""
    start = time.perf_counter()
    list(in_pieces(lambda n: time.sleep(0.05), range(9)))
    assert time.perf_counter() - start < 0.3


def test_pieces_in_flight_are_bounded(eager):
    begun = []
    results = in_pieces(begun.append, range(200))
    for taken, _ in enumerate(results, start=1):
        time.sleep(1e-3)
        assert len(begun) <= taken + 9
    assert len(begun) == 200


@pytest.mark.parametrize("threads", [1, 4])
def test_numbers_do_not_depend_on_threads(monkeypatch, threads):
    expected = ck.orbital_magnetization(METAL, np.linspace(-2, 2, 20), 0.1, mesh=300)
    monkeypatch.setattr(parallel, "_WORTH_THREADS", -1.0)
    monkeypatch.setattr(parallel, "_cores", lambda: threads)
    values = ck.orbital_magnetization(METAL, np.linspace(-2, 2, 20), 0.1, mesh=300)
    np.testing.assert_array_equal(values, expected)
    k = ck.uniform_mesh(METAL.lattice, 200)
    once = ck.berry_curvature(METAL, k)
    np.testing.assert_array_equal(ck.berry_curvature(METAL, k), once)


def test_linear_algebra_keeps_to_one_thread_each(eager):
    from threadpoolctl import threadpool_info

    def blas():
        return [i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"]

    before = blas()
    inside = list(in_pieces(lambda n: blas(), range(6)))
    assert all(n == 1 for counts in inside[1:] for n in counts)
    assert blas() == before


# Interruption ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_errors_in_a_piece(eager, error):
    """The error comes out, pieces that have not begun are dropped, and no thread is left."""
    begun = []

    def work(n):
        begun.append(n)
        time.sleep(2e-3)
        if n == 3:
            raise error
        return n

    with pytest.raises(error):
        list(in_pieces(work, range(1000)))
    assert len(begun) < 30
    assert not ours()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_errors_of_the_caller(eager, error):
    begun = []

    def stop_after_the_fifth():
        for n, _ in enumerate(
            in_pieces(lambda n: begun.append(n) or time.sleep(1e-3), range(1000))
        ):
            if n == 5:
                raise error

    with pytest.raises(error):
        stop_after_the_fifth()
    assert not ours()
    assert len(begun) < 30


def test_error_deep_in_an_integral(eager, monkeypatch):
    """As Ctrl-C would be, in the middle of a Hall conductivity."""
    from coursekit import kubo

    plain, calls = kubo.two_bands, []

    def interrupted(model, block):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return plain(model, block)

    monkeypatch.setattr(kubo, "two_bands", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ck.anomalous_hall(METAL, -1.0, 0.1, mesh=700)
    assert not ours()
    assert len(calls) < 20


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
@pytest.mark.parametrize(
    "job",
    [
        "ck.anomalous_hall(ck.models.kagome(0.6), np.linspace(-2, 2, 50), 0.1, mesh=8000)",
        "ck.electron_density(ck.models.haldane(1, 0.2, 0.7, 0.9), np.linspace(-2, 2, 500))",
    ],
)
def test_ctrl_c(job):
    """A job of minutes ends within a second or two, and says KeyboardInterrupt."""
    program = f"import numpy as np, coursekit as ck\nprint('begun', flush=True)\n{job}\n"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "begun\n"
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode in (-signal.SIGINT, 130, 1)


# Progress --------------------------------------------------------------------------------------


def shown(monkeypatch, stream, **options):
    monkeypatch.setattr(sys, "stderr", stream)
    list(in_pieces(lambda n: n, range(40), **options))
    return stream.getvalue()


@pytest.mark.parametrize("threads", [1, 4])
def test_progress_bar(monkeypatch, threads):
    """In a terminal, for jobs that last; it counts to the end and is wiped away."""
    monkeypatch.setattr(parallel, "_WORTH_THREADS", -1.0)
    monkeypatch.setattr(parallel, "_cores", lambda: threads)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert shown(monkeypatch, Terminal()) == ""  # over at once
    monkeypatch.setattr(parallel, "_WORTH_PROGRESS", -1.0)
    text = shown(monkeypatch, Terminal(), label="mu")
    assert text.startswith("\rmu:")
    assert "/40" in text
    assert text.endswith("\r")
    assert shown(monkeypatch, Terminal(), progress=False) == ""
    assert shown(monkeypatch, io.StringIO()) == ""  # a file, a pipe, a log


def test_progress_in_notebooks(monkeypatch):
    monkeypatch.setattr(parallel, "_WORTH_PROGRESS", -1.0)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.delitem(sys.modules, "ipywidgets", raising=False)
    assert "/40" in shown(monkeypatch, io.StringIO())
    updates = []

    class Widget:
        def __init__(self, **options):
            assert options["total"] == 40

        def update(self):
            updates.append(1)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            updates.append("closed")

    notebook = types.ModuleType("tqdm.notebook")
    notebook.tqdm = Widget
    monkeypatch.setitem(sys.modules, "ipywidgets", types.ModuleType("ipywidgets"))
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    assert shown(monkeypatch, io.StringIO()) == ""
    assert updates == [1] * 40 + ["closed"]


@pytest.mark.parametrize(
    "job",
    [
        lambda **o: ck.anomalous_hall(METAL, -1.9, 0.1, mesh=300, **o),
        lambda **o: ck.anomalous_hall(METAL, [-1.9, -1.8], rtol=1e-2, **o),
        lambda **o: ck.electron_density(METAL, -1.9, method="linear", mesh=700, **o),
        lambda **o: ck.berry_curvature(METAL, ck.uniform_mesh(METAL.lattice, 200), **o),
        lambda **o: ck.streda(METAL, -1.9, 0.2, rtol=1e-4, **o),
        lambda **o: ck.electron_density(ck.models.weyl(1.0), 0.5, rtol=3e-2, **o),
    ],
)
def test_progress_of_every_long_call(monkeypatch, job):
    monkeypatch.setattr(parallel, "_WORTH_PROGRESS", -1.0)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    for options, expected in [({}, True), ({"progress": False}, False)]:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        job(**options)
        assert ("it/s" in stream.getvalue() or "s/it" in stream.getvalue()) == expected


def test_nothing_is_printed(capfd):
    ck.anomalous_hall(METAL, [-1.9, 0.3], 0.1)
    ck.berry_curvature(METAL, ck.uniform_mesh(METAL.lattice, 300))
    assert capfd.readouterr() == ("", "")


# Clusters --------------------------------------------------------------------------------------

# Sockets that distributed opens to look for a free port.
untidy = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("weight", [FERMI, GRAND, SURFACE, ENTROPY, HEAT], ids=lambda w: w.name)
def test_weights_stay_themselves_in_other_processes(weight):
    assert pickle.loads(pickle.dumps(weight)) is weight


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip(
        "distributed", reason="dask.distributed is not installed: pip install distributed"
    )
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as local:
        yield local


@untidy
@pytest.mark.slow
def test_two_worker_processes(cluster):
    """The same numbers, by address and by client, which stays open."""
    from distributed import Client

    mus = np.linspace(-2, 2, 9)
    jobs = [
        lambda **o: ck.orbital_magnetization(METAL, mus, [[0.0], [0.2]], mesh=300, **o),
        lambda **o: ck.anomalous_hall(ck.models.kagome(0.6), mus, 0.1, mesh=60, **o),
        lambda **o: ck.anomalous_hall(ck.models.weyl(1.0), 0.1, 0.3, mesh=12, **o),
        lambda **o: ck.spin_hall(ck.models.kane_mele(1, 0.3, 0.2, 0.1), 0.0, mesh=20, **o),
        lambda **o: ck.electron_density(METAL, -1.9, 0.2, **o),
    ]
    with Client(cluster) as client:
        for job in jobs:
            expected = job()
            for scheduler in (cluster.scheduler_address, client):
                np.testing.assert_allclose(job(scheduler=scheduler), expected, rtol=0, atol=1e-13)
        symmetries = ck.symmetry.find_symmetries(METAL)
        value = ck.anomalous_hall(METAL, mus, 0.1, mesh=60, scheduler=client, symmetries=symmetries)
        np.testing.assert_allclose(
            value, ck.anomalous_hall(METAL, mus, 0.1, mesh=60), rtol=0, atol=1e-13
        )
        assert client.submit(sum, [1, 2]).result() == 3  # still ours


@untidy
@pytest.mark.slow
def test_errors_of_workers(cluster):
    """What goes wrong there is raised here, and the connection is closed."""

    def fails(pieces):
        raise ZeroDivisionError("on a worker")

    with pytest.raises(ZeroDivisionError, match="on a worker"):
        list(parallel.on_cluster(fails, range(10), cluster.scheduler_address, progress=False))


@untidy
@pytest.mark.slow
def test_cluster_without_workers():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(ValueError, match="has no workers; expected at least one"),
    ):
        ck.anomalous_hall(METAL, 0.0, 0.1, mesh=10, scheduler=empty.scheduler_address)


def test_without_distributed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="not installed; expected pip install distributed"):
        ck.anomalous_hall(METAL, 0.0, 0.1, mesh=10, scheduler="tcp://127.0.0.1:1")
