"""Empty answers, made to object where any comparison with them would come out true.

``np.allclose([], 5)`` is true, so is ``(np.zeros((0, 3)) == x).all()``, and a loop over nothing
finds no fault.  In a test cell with plain asserts an answer that returns nothing at all would pass.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from coursekit.checks import AnswerError

__all__ = ["guarded", "unguarded"]

# What may be asked of nothing.
_HARMLESS = frozenset([np.array_equal, np.shape, np.size, np.ndim])


def guarded(value: Any) -> Any:
    """Plain data, with whatever is empty in it replaced by a stand-in that looks like it."""
    if isinstance(value, np.ndarray):
        return _EmptyArray(value) if value.size == 0 else value
    if isinstance(value, list | tuple):
        if _is_empty(value):
            return _EmptyList(value) if isinstance(value, list) else _EmptyTuple(value)
        return type(value)(guarded(item) for item in value)
    if isinstance(value, dict):
        return {key: guarded(item) for key, item in value.items()}
    return value


def unguarded(value: Any) -> Any:
    """The plain data that :func:`guarded` got."""
    if isinstance(value, _Empty):
        return value.raw()
    if isinstance(value, list | tuple):
        return type(value)(unguarded(item) for item in value)
    if isinstance(value, dict):
        return {key: unguarded(item) for key, item in value.items()}
    return value


def _is_empty(value: Any) -> bool:
    """Whether a list holds nothing but empty lists."""
    return isinstance(value, list | tuple) and all(_is_empty(item) for item in value)


class _Empty:
    """Can be measured, and compared as Python compares lists; numpy gets no hold of it."""

    def raw(self) -> Any:
        raise NotImplementedError

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in _HARMLESS:
            self._object()
        return function(*map(unguarded, args), **kwargs)

    def _object(self, *args: object, **kwargs: object) -> NoReturn:
        raise AnswerError(
            f"The answer is empty, of shape {np.shape(self.raw())}; expected something to compare: "
            "return the values"
        )

    __iter__ = __array__ = __array_ufunc__ = _object


class _EmptyList(_Empty, list[Any]):
    def raw(self) -> Any:
        return list(list.__iter__(self))


class _EmptyTuple(_Empty, tuple[Any, ...]):
    def raw(self) -> Any:
        return tuple(tuple.__iter__(self))


class _EmptyArray(_Empty):
    def __init__(self, value: np.ndarray) -> None:
        self._value = value

    # No subclass, of which np.asarray would make an array that objects to nothing.
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return np.ndarray

    def raw(self) -> Any:
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __getattr__(self, name: str) -> Any:
        if name not in ("shape", "size", "ndim", "dtype"):
            self._object()
        return getattr(self._value, name)

    def __eq__(self, other: object) -> bool:
        self._object()

    __hash__ = None  # type: ignore[assignment]
