"""Reconstruction models: one contract (`Model`), one file per family."""

from .alrnn import ALRNN
from .base import FreeRun, Model
from .plrnn import PLRNN
from .registry import MODELS, ModelConfig
from .shallow_plrnn import ShallowPLRNN

__all__ = ["ALRNN", "MODELS", "PLRNN", "FreeRun", "Model", "ModelConfig", "ShallowPLRNN"]
