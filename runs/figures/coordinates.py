"""The coordinates in which truth and free run are drawn: the same for both, two or three of them."""

from __future__ import annotations

import re

import numpy as np

from dsr.series import TimeSeries
from dsr.timescales import autocorrelation_time, mutual_information_delay

from .stretches import joined

MUTUAL_ROWS = 20_000
CORRELATED = 0.7  # columns more alike than this fill a thin stripe of their plane


def coordinates(truth: TimeSeries, values: list[np.ndarray]) -> tuple[list[np.ndarray], list[str]]:
    """Coordinates (time, 2 or 3) to draw, the same for truth and free run, and their labels."""
    name = truth.names[0]
    if truth.dim == 1:
        delay = delay_of(truth)
        unit = f" + {delay * truth.dt:.3g}" if truth.time_unit != "iterations" else f" + {delay}"
        embedded = [
            np.column_stack([v[:-delay, 0], v[delay:, 0]]) if len(v) > delay else v[:0].repeat(2, 1) for v in values
        ]
        return embedded, [f"{name}(t)", f"{name}(t{unit})" + _unit(truth)]
    if truth.dim <= 3:
        return values, list(truth.names)
    mean, sd = truth.values.mean(0), truth.values.std(0)
    sd = np.where(sd > 0, sd, 1.0)
    variance, directions = np.linalg.eigh(np.cov((truth.values - mean) / sd, rowvar=False))
    share = variance[::-1] / variance.sum()
    leading = directions[:, ::-1][:, :3]
    leading = leading * np.sign(leading[np.abs(leading).argmax(0), range(3)])  # a sign that no library version flips
    labels = [f"PC {i + 1} of truth ({share[i]:.0%} of variance)" for i in range(3)]
    return [(v - mean) / sd @ leading for v in values], labels


def delay_of(truth: TimeSeries) -> int:
    """Delay in steps of a delay plot of the first column: the first minimum of its mutual information, 1 for maps."""
    if not joined(truth):
        return 1
    column = truth.values[:MUTUAL_ROWS, 0]
    longest = min(10 * int(autocorrelation_time(column)[0]), len(column) // 4)
    return mutual_information_delay(column, max(2, longest))


def plane(truth: TimeSeries, values: list[np.ndarray]) -> tuple[list[np.ndarray], tuple[str, str]]:
    """Two of these coordinates, (time, 2) of each: the first pair of columns of the truth that is not strongly
    correlated."""
    found, labels = coordinates(truth, values)
    pairs = [(i, j) for i in range(len(labels)) for j in range(i + 1, len(labels))]
    alike = np.abs(np.corrcoef(found[0], rowvar=False))
    i, j = next((pair for pair in pairs if alike[pair] < CORRELATED), pairs[0])
    return [v[:, [i, j]] for v in found], (labels[i], labels[j])


def short(label: str) -> str:
    """A label of `coordinates` for where there is little room beside a whole one: "PC 2 (30%)"."""
    return re.sub(r"^(PC \d) of truth \((.*) of variance\)$", r"\1 (\2)", label)


def _unit(truth: TimeSeries) -> str:
    return "" if truth.time_unit in ("iterations", "time units") else f", t in {truth.time_unit}"
