"""Integers of band groups: Chern, spin Chern and Z₂ numbers, charges of nodes."""

from coursekit.topology.chern import chern_number
from coursekit.topology.nodes import Nodes, find_nodes
from coursekit.topology.slices import slice_model
from coursekit.topology.spin import spin_chern_number
from coursekit.topology.weyl import weyl_charge
from coursekit.topology.z2 import z2_invariant

__all__ = [
    "Nodes",
    "chern_number",
    "find_nodes",
    "slice_model",
    "spin_chern_number",
    "weyl_charge",
    "z2_invariant",
]
