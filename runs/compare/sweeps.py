"""Which settings a comparison swept: a number that takes several values while every other setting stays as it is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .cells import Count
from .select import flat_settings

LEAST = 3  # values of a sweep


@dataclass(frozen=True)
class Sweep:
    """key : the dotted setting. values : ascending; places : (task, contestant) of each. fixed : what all share."""

    key: str
    values: tuple[float, ...]
    places: tuple[tuple[str, str], ...]
    fixed: str

    @property
    def name(self) -> str:
        return f"{self.key}-{self.fixed}".replace(" ", "-").replace(",", "")


def sweeps(counts: Sequence[Count]) -> list[Sweep]:
    """All sweeps among the groups of a comparison, of three values or more, in order of setting; no two of one name."""
    settings = {(c.task, c.contestant): flat_settings(c.settings) for c in counts if c.settings}
    found = []
    for key in sorted({key for tree in settings.values() for key in tree}):
        groups: dict[str, list[tuple[float, tuple[str, str]]]] = {}
        for place, tree in settings.items():
            value = tree.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                rest = json.dumps({k: v for k, v in tree.items() if k != key}, sort_keys=True)
                groups.setdefault(rest, []).append((float(value), place))
        for group in groups.values():
            ordered = sorted(group)
            if len({value for value, _ in ordered}) >= LEAST:
                values, places = zip(*ordered, strict=True)
                found.append(Sweep(key, values, places, _fixed(places)))
    alike = Counter(sweep.name for sweep in found)  # where names need not tell the rest apart: no value is of both
    return [_with_its_range(sweep) if alike[sweep.name] > 1 else sweep for sweep in found]


def _fixed(places: Sequence[tuple[str, str]]) -> str:
    """The words that the first and the last task share, then those of the contestants: none is of the swept value."""
    words: list[str] = []
    for names in zip(places[0], places[-1], strict=True):
        first, last = (Counter(re.split(r", | \(|\)", name)) for name in names)
        words += [word for word in (first & last).elements() if word]
    return ", ".join(words)


def _with_its_range(sweep: Sweep) -> Sweep:
    return replace(sweep, fixed=f"{sweep.fixed}, {sweep.values[0]:g} to {sweep.values[-1]:g}")
