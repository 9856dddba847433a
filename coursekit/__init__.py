"""Berry curvature, orbital moment, orbital magnetization and symmetry of Bloch electrons.

Natural units ħ = e = k_B = 1, the carrier is the electron (charge −1), k is Cartesian, Ω = curl A
with A = i⟨u|∇u⟩.  Names are loaded on first use, so that importing costs numpy alone; the list of
them stands in ``__init__.pyi``.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
