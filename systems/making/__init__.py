"""Data as experiments give them: noise, partial sight, gaps and drift, each seeded and written down in `origin`."""

from .drifting import simulate_drifting
from .dynamical_noise import simulate_with_noise
from .noise import AdditiveNoise, MultiplicativeNoise, Quantise
from .observation import Columns, Formulas, Function
from .operation import OPERATIONS, Operation, make
from .sampling import JitteredTimes, MissingStretches, RandomTimes, Subsample, pieces
from .sets import independent_sets, seeds_of_sets

__all__ = [
    "OPERATIONS",
    "AdditiveNoise",
    "Columns",
    "Formulas",
    "Function",
    "JitteredTimes",
    "MissingStretches",
    "MultiplicativeNoise",
    "Operation",
    "Quantise",
    "RandomTimes",
    "Subsample",
    "independent_sets",
    "make",
    "pieces",
    "seeds_of_sets",
    "simulate_drifting",
    "simulate_with_noise",
]
