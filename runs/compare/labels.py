"""Names of what is compared: a task (system, data, how it is judged) and a contestant (model, forcing, training).

Seeds of one (task, contestant) are replicates. Runs with different settings are never pooled: a setting that differs
within a name becomes part of the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dsr.errors import unknown

from .select import Record, flat_settings

OF_TASK = ("data.", "analysis.", "version")
NAMES = ("model.name", "forcing.name")  # these two explain most other differences, so they come first
SHORT = {"model": "model.name", "forcing": "forcing.name"}
HASH_SHOWN = 8
DIGITS, ALL_DIGITS = 6, 17  # of a number; more than six only where values would look alike


def labelled(chosen: Sequence[Record], by: Sequence[str] = ("model",)) -> list[tuple[str, str]]:
    """(task, contestant) of each record.

    by : what a contestant is called after: "model", "forcing", or settings such as "training.alpha". Raises `SpecError`
    for a setting that no run has.
    """
    settings = {text: flat_settings(text) for text in {r["settings"] for r in chosen}}
    known = {key for tree in settings.values() for key in tree}
    keys = [SHORT.get(key, key) for key in by]
    for key in keys:
        if key not in known:
            raise unknown("setting named", key, [*SHORT, *known])
    groups = {(r["settings"], r["system"], r["parameters"]) for r in chosen}
    tasks = {g: f"{g[1]} ({g[2]})" if g[2] else g[1] for g in groups}
    spread = sorted(k for k in known if k.startswith(OF_TASK))
    tasks = _told_apart(tasks, settings, spread, within=lambda group: ())
    digits = {key: _digits(settings.values(), key) for key in keys}
    contestants = {
        g: ", ".join(_named(settings[g[0]], key, digits[key], bare=key in NAMES) for key in keys) for g in groups
    }
    others = [*NAMES, *sorted(k for k in known if not k.startswith(OF_TASK) and k not in NAMES)]
    contestants = _told_apart(contestants, settings, others, within=lambda group: (tasks[group],))
    found = [(r["settings"], r["system"], r["parameters"]) for r in chosen]
    return [(tasks[g], contestants[g]) for g in found]


Group = tuple[str, str, str]


def _told_apart(
    labels: Mapping[Group, str],
    settings: Mapping[str, Mapping[str, Any]],
    keys: Sequence[str],
    within: Callable[[Group], tuple[str, ...]],
) -> dict[Group, str]:
    """Labels with every setting added that differs among groups of the same label (and the same `within`)."""
    result = dict(labels)
    for key in keys:
        values: dict[tuple[str, ...], set[str]] = {}
        for group, label in result.items():
            values.setdefault((label, *within(group)), set()).add(repr(settings[group[0]].get(key)))
        several = {label for (label, *_), found in values.items() if len(found) > 1}
        digits = _digits(settings.values(), key) if several else DIGITS
        result = {
            group: f"{label}, {_named(settings[group[0]], key, digits)}" if label in several else label
            for group, label in result.items()
        }
    return result


def _digits(settings: Iterable[Mapping[str, Any]], key: str) -> int:
    """Six, or as many more as it takes to tell all numbers of a setting apart."""
    numbers = {value for tree in settings if isinstance(value := tree.get(key), int | float)}
    enough = (d for d in range(DIGITS, ALL_DIGITS) if len({_text(value, d) for value in numbers}) == len(numbers))
    return next(enough, ALL_DIGITS)


def _text(value: Any, digits: int) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) else "none" if value is None else str(value)


def _named(settings: Mapping[str, Any], key: str, digits: int, *, bare: bool = False) -> str:
    """The value as a word: "alpha=0.1"; bare: "alrnn"."""
    text = _text(settings.get(key, "none"), digits)
    if key.endswith("sha256"):
        text = text[:HASH_SHOWN]
    return text if bare else f"{short_name(key)}={text}"


def short_name(key: str) -> str:
    """Of a setting: "alpha" for training.alpha, "forcing" for forcing.name."""
    return key.removesuffix(".name").rpartition(".")[2]
