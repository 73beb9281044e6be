"""Training of reconstruction models: forcing, gradients, optimisation, selection."""

from .config import TrainingConfig
from .fit import fit
from .forcing import (
    FORCINGS,
    AdaptiveForcing,
    AnnealedForcing,
    Forcing,
    FullForcing,
    GeneralizedForcing,
    NoForcing,
    RandomSparseForcing,
    SparseForcing,
)
from .free_run_tuning import TuningResult, tune_free_run
from .history import Check, History
from .selection import FreeRunScore, Verdict

__all__ = [
    "FORCINGS",
    "AdaptiveForcing",
    "AnnealedForcing",
    "Check",
    "Forcing",
    "FreeRunScore",
    "FullForcing",
    "GeneralizedForcing",
    "History",
    "NoForcing",
    "RandomSparseForcing",
    "SparseForcing",
    "TrainingConfig",
    "TuningResult",
    "Verdict",
    "fit",
    "tune_free_run",
]
