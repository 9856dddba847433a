"""What a check found, as a table in a notebook and as text."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

__all__ = ["PartResult", "Report"]

# Colours of medium lightness, which read on white and on black alike.
_GREEN, _RED, _LINE = "#2e9e5b", "#d9534f", "rgba(128,128,128,.45)"
_CELL = f"padding:.35em .6em;text-align:left;vertical-align:top;border-top:1px solid {_LINE}"


@dataclass(frozen=True)
class PartResult:
    """One part of a check.

    Attributes
    ----------
    message : empty where the part is right, else what is wrong with it
    inputs, got, expected : of the first case that failed; empty where there is nothing to show
    """

    name: str
    points: int
    earned: int
    message: str = ""
    got: str = ""
    expected: str = ""
    inputs: str = ""

    @property
    def passed(self) -> bool:
        """Whether every case of the part was right."""
        return not self.message

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """Labelled lines about the first case that failed."""
        labelled = (
            ("input", self.inputs),
            ("got", self.got),
            ("expected", self.expected),
            ("", self.message),
        )
        return tuple((label, text) for label, text in labelled if text)


@dataclass(frozen=True, repr=False)
class Report:
    """The result of one check: what earned points, and a hint at what went wrong."""

    name: str
    parts: tuple[PartResult, ...]
    diagnoses: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(part.earned for part in self.parts)

    @property
    def max_points(self) -> int:
        """Points that could be earned."""
        return sum(part.points for part in self.parts)

    @property
    def passed(self) -> bool:
        """Whether every part is right."""
        return all(part.passed for part in self.parts)

    def __str__(self) -> str:
        width = max(len(part.name) for part in self.parts)
        lines = [f"{self.name}: {self.points} of {_plural(self.max_points)}"]
        lines += [f"hint: {hint}" for hint in self.diagnoses]
        for part in self.parts:
            mark = "✓" if part.passed else "✗"
            lines.append(f"  {mark} {part.name:<{width}}  {part.earned}/{part.points}")
            for label, text in part.details:
                start = f"{label}: " if label else ""
                # An answer's text may span lines; it stays inside its own entry.
                body = text.replace("\n", "\n" + " " * 6)
                lines.append(f"      {start}{body}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colour = _GREEN if self.passed else _RED
        hints = "".join(
            f'<p style="margin:.5em 0"><b>Hint.</b> {escape(hint)}</p>' for hint in self.diagnoses
        )
        rows = "".join(_row(part) for part in self.parts)
        return (
            f'<div style="border-left:.3em solid {colour};padding:.2em .8em;max-width:60em;'
            'overflow-x:auto;color:inherit">'
            f'<p style="margin:.2em 0"><b>{escape(self.name)}</b>: '
            f"{self.points} of {_plural(self.max_points)}</p>{hints}"
            '<table style="border-collapse:collapse;width:100%;color:inherit">'
            f"<tbody>{rows}</tbody></table></div>"
        )


def _row(part: PartResult) -> str:
    colour, mark, word = (_GREEN, "✓", "right") if part.passed else (_RED, "✗", "wrong")
    details = "".join(
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{_label(label)}{escape(text)}'
        "</div>"
        for label, text in part.details
    )
    return (
        f'<tr style="background:transparent"><td style="{_CELL};color:{colour};width:1em">'
        f'<span role="img" aria-label="{word}">{mark}</span></td>'
        f'<td style="{_CELL}"><b>{escape(part.name)}</b>{details}</td>'
        f'<td style="{_CELL};white-space:nowrap;text-align:right">{part.earned} / {part.points}'
        "</td></tr>"
    )


def _label(label: str) -> str:
    return f'<span style="opacity:.7">{label}: </span>' if label else ""


def _plural(points: int) -> str:
    return f"{points} point" if points == 1 else f"{points} points"
