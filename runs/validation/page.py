"""docs/validation.md from a store: a part for each section that has runs, in the order of sections.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..bench.markdown import paragraphs
from ..compare.comparison import Comparison, compare
from ..compare.select import records
from ..recipes import recipe
from ..sweep.plan import Planned, combinations
from . import tables
from .ledger import FILE as LEDGER
from .ranks import summary
from .section import Section

if TYPE_CHECKING:
    import pyarrow as pa

HEAD = """\
Each row is the median over seeds [quartiles] of the runs that have ended. **lost** are runs that diverged, collapsed \
to a fixed point or cycle, are not chaotic, or failed with an error. A run that collapsed keeps its numbers, which \
are in the medians; one that diverged or failed has none, ranks last and counts as infinitely far from the truth. \
**floor**: the same score between independent true trajectories, 5, 50 and 95 %. "% off" is the median distance from \
the truth. CPU s: of a whole run, data, training and judgement, on one thread (of a run that was interrupted: since \
then). Settings were chosen on Lorenz-63 during development; where they were tried on the data of a section, its text \
says so."""


def page(
    index: pa.Table, sections: Sequence[Section], there: Mapping[Section, Comparison], machine: str,
    pictures: dict[str, str], more: Sequence[str] = (),
) -> str:  # fmt: skip
    """The page as Markdown. index : rows of the runs that have ended. there : their `comparisons`. machine : a line
    about it. pictures : recipe, or recipe-ranks-measure -> path of the figure. more : paragraphs behind the parts."""
    columns = {name: index[name].to_pylist() for name in ("seed", "value")}
    blocks = ["# Validation", "Written by `python -m dsr.runs.validation`; do not edit.", HEAD, machine]
    blocks.append(f"Every number of every run: [{LEDGER}]({LEDGER}), a table that pandas reads. {processors(index)}")
    planned = {section: combinations(recipe(section.recipe) or {}) for section in there}
    blocks.append(tables.overview([(section, found, len(planned[section])) for section, found in there.items()]))
    for section, found in there.items():
        mine = pictures.get(section.recipe)
        ranks = [path for name, path in pictures.items() if name.startswith(f"{section.recipe}-ranks-")]
        blocks += _part(found, planned[section], columns, section, mine, ranks)
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
    """The runs of a section; of a ranked one, only the models that have run on every system: a rank needs them all."""
    words = [f"experiment={section.recipe}"]
    found = compare(index, words, by=section.by)
    if not section.ranked:
        return found
    there = [c.contestant for c in found.counts if tables.ended(c)]
    most = max((there.count(name) for name in there), default=0)
    complete = [name for name in found.contestants if there.count(name) == most]
    return compare(index, [*words, f"model={','.join(complete)}"], by=section.by)


def _part(
    found: Comparison, every: Sequence[Planned], columns: dict[str, Any], section: Section, picture: str | None,
    ranks: Sequence[str],
) -> list[str]:  # fmt: skip
    done = sum(map(tables.ended, found.counts))
    again = f"{done} of {len(every)} runs have ended. Again: `{command(section)}`; one run of it with `seed=0`."
    late = dict.fromkeys(str(one.spec.model["name"]) for one in every)
    if section.ranked and (left := [name for name in late if name not in found.contestants]):
        again += f" Left out until they have run on every system: {', '.join(left)}."
    blocks = [f"## {section.title}", section.text, again]
    blocks += [f"![{section.title}]({picture})"] if picture else []
    blocks += [f"![mean ranks]({path})" for path in ranks]
    reached = tables.reached(found, section)
    if section.ranked:
        reached = summary(found, section) + f"\n\n<details><summary>every system</summary>\n\n{reached}\n\n</details>"
    blocks += [tables.goals(found, section), reached, tables.published(section)]
    if section.details:
        seeds = tables.every_seed(found, columns, section)
        blocks.append(f"<details><summary>every seed</summary>\n\n{seeds}\n\n</details>")
    return blocks


def command(section: Section) -> str:
    """What computes the runs of a section."""
    files = "".join(f" data.{key}={name}" for key, name in section.files)
    return f"dsr sweep {section.recipe}{files}"
