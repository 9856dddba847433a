"""Which programs share long runs of tokens: a hint at where to look, never a verdict.

Texts are compared as sequences of tokens in which names, numbers and strings are all alike, so
that renaming hides nothing.  Every run of ``RUN`` tokens has a hash; of each ``WINDOW`` neighbours
the smallest is kept (winnowing: Schleimer, Wilkerson & Aiken, SIGMOD 2003, DOI
10.1145/872757.872770).  Two texts that share ``RUN + WINDOW - 1`` tokens in a row share a hash.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

__all__ = ["MOST_PAIRS", "Alike", "Prints", "fingerprint", "like_others", "like_reference"]

RUN = 12
WINDOW = 6
# Fewer shared hashes than this, some thirty tokens, are how the task is solved.
_FEWEST = 8
_LEAST = 0.5
MOST_PAIRS = 30
# What so many of a class wrote is how the task is solved, too.
_COMMON_SHARE, _COMMON_FEWEST, _COMMON_MOST = 3, 5, 100

_PRIME = (1 << 61) - 1
_BASE = 1_000_003
_TEXT = re.compile(r"(\"\"\"|\'\'\').*?(\1|$)", re.DOTALL)
_WORD = re.compile(
    r"(?P<number>\d[\w.]*)|(?P<string>'[^']*'|\"[^\"]*\")|\w+"
    r"|\.\.\.|\*\*=?|//=?|<<=?|>>=?|->|:=|[-+*/%<>=!&|^@]=|[^\w\s]"
)


@dataclass(frozen=True)
class Prints:
    """A text as hashes.

    Attributes
    ----------
    kept : hash -> first and last line of a run that has it, from 1
    every : the hashes of all runs
    """

    kept: Mapping[int, tuple[int, int]]
    every: frozenset[int]


@dataclass(frozen=True)
class Alike:
    """Two texts that share runs.

    Attributes
    ----------
    one, other : names of the texts
    share : of the runs of the shorter text that are in the other, too
    lines, other_lines : where the shared runs stand
    """

    one: str
    other: str
    share: float
    lines: frozenset[int]
    other_lines: frozenset[int]


def fingerprint(source: str) -> Prints:
    """The hashes of a program; what does not parse is cut into words and signs."""
    tokens = _tokens(source)
    values = [zlib.crc32(text.encode()) + 1 for text, _ in tokens]
    hashes: list[int] = []
    rolling, last = 0, pow(_BASE, RUN - 1, _PRIME)
    for position, value in enumerate(values):
        if position >= RUN:
            rolling = (rolling - values[position - RUN] * last) % _PRIME
        rolling = (rolling * _BASE + value) % _PRIME
        if position >= RUN - 1:
            hashes.append(rolling)
    kept: dict[int, tuple[int, int]] = {}
    chosen = -1
    for end in range(max(0, min(WINDOW, len(hashes)) - 1), len(hashes)):
        start = max(0, end - WINDOW + 1)
        if chosen < start:
            # The rightmost of equals, so that neighbouring windows choose the same one.
            chosen = min(range(start, end + 1), key=lambda i: (hashes[i], -i))
        elif hashes[end] <= hashes[chosen]:
            chosen = end
        span = (tokens[chosen][1], tokens[chosen + RUN - 1][1])
        kept.setdefault(hashes[chosen], span)
    return Prints(kept, frozenset(hashes))


def like_others(texts: Mapping[str, Prints], given: Prints) -> list[Alike]:
    """Pairs of a class, most alike first.

    Parameters
    ----------
    given : what everybody started from, which is nobody's own
    """
    own = {name: set(prints.kept) - given.every for name, prints in texts.items()}
    holders: dict[int, list[str]] = defaultdict(list)
    for name in sorted(own):
        for value in own[name]:
            holders[value].append(name)
    limit = max(_COMMON_FEWEST, min(len(texts) // _COMMON_SHARE, _COMMON_MOST))
    rare = {value: names for value, names in holders.items() if len(names) <= limit}
    sizes = Counter(name for names in rare.values() for name in names)
    shared: Counter[tuple[str, str]] = Counter()
    for names in rare.values():
        shared.update(combinations(names, 2))
    scored = [
        (count / min(sizes[one], sizes[other]), count, one, other)
        for (one, other), count in shared.items()
        if count >= _FEWEST
    ]
    best = sorted((s for s in scored if s[0] >= _LEAST), key=lambda s: (-s[0], -s[1], s[2:]))
    return [
        _alike(one, other, share, texts[one], texts[other], set(rare))
        for share, _, one, other in best[:MOST_PAIRS]
    ]


def like_reference(
    texts: Mapping[str, Prints], references: Mapping[str, Prints], given: Prints
) -> list[Alike]:
    """Texts of a class of which half or more stands in a reference, most alike first."""
    found: list[Alike] = []
    for name, prints in texts.items():
        own = set(prints.kept) - given.every
        # All runs of the reference: which of them it would have kept depends on its neighbours.
        counts = {title: len(own & reference.every) for title, reference in references.items()}
        title = max(counts, key=lambda t: counts[t], default="")
        if title and counts[title] >= _FEWEST and counts[title] >= _LEAST * len(own):
            share = counts[title] / len(own)
            found.append(_alike(name, title, share, prints, references[title], own))
    return sorted(found, key=lambda a: (-a.share, a.one))


def _alike(
    one: str, other: str, share: float, first: Prints, second: Prints, among: Iterable[int]
) -> Alike:
    both = set(first.kept) & set(second.kept) & set(among)
    return Alike(one, other, share, _lines(first, both), _lines(second, both))


def _lines(prints: Prints, values: Iterable[int]) -> frozenset[int]:
    spans = [prints.kept[value] for value in values]
    return frozenset(line for first, last in spans for line in range(first, last + 1))


def _tokens(source: str) -> Sequence[tuple[str, int]]:
    """Tokens, names and literals all alike, each with its line."""
    found: list[tuple[str, int]] = []
    try:
        before = ""
        start_of_line = True
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
                start_of_line = True
                continue
            if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER):
                continue
            text = _general(token.type, token.string, before)
            before = token.string
            # A string that begins a statement is a docstring.
            if not (start_of_line and token.type == tokenize.STRING):
                found.append((text, token.start[0]))
            start_of_line = False
    except (tokenize.TokenError, SyntaxError):
        return _words(source)
    return found


def _words(source: str) -> list[tuple[str, int]]:
    """The same of a text that is not Python as a whole."""
    found = []
    before = ""
    bare = _TEXT.sub(lambda text: "\n" * text[0].count("\n"), source)
    for number, line in enumerate(bare.split("\n"), start=1):
        for match in _WORD.finditer(line.partition("#")[0]):
            word = match[0]
            kind = tokenize.NAME if word.isidentifier() else tokenize.OP
            kind = {"number": tokenize.NUMBER, "string": tokenize.STRING}.get(
                match.lastgroup or "", kind
            )
            found.append((_general(kind, word, before), number))
            before = word
    return found


def _general(kind: int, text: str, before: str) -> str:
    if kind == tokenize.NAME:
        # Attributes are others' names: np.angle is not np.real.
        return text if keyword.iskeyword(text) or before == "." else "name"
    return {tokenize.NUMBER: "0", tokenize.STRING: "''"}.get(kind, text)
