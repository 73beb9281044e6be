"""Training of reconstruction models: forcing, gradients, optimisation, selection."""

from .config import TrainingConfig
from .fit import fit
from .forcing import FORCINGS, Forcing, GeneralizedForcing, SparseForcing
from .history import Check, History
from .selection import FreeRunScore

__all__ = [
    "FORCINGS",
    "Check",
    "Forcing",
    "FreeRunScore",
    "GeneralizedForcing",
    "History",
    "SparseForcing",
    "TrainingConfig",
    "fit",
]
