"""Read a notebook that is not quite one, as far as there is only one way to read it."""

from __future__ import annotations

import codecs
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
import nbformat.v4

from coursekit.grading.files import Unreadable

__all__ = ["Reading", "read_notebook"]

_EXPECTED = "expected a notebook saved by Jupyter"
_V4_START = re.compile(r'\s*\{\s*"cells"\s*:\s*\[')
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CELL_TYPES = ("code", "markdown", "raw")
# The longest thing that a cut can leave half-written and that is no string: `false,` and a number.
_LAST_WORD = 24


@dataclass(frozen=True)
class Reading:
    """What a file says, as a notebook of format 4.

    Attributes
    ----------
    notes : what had to be mended, in words; empty where the file is as Jupyter writes it
    """

    notebook: Any
    notes: tuple[str, ...] = ()

    @property
    def grade_ids(self) -> frozenset[str]:
        """Names of nbgrader's cells in it."""
        about = [cell.get("metadata", {}).get("nbgrader") for cell in self.notebook.cells]
        names = [a.get("grade_id") for a in about if isinstance(a, Mapping)]
        return frozenset(name for name in names if isinstance(name, str))


def read_notebook(raw: bytes) -> Reading:
    """The notebook in a file's bytes.

    Raises
    ------
    Unreadable : it is none, or there is more than one way to read it
    """
    text, *notes = _decode(raw)
    tree, found = _parse(text)
    notes += found
    notebook, found = _as_format_4(tree)
    return Reading(notebook, (*notes, *found))


def _decode(raw: bytes) -> list[str]:
    """The text, and what had to be done to get it."""
    if not raw.strip():
        raise Unreadable(f"is empty; {_EXPECTED}")
    if raw.startswith(codecs.BOM_UTF8):
        return [_strictly(raw[3:], "utf-8"), "the byte-order mark at its start was left out"]
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return [_strictly(raw, "utf-16"), "read as UTF-16; notebooks are UTF-8"]
    for start, encoding in ((b"{\0", "utf-16-le"), (b"\0{", "utf-16-be")):
        if raw.lstrip(b" \n\r\t").startswith(start):
            return [_strictly(raw, encoding), "read as UTF-16; notebooks are UTF-8"]
    try:
        return [raw.decode("utf-8")]
    except UnicodeDecodeError as error:
        first = error.start
    patched = raw.decode("utf-8", "replace")
    lost = patched.count("\ufffd")
    if sum(character > "\x7f" for character in patched) > 2 * lost:
        return [patched, f"{lost} characters that are not UTF-8 stand as \ufffd (byte {first})"]
    # Bytes 80 to 9f are letters and quotes on Windows, and nothing in latin-1.
    if re.search(rb"[\x80-\x9f]", raw):
        try:
            return [
                raw.decode("cp1252"),
                f"read as Windows-1252, because byte {first} is not UTF-8",
            ]
        except UnicodeDecodeError:
            raise Unreadable(f"is not text (byte {first}); {_EXPECTED}") from None
    return [raw.decode("latin-1"), f"read as latin-1, because byte {first} is not UTF-8"]


def _strictly(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"begins as {encoding} and is not (byte {error.start}); {_EXPECTED}"
        ) from None


def _parse(text: str) -> tuple[Mapping[str, Any], list[str]]:
    """The JSON object of a text, and what had to be mended."""
    try:
        return _object(json.loads(text)), []
    except RecursionError:
        raise Unreadable(f"is nested too deep; {_EXPECTED}") from None
    except json.JSONDecodeError as error:
        problem = error
    except ValueError as error:  # a number with thousands of digits
        raise Unreadable(f"is not JSON ({error}); {_EXPECTED}") from None
    for guess in (_with_line_breaks, _without_tail, _broken_off):
        try:
            found = guess(text)
        except (ValueError, RecursionError) as error:
            if isinstance(error, Unreadable):
                raise
            continue
        if found is not None:
            return found
    if text.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
        raise Unreadable(f"is a web page; {_EXPECTED}, not the page that shows it")
    if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE):
        raise Unreadable("holds marks of an unfinished merge (<<<<<<<); expected one version")
    raise Unreadable(f"is not JSON ({problem}); {_EXPECTED}")


def _with_line_breaks(text: str) -> tuple[Mapping[str, Any], list[str]] | None:
    tree = _object(json.loads(text, strict=False))
    return tree, ["line breaks and tabs within its strings were read as they stand"]


def _without_tail(text: str) -> tuple[Mapping[str, Any], list[str]] | None:
    """A notebook with something after it that is no second one."""
    text = text.lstrip()
    tree, end = json.JSONDecoder().raw_decode(text)
    if not isinstance(tree, dict) or not {"cells", "worksheets"} & set(tree):
        return None
    tail = text[end:].strip()
    if re.search(r'"(cells|worksheets|cell_type)"\s*:', tail):
        raise Unreadable("holds a second notebook, or part of one, after the first; expected one")
    return tree, [f"{len(tail)} characters after its end were left out"]


def _broken_off(text: str) -> tuple[Mapping[str, Any], list[str]] | None:
    """The whole cells of a file that ends too early: they are in it as they were written."""
    start = _V4_START.match(text)
    if start is None:
        return None
    text = text.rstrip()
    decoder, position = json.JSONDecoder(), start.end()
    cells: list[Any] = []
    while True:
        position = _skip(text, position)
        if position >= len(text) or text[position] == "]":
            break
        try:
            cell, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            at_end = error.pos >= len(text) - _LAST_WORD
            if not (at_end or error.msg.startswith("Unterminated string")):
                return None  # damaged in the middle: what follows may be anything
            break
        cells.append(cell)
    if text[position : position + 1] == "]" and not _ends_early(text):
        return None
    if not cells:
        raise Unreadable(f"is not JSON: it breaks off in its first cell; {_EXPECTED}")
    note = f"it breaks off: {len(cells)} whole cells were read, what came after them is lost"
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, [note]


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n,":
        position += 1
    return position


def _ends_early(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) - _LAST_WORD or error.msg.startswith("Unterminated string")
    return False


def _object(tree: object) -> Mapping[str, Any]:
    if not isinstance(tree, dict):
        raise Unreadable(f"holds a JSON {type(tree).__name__}; {_EXPECTED}")
    return tree


def _as_format_4(tree: Mapping[str, Any]) -> tuple[Any, list[str]]:
    version, cells = tree.get("nbformat"), tree.get("cells")
    notes: list[str] = []
    if version in (1, 2, 3) and not (version == 3 and isinstance(cells, list)):
        notes.append(f"format {version} was converted to 4")
    elif not isinstance(cells, list):
        raise Unreadable(
            f"has notebook format {version!r} and no list of cells; expected 4: save it with a "
            "current Jupyter"
        )
    elif version != 4:
        notes.append(f"it says format {version!r}, and was read as 4")
        tree = {"metadata": {}, **tree, "nbformat": 4, "nbformat_minor": 5}
    try:
        return _checked(tree), notes
    except Exception as error:
        # The file is a stranger's, and readers of formats trip over it in ways of their own.
        if not isinstance(cells, list):
            raise Unreadable(
                f"is not a valid notebook ({_first_line(error)}); {_EXPECTED}"
            ) from None
        problem = _first_line(error)
    kept = [cell for cell in map(_cell, cells) if cell is not None]
    if cells and not kept:
        raise Unreadable(f"is not a valid notebook ({problem}); {_EXPECTED}")
    note = (
        f"it breaks the notebook format ({problem}): the text of {len(kept)} of its {len(cells)} "
        "cells was read, the rest left out"
    )
    bare: Any = nbformat.v4.new_notebook(cells=kept)  # type: ignore[no-untyped-call]
    return bare, [*notes, note]


def _checked(tree: Mapping[str, Any]) -> Any:
    with warnings.catch_warnings():
        # Missing and doubled ids of cells, which are replaced before grading anyway.
        warnings.simplefilter("ignore")
        notebook = nbformat.reads(json.dumps(tree), as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    return notebook


def _cell(given: object) -> Any:
    """What grading needs of a cell; None where there is nothing to read."""
    if not isinstance(given, dict) or given.get("cell_type") not in _CELL_TYPES:
        return None
    source = given.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    make: Any = getattr(nbformat.v4, f"new_{given['cell_type']}_cell")
    cell = make(source)
    if isinstance(given.get("id"), str) and _CELL_ID.fullmatch(given["id"]):
        cell["id"] = given["id"]
    about = given.get("metadata")
    about = about.get("nbgrader") if isinstance(about, dict) else None
    if isinstance(about, dict) and isinstance(about.get("grade_id"), str):
        # The rest of it is taken from the release.
        cell.metadata["nbgrader"] = nbformat.from_dict({"grade_id": about["grade_id"]})  # type: ignore[no-untyped-call]
    return cell


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
