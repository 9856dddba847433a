"""Strangers' files and archives, opened so that neither a link nor a bomb can do harm."""

from __future__ import annotations

import functools
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

__all__ = [
    "MAX_SIZE",
    "Member",
    "Unreadable",
    "files_below",
    "is_zip",
    "members",
    "read_file",
    "replace_file",
    "unzip",
]

MAX_SIZE = 20 * 2**20
_MAX_MEMBERS = 1000
_MAX_TOGETHER = 5 * MAX_SIZE
_MAX_DEPTH = 5
_MAX_FILES = 1000
# What machines put beside people's work.
_MACHINE_MADE = ("__MACOSX", "__pycache__")


class Unreadable(ValueError):
    """A file that cannot be read as what it should be; the message continues its name."""


def read_file(path: Path, limit: int = MAX_SIZE) -> bytes:
    """A regular file's bytes; never those of a link's target, of a device, or of a giant.

    Raises
    ------
    Unreadable : says what it is instead
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise Unreadable("is a link; expected the file itself, not a link") from None
        raise Unreadable(f"cannot be opened ({error.strerror})") from None
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise Unreadable("is not a regular file; expected the notebook itself")
    with os.fdopen(descriptor, "rb") as file:
        raw = file.read(limit + 1)
    size = max(len(raw), about.st_size)
    if size > limit:
        raise Unreadable(_too_large(size, limit))
    return raw


def files_below(folder: Path, most: int = _MAX_FILES) -> list[Path]:
    """Regular files in a folder and in folders within it, sorted; links are not followed.

    Parameters
    ----------
    most : files, and entries of one folder, that are looked at
    """
    found: list[Path] = []
    folders = [(folder, 0)]
    while folders and len(found) < most:
        directory, depth = folders.pop()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries[:most]:
            if entry.name.startswith(".") or entry.name in _MACHINE_MADE:
                continue
            if entry.is_file(follow_symlinks=False):
                found.append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
                folders.append((Path(entry.path), depth + 1))
    return sorted(found[:most])


def is_zip(raw: bytes) -> bool:
    """Whether bytes begin as a zip archive with something in it does."""
    return raw.startswith(b"PK\x03\x04")


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Attributes
    ----------
    name : its path within the archive, with ``/``
    read : gives its bytes, or raises :class:`Unreadable`
    time : of its last change, as the archive says
    """

    name: str
    read: Callable[[], bytes]
    time: tuple[int, ...]


def members(file: BinaryIO, most: int) -> Iterator[Member]:
    """The files in a zip archive, as long as this is iterated over; nothing is written anywhere.

    Parameters
    ----------
    most : files that it may hold

    Raises
    ------
    Unreadable : it is damaged as a whole, or holds more files
    """
    with _as_unreadable(), zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > most:
            raise Unreadable(f"holds {len(entries)} files; expected at most {most}")
        for entry in entries:
            name = PurePosixPath(entry.filename.replace("\\", "/"))
            hidden = any(p.startswith(".") and p != ".." for p in name.parts)
            # Unix keeps the kind of a file in the upper half; a link is stored as its target.
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            if not (entry.is_dir() or hidden or is_link or {*name.parts} & {*_MACHINE_MADE}):
                read = functools.partial(_read_member, archive, entry, name)
                yield Member(str(name), read, entry.date_time)


def unzip(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in one person's archive.

    Raises
    ------
    Unreadable : it is damaged, locked by a password, too large, or reaches outside itself
    """
    total = 0
    for member in members(file, _MAX_MEMBERS):
        content = member.read()
        total += len(content)
        if total > _MAX_TOGETHER:
            raise Unreadable(f"unpacks to more than {_MAX_TOGETHER // 2**20} MB; {_REMEDY}")
        yield member.name, content


def _read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: PurePosixPath) -> bytes:
    if name.is_absolute() or ".." in name.parts:
        raise Unreadable(f"holds {str(name)[:80]!r}, which leads outside of it")
    with _as_unreadable(), archive.open(entry) as member:
        # What the archive says about sizes is not to be relied on.
        content = member.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise Unreadable(f"unpacks to more than {MAX_SIZE // 2**20} MB; {_REMEDY}")
    return content


@contextmanager
def _as_unreadable() -> Iterator[None]:
    """What the reader of archives raises, in words of ours."""
    try:
        yield
    except Unreadable:
        raise
    except NotImplementedError as error:
        raise Unreadable(f"cannot be unpacked ({error}); expected a plain zip archive") from None
    except RuntimeError:
        raise Unreadable("is locked by a password; expected an open archive") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise Unreadable(f"is a damaged zip archive ({error})") from None


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all; one that holds the same already stays untouched."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    os.replace(temporary, path)


_REMEDY = "clear the notebook's outputs and hand it in again"


def _too_large(size: int, limit: int) -> str:
    return f"has {size / 2**20:.0f} MB; expected at most {limit // 2**20}: {_REMEDY}"
