"""Reconstruction models: one contract (`Model`), one file per family."""

from .alrnn import ALRNN
from .base import FreeRun, Model
from .memory import MemoryModel
from .plrnn import PLRNN
from .registry import MODELS, ModelConfig, Range, config_of, name_of
from .shallow_plrnn import ShallowPLRNN

__all__ = [
    "ALRNN",
    "MODELS",
    "PLRNN",
    "FreeRun",
    "MemoryModel",
    "Model",
    "ModelConfig",
    "Range",
    "ShallowPLRNN",
    "config_of",
    "name_of",
]
