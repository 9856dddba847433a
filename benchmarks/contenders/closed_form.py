"""Closed forms written by hand, plainly."""

from __future__ import annotations

import cases
import numpy as np
import plain


def haldane_curvature(n):
    return lambda: plain.haldane_curvature(n, **cases.HALDANE), lambda out: out[..., 0]


def haldane_response(n):
    mus = np.linspace(*cases.LEVELS)
    return lambda: plain.haldane_response(n, mus, **cases.HALDANE), np.concatenate


def weyl_curvature(n):
    return lambda: plain.weyl_curvature(n, cases.WEYL_NODE), lambda out: out[..., 0, :]
