"""Training of reconstruction models: forcing, gradients, optimisation, selection."""

from .config import TrainingConfig
from .fit import fit, fit_together
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
from .gradients.parallel_rollout import ParallelRollout, rollout_parallel
from .history import Check, History
from .losses import Dissipativity, JacobianMatching, MeasureMatching
from .searching.search import SearchResult, Trial, search
from .selection import FreeRunScore, Verdict

__all__ = [
    "FORCINGS",
    "AdaptiveForcing",
    "AnnealedForcing",
    "Check",
    "Dissipativity",
    "Forcing",
    "FreeRunScore",
    "FullForcing",
    "GeneralizedForcing",
    "History",
    "JacobianMatching",
    "MeasureMatching",
    "NoForcing",
    "ParallelRollout",
    "RandomSparseForcing",
    "SearchResult",
    "SparseForcing",
    "TrainingConfig",
    "Trial",
    "TuningResult",
    "Verdict",
    "fit",
    "fit_together",
    "rollout_parallel",
    "search",
    "tune_free_run",
]
