"""What the numbers of a judgement say, in words: one reading per row, and one sentence for the whole.

Judgements arrive as the plain dictionaries of `Judgement.to_dict()`, so that a report can be rebuilt from
its run folder.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsr.fate import DIVERGED, FIXED_POINT, TRANSIENT_CHAOS
from dsr.measure import ENOUGH_PAIRS, in_digits, is_chance, tells_nothing

HIGHER_IS_BETTER = ("valid prediction time",)
AGREEMENT = 2.0  # combined uncertainties
# Lyapunov times after which the rounding of double precision has grown to the error that ends a valid prediction
FORETOLD = math.log(0.4 / sys.float_info.epsilon)
FAR = 2.0  # times the largest of a few true pairs: above, a score differs all the same
MOST_AWAY = 100  # combined uncertainties that are counted
LOST = (DIVERGED, FIXED_POINT, TRANSIENT_CHAOS)  # no attractor to compare with the truth
HEADLINE = ("lambda_1", "D_stsp", "D_H")
DENSITY = ("D_stsp", "D_JS", "sliced Wasserstein")
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Reading:
    """`level`: "agrees", "differs" or "open" (nothing to compare with); `text` says it with numbers, `short` without
    those that stand beside it in a table (empty: the same)."""

    level: str
    text: str
    short: str = ""


@dataclass(frozen=True)
class Verdict:
    """`level` as in `Reading`, or "lost" when there is no attractor to compare; `sentence`: headline."""

    level: str
    sentence: str


def foretold(rows: Sequence[Mapping[str, Any]]) -> float:
    """Steps that a forecast in double precision can be right for, by the rows of a judgement; infinite where they do
    not tell."""
    settings = {row["name"]: row["reconstruction"]["settings"] for row in rows}
    lyapunov_time = settings.get("valid prediction time", {}).get("lyapunov_time", math.inf)
    dt = settings.get("lambda_1", {}).get("dt")
    return FORETOLD * lyapunov_time / dt if dt else math.inf


def reading(row: Mapping[str, Any], steps: float = math.inf) -> Reading:
    """How the reconstruction stands to the truth, its floor or chance, in one row of a judgement.

    steps : see `foretold`; what is at the level of chance after more decides nothing.
    """
    found, truth = row["reconstruction"], row.get("truth")
    if found["value"] is None:
        return Reading("differs" if "diverged" in found["note"] else "open", found["note"] or "no number")
    if truth is not None:
        return _against_truth(found, truth)
    floor = found.get("floor")
    if floor is None:
        return Reading("open", "")
    return _against_chance(found, floor, steps) if is_chance(floor["kind"]) else _against_floor(row, floor)


def verdict(judgement: Mapping[str, Any]) -> Verdict:
    """The headline of a report; "agrees" only if every part does: chaos, lambda_1, D_stsp and D_H."""
    outcome, rows = judgement["outcome"], {row["name"]: row for row in judgement["rows"]}
    if outcome["name"] in LOST:
        return Verdict("lost", f"{_capital(outcome['sentence'])}: there is no attractor to compare with the truth.")
    parts = [f"The free run is {'a cycle' if outcome['name'] == 'cycle' else outcome['name']}"]
    levels = []
    exponent = rows.get("lambda_1 from data") or rows.get("lambda_1")
    if exponent is not None:
        found = exponent["reconstruction"]
        truth = f" against {quantity(exponent['truth'])} of the truth" if exponent.get("truth") else ""
        result = reading(exponent)
        levels.append(result.level)
        parts[0] += f" with {exponent['name']} = {quantity(found)}{truth}" + (
            f" ({result.text})" if result.text else ""
        )
    for name in HEADLINE[1:]:
        if name in rows:
            result = reading(rows[name])
            levels.append(result.level)
            parts.append(f"{name} = {quantity(rows[name]['reconstruction'])} is {result.text}" if result.text else "")
    level = "differs" if "differs" in levels else "open" if "open" in levels or not levels else "agrees"
    # Whether a chaotic run is right is for lambda_1 to say; a run that is not chaotic never passes for chaos.
    if outcome["name"] != "chaotic" and level == "agrees":
        level = "open"
    others = [name for name in rows if name not in (*HEADLINE, "lambda_1 from data")]
    steps = foretold(judgement["rows"])
    off = [name for name in others if reading(rows[name], steps).level == "differs"]
    also = f" Also off: {', '.join(off)}." if off else ""
    return Verdict(level, "; ".join(part for part in parts if part) + f". {CONCLUSION[level]}{also}")


CONCLUSION = {
    "agrees": "By lambda_1, D_stsp and D_H it cannot be told from the truth at this length.",
    "differs": "It can be told from the truth.",
    "open": "Whether it can be told from the truth stays open.",
}


def quantity(measure: Mapping[str, Any], *, unit: bool = True) -> str:
    """Such as "0.906 ± 0.012 per time unit"; a lopsided range in brackets; the note if there is no number."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return measure["note"] or "none"
    known = (math.nan, math.nan) if low is None or high is None else (low, high)
    return _minus(in_digits(value, *known)) + (f" {measure['unit']}" if unit and measure["unit"] else "")


def _against_truth(found: Mapping[str, Any], truth: Mapping[str, Any]) -> Reading:
    if truth["value"] is None:
        return Reading("open", f"truth: {truth['note'] or 'no number'}")
    if truth["name"] != found["name"]:
        return Reading("open", f"another estimator: compare {truth['name']}")
    difference = found["value"] - truth["value"]
    combined = math.hypot(_uncertainty(found), _uncertainty(truth))
    text = f"{difference:+.3g}"
    if abs(truth["value"]) > 3 * combined:
        text += f" ({abs(difference / truth['value']):.1%})".replace("%", " %")
    text = _minus(text)
    if combined == 0:
        return Reading("open", f"{text}, uncertainty unknown")
    away = abs(difference) / combined
    level = "agrees" if away <= AGREEMENT else "differs"
    count = f"more than {MOST_AWAY}" if away > MOST_AWAY else f"{away:.{1 if away < 10 else 0}f}"
    return Reading(level, f"{text}, {count} combined uncertainties")


def _against_floor(row: Mapping[str, Any], floor: Mapping[str, Any]) -> Reading:
    value, surrogate = row["reconstruction"]["value"], row.get("surrogate")
    baselines = [m["value"] for m in (surrogate, row.get("gaussian")) if m and m["value"] is not None]
    known = [math.nan if (bound := row["reconstruction"][key]) is None else bound for key in ("low", "high")]
    if tells_nothing(value, *known, ceiling=max(baselines, default=math.nan), floor_high=floor["high"]):
        return Reading("open", "a score that tells nothing here: noise lies within its floor, too", "tells nothing")
    # D_H of a phase surrogate is zero by construction: there it is no bar to clear.
    if row["name"] in DENSITY and surrogate and surrogate["value"] is not None and value >= surrogate["value"]:
        return Reading("differs", "no better than a phase surrogate")
    times = f"{value / floor['median']:.2g} times" if floor["median"] > 0 else "above"
    if floor["pairs"] < 2:
        return Reading("open", f"{times} a floor known from one pair only ({floor['kind']})")
    if floor["pairs"] < ENOUGH_PAIRS:
        return _against_few(value, floor, times)
    below = f"95 % of true pairs score below {floor['high']:.3g}"
    if value <= floor["high"]:
        return Reading("agrees", f"within the floor ({below})", "within the floor")
    short = f"above the floor, {times} its median"
    return Reading("differs", short.replace("the floor", f"the floor ({below})", 1), short)


def _against_few(value: float, floor: Mapping[str, Any], times: str) -> Reading:
    """Few pairs bound a floor badly: one perfect score in four is above the largest of three."""
    pairs = f"{floor['pairs']} true pairs (20 are needed to tell)"
    if value <= floor["high"]:
        return Reading("open", f"within those of {pairs}", "within few true pairs")
    level = "differs" if value > FAR * floor["high"] else "open"
    return Reading(
        level, f"above those of {pairs}, {times} their median", f"above few true pairs, {times} their median"
    )


def _against_chance(found: Mapping[str, Any], floor: Mapping[str, Any], steps: float) -> Reading:
    higher = found["name"] in HIGHER_IS_BETTER
    if found["value"] > floor["high"] if higher else found["value"] < floor["low"]:
        return Reading("agrees", "better than chance")
    if (ahead := found["settings"].get("n", 0)) > steps:
        return Reading("open", f"{ahead} rows ahead are beyond double precision")
    return Reading("differs", "no better than chance")


def _uncertainty(measure: Mapping[str, Any]) -> float:
    low, high = measure["low"], measure["high"]
    return 0.0 if low is None or high is None else (high - low) / 2


def _minus(number: str) -> str:
    return number.replace("-", MINUS)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
