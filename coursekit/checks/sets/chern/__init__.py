"""Problem set "Chern numbers and the anomalous Hall effect"."""

from coursekit.checks.sets.chern.berry import FLUX, PLAQUETTE, VELOCITY
from coursekit.checks.sets.chern.hall import HALL, STREDA

__all__ = ["ALLOWED_MODULES", "CHECKS", "TITLE"]

TITLE = "Chern numbers and the anomalous Hall effect"
# Models and their bands are given; geometry, topology and response are what the tasks ask for.
ALLOWED_MODULES = (
    "errors",
    "lattice",
    "fourier",
    "folding",
    "bonds",
    "hopping_table",
    "bloch_model",
    "tight_binding",
    "models",
    "bands",
)
CHECKS = (VELOCITY, FLUX, PLAQUETTE, HALL, STREDA)
