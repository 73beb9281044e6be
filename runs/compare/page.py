"""The page of a comparison: tables whose numbers open to their settings, figures, and how to repeat it."""

from __future__ import annotations

import json
import math
from html import escape
from typing import TYPE_CHECKING, Any

from ..report.parts import document, folded, listing, measure_name, verbatim
from ..verdict import HEADLINE
from .cells import Count
from .comparison import Comparison
from .formats import SOURCES
from .grids import number, ranks_grid, runs_grid, tests_grid
from .page_tables import rank_table, runs_table, task_table, test_table
from .pictures import as_html, rank_pictures, sweep_pictures, task_pictures

if TYPE_CHECKING:
    import pyarrow as pa

CSS = """
.measures tbody.block { border-bottom: 1.5px solid #999; }
.measures tbody.block th[rowspan] { padding-right: 1rem; white-space: normal; max-width: 11rem; }
.measures { font-size: .8rem; }
.measures td { white-space: nowrap; } .measures thead th { vertical-align: bottom; }
.measures thead th:last-child { width: auto; }
.measures td.number, .measures td details.number { font-variant-numeric: tabular-nums; }
details.number[open] > div { width: max-content; max-width: 26rem; }
.measures .listing td { white-space: normal; overflow-wrap: break-word; }
.measures td.lost { color: #9a0000; font-weight: 600; }
"""


def comparison_page(found: Comparison, index: pa.Table, command: str) -> str:
    """One HTML page that needs no network and no scripts.

    index : the index with the columns of settings and notes. command : what to type to make it again.
    """
    numbers = iter(range(1, 10_000))
    title = f"Comparison of {_named(found.contestants, 'contestant')} on {_named(found.tasks, 'task')}"
    notes = "".join(f"<li>{measure_name(note)}</li>" for note in found.notes)
    first = [test for test in found.tests if test.measure in HEADLINE]
    others = [test for test in found.tests if test.measure not in HEADLINE]
    sections = {
        "Runs": runs_table(found) + _words(runs_grid(found).note),
        "Ranks over systems": _ranks(found, as_html(rank_pictures(found), numbers)),
        "Sweeps": as_html(sweep_pictures(found), numbers),
    }
    for task in found.tasks:
        table = task_table(found, task, index)
        sections[task] = f"{table}{READING}{as_html(task_pictures(found, task), numbers)}" if table else ""
    tests = test_table(first)
    if others:
        tests += folded("Tests of the other measures", test_table(others))
    settings = "\n".join(_settings(c) for c in found.counts)
    sources = "<ul>" + "".join(f"<li>{escape(source)}</li>" for source in SOURCES) + "</ul>"
    sections |= {
        "Paired tests": tests + _words(tests_grid(found, found.measures).note) if found.tests else "",
        "Make this page again": verbatim(f"{command} -o comparison.html"),
        "Settings and sources": folded("All settings of each system and contestant", settings)
        + folded("Sources", sources),
    }
    head = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict open">{measure_name(summary(found))}</p>',
        f'<ul class="notes">{notes}</ul>' if notes else "",
    ]
    return document(title, head, sections, CSS)


MANY = 6
READING = (
    "<p>n: runs that have the number, of all that ended. After the median in brackets: quartiles over seeds; the "
    "interval is a bootstrap interval of the median. The floor is what the score gives between true trajectories (5, "
    "50, 95 %), where it says chance what unrelated stretches of the truth score as forecasts. Normalised: 0 at the "
    "floor, 1 at the worse of surrogate and Gaussian noise. Click a number for its settings and its values by seed.</p>"
)


def summary(found: Comparison) -> str:
    """How much was compared, what was lost, and who ranks first."""
    runs = sum(c.runs for c in found.counts)
    seeds = sorted({seed for c in found.counts for seed in c.seeds})
    text = f"{runs} runs: {_count(found.contestants, 'contestant')} on {_count(found.tasks, 'task')}, "
    text += f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''}. "
    fates = [(sum(getattr(c, key) for c in found.counts), word) for key, word in FATES.items()]
    lost = [f"{n} {word}" for n, word in fates if n]
    text += f"Of these {', '.join(lost)}." if lost else "All runs ended, and none diverged or collapsed."
    for measure in HEADLINE:
        if ranking := found.rankings.get(measure):
            text += f" By {measure}, {ranking.names[0]} has the best mean rank, {ranking.mean_ranks[0]:.2f}"
            places = sorted({i for group in ranking.groups if 0 in group for i in group[1:]})
            alike = [ranking.names[i] for i in places]
            text += f", and is not told apart from {_and(alike)}." if alike else "."
    return text


FATES = {
    "diverged": "diverged", "collapsed": "collapsed onto a fixed point or cycle", "failed": "failed",
    "unfinished": "not finished",
}  # fmt: skip


def _ranks(found: Comparison, figures: str) -> str:
    if not found.rankings:
        return ""
    headline = [m for m in found.rankings if m in HEADLINE] or list(found.rankings)
    others = [m for m in found.rankings if m not in headline]
    more = folded("Ranks by the other measures", rank_table(found, others)) if others else ""
    return figures + rank_table(found, headline) + more + _words(ranks_grid(found).note)


def _settings(entry: Count) -> str:
    tree: dict[str, Any] = json.loads(entry.settings)
    cost = "unknown" if entry.seconds is None or math.isnan(entry.seconds) else number(entry.seconds)
    head = {"seeds": list(entry.seeds), "seconds, median": cost}
    return f"<h3>{escape(entry.task)}: {escape(entry.contestant)}</h3>{listing({**head, **tree})}"


def _words(text: str) -> str:
    return f"<p>{measure_name(text)}</p>"


def _count(names: tuple[str, ...], word: str) -> str:
    return f"{len(names)} {word}{'s' if len(names) != 1 else ''}"


def _named(names: tuple[str, ...], word: str) -> str:
    """Names in a title; many are counted."""
    return _count(names, word) if len(names) > MANY else _and(names)


def _and(names: tuple[str, ...] | list[str]) -> str:
    """Names in a sentence; many are counted."""
    if len(names) > MANY:
        return f"{len(names)} of them"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
