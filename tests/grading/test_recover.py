"""Files that are nearly notebooks: read where there is one way to read them, refused elsewhere."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
import pytest

from coursekit.grading.files import MAX_SIZE, Unreadable, files_below, read_file, unzip
from coursekit.grading.recover import read_notebook


def notebook(*sources: str) -> Any:
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    for cell in cells:
        cell.metadata["nbgrader"] = {"grade_id": f"task-{cell.id}", "schema_version": 3}
    return nbformat.v4.new_notebook(cells=cells)


TEXT = nbformat.writes(notebook("x = 'é'", "y = 2", "z = 3"))
SOURCES = ["x = 'é'", "y = 2", "z = 3"]


def sources(raw: bytes) -> list[str]:
    return [cell.source for cell in read_notebook(raw).notebook.cells]


def test_a_good_notebook_is_left_alone() -> None:
    reading = read_notebook(TEXT.encode())
    assert reading.notes == ()
    assert reading.grade_ids == {"task-c0", "task-c1", "task-c2"}


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"\xef\xbb\xbf" + TEXT.encode(), "byte-order mark"),
        (TEXT.encode("utf-16"), "read as UTF-16"),
        (TEXT.encode("utf-16-le"), "read as UTF-16"),
        (TEXT.encode("utf-16-be"), "read as UTF-16"),
        (TEXT.encode("latin-1"), "read as latin-1, because byte"),
        (TEXT.encode() + b"\n}\nsaved by my editor", "characters after its end were left out"),
        (TEXT.replace('"nbformat": 4', '"nbformat": 5').encode(), "says format 5"),
        (TEXT.replace('"nbformat": 4', '"nbformat": "4"').encode(), "says format '4'"),
        (TEXT.replace('"nbformat": 4,', "").encode(), "says format None"),
    ],
)
def test_one_way_to_read_it(raw: bytes, note: str) -> None:
    assert sources(raw) == SOURCES
    (said,) = read_notebook(raw).notes
    assert note in said


def test_windows_quotes() -> None:
    raw = TEXT.replace("é", "“é”").encode("cp1252")
    assert sources(raw)[0] == "x = '“é”'"
    assert "Windows-1252" in read_notebook(raw).notes[0]


def test_a_few_damaged_bytes_do_not_change_the_alphabet() -> None:
    raw = TEXT.replace("é", "éüößé").encode().replace("ö".encode(), b"\xff")
    assert sources(raw)[0] == "x = 'éü\ufffdßé'"


def test_raw_line_breaks() -> None:
    raw = TEXT.replace("y = 2", "y = 2\nw = 3").encode()
    assert sources(raw)[1] == "y = 2\nw = 3"


@pytest.mark.parametrize("version", [2, 3])
def test_old_formats(version: int) -> None:
    old = {
        "nbformat": version,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "language": "python", "input": "a = 1", "outputs": []}
                ]
            }
        ],
    }
    raw = json.dumps(old).encode()
    assert sources(raw) == ["a = 1"]
    assert f"format {version} was converted" in read_notebook(raw).notes[0]


@pytest.mark.parametrize("end", range(200, len(TEXT) - 2, 37))
def test_broken_off(end: int) -> None:
    """Wherever a file ends, what is read is what stands in it: whole cells from the first on."""
    raw = TEXT[:end].encode()
    if end < TEXT.index("}", TEXT.index('"source"')):
        with pytest.raises(Unreadable, match="breaks off"):
            read_notebook(raw)
        return
    reading = read_notebook(raw)
    found = [cell.source for cell in reading.notebook.cells]
    assert found == SOURCES[: len(found)]
    assert "it breaks off" in reading.notes[0]


def test_broken_off_behind_the_cells() -> None:
    raw = TEXT[: TEXT.index('"metadata": {},\n "nbformat"')].encode()
    assert sources(raw) == SOURCES


def test_format_that_is_broken_gives_its_text() -> None:
    tree = json.loads(TEXT)
    tree["cells"][1]["outputs"] = "none"
    tree["cells"][2] = {"cell_type": "code", "source": ["z = ", "3"], "metadata": None}
    tree["cells"].append("not a cell")
    reading = read_notebook(json.dumps(tree).encode())
    assert [cell.source for cell in reading.notebook.cells] == SOURCES
    assert "3 of its 4 cells" in reading.notes[0]
    assert reading.grade_ids == {"task-c0", "task-c1"}
    nbformat.validate(reading.notebook)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "is not JSON"),
        (b"[1]", "holds a JSON list"),
        (b"{}", "no list of cells"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"cells": [' + b"[" * 100_000, "nested too deep"),
        (b'{"nbformat": ' + b"9" * 10_000 + b"}", "is not JSON"),
        (b'{"nbformat": 4, "cells": [1, 2]}', "is not a valid notebook"),
        (b'{"nbformat": 3, "worksheets": 7}', "is not a valid notebook"),
        (TEXT.encode() * 2, "second notebook"),
        (TEXT.encode() + b'{"cells": [', "second notebook"),
        (b'{"cells": [\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> b\n]}', "unfinished merge"),
        (TEXT.replace('"y = 2"', '"y = 2').encode(), "is not JSON"),
        (TEXT.replace('"c1"', "c1").encode(), "is not JSON"),
        (b"\x00\x01\x02\x9d\xff", "is not text"),
    ],
)
def test_no_single_way_to_read_it(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_notebook(raw)


def test_noise_raises_nothing_else() -> None:
    rng = random.Random(1)
    good = TEXT.encode()
    for _ in range(300):
        raw = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        raw = raw[: rng.choice([len(raw), rng.randrange(len(raw))])]
        try:
            nbformat.validate(read_notebook(bytes(raw)).notebook)
        except Unreadable:
            continue


def test_links_pipes_and_giants_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "giant").open("wb") as file:
        file.truncate(MAX_SIZE + 1)
    for name, reason in [
        ("link", "not a link"),
        ("pipe", "not a regular file"),
        ("giant", "expected at most 20"),
        ("nothing", "cannot be opened"),
        (".", "not a regular file"),
    ]:
        with pytest.raises(Unreadable, match=reason):
            read_file(tmp_path / name)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [p.name for p in files_below(tmp_path)] == ["giant", "secret"]


def zipped(members: dict[str, bytes], kind: int = 0) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = kind << 16
            archive.writestr(entry, content)
    return file


@pytest.mark.parametrize("name", ["../evil.ipynb", "/etc/evil", "a/../../evil", "..\\evil"])
def test_archives_that_reach_outside_are_refused(name: str) -> None:
    with pytest.raises(Unreadable, match="outside"):
        list(unzip(zipped({name: b"x"})))


def test_bombs_are_refused() -> None:
    zeros = bytes(MAX_SIZE + 1)
    with pytest.raises(Unreadable, match="more than 20 MB"):
        list(unzip(zipped({"a": zeros})))
    with pytest.raises(Unreadable, match="more than 100 MB"):
        list(unzip(zipped({f"{n}": zeros[:-1] for n in range(6)})))
    with pytest.raises(Unreadable, match="holds 1001 files"):
        list(unzip(zipped({f"{n}": b"" for n in range(1001)})))


def test_damaged_and_foreign_archives() -> None:
    whole = zipped({"a.txt": bytes(range(256)) * 50}).getvalue()
    for raw in (whole[:100], b"PK\x03\x04", whole.replace(b"\x01\x02", b"\x07\x07")):
        with pytest.raises(Unreadable, match="damaged"):
            list(unzip(io.BytesIO(raw)))
    link = 0o120777
    assert list(unzip(zipped({"link": b"/etc/passwd"}, link))) == []
    assert [n for n, _ in unzip(zipped({"a/b": b"1", "__MACOSX/a": b"2", ".x": b"3"}))] == ["a/b"]
