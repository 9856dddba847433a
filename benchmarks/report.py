"""Tables of what was measured."""

from __future__ import annotations

from typing import NamedTuple

from cases import IRON_LIMIT

NAMES = {
    "coursekit": "coursekit",
    "closed_form": "closed form, NumPy",
    "in_blocks": "closed form, in blocks",
    "pythtb": "PythTB 2.0.2",
    "wannierberri": "WannierBerri 26.10",
    "postw90": "postw90.x 3.1",
}
HEADS = {
    "compared": ("case", "contender", "time", "coursekit's / its", "memory", "answer"),
    "growing": ("case", "mesh", "k", "time", "time per k", "memory"),
    "closing in": ("contender", "mesh", "time", "σ_z in S/cm", "off by"),
}


class Measured(NamedTuple):
    """A contender at a case."""

    seconds: float
    peak: int | None  # bytes beyond what importing took
    answer: list[float]
    off: float  # from the library's answer


def lines(case, results):
    """One case for the terminal."""
    rows = [f"{case.name}: {case.title}   {case.target}"]
    rows += ["   " + "".join(f"{cell:<24}" for cell in row) for row in _compared(case, results)]
    return "\n".join(rows)


def write(readme, measured, machine):
    """Put the tables between their marks, ``<!-- name -->`` to ``<!-- end -->``."""
    text = readme.read_text()
    for name, results in measured.items():
        rows = [row for case, of_case in results for row in _ROWS[name](case, of_case)]
        table = [HEADS[name], ["---"] * len(HEADS[name]), *rows]
        body = "\n".join("| " + " | ".join(row) + " |" for row in table)
        text = _between(text, name, body)
    readme.write_text(_between(text, "machine", machine))


def _between(text, name, body):
    mark, end = f"<!-- {name} -->", "<!-- end -->"
    before, rest = text.split(mark)
    return f"{before}{mark}\n{body}\n{end}{rest.split(end, 1)[1]}"


def _titled(case, results):
    title = f"{case.title}; target: {case.target}"
    for row in _compared(case, results):
        yield [title, *row]
        title = ""


def _compared(case, results):
    ours = results.get("coursekit")
    for name, result in results.items():
        ratio = "" if ours in (None, result) else f"{ours.seconds / result.seconds:.2g}"
        peak = "–" if result.peak is None else f"{result.peak / 1e6:.0f} MB"
        yield [NAMES[name], _time(result.seconds), ratio, peak, _answer(case, name, result)]


def _answer(case, name, result):
    if len(result.answer) == 2 or case.rtol is None:  # a number and its sum; nothing to agree with
        return f"{result.answer[-2]:.6g}"
    if name == "coursekit":
        return ""
    return f"{'the same to' if result.off <= case.rtol else 'DIFFERS by'} {result.off:.0e}"


def _growing(case, results):
    result = results["coursekit"]
    dim = 3 if case.needs_iron else 2
    points = case.size**dim
    memory = f"{result.peak / 1e6:.0f} MB"
    if case.function == "haldane_curvature":
        # k and Ω have two numbers at each point.
        memory += f", of which k and Ω {32 * points / 1e6:.0f} MB"
    each = 1e9 * result.seconds / points
    per_point = f"{each:.3g} ns" if each < 1e3 else f"{each / 1e3:.3g} µs"
    mesh = f"{case.size}{'³' if dim == 3 else '²'}"
    yield [case.title, mesh, f"{points}", _time(result.seconds), per_point, memory]


def _closing_in(case, results):
    for name, result in results.items():
        value = result.answer[2]
        off = f"{100 * (value / IRON_LIMIT - 1):+.1f} %"
        yield [NAMES[name], case.title, _time(result.seconds), f"{value:.1f}", off]


def _time(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


_ROWS = {"compared": _titled, "growing": _growing, "closing in": _closing_in}
