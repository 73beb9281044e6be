"""Reconstructions for other programs: equations as source text, or the step as a graph.

`equations_of` is the one description per family; a target is one printer per language.
"""

from .families import equations_of
from .graph import step_bytes
from .targets import TARGETS, export

__all__ = ["TARGETS", "equations_of", "export", "step_bytes"]
