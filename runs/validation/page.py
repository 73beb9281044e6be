"""docs/validation.md from a store: a part for each section that has runs, in the order of sections.py."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..compare.comparison import Comparison, compare
from ..compare.select import records
from ..markdown import paragraphs, table
from ..recipes import recipe
from ..sweep.plan import Planned, combinations
from . import tables
from .goals import goals, judged
from .ledger import FILE as LEDGER
from .ranks import summary
from .section import Section

if TYPE_CHECKING:
    import pyarrow as pa

HEAD = """\
Every number is the median over seeds [quartiles; the range of fewer than five] of the runs that have ended, or of one \
run ± its own standard error. Settings were chosen on Lorenz-63 during development; where they were tried on the data \
of a section, its text says so, and the trials were not kept. The words of the tables:

- **lost**: runs that diverged, collapsed to a fixed point or cycle, are not chaotic, or failed with an error. A run \
that collapsed keeps its numbers, which are in the medians. In ranks, goals and "% off", the median distance from the \
truth relative to it, runs that diverged, failed, came to rest or were chaotic for a while only count as worse than \
any number, but for their forecasts.
- **at truth**: runs that were not lost and lie within two standard errors of the truth. Exponents are \
means over an ensemble of free runs with the standard errors of these means.
- **floor**: the same score between independent true trajectories, 5, 50 and 95 %; **at the floor**: runs below the \
95 %.
- **no better than noise**: runs that were not lost and score no better than the better of a phase surrogate of the \
test series and Gaussian noise of its covariance, where these lie above the floor.
- **CPU s**: of a whole run, data, training and judgement, on one thread, median over the runs that were not \
interrupted.
- **D_stsp** (nats): Kullback-Leibler divergence of binned densities in state space, long free runs against the test \
series. **D_JS** (bits): the Jensen-Shannon divergence on the same cells. **sliced Wasserstein** (standard \
deviations): mean distance of the distributions along random directions.
- **D_H** (0 to 1): Hellinger distance of smoothed power spectra, mean over columns. A phase surrogate has none.
- **lambda_i** (per unit of time), **Kaplan-Yorke dimension**: from the model's own tangent map along its free run. \
Beyond two, the dimension of a flow is the share of the third exponent: 1 % of it can be a large error.
- **valid prediction time** (Lyapunov times): until the root mean square error over columns exceeds 0.4 \
standard deviations, median over starts; **≥** where most runs reached the end of the test series. By chance: \
stretches of other true trajectories as forecasts.
- **partition divergence** (bits): Jensen-Shannon divergence of pairs of cells, one autocorrelation time apart, in a \
partition of the state space.
- Published numbers are from a **paper**, printed by the **notebook** of a tutorial, from an **aggregator** (a page \
that collects the numbers of others), or **measured by us** on published weights."""


ALONG = """\
Medians over seeds with their quartiles. Grey band: the floor, 5 to 95 %, and its median; black line: the truth. \
Hollow marks: runs were lost; at the upper edge: no run has a number. Forecasts end with the test series, after some \
15 Lyapunov times."""
CAPTIONS = {
    "along": ALONG,
    "families": ALONG,
    "matrix": """\
Light is good; colours are logarithmic and cut off at both ends. A cross: half of the runs or more diverged, failed, \
came to rest or left chaos; cycles keep their numbers, and all runs their forecasts. Blank: there is no number, or it \
tells nothing, because noise lies within its floor, too. Errors of lambda_1 of a few per cent are within \
its own uncertainty.""",
    "forest": """\
Medians over seeds with their 95 % intervals, hollow of one run; grey: the floor, 5 to 95 %.""",
}


def page(
    index: pa.Table, sections: Sequence[Section], there: Mapping[Section, Comparison], machine: str,
    pictures: dict[str, str], more: Sequence[str] = (),
) -> str:  # fmt: skip
    """The page as Markdown. index : rows of the runs that have ended. there : their `comparisons`. machine : a line
    about it. pictures : recipe, or recipe-ranks-measure -> path of the figure. more : paragraphs behind the parts."""
    columns = {name: index[name].to_pylist() for name in ("seed", "value", "outcome")}
    blocks = ["# Validation", "Written by `python -m dsr.runs.validation`; do not edit.", HEAD, machine]
    blocks.append(f"Every number of every run: [{LEDGER}]({LEDGER}), a table that pandas reads. {processors(index)}")
    planned = {section: combinations(recipe(section.recipe) or {}) for section in there}
    blocks.append(overview([(section, found, len(planned[section])) for section, found in there.items()]))
    models = Counter((record["experiment"], record["model"]) for record in records(index))
    for section, found in there.items():
        done = {model: count for (experiment, model), count in models.items() if experiment == section.recipe}
        blocks += [f"## {section.title}", section.text, status(found, planned[section], done, section)]
        blocks += _pictures(section, pictures)
        blocks += _tables(found, columns, section)
    blocks += more
    missing = [section.recipe for section in sections if section not in there]
    if missing:
        blocks.append(f"Not computed yet: {', '.join(missing)}.")
    return paragraphs(*blocks) + "\n"


def processors(index: pa.Table) -> str:
    """On which machines the runs were computed."""
    runs = {(record["experiment"], record["run"]): record["processor"] for record in records(index)}
    counts = Counter(name or "unknown processors" for name in runs.values())
    return f"Runs by processor: {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}."


def comparisons(index: pa.Table, sections: Sequence[Section]) -> dict[Section, Comparison]:
    """Those of the sections that have runs."""
    known = set(index["experiment"].to_pylist())
    return {section: comparison(index, section) for section in sections if section.recipe in known}


def comparison(index: pa.Table, section: Section) -> Comparison:
    """The runs of a section; of a ranked one, only the models that have run on every system, because a rank needs them
    all, and only the seeds that all of these have everywhere: where half is lost, one seed of two is enough."""
    words = [f"experiment={section.recipe}"]
    found = compare(index, words, by=section.by)
    if not section.ranked:
        return found
    there = [c.contestant for c in found.counts if c.ended]
    most = max((there.count(name) for name in there), default=0)
    complete = [name for name in found.contestants if there.count(name) == most]
    words.append(f"model={','.join(complete)}")
    seeds = [set(c.seeds) for c in found.counts if c.ended and c.contestant in complete]
    if shared := set.intersection(*seeds) if seeds else set():
        words.append(f"seed={','.join(map(str, sorted(shared)))}")
    return compare(index, words, by=section.by)


def status(found: Comparison, every: Sequence[Planned], done: Mapping[str, int], section: Section) -> str:
    """How much of a section there is, what is missing, and how to compute all of it or one run.

    done : model -> runs that have ended, of all contestants, whether they are compared or not.
    """
    told = [f"{sum(done.values())} of {len(every)} runs have ended."]
    models = Counter(str(one.spec.model["name"]) for one in every)
    if len(models) > 1 and sum(done.values()) < len(every):
        told.append(f"By model: {', '.join(f'{name} {done.get(name, 0)} of {n}' for name, n in models.items())}.")
    seeds = {seed for count in found.counts for seed in count.seeds}
    if len(seeds) == 1 and len({one.spec.seed for one in every}) > 1:
        told.append(f"**Seed {min(seeds)} alone: nothing here tells how results scatter over seeds.**")
    if section.ranked and (left := [name for name in models if name not in found.contestants]):
        told.append(f"Left out until they have run on every system: {', '.join(left)}.")
    waiting = sum(done.get(name, 0) for name in found.contestants) - sum(c.ended for c in found.counts)
    if section.ranked and waiting > 0:
        told.append(f"{waiting} of these runs have seeds that not every model has everywhere, and wait for the rest.")
    told.append(f"To repeat: `{command(section)}`; one run: `{command(section, every[0])}`.")
    return " ".join(told)


def _pictures(section: Section, pictures: Mapping[str, str]) -> list[str]:
    ranks = {name: path for name, path in pictures.items() if name.startswith(f"{section.recipe}-ranks-")}
    found = [f"![{section.title}]({pictures[section.recipe]})"] if section.recipe in pictures else []
    found += [CAPTIONS[section.figure]] if found and section.figure in CAPTIONS else []
    return found + [f"![Mean ranks by {name.rpartition('-ranks-')[2]}]({path})" for name, path in ranks.items()]


def _tables(found: Comparison, columns: dict[str, Any], section: Section) -> list[str]:
    reached = tables.reached(found, section)
    if section.ranked:
        reached = summary(found, section) + f"\n\n<details><summary>every system</summary>\n\n{reached}\n\n</details>"
    blocks = [goals(found, section), reached, tables.published(section)]
    if section.details:
        seeds = tables.every_seed(found, columns, section)
        blocks.append(f"<details><summary>every seed</summary>\n\n{seeds}\n\n</details>")
    return blocks


def overview(parts: Sequence[tuple[Section, Comparison, int]]) -> str:
    """One row for each section with the runs that are planned for it: how many have ended, what was lost or has the
    density of noise (nothing where densities tell nothing), the goals."""
    rows = []
    for section, found, planned in parts:
        met = "; ".join(f"{one.goal.sentence}: {one.told}, {one.verdict}" for one in judged(found, section))
        done, gone = sum(c.ended for c in found.counts), sum(c.lost for c in found.counts)
        telling = [c.noisy for c in found.cells if c.measure == "D_stsp" and c.noisy is not None]
        link = f"[{section.title}](#{_anchor(section.title)})"
        rows.append([link, f"{done} of {planned}", str(gone), str(sum(telling)) if telling else "", met])
    return table(["part", "runs", "lost", "D_stsp no better than noise", "goals"], rows, numbers=False)


def _anchor(title: str) -> str:
    """What a heading is called in links of rendered Markdown."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def command(section: Section, one: Planned | None = None) -> str:
    """What computes the runs of a section, or one of them."""
    words = [f"data.{key}={name}" for key, name in section.files]
    words += re.split(r" (?=[\w.]+=)", one.label) if one else []
    return shlex.join(["dsr", "sweep", section.recipe, *words])
