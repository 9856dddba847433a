"""Models from Wannier90: the Hamiltonian and the position matrix between Wannier functions."""

from coursekit.wannier90.model import WannierModel
from coursekit.wannier90.read import read_wannier90

__all__ = ["WannierModel", "read_wannier90"]
