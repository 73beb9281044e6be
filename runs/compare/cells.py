"""Statistics over the seeds of each (task, contestant): how many runs were lost, and every measure that is left."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dsr.fate import CYCLE, DIVERGED, FIXED_POINT, NOT_CHAOTIC, TRANSIENT_CHAOS
from dsr.measure import ENOUGH_PAIRS, SAME, Floor, is_chance, noise_within, tells_nothing

from ..verdict import AGREEMENT, HIGHER_IS_BETTER, LOST
from .median_interval import median_interval
from .run_rows import DAMAGED, FAILED, FINISHED
from .select import Record

if TYPE_CHECKING:
    import pyarrow as pa

COLLAPSED = (FIXED_POINT, CYCLE, TRANSIENT_CHAOS)
NO_CHAOS = (DIVERGED, *COLLAPSED, NOT_CHAOTIC)
MEDIANS = (
    "truth", "truth_low", "truth_high", "floor_low", "floor_median", "floor_high", "surrogate", "gaussian",
    "normalised",
)  # fmt: skip
NUMBERS = ("value", "low", "high", "cap", "measure_version", "floor_pairs", *MEDIANS)
NEEDED = ("measure", "unit", "floor_kind", *NUMBERS)


@dataclass(frozen=True)
class Count:
    """What became of the runs of one (task, contestant). `collapsed` ended on a fixed point or a cycle, some of them
    after transient chaos; `failed` stopped with an error or left a damaged folder; `unfinished` are running or were
    interrupted, and count nowhere else. seconds : of a processor, median over finished runs that were not interrupted.
    reasons : (run id, sentence) of all that are not chaotic."""

    task: str
    contestant: str
    runs: int
    diverged: int
    collapsed: int
    not_chaotic: int
    failed: int
    unfinished: int
    seconds: float | None
    seeds: tuple[int, ...]
    reasons: tuple[tuple[str, str], ...] = ()
    settings: str = ""

    @property
    def ended(self) -> int:
        """Runs that have finished or failed."""
        return self.runs - self.unfinished

    @property
    def lost(self) -> int:
        """Runs that are no reconstruction of chaos, or failed."""
        return self.diverged + self.collapsed + self.not_chaotic + self.failed


@dataclass(frozen=True)
class Cell:
    """One measure of one (task, contestant), over the `values` of `runs` runs that have a number.

    q1, median, q3 : quartiles; low, high : confidence interval of the median (NaN below two). truth, floor_*,
    surrogate, gaussian, normalised : medians over the same runs, NaN where unknown. within_floor : runs that were not
    lost and lie below the 95 % quantile of a floor of 20 pairs or more, None without such floors. agree : runs that
    were not lost and lie within two combined uncertainties of the truth, None where either is unknown. error : half of
    what their values are uncertain by, median. noisy : runs that were not lost and score no better than the better of
    those of surrogate and Gaussian noise that lie above the floor, None without them. capped : values that stand for
    at least that much. losses : seed -> what ranks and tests compare, smaller is better: the value of a distance,
    minus the value where higher is better, the distance from the truth of an invariant; infinity for a run that failed
    and, but for forecasts, of one that has no attractor to compare (`LOST`), with a number or without; empty where the
    measure cannot be compared. rows : of
    the index, in order of seed. Where all runs failed (`failed_cells`) truth, floor and baselines are those of another
    contestant on the task.
    """

    task: str
    contestant: str
    measure: str
    unit: str
    version: int
    runs: int
    values: int
    q1: float
    median: float
    q3: float
    low: float
    high: float
    truth: float
    truth_low: float
    truth_high: float
    floor_low: float
    floor_median: float
    floor_high: float
    floor_pairs: int | None
    floor_kind: str
    surrogate: float
    gaussian: float
    normalised: float
    within_floor: int | None
    agree: int | None
    error: float
    noisy: int | None
    capped: int
    losses: dict[int, float] = field(default_factory=dict)
    rows: tuple[int, ...] = ()

    @property
    def ceiling(self) -> float:
        """The worse of the baselines, NaN without one."""
        return max((x for x in (self.surrogate, self.gaussian) if not math.isnan(x)), default=math.nan)

    @property
    def chance(self) -> bool:
        """Whether the floor is a level of chance."""
        return is_chance(self.floor_kind)

    @property
    def floor(self) -> Floor | None:
        """What a perfect model scores, None where that is unknown and for a level of chance."""
        if math.isnan(self.floor_median) or self.chance:
            return None
        return Floor(self.floor_low, self.floor_median, self.floor_high, self.floor_pairs or 1, self.floor_kind)

    @property
    def noise_within_floor(self) -> bool:
        """Whether the baselines lie within the floor, whatever the score."""
        return not self.chance and noise_within(self.floor_high, self.ceiling)

    @property
    def tells_nothing(self) -> bool:
        """Whether the score lies within a floor that noise lies within, too."""
        spread = self.median - self.error, self.median + self.error
        return not self.chance and tells_nothing(self.median, *spread, ceiling=self.ceiling, floor_high=self.floor_high)


@dataclass(frozen=True)
class Columns:
    """The columns of the index that statistics need, as arrays over its rows; `measure` and `unit` are codes."""

    names: tuple[str, ...]
    measure: np.ndarray
    text: dict[str, list[str | None]]
    number: dict[str, np.ndarray]

    @classmethod
    def of(cls, table: pa.Table) -> Columns:
        encoded = table["measure"].combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        numbers = {name: table[name].to_numpy() for name in NUMBERS}
        text = {name: table[name].to_pylist() for name in ("unit", "floor_kind")}
        return cls(tuple(encoded.dictionary.to_pylist()), codes, text, numbers)


def is_lost(record: Record) -> bool:
    """Whether a run is no reconstruction of chaos, or failed."""
    return record["outcome"] in NO_CHAOS or record["state"] in (FAILED, DAMAGED)


def count(task: str, contestant: str, records: Sequence[Record]) -> Count:
    """The fates of the runs of one (task, contestant)."""
    done = [r for r in records if r["state"] == FINISHED]
    failed = [r for r in records if r["state"] in (FAILED, DAMAGED)]
    outcomes = [r["outcome"] for r in done]
    seconds = [r["seconds"] for r in done if r["seconds"] is not None]
    return Count(
        task,
        contestant,
        len(records),
        outcomes.count(DIVERGED),
        sum(o in COLLAPSED for o in outcomes),
        outcomes.count(NOT_CHAOTIC),
        len(failed),
        len(records) - len(done) - len(failed),
        float(np.median(seconds)) if seconds else None,
        tuple(r["seed"] for r in records),
        tuple((r["run"], f"{r['outcome'] or r['state']}: {r['reason']}") for r in records if r["outcome"] != "chaotic"),
        records[0]["settings"],
    )


def cells(task: str, contestant: str, records: Sequence[Record], columns: Columns) -> list[Cell]:
    """One cell for each measure that a run of this (task, contestant) has."""
    done = [r for r in records if r["state"] == FINISHED and r["outcome"] is not None]
    failed = _failed_seeds(records)
    if not done:
        return []
    rows = np.concatenate([np.arange(*r["rows"]) for r in done])
    owner = np.repeat(np.arange(len(done)), [b - a for a, b in (r["rows"] for r in done)])
    codes = columns.measure[rows]
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order], prepend=-2, append=-3))
    found = []
    for start, stop in itertools.pairwise(bounds):
        mine = order[start:stop]
        if codes[mine[0]] >= 0:
            runs = [done[i] for i in owner[mine]]
            found.append(_cell(task, contestant, runs, rows[mine], columns, failed))
    return found


def failed_cells(task: str, contestant: str, records: Sequence[Record], found: Sequence[Cell]) -> list[Cell]:
    """Where all runs of this (task, contestant) that ended have failed: a cell without a number for each measure that
    others have on the task, so that those who fail altogether rank no better than those who fail now and then.

    found : the `cells` of all others. A measure in which the contestant has no number on other tasks, where others do,
    is one that its kind does not have: failing loses nothing there.
    """
    failed = _failed_seeds(records)
    if not failed or any(r["state"] == FINISHED for r in records):
        return []
    others = {cell.measure: cell for cell in reversed(found) if cell.task == task}
    compared = {cell.measure for cell in found if cell.task == task and cell.losses}
    own = [cell for cell in found if cell.contestant == contestant]
    elsewhere = {cell.task for cell in own}
    without = {cell.measure for cell in found if cell.task in elsewhere and cell.losses}
    without -= {cell.measure for cell in own if cell.losses}
    return [
        _without_number(cell, contestant, failed, compared=name in compared - without) for name, cell in others.items()
    ]


def _without_number(other: Cell, contestant: str, failed: Sequence[int], *, compared: bool) -> Cell:
    """A contestant that failed, beside the truth, floor and baselines that another one was judged by."""
    nothing: dict[str, Any] = dict.fromkeys(("q1", "median", "q3", "low", "high", "normalised", "error"), math.nan)
    nothing |= {key: None if getattr(other, key) is None else 0 for key in ("within_floor", "agree", "noisy")}
    losses = dict.fromkeys(sorted(failed), math.inf) if compared else {}
    return replace(
        other, contestant=contestant, runs=len(failed), values=0, capped=0, losses=losses, rows=(), **nothing
    )


def _failed_seeds(records: Sequence[Record]) -> list[int]:
    return [r["seed"] for r in records if r["state"] in (FAILED, DAMAGED) and r["seed"] is not None]


def _cell(
    task: str, contestant: str, runs: Sequence[Record], rows: np.ndarray, columns: Columns, failed: Sequence[int]
) -> Cell:
    number, name = columns.number, columns.names[columns.measure[rows[0]]]
    versions = number["measure_version"][rows]
    newest = versions == versions.max()  # numbers of another definition are not pooled
    rows, runs = rows[newest], [r for r, keep in zip(runs, newest, strict=True) if keep]
    value = number["value"][rows]
    known = value[~np.isnan(value)]
    q1, median, q3 = (_quantile(np.sort(known), share) for share in (0.25, 0.5, 0.75))
    low, high = median_interval(known)
    others = {key: _median(number[key][rows]) for key in MEDIANS}
    pairs = number["floor_pairs"][rows]
    judged = (pairs >= ENOUGH_PAIRS) & ~np.isnan(value)
    kind = columns.text["floor_kind"][rows[0]] or ""
    chance = is_chance(kind)
    kept = np.array([not is_lost(run) for run in runs])
    below = int((kept & judged & (value <= number["floor_high"][rows])).sum())
    half, true_half = ((number[f"{t}high"][rows] - number[f"{t}low"][rows]) / 2 for t in ("", "truth_"))
    away, allowed = np.abs(value - number["truth"][rows]), AGREEMENT * np.hypot(half, np.nan_to_num(true_half))
    baselines = np.array([number["surrogate"][rows], number["gaussian"][rows]])
    seen = baselines > number["floor_high"][rows] * (1 + SAME)
    noise = np.fmin(*np.where(seen, baselines, np.nan))
    return Cell(
        task=task, contestant=contestant, measure=name, unit=_first(columns.text["unit"], rows),
        version=int(versions.max()), runs=len(runs) + len(failed), values=len(known),
        q1=q1, median=median, q3=q3, low=low, high=high,
        floor_pairs=None if np.isnan(pairs).all() else int(np.nanmin(pairs)), floor_kind=kind,
        within_floor=below if judged.any() and not chance else None,
        agree=int((kept & (away <= allowed)).sum()) if not np.isnan(away - allowed).all() else None,
        error=_median(half),
        noisy=int((kept & (value >= noise)).sum()) if not (chance or np.isnan(noise).all()) else None,
        capped=int((value >= number["cap"][rows] * (1 - 1e-12)).sum()),
        losses=_losses(name, runs, value, number["truth"][rows], failed), rows=tuple(int(row) for row in rows),
        **others,
    )  # fmt: skip


def _losses(
    name: str, runs: Sequence[Record], value: np.ndarray, truth: np.ndarray, failed: Sequence[int]
) -> dict[int, float]:
    distance = np.isnan(truth).all()
    if distance and name.startswith(INVARIANTS):
        return {}
    loss = np.abs(value - truth) if not distance else -value if name in HIGHER_IS_BETTER else value
    found = dict.fromkeys(failed, math.inf)
    for run, x in zip(runs, loss, strict=True):
        if run["outcome"] in LOST and name not in HIGHER_IS_BETTER:
            x = math.inf
        elif math.isnan(x) and run["outcome"] == DIVERGED:
            x = math.inf
        elif math.isnan(x):
            return {}  # no number for a reason of its own: nothing to compare
        found[run["seed"]] = float(x)
    return dict(sorted(found.items()))


INVARIANTS = ("lambda_", "sum of exponents", "Kaplan-Yorke", "D2", "D_q", "Pesin", "entropy")  # no distances


def _median(values: np.ndarray) -> float:
    return _quantile(np.sort(values[~np.isnan(values)]), 0.5)


def _quantile(ordered: np.ndarray, share: float) -> float:
    """Linear between the sorted values, as numpy has it, whose own function takes most of a comparison's time."""
    if not len(ordered):
        return math.nan
    place = share * (len(ordered) - 1)
    lower = int(place)
    upper = min(lower + 1, len(ordered) - 1)
    return float(ordered[lower] + (place - lower) * (ordered[upper] - ordered[lower]))


def _first(values: Sequence[str | None], rows: np.ndarray) -> str:
    """Units are empty where there is no number."""
    return next((v for row in rows if (v := values[row])), "")
