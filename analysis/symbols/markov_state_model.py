"""Markov-state models: any trajectory opened as a chain of visited cells, its slow processes and their times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from ..jackknife import counts_per_block, jackknife_error
from .sequence import SymbolSequence, as_symbol_sequence
from .state_partition import StatePartition, fit_partition

STATES = 1000
NAME = "slowest implied time scale"


@dataclass(frozen=True, eq=False)
class MarkovStateModel:
    """The chain of the visited cells at one lag, on its largest set of states that all reach each other.

    Attributes
    ----------
    names : of the (states,) kept.
    transitions : (states, states), row-stochastic, over `lag` steps.
    stationary : (states,), the invariant distribution of that matrix.
    eigenvalues : complex (k,), the largest in modulus after 1; of a conjugate pair the one above the real axis.
    time_scales, errors : (k,), -lag / ln |eigenvalue| in the time of the trajectory, and the standard error; inf and
        NaN for an eigenvalue of modulus 1.
    periods : (k,), 2 pi lag / angle; inf for a real positive eigenvalue. A rotation faster than two lags is aliased.
    modes : complex (states, k), right eigenvectors: what relaxes or turns at that time scale. Coloured into state
        space, the sign of a slow real mode shows the sets that are left most rarely.
    kept : share of the rows spent in the kept states.
    measure : "slowest implied time scale".
    """

    names: tuple[str, ...]
    transitions: np.ndarray
    stationary: np.ndarray
    eigenvalues: np.ndarray
    time_scales: np.ndarray
    errors: np.ndarray
    periods: np.ndarray
    modes: np.ndarray
    kept: float
    measure: Measure
    settings: Mapping[str, Any] = field(default_factory=dict)


def markov_state_model(
    x: Any,
    lag: int,
    *,
    cells: int = 50,
    partition: StatePartition | None = None,
    dt: float = 1.0,
    time_scales: int = 4,
    seed: int = 0,
    blocks: int = 20,
) -> MarkovStateModel:
    """Markov-state model of a trajectory: truth, a free run of any model, or its latent states.

    Parameters
    ----------
    x : (time, dim), or a `SymbolSequence` (region codes of a piecewise-linear model, for instance).
    lag : steps per transition. Too short, the cells remember where they were entered, and time scales come out too
        short; choose it from `implied_time_scales`, where they stop rising.
    cells, seed : of the Voronoi partition laid out on x itself. partition : used instead, to compare truth and model
        on the same states.
    dt : time per row; a `SymbolSequence` brings its own times.
    time_scales : k, how many to return.
    blocks : blocks of time left out in turn for the errors; one must be long against the slowest time scale.

    Raises `DataError` for a trajectory that cannot be partitioned or is not recurrent (no two cells reach each
    other), `SpecError` for settings out of range.

    When it misleads: cells blur a deterministic flow into a random walk, so that fast time scales and the entropy of
    the chain are those of the cells. Only processes slower than the lag, stable under the lag and the cells, belong
    to the system. Sources: Prinz et al., doi:10.1063/1.3565032; Froyland, doi:10.1016/j.physd.2004.11.008.
    """
    found = visited_cells(x, cells, partition, dt, seed)
    return _model(found, lag, time_scales, blocks)


def visited_cells(x: Any, cells: int, partition: StatePartition | None, dt: float, seed: int) -> SymbolSequence:
    """The trajectory as symbols: as it is, in the given partition, or in one laid out on it."""
    if isinstance(x, SymbolSequence):
        return as_symbol_sequence(x)
    laid_out = fit_partition(x, cells, seed=seed) if partition is None else partition
    return as_symbol_sequence(laid_out.symbols(x, dt=dt))


def _model(found: SymbolSequence, lag: int, k: int, blocks: int) -> MarkovStateModel:
    if lag < 1 or k < 1 or lag > len(found) // 2:
        raise SpecError(
            f"lag = {lag}, time_scales = {k} for {len(found)} rows",
            "lag in 1 .. rows / 2 and time_scales >= 1",
            "change that setting or bring a longer trajectory",
        )
    states = found.visited
    if states.size > STATES:
        raise SpecError(f"{states.size} states", f"at most {STATES}", "use fewer cells")
    symbols = np.searchsorted(states, found.symbols)
    size = states.size
    pairs = counts_per_block(symbols[:-lag] * size + symbols[lag:], size * size, blocks).reshape(blocks, size, size)
    inside = _recurrent(pairs.sum(0))
    pairs = pairs[:, inside][:, :, inside]
    total = pairs.sum(0)
    transitions = total / total.sum(1, keepdims=True)
    eigenvalues, modes = _leading(transitions, k)
    tau = lag * found.step
    scales = _time_scales(eigenvalues, tau)
    errors = _errors(pairs, total, eigenvalues, tau)
    errors[~np.isfinite(scales)] = np.nan
    angle = np.angle(eigenvalues)
    with np.errstate(divide="ignore"):
        periods = np.where(np.abs(angle) > 1e-12, 2 * np.pi * tau / np.abs(angle), np.inf)
    settings = {
        "lag": lag,
        "lag_time": tau,
        "states": int(inside.size),
        "kept": float(np.isin(symbols, inside).mean()),
        "length": len(found),
        "blocks": blocks,
    }
    return MarkovStateModel(
        tuple(found.alphabet[s] for s in states[inside]),
        transitions,
        _stationary(transitions),
        eigenvalues,
        scales,
        errors,
        periods,
        modes,
        settings["kept"],
        _measure(scales, errors, settings),
        settings,
    )


def _measure(scales: np.ndarray, errors: np.ndarray, settings: Mapping[str, Any]) -> Measure:
    if not math.isfinite(scales[0]):
        note = "the chain is a cycle at this lag: its correlations do not decay"
        return Measure(NAME, math.nan, unit="time units", settings=settings, note=note)
    value, error = float(scales[0]), float(errors[0])
    note = "shorter than the lag: no slow process" if value < settings["lag_time"] else ""
    return Measure(NAME, value, value - error, value + error, "time units", settings, note=note)


def _recurrent(counts: np.ndarray) -> np.ndarray:
    """The largest strongly connected set of states, by number of transitions."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    _, component = connected_components(csr_array(counts), directed=True, connection="strong")
    visits = np.bincount(component, weights=counts.sum(1))
    inside = np.flatnonzero(component == np.argmax(visits))
    if inside.size < 2:
        raise DataError(
            "no two states that reach each other", "a recurrent trajectory", "drop the transient or bring a longer run"
        )
    return inside


def _leading(transitions: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eig(transitions.astype(complex))
    upper = np.flatnonzero(values.imag > -1e-12)
    order = upper[np.argsort(-np.abs(values[upper]), kind="stable")]
    one = order[np.argmin(np.abs(values[order] - 1.0))]
    order = order[order != one][:k]
    return values[order], vectors[:, order]


def _time_scales(eigenvalues: np.ndarray, tau: float) -> np.ndarray:
    scales = np.full(eigenvalues.size, np.inf)
    modulus = np.abs(eigenvalues)
    decays = modulus < 1.0 - 1e-10
    scales[decays] = -tau / np.log(np.maximum(modulus[decays], 1e-300))
    return scales


def _errors(pairs: np.ndarray, total: np.ndarray, eigenvalues: np.ndarray, tau: float) -> np.ndarray:
    """Jackknife over blocks in ln |eigenvalue|, the scale on which it is near normal, carried to the time scale."""
    rates = np.zeros((len(pairs), eigenvalues.size))
    for b, block in enumerate(pairs):
        left = total - block
        left = np.where(left.sum(1, keepdims=True) > 0, left, total)  # a state seen in that block only keeps its exits
        values = np.linalg.eigvals(left / left.sum(1, keepdims=True))
        same = np.argmin(np.abs(values[:, None] - eigenvalues), axis=0)  # order and pairing can change
        rates[b] = -np.log(np.clip(np.abs(values[same]), 1e-300, 1.0)) / tau
    rate = rates.mean(0)
    spread = jackknife_error(rates)
    return np.divide(spread, rate**2, out=np.full(rate.size, np.nan), where=rate > 0)


def _stationary(transitions: np.ndarray) -> np.ndarray:
    system = np.eye(len(transitions)) - transitions.T
    system[-1] = 1.0
    right = np.zeros(len(transitions))
    right[-1] = 1.0
    return np.maximum(np.linalg.solve(system, right), 0.0)
