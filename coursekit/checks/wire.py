"""Plain data: the only thing that passes between a student's code and the code that grades it.

A value is encoded as JSON text.  Numbers, strings and lists are themselves; everything else is an
object with one key that names its kind.  Arrays travel as a dtype from a short list, a shape, and
raw bytes: nothing here can name a class, so decoding runs no code of the sender's.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import numbers
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_BYTES", "WireError", "decode", "encode", "parse", "plain"]

MAX_BYTES = 16 * 2**20  # of array data in one value: a 1024 × 1024 complex matrix
MAX_ITEMS = 200_000  # numbers, strings and containers in one value, arrays counted as one
MAX_DEPTH = 16
MAX_DIMENSIONS = 16
MAX_INTEGER = 2**63
# base64 makes four characters of three bytes; the rest is room for the items around the arrays.
MAX_CHARACTERS = MAX_BYTES * 4 // 3 + 24 * MAX_ITEMS
# Commas, colons and opening brackets of the JSON text: an array in two dimensions has eight.
MAX_MARKS = 10 * MAX_ITEMS
# numpy makes every item as long as the longest text beside it.
MAX_TEXT_BYTES = 2**29

# As numpy spells them: booleans and integers, then floats and complex numbers.
_DTYPES = frozenset(["|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"]) | frozenset(
    ["<f2", "<f4", "<f8", "<c8", "<c16"]
)
_KINDS = "a number, a string, None, a list, a tuple, a dict or a numpy array of numbers"


class WireError(ValueError):
    """A value that is not plain data, or too much of it."""


def encode(value: object) -> str:
    """The value as JSON text.

    Parameters
    ----------
    value : None, bool, int, float, complex, str, list, tuple, dict with string keys, array of
        numbers, or :class:`~coursekit.TightBinding`; nested at will. Subclasses and numpy scalars
        lose what they add; whatever has ``__array__`` becomes an array, arrays of objects become
        lists, and numbers of other kinds become floats.

    Raises
    ------
    WireError : anything else, or more than the limits of this module
    """
    encoder = _Encoder()
    text = json.dumps(encoder.tree(value, depth=0))
    encoder.finish()
    if len(text) > MAX_CHARACTERS or _marks(text) > MAX_MARKS:
        raise WireError(
            f"the value takes {len(text):,} characters of text, {_marks(text):,} of them marks; "
            f"expected at most {MAX_CHARACTERS:,} and {MAX_MARKS:,}: return less"
        )
    return text


def decode(text: str) -> Any:
    """The value that :func:`encode` wrote: exact builtin types, and exact, writable arrays.

    Raises
    ------
    WireError : text that `encode` would not have written
    """
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        size = f"{len(text):,} characters" if isinstance(text, str) else type(text).__name__
        raise WireError(f"got {size}; expected at most {MAX_CHARACTERS:,} characters of text")
    try:
        tree = parse(text)
    except WireError:
        raise
    except (ValueError, RecursionError) as error:
        raise WireError(f"the text is not JSON ({error}); expected the text of encode()") from None
    decoder = _Decoder()
    value = decoder.value(tree, depth=0)
    decoder.finish()
    return value


def plain(value: object) -> Any:
    """The value as the other side would get it: ``decode(encode(value))``."""
    return decode(encode(value))


def parse(text: str | bytes) -> Any:
    """JSON of a stranger's, which in memory can be thirty times as large as its text.

    Raises
    ------
    ValueError, RecursionError : no JSON, or more values in it than the limits of this module allow
    """
    if _marks(text) > MAX_MARKS:
        raise WireError(f"the text holds more than {MAX_MARKS:,} values; expected fewer")
    return json.loads(text)


def _marks(text: str | bytes) -> int:
    """What stands before each value but the first; also counts those inside of strings."""
    if isinstance(text, bytes):
        return sum(map(text.count, (b",", b":", b"[", b"{")))
    return sum(map(text.count, ",:[{"))


class _Budget:
    """Counts what one value uses up."""

    def __init__(self) -> None:
        self.items = 0
        self.bytes = 0
        self.numbers = 0  # in arrays
        self.longest = 0  # text

    def finish(self) -> None:
        """Look at what only the whole value tells."""
        size = 4 * self.longest * (self.items + self.numbers)
        if size > MAX_TEXT_BYTES:
            raise WireError(
                f"the value holds a text of {self.longest:,} characters among "
                f"{self.items + self.numbers:,} items; expected a shorter text, or fewer items"
            )

    def text(self, value: str) -> str:
        self.longest = max(self.longest, len(value))
        return value

    def item(self, depth: int) -> None:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise WireError(
                f"the value has more than {MAX_ITEMS:,} items; expected fewer: use an array"
            )
        if depth > MAX_DEPTH:
            raise WireError(
                f"the value is nested more than {MAX_DEPTH} deep; expected a flatter one"
            )

    def array(self, shape: tuple[int, ...], itemsize: int) -> int:
        count = math.prod(shape)
        size = count * itemsize
        self.numbers += count
        self.bytes += size
        if self.bytes > MAX_BYTES:
            raise WireError(
                f"the value holds {self.bytes:,} bytes of arrays; expected at most {MAX_BYTES:,}: "
                "return less"
            )
        return size


class _Encoder(_Budget):
    def tree(self, value: object, depth: int) -> Any:
        self.item(depth)
        if value is None or isinstance(value, bool | np.bool_):
            return None if value is None else bool(value)
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "O":
                return self.tree(value.tolist(), depth + 1)
            return {"array": self.array_tree(value)}
        if isinstance(value, int | np.integer):
            return _integer(int(value))
        if isinstance(value, float | np.floating):
            return float(value)
        if isinstance(value, complex | np.complexfloating):
            return {"complex": [float(value.real), float(value.imag)]}
        if isinstance(value, str):
            return self.text(str.__str__(value))
        if isinstance(value, list | tuple):
            items = [self.tree(x, depth + 1) for x in value]
            return items if isinstance(value, list) else {"tuple": items}
        if isinstance(value, Mapping):
            return {"dict": [[_key(k), self.tree(v, depth + 1)] for k, v in value.items()]}
        return self.other(value, depth)

    def other(self, value: object, depth: int) -> Any:
        # A model can exist only where its module is loaded, so looking there imports nothing.
        module = sys.modules.get("coursekit.tight_binding")
        if module is not None and isinstance(value, getattr(module, "TightBinding", ())):
            return {"tight_binding": self.model_tree(value, depth)}
        if hasattr(value, "__array__"):
            return self.tree(np.asarray(value), depth + 1)
        if isinstance(value, numbers.Number):  # a Fraction, a Decimal
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                return float(value)  # type: ignore[arg-type]
        if callable(value):
            raise WireError("got a function; expected its result: call it and return what it gives")
        raise WireError(f"got {type(value).__name__}; expected {_KINDS}")

    def array_tree(self, value: NDArray[Any]) -> list[Any]:
        kind = value.dtype.kind
        if kind not in "biufc":
            raise WireError(
                f"got an array of dtype {value.dtype}; expected numbers: build it with "
                "np.array(..., dtype=float) or dtype=complex, all rows of one length"
            )
        # Longer floats than float64 differ between machines, and byte order is not our concern.
        size = min(value.dtype.itemsize, 16 if kind == "c" else 8)
        exact = np.array(value, dtype=f"<{kind}{size}", order="C", subok=False)
        self.array(exact.shape, exact.itemsize)
        data = base64.b64encode(exact.tobytes()).decode("ascii")
        return [exact.dtype.str, list(exact.shape), data]

    def model_tree(self, model: Any, depth: int) -> list[Any]:
        blocks = [(tuple(R), matrix) for R, matrix in model.blocks.items()]
        parts = (model.lattice.vectors, model.orbitals, blocks)
        return [self.tree(part, depth + 1) for part in parts]


class _Decoder(_Budget):
    def value(self, tree: Any, depth: int) -> Any:
        self.item(depth)
        if tree is None or isinstance(tree, bool | float):
            return tree
        if isinstance(tree, str):
            return self.text(tree)
        if isinstance(tree, int):
            return _integer(tree)
        if isinstance(tree, list):
            return [self.value(x, depth + 1) for x in tree]
        if len(tree) == 1:
            ((kind, body),) = tree.items()
            readers: dict[str, Callable[[Any, int], Any]] = {
                "complex": self.complex_value,
                "tuple": self.tuple_value,
                "dict": self.dict_value,
                "array": self.array_value,
                "tight_binding": self.model_value,
            }
            if kind in readers and isinstance(body, list):
                try:
                    return readers[kind](body, depth)
                except WireError:
                    raise
                except (TypeError, ValueError, OverflowError, KeyError) as error:
                    raise WireError(f"the {kind} cannot be read: {error}") from None
        raise WireError("got an object of unknown kind; expected the text of encode()")

    def complex_value(self, body: list[Any], depth: int) -> complex:
        real, imaginary = body
        return complex(float(real), float(imaginary))

    def tuple_value(self, body: list[Any], depth: int) -> tuple[Any, ...]:
        return tuple(self.value(x, depth + 1) for x in body)

    def dict_value(self, body: list[Any], depth: int) -> dict[str, Any]:
        return {_key(k): self.value(v, depth + 1) for k, v in body}

    def array_value(self, body: list[Any], depth: int) -> NDArray[Any]:
        name, shape, data = body
        if name not in _DTYPES:
            raise WireError(f"got an array of dtype {name!r}; expected one of {sorted(_DTYPES)}")
        if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
            raise WireError(f"got an array of shape {shape!r}; expected up to 16 lengths")
        # The size is checked against the claim before anything of that size is made.
        size = self.array(tuple(shape), np.dtype(name).itemsize)
        raw = base64.b64decode(data, validate=True)
        if len(raw) != size:
            raise WireError(f"got {len(raw)} bytes of array data; expected {size} for {shape}")
        return np.frombuffer(raw, dtype=name).reshape(shape).copy()

    def model_value(self, body: list[Any], depth: int) -> Any:
        from coursekit.tight_binding import TightBinding

        vectors, orbitals, blocks = (self.value(part, depth + 1) for part in body)
        return TightBinding.from_blocks(vectors, orbitals, dict(blocks))


def _integer(number: int) -> int:
    if abs(number) > MAX_INTEGER:
        raise WireError("got an integer beyond 64 bits; expected a smaller one, or a float")
    return number


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise WireError(f"got a dict key of type {type(key).__name__}; expected a string")
    return str.__str__(key)
