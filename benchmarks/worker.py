"""One contender at one question, in a process of its own: CONTENDER FUNCTION ARGUMENTS.

Arguments are JSON.  Reads "run" or "end" from standard input, and answers each with a line of JSON
on standard output.  Seconds are those of the processor, on one core: on an idle machine they are
the clock's, on a busy one they do not count what other programs take.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

SAMPLES = 64
# What is faster than this is run several times in a row.
SHORTEST = 0.05


def loaded(contender):
    """The contender's file as a module; by its path, for it has the name of what it imports."""
    where = Path(__file__).parent / "contenders" / f"{contender}.py"
    spec = importlib.util.spec_from_file_location(f"contender_{contender}", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seconds():
    """Processor time of this process and of the programs it ran."""
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def most_memory():
    """Bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def summary(answer):
    """Numbers to compare answers by: some of them, and a sum of all."""
    values = np.asarray(answer, dtype=float).ravel()
    places = np.linspace(0, values.size - 1, min(SAMPLES, values.size)).astype(int)
    return [*values[places], values.sum() / math.sqrt(values.size)]


def main():
    contender, function, arguments = sys.argv[1:]
    # What contenders print goes elsewhere.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    module = loaded(contender)
    imported = most_memory()
    run, answer = getattr(module, function)(*json.loads(arguments))
    times = 1
    result = None
    for line in sys.stdin:
        if line.strip() == "end":
            # Before the summary, whose arrays are not the contender's.
            peak = module.peak() if hasattr(module, "peak") else most_memory() - imported
            reply = {"answer": summary(answer(result)), "peak": peak}
        else:
            start = seconds()
            for _ in range(times):
                result = None  # or two answers are held at a time
                result = run()
            each = (seconds() - start) / times
            times = max(times, math.ceil(SHORTEST / max(each, 1e-6)))
            reply = {"seconds": each}
        channel.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
