"""Which settings a comparison swept: a number that takes several values while every other setting stays as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

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
    """All sweeps among the groups of a comparison, of three values or more, in order of setting."""
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
                found.append(Sweep(key, values, places, _fixed(places, key)))
    return found


def _fixed(places: Sequence[tuple[str, str]], key: str) -> str:
    """The words of the first task and contestant that do not name the setting."""
    setting = f"{key.rpartition('.')[2]}="
    words = [word for name in places[0] for word in name.split(", ") if not word.startswith(setting)]
    return ", ".join(words)
