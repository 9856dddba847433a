"""Kernels started ahead: while one student is graded, the next one's kernel warms up."""

from __future__ import annotations

from coursekit.grading.kernel import Kernel
from coursekit.grading.sandbox import Sandbox

__all__ = ["KernelPool", "shared_pool"]


class KernelPool:
    """Hands out fresh kernels; with ``ahead`` it keeps one warm for the next caller."""

    def __init__(self) -> None:
        self.ahead = False
        self._warm: tuple[Sandbox, Kernel] | None = None

    def take(self, sandbox: Sandbox) -> Kernel:
        """A kernel that has run nothing yet; it is the caller's to close."""
        warm, self._warm = self._warm, None
        if warm is not None and warm[0] != sandbox:
            warm[1].close()
            warm = None
        kernel = Kernel(sandbox) if warm is None else warm[1]
        if self.ahead:
            self._warm = (sandbox, Kernel(sandbox))
        return kernel

    def close(self) -> None:
        """End the warm kernel, and keep none from now on."""
        self.ahead = False
        if self._warm is not None:
            self._warm[1].close()
            self._warm = None


shared_pool = KernelPool()
