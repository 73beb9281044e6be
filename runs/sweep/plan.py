"""From the words of a sweep to its specs: the product of all axes over the spec they start from. No torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from dsr.errors import SpecError, nearest

from ..spec import RunSpec, override, parse
from .words import SHORT, Axis, axes_of_section, axes_of_words

LARGEST = 1_000_000
DEFAULT_MODEL = "shplrnn"
# Another name makes the other keys of its section those of a stranger: they are dropped.
NAMES = {"model.name": "model", "forcing.name": "forcing"}
SHOWN = {long: short for short, long in SHORT.items()}


@dataclass(frozen=True)
class Planned:
    """One combination. label : what distinguishes it, as it would be typed."""

    spec: RunSpec
    label: str


def combinations(tree: Mapping[str, Any], words: Sequence[str] = ()) -> tuple[Planned, ...]:
    """The specs of a sweep with their labels, in the order of the axes: the last one varies fastest.

    tree : a spec, perhaps with a section [sweep]; words : axes as on the command line, which replace those of the
    section with the same keys. Raises `SpecError`, naming the combination, for what can be seen to be wrong without
    building models.
    """
    base = {key: value for key, value in tree.items() if key != "sweep"}
    section = tree.get("sweep", {})
    if not isinstance(section, Mapping):
        raise SpecError(f"sweep = {section!r}", "a section [sweep]", "write [sweep] and below it seed = [0, 1]")
    sectioned, worded = axes_of_section(section), axes_of_words(words)
    axes = _joined(sectioned, worded)
    _require_families(worded, _families(base, axes))
    _require_families(sectioned, _families(base, axes) | _families(base, sectioned))
    count = math.prod(len(axis.choices) for axis in axes)
    if count > LARGEST:
        raise SpecError(f"a sweep of {count} runs", f"{LARGEST} at most", "make it several sweeps over one store")
    found: dict[str, Planned] = {}
    for chosen in product(*(range(len(axis.choices)) for axis in axes)):
        values = _values(base, axes, chosen)
        label = " ".join(f"{SHOWN.get(key, key)}={text}" for key, text in values.items() if _varies(axes, key))
        if label in found:  # an axis of another family makes no difference here
            continue
        try:
            found[label] = Planned(parse(_put(base, values)), label)
        except SpecError as problem:
            raise in_combination(problem, label) from problem
    return tuple(found.values())


def in_combination(problem: SpecError, label: str) -> SpecError:
    """The same error with the combination in which it arose."""
    where = f" in the combination {label}" if label else ""
    return SpecError(f"{problem.got}{where}", problem.accepted, problem.next_step)


def _joined(section: Sequence[Axis], words: Sequence[Axis]) -> list[Axis]:
    """The axes of the words, and before them those of the section whose keys no word sets."""
    said = {(axis.family, key) for axis in words for key in axis.keys}
    axes = [a for a in section if not said & {(a.family, key) for key in a.keys}] + list(words)
    keys = [(axis.family, key) for axis in axes for key in axis.keys]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise SpecError(f"'{twice[1]}' is set by two axes", "one axis for each key", "join their values with commas")
    return axes


def _values(base: Mapping[str, Any], axes: Sequence[Axis], chosen: Sequence[int]) -> dict[str, str]:
    """key -> text of one combination; axes of other families are left out."""
    picked = [(axis, axis.choices[i]) for axis, i in zip(axes, chosen, strict=True)]
    general = {k: text for axis, texts in picked if not axis.family for k, text in zip(axis.keys, texts, strict=True)}
    family = _plain(general.get("model.name", "")) or _name(base, "model") or DEFAULT_MODEL
    own = {k: t for axis, texts in picked if axis.family == family for k, t in zip(axis.keys, texts, strict=True)}
    return general | own


def _families(base: Mapping[str, Any], axes: Sequence[Axis]) -> set[str]:
    """The models that the combinations have."""
    named = [axis for axis in axes if not axis.family and "model.name" in axis.keys]
    found = {_plain(texts[axis.keys.index("model.name")]) for axis in named for texts in axis.choices}
    return found or {_name(base, "model") or DEFAULT_MODEL}


def _require_families(axes: Sequence[Axis], families: set[str]) -> None:
    """Raises `SpecError` for an axis of a model that no combination has."""
    for axis in axes:
        if axis.family and axis.family not in families:
            key, close = axis.keys[0], nearest(axis.family, families)
            raise SpecError(
                f"'{axis.family}:{key}', and no combination with model={axis.family}",
                f"a model of this sweep before the colon: {', '.join(sorted(families))}",
                f"did you mean '{close}:{key}'?" if close else f"add {axis.family} to model=..., or leave the axis out",
            )


def _put(base: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The tree with these values; names first, for a new name empties its section."""
    tree = override(base, [])
    for key, section in NAMES.items():
        if key in values and _plain(values[key]) != _name(base, section):
            tree = override(tree, [f"{section}={_plain(values[key])}"])
    return override(tree, [f"{key}={text}" for key, text in values.items() if key not in NAMES])


def _plain(text: str) -> str:
    return text.strip("\"'")


def _name(base: Mapping[str, Any], section: str) -> str:
    table = base.get(section, {})
    return str(table.get("name", "")) if isinstance(table, Mapping) else ""


def _varies(axes: Sequence[Axis], key: str) -> bool:
    return any(key in axis.keys and (len(axis.choices) > 1 or axis.family) for axis in axes)
