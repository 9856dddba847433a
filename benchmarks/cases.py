"""What is measured: the same question to every contender, and what counts as the same answer."""

from __future__ import annotations

from dataclasses import dataclass

# Haldane's model, Weyl nodes, a Chern insulator whose curvature hides in a corner of the zone.
HALDANE = {"t1": 1.0, "t2": 0.2, "phi": 1.0, "delta": 0.3}
WEYL_NODE = 1.0
NEARLY_CLOSED = -1.999
# Twenty orbitals of no symmetry with a gap above the tenth band; see random_blocks.
ORBITALS, FILLED, GROUP_MESH = 20, 10, 100
CURVATURE_MESH, RESPONSE_MESH, WEYL_MESH = 1000, 300, 50
LEVELS = (-3.2, 3.7, 201)
FERMI_ENERGY = 12.6279  # eV, of the iron that _tb.dat holds
IRON_MESHES = (10, 25)


@dataclass(frozen=True)
class Case:
    """One question.

    Attributes
    ----------
    contenders : who answers, the library first; a file in contenders/ with a function of the
        case's name for each
    rtol : how well answers must agree, relative to their largest number; None where they need not
    target : what the library is held to, in words
    """

    name: str
    title: str
    contenders: tuple[str, ...]
    rtol: float | None
    target: str = ""
    needs_iron: bool = False


CASES = (
    Case(
        "haldane_curvature",
        f"Haldane model: Ω of the bands at {CURVATURE_MESH}² k",
        ("coursekit", "closed_form", "pythtb"),
        1e-9,
        "≤ 1.3 × closed form, < 64 MB",
    ),
    Case(
        "haldane_chern",
        "Haldane model: Chern number",
        ("coursekit", "pythtb"),
        1e-9,
        "< 5 ms",
    ),
    Case(
        "narrow_chern",
        f"QWZ model at m = {NEARLY_CLOSED}: Chern number, which is 1",
        ("coursekit", "pythtb"),
        None,
        "1",
    ),
    Case(
        "haldane_response",
        f"Haldane model: σ_xy and M at {LEVELS[2]} μ, T = 0, {RESPONSE_MESH}² k",
        ("coursekit", "closed_form", "wannierberri"),
        # WannierBerri puts levels into bins and weights band by band.
        1e-6,
        "≤ 1.5 × closed form",
    ),
    Case(
        "group_curvature",
        f"{ORBITALS} orbitals: Ω of the lower {FILLED} bands at {GROUP_MESH}² k",
        ("coursekit", "pythtb"),
        1e-9,
        "≤ 0.6 × PythTB, < 100 MB",
    ),
    Case(
        "weyl_curvature",
        f"Weyl semimetal: Ω of the bands at {WEYL_MESH}³ k",
        ("coursekit", "closed_form", "pythtb"),
        1e-9,
        "≤ 2 × closed form",
    ),
    *(
        Case(
            f"iron_{n}",
            f"bcc iron, 18 Wannier functions: σ from its file, {n}³ k",
            ("coursekit", "postw90", "wannierberri"),
            # postw90.x prints four decimals.
            1e-6,
            "fastest",
            needs_iron=True,
        )
        for n in IRON_MESHES
    ),
)
