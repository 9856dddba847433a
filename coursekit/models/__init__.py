"""The models of the course, each with its formula and source."""

from coursekit.models.altermagnet import altermagnet
from coursekit.models.checkerboard import checkerboard
from coursekit.models.dirac import massive_dirac
from coursekit.models.hofstadter import hofstadter
from coursekit.models.honeycomb import gapped_graphene, haldane, kane_mele
from coursekit.models.kagome import kagome, kagome_antiferromagnet
from coursekit.models.lieb import lieb
from coursekit.models.qwz import bhz, qwz
from coursekit.models.rashba import rashba_ferromagnet
from coursekit.models.rice_mele import rice_mele
from coursekit.models.weyl import weyl

__all__ = [
    "altermagnet",
    "bhz",
    "checkerboard",
    "gapped_graphene",
    "haldane",
    "hofstadter",
    "kagome",
    "kagome_antiferromagnet",
    "kane_mele",
    "lieb",
    "massive_dirac",
    "qwz",
    "rashba_ferromagnet",
    "rice_mele",
    "weyl",
]
