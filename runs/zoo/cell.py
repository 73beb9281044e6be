"""One cell of the comparison: one family, one task, one seed."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np
import torch

from dsr.escape import within_reach
from dsr.models import MODELS, Model
from dsr.training import FORCINGS, fit
from dsr.training.searching.search import search

from ...analysis import (
    conditional_exponents,
    lyapunov_spectrum,
    power_spectrum_error,
    state_space_divergence,
    valid_prediction_time,
)
from .entries import Entry
from .tasks import RUN, RUNS, Task

STARTS = 20  # forecasts; the horizon is HORIZON Lyapunov times, or ROWS rows where none is known
HORIZON, ROWS = 20, 2000
TRANSIENT = 1000
COUNTABLE = 6  # columns; with more, no two points share a cell and D_stsp says nothing
LYAPUNOV: dict[str, Any] = {"steps": 6000, "transient": 500}
MEMBERS, LARGE, FEW = 16, 500, 4  # of the spectrum; a model of more than 500 states has few


def run(task: Task, entry: Entry, seed: int) -> dict[str, Any]:
    """Train, forecast, run free, take exponents; all numbers as plain values, NaN where there is none."""
    cpu, wall = time.process_time(), time.perf_counter()
    config = MODELS.build(entry.model, entry.options)
    if entry.search:
        config = search(entry.model, task.train, draws=entry.search, seeds=2, base=entry.options, seed=seed).config
    model = config.build(task.train.dim, seed)
    if model.closed_form:
        history = fit(model, task.train, seed=seed)
    else:
        forcing = FORCINGS.build(entry.forcing, entry.forcing_options).estimated(task.train) if entry.forcing else None
        history = fit(model, task.train, validation=task.train, forcing=forcing, seed=seed, **entry.training)
    found: dict[str, Any] = {
        "task": task.name,
        "family": entry.label,
        "seed": seed,
        "entry": dataclasses.asdict(entry),
        "model": dataclasses.asdict(config),
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "parameters": sum(p.numel() for p in model.parameters()),
        "states": model.state_dim,
        "training": history.outcome,
    }
    found |= forecasts(task, model)
    runs = free_runs(task, model)
    found |= densities(task, runs)
    found |= exponents_of(task, model, entry)
    return found


def free_runs(task: Task, model: Model) -> np.ndarray:
    """Observations (runs, RUN, obs) from starts spread over the training data, after a transient."""
    states = model.initial_state(_contexts(task.train.values, model.min_context, RUNS, 0))
    return model.free_run(states, TRANSIENT + RUN).observations[:, TRANSIENT:]


def densities(task: Task, runs: np.ndarray) -> dict[str, Any]:
    """D_stsp of all runs that stayed, D_H as their mean, and how many were lost."""
    truth = task.test.values
    stayed = within_reach(runs, truth).all(axis=1)
    kept = runs[stayed]
    if not len(kept):
        return {"lost_runs": len(runs), "d_stsp": math.nan, "d_h": math.nan, "spread": math.nan}
    d_h = [power_spectrum_error(truth[:RUN], run, smoothing=20).value for run in kept]
    pooled = kept.reshape(-1, kept.shape[2])
    return {
        "lost_runs": int((~stayed).sum()),
        "d_stsp": state_space_divergence(truth, pooled).value if truth.shape[1] <= COUNTABLE else math.nan,
        "d_h": float(np.mean(d_h)),
        "spread": float((kept.std(axis=1) / truth.std(axis=0)).mean()),
    }


def forecasts(task: Task, model: Model) -> dict[str, Any]:
    """Valid prediction times, median and range over starts in the test data; the clock starts after the context."""
    truth, dt = task.test.values, task.test.dt
    n = ROWS if task.lyapunov_time is None else math.ceil(HORIZON * task.lyapunov_time / dt)
    n = min(n, (len(truth) - model.min_context) // 2)
    last = np.linspace(model.min_context, len(truth) - 1 - n, STARTS).astype(int)
    past = np.stack([truth[row - model.min_context : row] for row in last])
    ahead = truth[last[:, None] + np.arange(n)]
    forecast = model.free_run(model.initial_state(past), n).observations
    found: dict[str, Any] = {}
    for threshold in (0.3, 0.5):
        valid = valid_prediction_time(
            ahead, forecast, dt=dt, lyapunov_time=task.lyapunov_time, threshold=threshold, sd=truth.std(0)
        )
        found[f"vpt_{threshold}"] = [valid.value, valid.low, valid.high]
    return found


def exponents_of(task: Task, model: Model, entry: Entry) -> dict[str, Any]:
    """The leading exponents (two more than the truth has, or than there are columns), and the largest conditional one
    of a model with memory."""
    if not entry.exponents:
        return {"exponents": [], "stderr": [], "conditional": math.nan}
    k = min(model.state_dim, max(len(task.exponents), min(task.train.dim, 10)) + 2)
    members = MEMBERS if model.state_dim <= LARGE else FEW
    states = model.initial_state(_contexts(task.test.values, model.min_context, members, 0)).double()
    spectrum = lyapunov_spectrum(model.tangent_map(), states.numpy(), k=k, dt=task.test.dt, **LYAPUNOV)
    conditional = math.nan
    if model.state_dim > model.obs_dim and model.encode(torch.zeros((1, model.obs_dim))).shape[1] < model.state_dim:
        driven = conditional_exponents(
            model.driven_tangent_map(), states[0].numpy(), task.test.values[model.min_context :][:3000], k=1,
            transient=200, dt=task.test.dt,
        )  # fmt: skip
        conditional = float(driven.exponents[0])
    return {
        "exponents": [float(x) for x in spectrum.exponents],
        "stderr": [float(x) for x in spectrum.stderr],
        "diverged_members": spectrum.diverged,
        "conditional": conditional,
    }


def floor(task: Task) -> dict[str, Any]:
    """The same scores between true trajectories: the test series against others, or against the training data."""
    others = task.independent or (task.train,)
    scores = [densities(task, s.values[: RUN * RUNS].reshape(RUNS, RUN, -1)) for s in others if len(s) >= RUN * RUNS]
    return {
        "task": task.name,
        "title": task.title,
        "d_stsp": sorted(s["d_stsp"] for s in scores),
        "d_h": sorted(s["d_h"] for s in scores),
        "exponents": list(task.exponents),
    }


def _contexts(values: np.ndarray, length: int, count: int, first: int) -> np.ndarray:
    rows = np.linspace(first + length, len(values), count).astype(int)
    return np.stack([values[row - length : row] for row in rows])
