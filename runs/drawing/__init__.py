"""Figures of a finished run, drawn from its folder: which there are, which apply, and the command."""

from .draw_all import draw_all
from .kinds import KINDS, NotApplicable
from .material import RunMaterial

__all__ = ["KINDS", "NotApplicable", "RunMaterial", "draw_all"]
