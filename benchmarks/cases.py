"""What is measured: the same question to every contender, and what counts as the same answer."""

from __future__ import annotations

from dataclasses import dataclass

# Haldane's model, Weyl nodes, a Chern insulator whose curvature hides in a corner of the zone.
HALDANE = {"t1": 1.0, "t2": 0.2, "phi": 1.0, "delta": 0.3}
WEYL_NODE = 1.0
NEARLY_CLOSED = -1.999
# Twenty orbitals of no symmetry with a gap above the tenth band; see models.random_hoppings.
ORBITALS, FILLED = 20, 10
LEVELS = (-3.2, 3.7, 201)
FERMI_ENERGY = 12.6279  # eV, of the iron in Fe_tb.dat
# σ_z of this iron in S/cm, for an infinitely fine mesh; README.md says how it was found.
IRON_LIMIT = 1647.0


@dataclass(frozen=True)
class Case:
    """One question.

    Attributes
    ----------
    function, size : what to call in a contender's file, and its argument
    contenders : who answers, the library first
    rtol : how well answers must agree, relative to their largest number; None where they need not
    target : what the library is held to, in words
    needs_iron : the function takes the path of Fe_tb.dat as well
    """

    title: str
    function: str
    size: int | str | None
    contenders: tuple[str, ...]
    rtol: float | None = 1e-9
    target: str = ""
    needs_iron: bool = False

    @property
    def name(self):
        return self.function if self.size is None else f"{self.function}_{self.size}"


COMPARED = (
    Case(
        "Haldane model: Ω of the bands at 1000² k",
        "haldane_curvature",
        1000,
        ("coursekit", "closed_form", "in_blocks", "pythtb"),
        target="≤ 1.3 × closed form, < 64 MB",
    ),
    Case(
        "Haldane model: Chern number",
        "haldane_chern",
        None,
        ("coursekit", "pythtb"),
        target="< 5 ms",
    ),
    Case(
        f"QWZ model at m = {NEARLY_CLOSED}: Chern number, which is 1",
        "narrow_chern",
        None,
        ("coursekit", "pythtb"),
        rtol=None,
        target="1",
    ),
    Case(
        f"Haldane model: σ_xy and M at {LEVELS[2]} μ, T = 0, 300² k",
        "haldane_response",
        300,
        ("coursekit", "closed_form", "in_blocks", "wannierberri"),
        target="≤ 1.5 × closed form",
    ),
    Case(
        f"{ORBITALS} orbitals: Ω of the lower {FILLED} bands at 100² k",
        "group_curvature",
        100,
        ("coursekit", "pythtb"),
        target="≤ 0.6 × PythTB, < 100 MB",
    ),
    Case(
        "Weyl semimetal: Ω of the bands at 50³ k",
        "weyl_curvature",
        50,
        ("coursekit", "closed_form", "in_blocks", "pythtb"),
        target="≤ 2 × closed form",
    ),
    *(
        Case(
            f"bcc iron, 18 Wannier functions: σ from its file, {n}³ k",
            "iron",
            n,
            ("coursekit", "postw90", "wannierberri"),
            # postw90.x prints four decimals.
            rtol=1e-6,
            target="less than the others",
            needs_iron=True,
        )
        for n in (10, 25)
    ),
)

# The library alone, on finer and finer meshes.
GROWING = tuple(
    Case(title, function, n, ("coursekit",), needs_iron=function == "iron")
    for title, function, sizes, dim in (
        ("Haldane model: Ω", "haldane_curvature", (250, 500, 1000, 2000), 2),
        ("Haldane model: σ_xy and M", "haldane_response", (250, 500, 1000, 2000), 2),
        ("bcc iron: σ", "iron", (10, 20, 30), 3),
    )
    for n in sizes
)

# Iron's σ_z: how near to the limit, for what time. One run each.
CLOSING_IN = tuple(
    Case(title, "iron_closing_in", setting, (contender,), rtol=None, needs_iron=True)
    for contender, setting, title in (
        ("coursekit", "uniform", "uniform mesh, 50³ k"),
        ("coursekit", "adaptive", "cells with symmetry, rtol 1e-2"),
        ("coursekit", "finer", "cells with symmetry, rtol 5e-3"),
        ("postw90", "uniform", "uniform mesh, 40³ k"),
        ("postw90", "adaptive", "30³ k, 5³ more where |Ω| > 100 Å²"),
        ("wannierberri", "uniform", "uniform mesh with symmetry, 50³ k"),
        ("wannierberri", "adaptive", "26³ k with symmetry, 20 refinements"),
        ("wannierberri", "finer", "52³ k with symmetry, 40 refinements"),
    )
)
