"""Tables of the page of a comparison: every number opens to what it depends on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ..report.parts import listing, measure_name, opens
from .cells import Cell, Count
from .comparison import Comparison
from .grids import TEST_HEAD, cell_texts, group_letters, number, ranks_grid, runs_grid, signed, task_grid
from .median_interval import LEVEL, RESAMPLES, SEED, reachable_coverage
from .pair_tests import PairTest, typical

if TYPE_CHECKING:
    import pyarrow as pa

OPENED = ("note", "measure_settings", "truth_settings")  # of the index, beside what statistics need
NOTHING = '<td class="none">–</td>'  # noqa: RUF001


def runs_table(found: Comparison) -> str:
    """Fates of the runs; each count opens to the runs it counts."""
    blocks = []
    for task, counts in itertools.groupby(found.counts, key=lambda c: c.task):
        blocks.append(_block(escape(task), [_run_row(c) for c in counts]))
    return _table(runs_grid(found).head, blocks)


def _run_row(c: Count) -> list[str]:
    told = listing(dict(c.reasons)) if c.reasons else ""
    cells = [_row_head(c.contestant), opens(str(c.runs), listing({"seeds": list(c.seeds)}))]
    for n in (c.diverged, c.collapsed, c.not_chaotic, c.failed, c.unfinished):
        cells.append(opens(str(n), told) if n else "<td>0</td>")
    return [*cells, NOTHING if c.seconds is None else f"<td>{number(c.seconds)}</td>"]


def task_table(found: Comparison, task: str, index: pa.Table) -> str:
    """Every measure of every contestant on one task; nothing where no run finished."""
    index = index.select(["seed", "value", "low", "high", *OPENED])
    mine = [cell for cell in found.cells if cell.task == task]
    blocks = []
    for measure, group in itertools.groupby(mine, key=lambda c: c.measure):
        cells = list(group)
        unit = next((c.unit for c in cells if c.unit), "")
        name = measure_name(measure) + (f'<br><span class="unit">{escape(unit)}</span>' if unit else "")
        blocks.append(_block(name, [_measure_row(cell, index) for cell in cells]))
    if not blocks:
        return ""
    head = [h if h != "median" else "median [quartiles]" for h in task_grid(found, task).head if h != "quartiles"]
    return _table(head, blocks)


def _measure_row(c: Cell, index: pa.Table) -> list[str]:
    name, n, median, quartiles, interval, truth, floor, surrogate, gaussian, normalised = cell_texts(c)
    rows = index.take(list(c.rows)).to_pylist() if c.rows else []
    about = {"definition": f"version {c.version}", **_shared(row["measure_settings"] for row in rows)}
    seeds = {f"seed {row['seed']}": _value(row) for row in rows}
    whole = listing({"measure": c.measure, **about, **seeds})
    bootstrap = {
        "what": "percentile bootstrap of the median over seeds",
        "level": f"{LEVEL:.0%}".replace("%", " %"),
        "largest possible coverage": f"{reachable_coverage(c.values):.2%}".replace("%", " %"),
        "resamples": RESAMPLES,
        "seed of resampling": SEED,
    }
    true = {"what": "median over seeds", **_shared(row["truth_settings"] for row in rows if row["truth_settings"])}
    pairs = {"between": c.floor_kind, "pairs": c.floor_pairs, "what": "median over seeds of each quantile"}
    if c.within_floor is not None:
        pairs["runs below its 95 % quantile"] = f"{c.within_floor} of {c.runs}"
    if c.tells_nothing:
        pairs["but"] = "both baselines lie below it: such a score tells nothing"
    surrogates = {"what": "phase surrogate of the test series, median over seeds", **about}
    noise = {"what": "Gaussian noise with the covariance of the test series, median over seeds", **about}
    scale = {"what": "(value - floor) / (worse baseline - floor), median over seeds; floor: its median"}
    lost = ' class="lost"' if c.values < c.runs else ""
    return [
        _row_head(name),
        f"<td{lost}>{n}</td>",
        opens(escape(f"{median} {quartiles}".rstrip()), whole),
        _or_nothing(interval, bootstrap),
        _or_nothing(truth, true),
        _or_nothing(floor, pairs),
        _or_nothing(surrogate, surrogates),
        _or_nothing(gaussian, noise),
        _or_nothing(normalised, scale),
    ]


def rank_table(found: Comparison, measures: Sequence[str]) -> str:
    """Mean ranks by the given measures; each opens to the typical loss on each system."""
    losses = {(c.measure, c.contestant, c.task): typical(c.losses) for c in found.cells if c.losses}
    blocks = []
    for measure in measures:
        r = found.rankings[measure]
        letters, others = group_letters(r.groups, r), group_letters(r.nemenyi_groups, r)
        whole = {"systems": list(r.systems), "chi-squared": r.friedman, "degrees of freedom": len(r.names) - 1}
        rows = []
        for i, name in enumerate(r.names):
            each = {task: number(losses[measure, name, task]) for task in r.systems}
            mean = opens(f"{r.mean_ranks[i]:.2f}", listing({"median loss over seeds (inf: lost)": each}))
            cells = [_row_head(name), mean, f"<td>{letters[i]}</td>", f"<td>{others[i]}</td>"]
            if i == 0:
                cells += [opens(number(r.friedman_p), listing(whole)), f"<td>{r.critical_difference:.2f}</td>"]
            else:
                cells += ["<td></td>", "<td></td>"]
            rows.append(cells)
        blocks.append(_block(measure_name(measure), rows))
    return _table(ranks_grid(found).head, blocks)


def test_table(tests: Sequence[PairTest]) -> str:
    """Paired tests, by measure."""
    if not tests:
        return ""
    blocks = []
    for measure, group in itertools.groupby(tests, key=lambda t: t.measure):
        rows = []
        for t in group:
            about = {"difference of losses, median": t.difference, "smallest p possible": t.least, "pairs": t.pairs}
            cells = [f"<td>{escape(text)}</td>" for text in (t.scope, t.a, t.b, str(t.pairs))]
            cells += [opens(signed(f"{t.effect:+.2f}"), listing(about)), f"<td>{number(t.p)}</td>"]
            rows.append([*cells, f"<td>{number(t.p_holm)}</td>"])
        blocks.append(_block(measure_name(measure), rows))
    return _table(TEST_HEAD, blocks)


def _shared(texts: Iterable[str]) -> dict[str, Any]:
    """Settings that all runs share, and for others the range over seeds."""
    trees = [json.loads(text) for text in texts]
    keys = dict.fromkeys(key for tree in trees for key in tree)
    return {key: _over_seeds([tree.get(key) for tree in trees]) for key in keys}


def _over_seeds(values: Sequence[Any]) -> Any:
    if all(value == values[0] for value in values):
        return values[0]
    if all(isinstance(v, int | float) for v in values):
        return f"{min(values):.6g} to {max(values):.6g} over seeds"
    return "differs between seeds"


def _value(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return row["note"] or "none"
    error = "" if row["low"] is None or row["high"] is None else f" ± {(row['high'] - row['low']) / 2:.2g}"
    return f"{row['value']:.6g}{error}" + (f" ({row['note']})" if row["note"] else "")


def _or_nothing(text: str, about: Mapping[str, Any]) -> str:
    return opens(escape(text), listing(about)) if text else NOTHING


def _row_head(name: str) -> str:
    return f'<th scope="row">{escape(name)}</th>'


def _block(name: str, rows: Sequence[Sequence[str]]) -> str:
    """Rows that share a head, a body of the table of their own."""
    head = f'<th scope="rowgroup" rowspan="{len(rows)}">{name}</th>'
    lines = [f"<tr>{head if i == 0 else ''}{''.join(cells)}</tr>" for i, cells in enumerate(rows)]
    return '<tbody class="block">\n' + "\n".join(lines) + "\n</tbody>"


def _table(head: Sequence[str], blocks: Sequence[str]) -> str:
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "\n".join(blocks)
    return f'<div class="scroll"><table class="measures"><thead><tr>{columns}</tr></thead>\n{body}</table></div>\n'
