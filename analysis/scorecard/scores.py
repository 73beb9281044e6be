"""The scores of the scorecard: distances between a true and another trajectory, by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dsr.errors import DsrError
from dsr.measure import Measure

from ..geometry.block_error import BLOCKS
from ..geometry.power_spectrum_error import power_spectrum_error
from ..geometry.sliced_wasserstein import sliced_wasserstein
from ..geometry.state_space_divergence import state_space_divergence
from ..geometry.state_space_jensen_shannon import state_space_jensen_shannon
from ..symbols.partition_divergence import partition_divergence
from ..temporal.cross_prediction import cross_prediction_error

Score = Callable[[np.ndarray, np.ndarray], Measure]

POINTS = 5000  # of sliced Wasserstein: the length of the record rules its floor, not their number


def scorecard_scores(*, bins: int | None = None, smoothing: float = 20.0, errors: bool = True) -> dict[str, Score]:
    """Functions (true (time, dim), generated (time, dim)) -> Measure by the name of the measure, in the order of the
    table.

    Geometry: "D_stsp" for comparison with papers, "D_JS" on the same cells as the headline, "sliced Wasserstein".
    Time: "D_H". Determinism: "cross-prediction error". Symbols: "partition divergence". Each is blind where another
    sees: the table of what sees what is computed by `python -m dsr.runs.sensitivity`.

    bins : of D_stsp and D_JS. smoothing : of D_H. errors : false for the values alone, in a third of the time. A score
    that cannot be computed, from too short a record for example, is NaN with the reason as its note.
    """

    blocks = BLOCKS if errors else 0

    def spectra(a: np.ndarray, b: np.ndarray) -> Measure:
        common = min(len(a), len(b))
        return power_spectrum_error(a[:common], b[:common], smoothing=smoothing)

    scores: dict[str, Score] = {
        "D_stsp": lambda a, b: state_space_divergence(a, b, bins=bins, blocks=blocks),
        "D_JS": lambda a, b: state_space_jensen_shannon(a, b, bins=bins, blocks=blocks),
        "sliced Wasserstein": lambda a, b: sliced_wasserstein(a, b, points=POINTS, blocks=blocks),
        "D_H": spectra,
        "cross-prediction error": cross_prediction_error,
        "partition divergence": lambda a, b: partition_divergence(a, b, partitions=1),
    }
    return {name: _or_note(name, score) for name, score in scores.items()}


def _or_note(name: str, score: Score) -> Score:
    def guarded(a: np.ndarray, b: np.ndarray) -> Measure:
        try:
            return score(a, b)
        except DsrError as problem:
            return Measure(name, math.nan, note=problem.got)

    return guarded
