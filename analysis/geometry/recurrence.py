"""Recurrence quantification: which states return, and for how long two stretches of a trajectory run together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError, unknown
from dsr.measure import Measure

from ..compiled import compiled
from ..magnitude import of_order_one, window_or_default
from .correlation_sum import radius_of_share

METRICS = ("supremum", "euclidean")
NAMES = {
    "RR": "recurrence rate",
    "DET": "determinism",
    "L": "mean diagonal",
    "Lmax": "longest diagonal",
    "ENTR": "diagonal entropy",
    "LAM": "laminarity",
    "TT": "trapping time",
}


@dataclass(frozen=True, eq=False)
class RecurrenceQuantification:
    """The seven numbers, and the histograms of line lengths they are made of.

    measures : {"RR", "DET", "L", "Lmax", "ENTR", "LAM", "TT"} as Measures; lengths in steps.
    diagonals, verticals : (rows + 1,) number of lines of each length, of diagonals those on one side of the main
        diagonal.
    radius : two states closer than this are recurrent, in the units of the data.
    """

    measures: Mapping[str, Measure]
    diagonals: np.ndarray
    verticals: np.ndarray
    radius: float
    settings: Mapping[str, Any]

    @property
    def measure(self) -> Measure:
        """Determinism, the headline."""
        return self.measures["DET"]


def recurrence_quantification(
    x: Any,
    *,
    radius: float | None = None,
    rate: float = 0.05,
    metric: str = "supremum",
    theiler: int | None = None,
    shortest: int = 2,
    blocks: int = 5,
    seed: int = 0,
) -> RecurrenceQuantification:
    """RR, DET, L, Lmax, ENTR, LAM and TT of the recurrence plot of `x` (time, dim), which is never stored.

    Parameters
    ----------
    x : states; embed a single observable first.
    radius : distance below which two states are recurrent; None: that of the share `rate` of all pairs (from a
        sample drawn with `seed`). Compare truth and reconstruction at one radius, that of the truth.
    metric : "supremum" or "euclidean".
    theiler : cells with |i - j| < theiler are left out of the plot: they tell that the trajectory is continuous,
        not that it returns. 0 keeps the main diagonal, in the recurrence rate and vertical lines, as pyunicorn
        does; 1 leaves out only that. None: `theiler_window`.
    shortest : least length of a line that counts in DET, L, ENTR (diagonal) and LAM, TT (vertical).
    blocks : the errors of all but Lmax come from so many stretches of the series analysed by themselves, which
        cuts lines at their ends; 0: none are made.

    Returns
    -------
    RecurrenceQuantification; NaN with a note where no line is long enough. Time grows with rows squared (about
    0.05 s for 10,000 rows), memory with rows.

    When it misleads: DET is near 1 for any finely sampled flow, whatever the window; noise breaks diagonals; all
    numbers move with the radius and with dt. Source: Marwan et al., doi:10.1016/j.physrep.2006.11.001.
    """
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    points, exponent = of_order_one(x, rows=10)
    rows = len(points)
    window = window_or_default(points, theiler)
    if rows < 2 * window + 10 or shortest < 1 or blocks < 0:
        raise DataError(
            f"{rows} rows, theiler = {window}, shortest = {shortest}, blocks = {blocks}",
            f"at least {2 * window + 10} rows, shortest >= 1, blocks >= 0",
            "bring a longer series or lower theiler",
        )
    supremum = metric == "supremum"
    if radius is None:
        if not 0 < rate < 1:
            raise SpecError(f"rate = {rate}", "a share of all pairs, 0 < rate < 1", "use the default")
        scaled = radius_of_share(points, rate, window, seed, supremum=supremum)
    elif not 0 < radius < math.inf:
        raise SpecError(f"radius = {radius}", "a positive distance", "leave it out for the default")
    else:
        scaled = float(np.ldexp(radius, -exponent))
    plot = _Plot(scaled, supremum, window, shortest)
    diagonals, verticals = plot.lines(points)
    values = plot.numbers(diagonals, verticals, rows)
    stretches = [s for s in np.array_split(points, blocks) if len(s) > 2 * window + 10] if blocks >= 2 else []
    parts = [plot.numbers(*plot.lines(s), len(s)) for s in stretches]
    used = float(np.ldexp(scaled, exponent))
    settings = {
        "radius": used, "metric": metric, "theiler": window, "shortest": shortest,
        "length": rows, "blocks": len(parts), "seed": seed,
    }  # fmt: skip
    measures = {key: _measure(key, value, [p[key] for p in parts], settings) for key, value in values.items()}
    return RecurrenceQuantification(measures, diagonals, verticals, used, settings)


@dataclass(frozen=True)
class _Plot:
    radius: float
    supremum: bool
    window: int
    shortest: int

    def lines(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = np.ascontiguousarray(points.T)
        return compiled(_line_lengths)(columns, self.radius, self.supremum, self.window)

    def numbers(self, diagonals: np.ndarray, verticals: np.ndarray, rows: int) -> dict[str, float]:
        lengths = np.arange(rows + 1)
        cells = rows**2 if self.window == 0 else (rows - self.window) * (rows - self.window + 1)
        long, upright = diagonals.copy(), verticals.copy()
        long[: self.shortest] = upright[: self.shortest] = 0
        share = long[long > 0] / max(1, long.sum())
        return {
            "RR": float(lengths @ verticals / cells),
            "DET": _ratio(lengths @ long, lengths @ diagonals),
            "L": _ratio(lengths @ long, long.sum()),
            "Lmax": float(lengths[diagonals > 0].max()) if diagonals.any() else math.nan,
            "ENTR": float(-(share * np.log(share)).sum()) + 0.0 if share.size else math.nan,
            "LAM": _ratio(lengths @ upright, lengths @ verticals),
            "TT": _ratio(lengths @ upright, upright.sum()),
        }


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan


def _measure(key: str, value: float, parts: list[float], settings: Mapping[str, Any]) -> Measure:
    unit = {"L": "steps", "Lmax": "steps", "TT": "steps", "ENTR": "nats"}.get(key, "")
    if math.isnan(value):
        return Measure(NAMES[key], value, unit=unit, settings=settings, note="no recurrent lines at this radius")
    error = math.nan
    if key != "Lmax" and len(parts) > 1 and not any(math.isnan(p) for p in parts):
        error = float(np.std(parts, ddof=1)) / math.sqrt(len(parts))
    return Measure(NAMES[key], value, value - error, value + error, unit, settings)


def _line_lengths(columns, radius, supremum, window):
    """Histograms of the lengths of diagonal lines (one side) and of vertical lines of the whole plot.

    The half below the main diagonal is made row by row, 512 cells at a time (which the compiler turns into vector
    instructions), and only recurrent cells cost more than that: each continues the run of its diagonal, of its row
    and of its column. By symmetry the row left of the main diagonal and the column below it are one vertical line.
    """
    dim, rows = columns.shape
    diagonals, verticals = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    run, run_row = np.zeros(rows, np.int32), np.full(rows, -2, np.int32)
    slant, slant_row = np.zeros(rows, np.int32), np.full(rows, -2, np.int32)
    recurrent = np.zeros(512, np.uint8)
    eight = recurrent.view(np.uint64)
    distance = np.empty(512)
    limit = radius if supremum else radius * radius
    for i in range(rows):
        left, previous = 0, -2
        end = i - max(window, 1) + 1
        for chunk in range(0, end, 512):
            size = min(512, end - chunk)
            distance[:size] = 0.0
            for d in range(dim):
                column, here = columns[d, chunk : chunk + size], columns[d, i]
                if supremum:
                    for n in range(size):
                        distance[n] = max(distance[n], abs(column[n] - here))
                else:
                    for n in range(size):
                        distance[n] += (column[n] - here) * (column[n] - here)
            for n in range(size):
                recurrent[n] = distance[n] < limit
            recurrent[size:] = 0
            for word in range((size + 7) // 8):
                if eight[word] == 0:
                    continue
                for n in range(8 * word, 8 * word + 8):
                    if recurrent[n] == 0:
                        continue
                    j = chunk + n
                    if j == previous + 1:
                        left += 1
                    else:
                        verticals[left] += 1
                        left = 1
                    previous = j
                    if run_row[j] != i - 1:
                        verticals[run[j]] += 1
                        run[j] = 0
                    run[j] += 1
                    run_row[j] = i
                    if slant_row[i - j] != i - 1:
                        diagonals[slant[i - j]] += 1
                        slant[i - j] = 0
                    slant[i - j] += 1
                    slant_row[i - j] = i
        if window == 0:  # the main diagonal joins what is left of it with what will be below
            if previous != i - 1:
                verticals[left] += 1
                left = 0
            run[i], run_row[i] = left + 1, i
        else:
            verticals[left] += 1
    for i in range(rows):
        verticals[run[i]] += 1
        diagonals[slant[i]] += 1
    verticals[0] = diagonals[0] = 0
    return diagonals, verticals
