"""The weights that were published with the AL-RNN, looked at as a run of ours is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from dsr.fate import DIVERGED
from dsr.models import ALRNN

from ....analysis import lyapunov_spectrum
from ....analysis.scorecard.outcome import classify
from ....systems import get_system
from ...spec import SystemData
from .record import dynamics_of, free_run
from .truth import Truth, truth_of

FILE = "alrnn_lorenz63_m20_p2.npz"
DATA = SystemData(system="lorenz63", dt=0.01)
MEMBERS, STEPS, ALIGNING = 32, 40_000, 2000  # of the spectrum: a standard error of 1 % of lambda_1


def fingerprint(path: Path) -> str:
    """Of what a record is made from: the weights and how long they are looked at."""
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {MEMBERS} x {STEPS}"


def published_record(path: Path) -> dict[str, Any]:
    """A record as of `record_of`, from a file with A (M,), W (M, M), h (M,) and B (dim, M) for standardised data.

    The mean and standard deviation that the data were standardised with were not published: those of the truth serve.
    Source: Brenner, Hemmer, Monfared, Durstewitz, NeurIPS 2024, arXiv:2410.14240.
    """
    import torch

    with np.load(path, allow_pickle=False) as stored:
        weights = {key: torch.from_numpy(stored[key]) for key in "AWhB"}
    model, truth = ALRNN.from_weights(**weights, relu_units=2), truth_of(DATA)
    with torch.no_grad():
        model.data_mean.copy_(torch.from_numpy(truth.reference.mean(0)))
        model.data_std.copy_(torch.from_numpy(truth.scale))
    outcome, measures = _exponents(model, truth)
    return {
        "run": path.stem, "system": DATA.system, "seed": 0, "relu_units": model.relu_units, "outcome": outcome,
        "measures": measures, "truth": truth.as_tree(), **dynamics_of(model, truth),
    }  # fmt: skip


def _exponents(model: ALRNN, truth: Truth) -> tuple[str, dict[str, list[float]]]:
    """What became of the free run, and exponents beside the published ones of the equations."""
    states, seen = free_run(model, truth, truth.run)
    if states is None:
        return DIVERGED, {}
    found = lyapunov_spectrum(
        model.tangent_map(), states[:: len(states) // MEMBERS][:MEMBERS], steps=STEPS, transient=ALIGNING, dt=truth.dt
    )
    reference = get_system(DATA.system).reference
    true = [*np.ravel(reference["lyapunov_spectrum"].value)[:2], np.ravel(reference["kaplan_yorke_dimension"].value)[0]]
    values = [*found.exponents[:2], found.kaplan_yorke.value]
    names = ("lambda_1", "lambda_2", "Kaplan-Yorke dimension")
    return classify(seen, truth.reference, found).name, {
        name: [float(mine), float(theirs)] for name, mine, theirs in zip(names, values, true, strict=True)
    }
