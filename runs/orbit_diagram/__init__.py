"""Orbit diagrams and exponents against a parameter: computed by `sweep`, drawn and written by `write`."""

from .orbit_diagram import OrbitDiagram
from .sweep import sweep
from .write import write

__all__ = ["OrbitDiagram", "sweep", "write"]
