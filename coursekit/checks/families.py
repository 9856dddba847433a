"""Random models for checks, each with the text that makes it again and with its Chern number.

Parameters have three decimals, so that the text is exact.  Gaps are wide enough that a mesh of 16
points a side finds the right Chern number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit import models
from coursekit.tight_binding import TightBinding

__all__ = ["Drawn", "haldane", "other_basis", "other_cell", "qwz", "uniform"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A model that was drawn.

    Attributes
    ----------
    text : Python that makes it again under the name ``model``
    chern : the Chern number of its lowest band
    """

    model: TightBinding
    text: str
    chern: int


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two bounds, with three decimals."""
    return round(float(rng.uniform(low, high)), 3)


def qwz(rng: np.random.Generator, chern: int, tp: float = 0.3, off: float = 0.4) -> Drawn:
    """A Qi–Wu–Zhang model with the Chern number asked for.

    Parameters
    ----------
    tp : largest size of t′
    off : how far m may be from ∓1, where the gap is widest
    """
    if chern:
        m = -chern * uniform(rng, 1 - off, 1 + off)
    else:
        m = uniform(rng, 2.6, 3.2) * int(rng.choice([-1, 1]))
    slope = uniform(rng, -tp, tp)
    return Drawn(models.qwz(m, slope), f"model = ck.models.qwz({m:g}, {slope:g})", chern)


def haldane(rng: np.random.Generator, chern: int) -> Drawn:
    """A Haldane model with the Chern number asked for, and a gap around zero energy."""
    t2 = uniform(rng, 0.2, 0.3)
    phi = uniform(rng, 1.3, 1.8) * (-chern or int(rng.choice([-1, 1])))
    # The gap closes at |Δ| = 3√3 t₂|sin φ|.
    critical = 3 * np.sqrt(3) * t2 * abs(np.sin(phi))
    fraction = uniform(rng, 0.1, 0.4) if chern else uniform(rng, 1.6, 2.0)
    delta = round(float(critical * fraction), 3) * int(rng.choice([-1, 1]))
    text = f"model = ck.models.haldane(1, {t2:g}, {phi:g}, {delta:g})"
    return Drawn(models.haldane(1.0, t2, phi, delta), text, chern)


def other_cell(rng: np.random.Generator, drawn: Drawn, handedness: int) -> Drawn:
    """The same hoppings on an oblique lattice, a₁ × a₂ along +z or −z by ``handedness``.

    A left-handed cell is a mirror image of a right-handed one, so the Chern number changes sign
    where the handedness does.
    """
    a, c = uniform(rng, 1.2, 1.6), uniform(rng, 0.6, 0.9) * handedness
    vectors = [[a, 0.0], [uniform(rng, 0.2, 0.5), c]]
    blocks: Mapping[Any, Any] = drawn.model.blocks
    model = TightBinding.from_blocks(vectors, drawn.model.orbitals, blocks)
    old = np.linalg.det(drawn.model.lattice.vectors)
    text = (
        f"{drawn.text}; "
        f"model = ck.TightBinding.from_blocks({vectors}, model.orbitals, model.blocks)"
    )
    return Drawn(model, text, drawn.chern * handedness * int(np.sign(old)))


def other_basis(rng: np.random.Generator, drawn: Drawn) -> Drawn:
    """The same model on another scale of energy, with another phase of each orbital.

    Neither changes a Chern number; both change every number in the Hamiltonian, so that the nearest
    of some known models is not the most alike.
    """
    # Gaps grow with it, so a μ that was in one stays there.
    scale = uniform(rng, 1.0, 3.0)
    angles = [uniform(rng, -3, 3) for _ in range(drawn.model.n_orb)]
    u = np.exp(1j * np.array(angles))
    turn = scale * np.outer(u, u.conj())
    blocks = {R: turn * h for R, h in drawn.model.blocks.items()}
    model = TightBinding.from_blocks(drawn.model.lattice, drawn.model.orbitals, blocks)
    text = (
        f"{drawn.text}; u = np.exp(1j * np.array({angles})); "
        "model = ck.TightBinding.from_blocks(model.lattice, model.orbitals, "
        f"{{R: {scale} * np.outer(u, u.conj()) * h for R, h in model.blocks.items()}})"
    )
    return Drawn(model, text, drawn.chern)
