"""Invariants and scores: arrays in, frozen results out; truth and reconstruction go through the same code."""

from .conditional_exponents import conditional_exponents
from .describe import describe
from .embedding import Embedding, choose_embedding, delay_embed, false_nearest_neighbours
from .floor import score_floor
from .judge import judge
from .kaplan_yorke import kaplan_yorke_dimension
from .lyapunov import LyapunovSpectrum, lyapunov_spectrum
from .lyapunov_from_data import DivergenceCurve, divergence_curve, max_lyapunov_from_data
from .outcome import Outcome
from .power_spectrum_error import d_h, power_spectrum_error
from .prediction import prediction_error, valid_prediction_time
from .protocol import DrivenTangentMap, FreeRun, Reconstruction, TangentMap
from .rows import Judgement, Row
from .state_space_divergence import d_stsp, state_space_divergence
from .surrogates import gaussian_noise, phase_surrogate

__all__ = [
    "DivergenceCurve",
    "DrivenTangentMap",
    "Embedding",
    "FreeRun",
    "Judgement",
    "LyapunovSpectrum",
    "Outcome",
    "Reconstruction",
    "Row",
    "TangentMap",
    "choose_embedding",
    "conditional_exponents",
    "d_h",
    "d_stsp",
    "delay_embed",
    "describe",
    "divergence_curve",
    "false_nearest_neighbours",
    "gaussian_noise",
    "judge",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
    "max_lyapunov_from_data",
    "phase_surrogate",
    "power_spectrum_error",
    "prediction_error",
    "score_floor",
    "state_space_divergence",
    "valid_prediction_time",
]
