"""`Measure`: a number with its uncertainty, unit, settings and floor. Reports never show a bare float."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ENOUGH_PAIRS = 20  # of true trajectories: with fewer the 95 % quantile of a floor is not known
INDEPENDENT = "independent trajectories"  # the kind of a floor whose pairs have a series each
ROUNDING, EXACT = 1e-12, 1e-6  # smaller numbers, and errors relative to their number, are zero in print
SAME = 1e-6  # two scores that differ by less, relative to them, differ by rounding
SMALL, LARGE = 1e-7, 1e7  # errors and whole numbers beyond are written with powers of ten


@dataclass(frozen=True)
class Floor:
    """What the same score gives between two independent true trajectories: a perfect model cannot beat it reliably.

    `low`, `median`, `high` are the 5, 50 and 95 % quantiles over `pairs` pairs; `kind` says which pairs were used
    ("independent trajectories", "stretches of the training record", "halves of the record", or "chance: ...").
    """

    low: float
    median: float
    high: float
    pairs: int
    kind: str

    @property
    def chance(self) -> bool:
        """Whether it is the level of chance, which a model has to beat, not what a perfect model scores."""
        return is_chance(self.kind)


@dataclass(frozen=True)
class Measure:
    """One invariant or score.

    `value` is NaN only where `note` says why there is no number. `low` and `high` bound it (for a standard error s:
    value -+ s; NaN when no uncertainty is known). `settings` holds every argument that the number depends on and
    `version` the version of its definition: two measures compare only if name, settings and version agree.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    unit: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    floor: Floor | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        return plain(asdict(self))

    def __str__(self) -> str:
        if math.isnan(self.value):
            return self.note or "none"
        return f"{in_digits(self.value, self.low, self.high)} {self.unit}".rstrip()


def is_chance(kind: str) -> bool:
    """Whether floors of this `kind` are levels of chance."""
    return kind.startswith("chance")


def noise_within(floor_high: float, ceiling: float) -> bool:
    """Whether the baselines lie within the floor, up to rounding; not where either is unknown (NaN)."""
    return ceiling <= floor_high * (1 + SAME)


def tells_nothing(value: float, low: float, high: float, *, ceiling: float, floor_high: float) -> bool:
    """Whether a score and its baselines lie within the floor, up to rounding and half the interval of the score: where
    cells are too many for the rows, all of them are almost equal."""
    half = (high - low) / 2
    bound = max(floor_high * (1 + SAME), floor_high + (half if math.isfinite(half) else 0.0))
    return noise_within(floor_high, ceiling) and value <= bound


def in_digits(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A number as far as its uncertainty reaches, whose first two digits are told: "0.906 ± 0.012", or a lopsided range
    in brackets, "3.1 [2.5, 3.5]". Without uncertainty four digits, of whole numbers all."""
    error = (high - low) / 2
    if not (math.isfinite(error) and error > EXACT * abs(value)):
        whole = float(value).is_integer() and abs(value) < LARGE
        return f"{value:.0f}" if whole else f"{value:.4g}" if abs(value) > ROUNDING else "0"
    if not SMALL < error < LARGE:
        return f"{value:.4g} ± {error:.2g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    if abs(high + low - 2 * value) > 1e-6 * max(abs(value), error):
        return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def plain(value: Any) -> Any:
    """Nested plain values for JSON: tuples become lists, and numbers that are not finite None."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
