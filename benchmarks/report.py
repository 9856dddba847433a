"""Tables of what was measured."""

from __future__ import annotations

START, END = "<!-- measured -->", "<!-- end -->"
NAMES = {
    "coursekit": "coursekit",
    "closed_form": "closed form, NumPy",
    "pythtb": "PythTB 2.0.2",
    "wannierberri": "WannierBerri 26.10",
    "postw90": "Wannier90 3.1 postw90.x",
}


def lines(case, measured):
    """One case for the terminal."""
    rows = [f"{case.name}: {case.title}   [{case.target}]"]
    rows += ["   " + "  ".join(f"{cell:>24}" for cell in row) for row in _rows(case, measured)]
    return "\n".join(rows)


def write(readme, results, machine):
    """Put the table between the marks of the README."""
    head = ["case", "contender", "time", "time of coursekit / its", "memory", "answer"]
    table = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for case, measured in results:
        title = f"{case.title} *({case.target})*"
        for row in _rows(case, measured):
            table.append("| " + " | ".join([title, *row]) + " |")
            title = ""
    text = readme.read_text()
    before, rest = text.split(START)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{START}\n{machine}\n\n" + "\n".join(table) + f"\n{END}{after}")


def _rows(case, measured):
    ours = measured["coursekit"]["seconds"]
    for name, row in measured.items():
        ratio = "" if name == "coursekit" else f"{ours / row['seconds']:.2f}"
        peak = "–" if row["peak"] is None else f"{row['peak'] / 1e6:.0f} MB"
        yield [NAMES[name], _time(row["seconds"]), ratio, peak, _answer(case, name, row)]


def _answer(case, name, row):
    if len(row["answer"]) == 2:  # one number, and its sum
        return f"{row['answer'][0]:.6g}"
    if name == "coursekit":
        return ""
    if row["off"] <= case.rtol:
        return f"the same to {row['off']:.0e}"
    return f"DIFFERS by {row['off']:.1e}"


def _time(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
