"""Goals and whether they were met: computed from what was measured, never typed."""

from __future__ import annotations

from dataclasses import dataclass, field

from .timing import Ratio


@dataclass(frozen=True)
class Goal:
    """`wanted` is the least that will do, or with `most` the most. measured None: see `reason`."""

    what: str
    where: str
    wanted: float
    measured: float | None
    most: bool = False
    reason: str = ""
    unit: str = ""

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return f"not measured: {self.reason}"
        if self.measured <= self.wanted if self.most else self.measured >= self.wanted:
            return "met"
        if self.measured <= 0 or self.wanted <= 0 or self.measured != self.measured:
            return "missed"
        share = self.measured / self.wanted
        return f"missed by a factor of {share:.3g}" if self.most else f"missed: {100 * share:.3g} % of it"

    def row(self) -> list[str]:
        sign = "<=" if self.most else ">="
        measured = "-" if self.measured is None else f"{self.measured:.4g}{self.unit}"
        return [self.what, self.where, f"{sign} {self.wanted:g}{self.unit}", measured, self.verdict]


@dataclass(frozen=True)
class Section:
    """One section of the page, and the goals that it can judge."""

    title: str
    text: str
    goals: list[Goal] = field(default_factory=list)


# Times the plain loop, per size
TORCH = {"S1": 3.0, "S2": 2.5, "L1": 1.5, "L2": 1.4}
TORCH_32 = {"S1": 20.0, "S2": 15.0, "L1": 1.5, "L2": 1.4}
NATIVE = {"S1": 100.0, "S2": 110.0, "L1": 4.5, "L2": 2.5}
TWO_PROCESSES = 1.8
GROWTH_KIB = 1024  # what allocators keep back is not growth
FLEET = 100.0
ERRORS = {"float64": 1e-12, "float32": 1e-5}


def speed_goals(what: str, wanted: dict[str, float], measured: dict[str, Ratio], reason: str = "") -> list[Goal]:
    """One goal per size that was measured or left out for `reason`; sizes without a goal have none."""
    if reason:
        return [Goal(what, size, least, None, reason=reason, unit="x") for size, least in wanted.items()]
    return [Goal(what, size, wanted[size], r.median, unit="x") for size, r in measured.items() if size in wanted]
