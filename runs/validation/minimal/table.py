"""The tables of the section: what runs with each number of rectified units reach, and the best of them beside truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dsr.fate import DIVERGED

from ...markdown import table
from ..tables import number
from .criteria import all_but_words, badness, met, odd_words, succeeds
from .words import LONG, SHORT

Record = Mapping[str, Any]


def by_units(records: Sequence[Record]) -> dict[int, list[Record]]:
    """Number of rectified units -> runs."""
    found: dict[int, list[Record]] = {units: [] for units in sorted({r["relu_units"] for r in records})}
    for record in records:
        found[record["relu_units"]].append(record)
    return found


def best(records: Sequence[Record]) -> Record | None:
    """The best minimal reconstruction: of the runs that miss the fewest criteria the one with the fewest regions, then
    with the nearest words. None where no run has a free run."""
    usable = [r for r in records if r["regions"]]
    return min(usable, key=badness) if usable else None


def values(records: Sequence[Record]) -> str:
    """Medians [quartiles] over the seeds, of runs that neither diverged nor failed."""
    truth = next((r["truth"] for r in records if r["truth"]), None)
    if truth is None:
        return ""
    of: dict[str, Callable[[Record], float | None]] = {
        "regions used": _part("regions", "used"),
        "regions visited": _part("regions", "visited"),
        f"{SHORT}-letter words (in 95 % quantiles of the floor)": lambda r: _words(
            r, lambda w: _floors(w, truth, SHORT)
        ),
        f"words of {LONG} on one side": lambda r: _words(r, lambda w: float(len(odd_words(w, LONG)))),
        "entropy rate": _part("words", "entropy_rate"),
        "topological entropy": _part("words", "topological_entropy"),
        "lambda_1": _measure("lambda_1"),
        "lambda_2": _measure("lambda_2"),
        "Kaplan-Yorke": _measure("Kaplan-Yorke dimension"),
        "entropy rate of regions": _part("regions", "entropy_rate"),
    }
    rows = []
    for units, runs in by_units(records).items():
        kept = [r for r in runs if r["outcome"] not in (DIVERGED, "failed")]
        told = (_quartiles([f(r) for r in kept]) for f in of.values())
        rows.append([str(units), f"{len(kept)} of {len(runs)}", *told])
    own = {"entropy rate": "entropy_rate", "topological entropy": "topological_entropy"}
    known = [number(truth["entropies"][own[name]]) if name in own else _true_measure(records, name) for name in of]
    tossed = {"words": truth["coin"], "regions": None, "measures": {}}
    coin = ["a fair coin", "", *(_quartiles([f(tossed)]) for f in of.values())]
    return table(["rectified units", "with numbers", *of], [["truth", "", *known], coin, *rows])


def counts(records: Sequence[Record]) -> str:
    """How many runs meet each criterion, and all of them."""
    names = list(met(records[0]))
    rows = []
    for units, runs in by_units(records).items():
        found = [met(r) for r in runs]
        counted = [*(sum(f[n] for f in found) for n in names), sum(map(all_but_words, runs))]
        rows.append([str(units), str(len(runs)), *map(str, counted), _share(runs)])
    return table(["rectified units", "runs", *names, "all but words", "all: succeed"], rows)


def verdict(records: Sequence[Record]) -> str:
    """The fewest regions with which a run succeeds, and with which most do; or that none does."""
    good = [r for r in records if succeeds(r)]
    if not good:
        return _none_succeeds(records)
    fewest = min(r["regions"]["used"] for r in good)
    text = f"{len(good)} of {len(records)} runs succeed; the fewest regions with which one does are **{fewest}**"
    most = [(units, runs) for units, runs in by_units(records).items() if 2 * sum(map(succeeds, runs)) > len(runs)]
    if not most:
        return text + f". With no number of rectified units most runs succeed.{_but_words(records)}"
    units, runs = most[0]
    used = _quartiles([float(r["regions"]["used"]) for r in runs if r["regions"]])
    text += f". Most runs succeed from {_units(units)} on ({_share(runs)}; {used} regions used)."
    return text + _but_words(records)


def _none_succeeds(records: Sequence[Record]) -> str:
    nearest, several = best(records), len(records) > 1
    none = f"**None of {len(records)} runs succeeds.**" if several else "**The one run does not succeed.**"
    if nearest is None:
        return none
    lacks = [name for name, ok in met(nearest).items() if not ok]
    who = f"Seed {nearest['seed']} with {_units(nearest['relu_units'])}" if several else "It"
    used = f"uses {nearest['regions']['used']} regions"
    used += "; of the runs that miss no more it uses the fewest" if several else ""
    return f"{none} {who} misses {', '.join(lacks)}, and {used}.{_but_words(records)}"


def _but_words(records: Sequence[Record]) -> str:
    """Of several runs those that would succeed if how often a word occurs did not matter, where these are more."""
    good = [r for r in records if all_but_words(r)]
    if len(records) < 2 or len(good) == sum(map(succeeds, records)):
        return ""
    fewest = min(r["regions"]["used"] for r in good)
    small = sum(r["regions"]["used"] == fewest for r in good)
    return (
        f" All but the frequencies of words are right in {len(good)}, in {small} of them with {fewest} regions (a "
        "count that was added when the runs were there)."
    )


def fixed_points(record: Record) -> str:
    """Fixed points of the equations and the nearest ones of a model, with the rates along their leading directions."""
    rows = []
    names = record["truth"]["names"]
    for true, beside in zip(record["truth"]["points"], record["beside"], strict=True):
        inside = "" if true["required"] else " (outside the attractor's box)"
        rows.append(["equations" + inside, "", *_point(true), ""])
        if beside["match"] is not None:
            found = record["points"][beside["match"]]
            state = "real" if found["real"] else "virtual"
            rows.append([f"model, {state}", found["region"] or "all", *_point(found), f"{beside['distance']:.2f}"])
    head = ["fixed point of", "region", *names, "growing directions", "leading rates", "distance (sd)"]
    return table(head, rows, numbers=False)


def _point(point: Mapping[str, Any]) -> list[str]:
    rates = sorted((complex(*r) for r in point["rates"] if r[0] is not None), key=lambda r: -r.real)
    shown = [r for r in rates if r.imag >= 0][:2]
    texts = [f"{r.real:.3g}" + (f" ± {r.imag:.3g}i" if r.imag > 1e-9 else "") for r in shown]
    return [*(f"{x:.3g}" if abs(x) > 1e-9 else "0" for x in point["point"]), str(point["unstable"]), ", ".join(texts)]


def _part(section: str, key: str) -> Callable[[Record], float | None]:
    return lambda record: record[section][key] if record[section] else None


def _measure(name: str) -> Callable[[Record], float | None]:
    return lambda record: record["measures"].get(name, (None,))[0]


def _words(record: Record, f: Callable[[Mapping[str, Any]], float]) -> float | None:
    return f(record["words"]) if record["words"] else None


def _floors(words: Mapping[str, Any], truth: Mapping[str, Any], n: int) -> float:
    return float(words["divergence"][str(n)] / truth["floors"][str(n)][2])


def _true_measure(records: Sequence[Record], name: str) -> str:
    full = {"Kaplan-Yorke": "Kaplan-Yorke dimension"}.get(name, name)
    pairs = [r["measures"][full] for r in records if full in r["measures"]]
    return number(pairs[0][1]) if pairs else ""


def _quartiles(found: Sequence[float | None]) -> str:
    numbers = [x for x in found if x is not None]
    if not numbers:
        return ""
    low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    return number(float(middle)) + (f" [{number(float(low))}, {number(float(high))}]" if len(numbers) > 1 else "")


def _share(runs: Sequence[Record]) -> str:
    return f"{sum(map(succeeds, runs))} of {len(runs)}"


def _units(count: int) -> str:
    return f"{count} rectified unit{'' if count == 1 else 's'}"
