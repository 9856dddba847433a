"""Texts that share long runs of tokens are found; what everybody writes is no sign of anything."""

from __future__ import annotations

import random
import textwrap
import time

from coursekit.grading.similarity import (
    RUN,
    WINDOW,
    Alike,
    fingerprint,
    like_others,
    like_reference,
)

STUB = '''
def hall(model, mu, kT):
    """Intrinsic anomalous Hall conductivity."""
    raise NotImplementedError()
'''
ONE = '''
def hall(model, mu, kT):
    """Intrinsic anomalous Hall conductivity."""
    # add up over the zone
    total = 0.0
    for band in range(2):
        energy = model.levels[..., band] - mu
        weight = 1 / (np.exp(energy / kT) + 1)
        curvature = -2 * np.imag(model.v[..., 0, band, 1 - band] * model.v[..., 1, 1 - band, band])
        total = total + (weight * curvature / (energy[0] - energy[1]) ** 2).mean()
    return -total * 2 * np.pi / model.area
'''
OTHER = """
def hall(model, mu, kT):
    k = np.linspace(0, 1, 40)
    e, v = np.linalg.eigh(model.h(k))
    f = scipy.special.expit((mu - e) / kT)
    return np.einsum('kn,kn->', f, [berry(x, y) for x, y in zip(v, e)]) / len(k)
"""


def renamed(source: str) -> str:
    for old, new in [("total", "summe"), ("band", "n"), ("weight", "f"), ("0.0", "0")]:
        source = source.replace(old, new)
    return source.replace("# add up over the zone", "# meine eigene Idee\n")


def find(**texts: str) -> list[Alike]:
    prints = {name: fingerprint(text) for name, text in texts.items()}
    return like_others(prints, fingerprint(STUB))


def test_renaming_hides_nothing() -> None:
    (found,) = find(ada=ONE, bob=OTHER, cem=renamed(ONE))
    assert (found.one, found.other, found.share) == ("ada", "cem", 1.0)
    lines = ONE.split("\n")
    assert {lines[n - 1].strip()[:5] for n in found.lines} >= {"total", "weigh", "curva", "retur"}
    # One comment more stands above them.
    assert max(found.other_lines) == max(found.lines) + 1


def test_other_attributes_are_other_texts() -> None:
    assert find(ada=ONE, bob=OTHER) == []
    changed = ONE.replace("np.imag", "cmath.phase").replace("model.v", "model.w")
    (found,) = find(ada=ONE, bob=changed)
    assert found.share < 1


def test_what_was_given_is_nobodys_own() -> None:
    long_stub = STUB.replace("raise NotImplementedError()", textwrap.dedent(ONE.split("\n", 2)[2]))
    texts = {"ada": fingerprint(long_stub), "bob": fingerprint(long_stub)}
    assert like_others(texts, fingerprint(long_stub)) == []


def test_what_many_wrote_is_how_it_is_solved() -> None:
    assert find(**{f"s{n}": ONE for n in range(6)}) == []
    assert len(find(**{f"s{n}": ONE for n in range(3)})) == 3


def test_a_shared_run_shares_a_hash() -> None:
    """The guarantee of winnowing, wherever the run stands."""
    rng = random.Random(2)
    signs = "+-*/%&|^<>"
    run = [rng.choice(signs) for _ in range(RUN + WINDOW - 1)]
    for _ in range(400):
        sides = [[rng.choice(signs) for _ in range(rng.randrange(40))] for _ in range(4)]
        one = " ".join([*sides[0], *run, *sides[1]])
        other = " ".join([*sides[2], *run, *sides[3]])
        assert set(fingerprint(one).kept) & set(fingerprint(other).kept)


def test_what_does_not_parse_is_compared_too() -> None:
    broken = ONE.replace("def hall(", "def hall((")
    (found,) = find(ada=ONE, bob=broken)
    assert found.share > 0.5


def test_short_and_empty_texts() -> None:
    assert find(ada="", bob="", cem="x = 1", dina="'''") == []


def test_library() -> None:
    library = {"geometry.py": fingerprint(f"import x\n\n\n{ONE}\n\n{OTHER}")}
    texts = {"ada": fingerprint(renamed(ONE)), "bob": fingerprint("y = [n for n in range(9)]" * 9)}
    (found,) = like_reference(texts, library, fingerprint(STUB))
    assert (found.one, found.other, found.share) == ("ada", "geometry.py", 1.0)
    assert min(found.other_lines) > 3
    assert like_reference(texts, {}, fingerprint(STUB)) == []


def test_a_large_class_in_seconds() -> None:
    rng = random.Random(3)

    def text() -> str:
        calls = [f"x{n} = np.f{rng.randrange(200)}(a[i]) {rng.choice('+-*/')} 2" for n in range(50)]
        return "\n".join(calls)

    texts = {f"s{n:03}": text() for n in range(298)}
    texts["copy"] = texts["s000"].replace("x", "y")
    began = time.perf_counter()
    found = find(**texts)
    assert time.perf_counter() - began < 20
    assert [(pair.one, pair.other) for pair in found] == [("copy", "s000")]
