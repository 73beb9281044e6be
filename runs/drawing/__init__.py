"""Figures of a finished run, drawn again from its folder: which there are, which apply, and the command."""

from .kinds import KINDS, NotApplicable
from .material import RunMaterial

__all__ = ["KINDS", "NotApplicable", "RunMaterial"]
