"""`Measure`: a number with its uncertainty, unit, settings and floor. Reports never show a bare float."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Floor:
    """What the same score gives between two independent true trajectories: a perfect model cannot beat it reliably.

    `low`, `median`, `high` are the 5, 50 and 95 % quantiles over `pairs` pairs; `kind` says which pairs were used
    ("independent trajectories", "stretches of the training record" or "halves of the record").
    """

    low: float
    median: float
    high: float
    pairs: int
    kind: str


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
        text = f"{self.value:.4g}"
        if math.isfinite(self.low) and math.isfinite(self.high):
            text += f" ± {(self.high - self.low) / 2:.2g}"
        return f"{text} {self.unit}".rstrip()


def plain(value: Any) -> Any:
    """Nested plain values for JSON: tuples become lists, and numbers that are not finite None."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
