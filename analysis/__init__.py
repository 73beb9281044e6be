"""Invariants and scores: arrays in, frozen results out; truth and reconstruction go through the same code."""

from .embedding import Embedding, choose_embedding, delay_embed, false_nearest_neighbours
from .geometry.power_spectrum_error import d_h, power_spectrum_error
from .geometry.state_space_divergence import d_stsp, state_space_divergence
from .lyapunov.conditional_exponents import conditional_exponents
from .lyapunov.from_data import DivergenceCurve, divergence_curve, max_lyapunov_from_data
from .lyapunov.kaplan_yorke import kaplan_yorke_dimension
from .lyapunov.spectrum import LyapunovSpectrum, lyapunov_spectrum
from .protocol import DrivenTangentMap, FreeRun, Reconstruction, TangentMap
from .scorecard.describe import describe
from .scorecard.floor import score_floor
from .scorecard.judge import judge
from .scorecard.outcome import Outcome
from .scorecard.rows import Judgement, Row
from .scorecard.surrogates import gaussian_noise, phase_surrogate
from .temporal.prediction import prediction_error, valid_prediction_time

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
