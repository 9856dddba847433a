"""Integers of band groups: Chern, spin Chern and Z₂ numbers, charges of nodes."""

from coursekit.topology.chern import chern_number

__all__ = ["chern_number"]
