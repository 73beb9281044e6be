"""What a section of the validation page consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FOLDER = "validation"  # of figures and runs, beside the page
Statistic = Literal["median", "relative error", "not lost"]


@dataclass(frozen=True)
class Goal:
    """A bound that was set beforehand.

    statistic : of the runs whose labels contain `contestant`: the median of the measure, the median distance from the
    truth relative to it, or the number of runs that were not lost, `of` so many.
    """

    measure: str
    bound: float
    statistic: Statistic = "median"
    contestant: str = ""
    of: int = 0

    @property
    def sentence(self) -> str:
        who = f"{self.contestant}: " if self.contestant else ""
        if self.statistic == "not lost":
            return f"{who}at least {self.bound:g} of {self.of} runs not lost"
        what = {"median": f"median {self.measure}", "relative error": f"median error of {self.measure}"}
        bound = f"{100 * self.bound:g} %" if self.statistic == "relative error" else f"{self.bound:g}"
        return f"{who}{what[self.statistic]} at most {bound}"


@dataclass(frozen=True)
class Published:
    """A number of others. kind : printed by their notebook, aggregator (a page that collects results), paper, or
    measured by us on their weights."""

    what: str
    value: str
    kind: str
    source: str


@dataclass(frozen=True)
class Section:
    """One recipe and how its runs are told.

    recipe : its name, which is also the experiment in the store. files : the data it needs, as (key, file name) below
    the folder of published data; none for recipes that simulate theirs. by : settings that contestants are called
    after. figure : name of the figure (see figures.py); none if empty. swept : the setting along its axis.
    """

    recipe: str
    title: str
    text: str
    files: tuple[tuple[str, str], ...] = ()
    by: tuple[str, ...] = ("model",)
    measures: tuple[str, ...] = ("D_stsp", "D_H", "lambda_1", "Kaplan-Yorke dimension", "valid prediction time")
    goals: tuple[Goal, ...] = ()
    published: tuple[Published, ...] = ()
    figure: str = ""
    swept: str = ""
    details: bool = field(default=True)  # every seed in a table that opens

    @property
    def ranked(self) -> bool:
        """Over many systems, whose rows open below the ranks."""
        return self.figure == "matrix"
