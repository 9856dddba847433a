"""Work cut into pieces: threads where they pay, progress where it lasts, dask where asked for.

Results come in the order of the pieces, so that sums do not depend on how the work was shared.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["in_pieces", "on_cluster"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# Seconds: a pool of threads costs about a millisecond, and small jobs are over before it helps.
_WORTH_THREADS = 0.02
_WORTH_PROGRESS = 2.0
# Tasks for each thread of a cluster: enough to even out, few enough to cost nothing.
_TASKS_PER_THREAD = 4


def in_pieces(
    function: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    *,
    progress: bool = True,
    label: str = "k",
) -> Iterator[Result]:
    """``function`` of every piece, in order, on all cores once that pays.

    The time of the first piece tells what the rest will take.  When the caller stops, be it by an
    error or Ctrl-C, pieces that have not begun are dropped, and no thread is left.
    """
    todo = list(pieces)
    if not todo:
        return
    start = time.perf_counter()
    yield function(todo[0])
    left = (time.perf_counter() - start) * (len(todo) - 1)
    threads = min(_cores(), len(todo) - 1)
    with _progress_bar(
        len(todo), label, progress and left / max(1, threads) > _WORTH_PROGRESS
    ) as bar:
        bar.update()
        if threads < 2 or left < _WORTH_THREADS:
            for piece in todo[1:]:
                yield function(piece)
                bar.update()
            return
        pool = ThreadPoolExecutor(threads, thread_name_prefix="coursekit")
        # Our threads share the cores; those of the linear algebra would only be in their way.
        one_each = _linear_algebra().limit(limits=1, user_api="blas")
        try:
            waiting: deque[Future[Result]] = deque()
            for piece in todo[1:]:
                waiting.append(pool.submit(function, piece))
                # A bounded number in flight bounds memory.
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
                    bar.update()
            while waiting:
                yield waiting.popleft().result()
                bar.update()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            one_each.restore_original_limits()


def on_cluster(
    total: Callable[[Sequence[Piece]], Result],
    pieces: Iterable[Piece],
    scheduler: object,
    *,
    progress: bool = True,
    label: str = "k",
) -> Iterator[Result]:
    """``total`` of batches of pieces, in order, on the workers of dask.distributed.

    Parameters
    ----------
    scheduler : address of a scheduler, as "tcp://127.0.0.1:8786", or a ``distributed.Client``

    Raises
    ------
    ValueError : dask.distributed is not installed, or no workers
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            f"scheduler={scheduler!r} needs dask.distributed, which is not installed; expected "
            "pip install distributed, or no scheduler"
        ) from None
    todo = list(pieces)
    connect: Any = Client
    client: Any = scheduler if isinstance(scheduler, Client) else connect(scheduler)
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ValueError(f"{client} has no workers; expected at least one")
        batches = [
            todo[i::n] for n in [min(len(todo), threads * _TASKS_PER_THREAD)] for i in range(n)
        ]
        futures = client.map(total, batches, pure=False)
        with _progress_bar(len(batches), label, progress) as bar:
            try:
                for future in futures:
                    yield future.result()
                    bar.update()
            finally:
                client.cancel(futures)
    finally:
        if client is not scheduler:
            client.close()


@functools.cache
def _linear_algebra() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _progress_bar(total: int, label: str, shown: bool) -> Any:
    """tqdm's bar in a notebook or a terminal, and an empty one elsewhere."""
    notebook = "ipykernel" in sys.modules
    if not shown or not (notebook or sys.stderr.isatty()):
        return _NoBar()
    if notebook and "ipywidgets" in sys.modules:
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    return tqdm(total=total, desc=label, leave=False)


class _NoBar:
    def update(self) -> None: ...

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *error: object) -> None: ...
