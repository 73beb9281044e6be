"""Reconstruction models: one contract (`Model`), one file per family."""

from .alrnn import ALRNN
from .base import FreeRun, Model
from .baselines.climatology import Climatology
from .baselines.parroting import Parroting
from .baselines.persistence import Persistence
from .baselines.vector_autoregression import VectorAutoregression
from .delay import DelayModel
from .memory import MemoryModel
from .plrnn import PLRNN
from .registry import MODELS, ModelConfig, Range, config_of, name_of
from .reservoirs.next_generation import NextGenerationReservoir
from .shallow_plrnn import ShallowPLRNN

__all__ = [
    "ALRNN",
    "MODELS",
    "PLRNN",
    "Climatology",
    "DelayModel",
    "FreeRun",
    "MemoryModel",
    "Model",
    "ModelConfig",
    "NextGenerationReservoir",
    "Parroting",
    "Persistence",
    "Range",
    "ShallowPLRNN",
    "VectorAutoregression",
    "config_of",
    "name_of",
]
