"""Newton iterations of the parallel-in-time gradient against forcing strength and window length, and what it costs
beside the loop over time.

On one CPU core it is the faster of the two only for tiny M and long windows, and there for few windows at once.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from dsr.models import ALRNN, PLRNN, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.training import Forcing, GeneralizedForcing, SparseForcing, fit
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.bptt import BackpropagationThroughTime
from dsr.training.gradients.deer import DeerGradient, newton_iterations

from ...systems import get_system

LENGTHS = (200, 1000)
FORCINGS = (*((alpha, 1) for alpha in (1.0, 0.5, 0.2, 0.1, 0.05, 0.0)), (1.0, 16))
BATCH = 16
SINGLE_WINDOW = (1000, 10_000)  # lengths at which one window alone is measured, with alpha = 0.1


def iteration_table(seed: int) -> list[dict]:
    """Rows for two models trained for some ten seconds each on Lorenz-63 (dt 0.01), on windows of another orbit.

    Each row holds model, batch (windows at once), T, alpha and tau (alpha is applied every tau steps),
    median_iterations and max_iterations over the solved windows (float64), converged (fraction of windows solved),
    and ratio: CPU time of the sequential torch backend over that of the parallel one for loss and gradients of the
    batch (float32, median of paired runs; above 1 the parallel one wins). Takes about two minutes; call it with
    `torch.set_num_threads(1)`.
    """
    train, test = (get_system("lorenz63").simulate(20_000, transient=50, seed=s) for s in (seed, seed + 1))
    rows = []
    for name, model, forcing in _models(seed):
        fit(model, train, forcing=forcing, seed=seed, steps=4000, window=50, batch_size=BATCH)
        rows += [iteration_row(name, model, test, length, *f) for length in LENGTHS for f in FORCINGS]
        rows += [iteration_row(name, model, test, length, 0.1, 1, batch=1) for length in SINGLE_WINDOW]
    return rows


def iteration_row(
    name: str, model: PLRNN, series: TimeSeries, length: int, alpha: float, tau: int, *, batch: int = BATCH
) -> dict:
    """One row of `iteration_table` for a given model and series."""
    firsts = np.linspace(0, len(series) - length - 1, batch).astype(int)
    windows = torch.from_numpy(np.stack([series.values[i : i + length + 1] for i in firsts], axis=1))
    windows = (windows - model.data_mean) / model.data_std
    strengths = np.where(np.arange(1, length + 1) % tau == 0, alpha, 0.0)
    counts = newton_iterations(copy.deepcopy(model).double(), windows, strengths)
    solved = counts[counts > 0]
    single = Ensemble([copy.deepcopy(model).float()])
    ratio = _paired_ratio(single, windows[:, None].float(), torch.from_numpy(strengths)[:, None].float())
    return {
        "model": name,
        "batch": batch,
        "T": length,
        "alpha": alpha,
        "tau": tau,
        "median_iterations": float(np.median(solved)) if len(solved) else float("nan"),
        "max_iterations": int(solved.max(initial=0)),
        "converged": len(solved) / len(counts),
        "ratio": ratio,
    }


def _models(seed: int) -> Iterator[tuple[str, PLRNN, Forcing]]:
    yield "shPLRNN(3, 50)", ShallowPLRNN(3, hidden_dim=50, seed=seed), GeneralizedForcing(0.1)
    yield "AL-RNN(20, 2)", ALRNN(3, 20, 2, seed=seed), SparseForcing(16)


def _paired_ratio(ensemble: Ensemble, windows: Tensor, strengths: Tensor, rounds: int = 3) -> float:
    backends = BackpropagationThroughTime(), DeerGradient()
    calls = [lambda b=b: b(ensemble, windows, strengths) for b in backends]
    for call in calls:
        call()
    return float(np.median([_cpu_seconds(calls[0]) / _cpu_seconds(calls[1]) for _ in range(rounds)]))


def _cpu_seconds(call: Callable[[], Tensor]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
