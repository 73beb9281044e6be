"""What the table has entries of: the catalogue at its defaults, and a few systems at other parameters too."""

from __future__ import annotations

from collections.abc import Sequence

from dsr.errors import SpecError

from ...systems import System, dysts_names, get_system, system_names
from ...systems.from_dysts.catalogue import DYSTS_PREFIX, KINDS
from ..spec import override

OTHER_PARAMETERS = (
    "lorenz96 dim=10",
    "lorenz96 dim=40",
    "mackey_glass tau=23.0",
    "mackey_glass tau=30.0",
)


def every_label() -> list[str]:
    """All of the table: our own systems, then what dysts has."""
    ours = sorted([*system_names(), *OTHER_PARAMETERS])
    return ours + [DYSTS_PREFIX + name for kind in KINDS for name in dysts_names(kind)]


def labels_of(words: Sequence[str]) -> list[str]:
    """Words of a command line as labels: key=value belongs to the name before it.

    Raises `SpecError` where there is none before it.
    """
    labels: list[str] = []
    for word in words:
        if "=" not in word:
            labels.append(word)
        elif labels:
            labels[-1] += f" {word}"
        else:
            raise SpecError(f"'{word}' first", "the name of a system, then its parameters", f"lorenz63 {word}")
    return labels


def system_of(label: str) -> System:
    """The system of a label; raises `SpecError` for an unknown name or parameter."""
    name, *parameters = label.split()
    return get_system(name, **override({}, parameters))
