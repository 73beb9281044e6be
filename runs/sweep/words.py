"""The words of a sweep: `seed=0..9 model=alrnn,esn "zip(data.noise=0,0.05 training.steps=1000,2000)"` -> axes.

A value may be a list with commas, a range of whole numbers with both ends included (0..9, or 0..100..10 in steps of
ten), or a mixture; commas inside quotes and brackets belong to the value. `zip(...)` moves several keys together.
`alrnn:model.relu_units=2,4` holds for one model family only. `system`, `file` and `model` are short for data.system,
data.file and model.name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsr.errors import SpecError

SHORT = {"system": "data.system", "file": "data.file", "model": "model.name", "forcing": "forcing.name"}
RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(\d+))?")
LARGEST_RANGE = 1_000_000
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Axis:
    """What varies together. keys : dotted; choices : for each position one text per key; family : the model family
    that the axis is for, all if empty."""

    keys: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    family: str = ""


def axes_of_words(words: Sequence[str]) -> list[Axis]:
    """One axis for each word of the command line."""
    return [_zip(_split(w[4:-1], " "), w) if w.startswith("zip(") and w.endswith(")") else _axis(w) for w in words]


def axes_of_section(section: Mapping[str, Any]) -> list[Axis]:
    """The axes of a [sweep] section: lists of values, or texts as on the command line; `zip` is a list of tables."""
    groups = section.get("zip", [])
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise SpecError(f"zip = {groups!r} in [sweep]", "a list of tables", "write [[sweep.zip]] and the keys below it")
    axes = [_of_values(key, value) for key, value in _flat(section) if key != "zip"]
    return axes + [_together([_of_values(*item) for item in _flat(group)], "a zip of [sweep]") for group in groups]


def _flat(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(dotted key, value): in TOML `training.steps = [1, 2]` makes a table in a table."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        inner = _flat(value) if isinstance(value, Mapping) else None
        found += [(key, value)] if inner is None else [(f"{key}.{k}", v) for k, v in inner]
    return found


def _of_values(key: str, value: Any) -> Axis:
    if isinstance(value, list):
        return _make(key, [v if isinstance(v, str) and _bare(v) else repr(v) for v in value])
    return _make(key, _items(value) if isinstance(value, str) else [repr(value)])


def _bare(text: str) -> bool:
    """Whether a text stays a text when it is read as on the command line."""
    return bool(re.fullmatch(r"[A-Za-z_][\w:.-]*", text)) and text not in ("true", "false", "True", "False", "None")


def _zip(words: Sequence[str], said: str) -> Axis:
    return _together([_axis(word) for word in words], said)


def _together(axes: Sequence[Axis], said: str) -> Axis:
    """Several axes of one length as one."""
    if len({len(axis.choices) for axis in axes}) != 1 or any(axis.family for axis in axes):
        lengths = ", ".join(f"{axis.keys[0]}: {len(axis.choices)}" for axis in axes)
        raise SpecError(
            f"{said} with values of different number ({lengths})", "as many values for each key", "add the missing ones"
        )
    choices = zip(*(axis.choices for axis in axes), strict=True)
    return Axis(tuple(k for axis in axes for k in axis.keys), tuple(sum(together, ()) for together in choices))


def _axis(word: str) -> Axis:
    key, equals, text = word.partition("=")
    if not equals or not key or not text:
        raise SpecError(f"the word '{word}'", "key=value, key=value,value or key=first..last", "write seed=0..9")
    return _make(key.strip(), _items(text))


def _make(key: str, texts: Sequence[str]) -> Axis:
    family, _, name = key.rpartition(":")
    if not texts:
        raise SpecError(f"no values for '{key}'", "one value or more", f"write {key}=... or leave it out")
    return Axis((SHORT.get(name, name),), tuple((text,) for text in texts), family)


def _items(text: str) -> list[str]:
    """The values of a list: ranges counted out, everything else as it was written."""
    return [item for part in _split(text, ",") for item in _range(part)]


def _range(part: str) -> list[str]:
    found = RANGE.fullmatch(part)
    if found is None:
        return [part]
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if last < first:
        raise SpecError(f"the range {part}", "first..last, upwards", f"write {last}..{first}")
    if step < 1:
        raise SpecError(f"the range {part} in steps of {step}", "steps of 1 or more", f"write {first}..{last}")
    values = range(first, last + 1, step)
    if len(values) > LARGEST_RANGE:
        raise SpecError(
            f"the range {part} of {len(values)} values",
            f"at most {LARGEST_RANGE}",
            f"write {first}..{first + (LARGEST_RANGE - 1) * step}{f'..{step}' if step > 1 else ''}, and the rest later",
        )
    return [str(i) for i in values]


def _split(text: str, separator: str) -> list[str]:
    """Parts between separators outside quotes and brackets. Raises `SpecError` for a bracket or quote left open."""
    parts, open_ones, quote = [""], [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in CLOSING:
            open_ones.append(CLOSING[character])
        elif open_ones and character == open_ones[-1]:
            open_ones.pop()
        elif character == separator and not open_ones:
            parts.append("")
            continue
        parts[-1] += character
    if quote or open_ones:
        missing = quote or open_ones[-1]
        raise SpecError(f"'{text}' without a closing {missing}", "closed quotes and brackets", f"add {missing}")
    return [part.strip() for part in parts if part.strip()]
