"""Generators of chaotic time series: own systems with published and computed invariants, and all that dysts has.

`get_system("lorenz63", rho=30.0).simulate(10_000, transient=50, seed=0)`; systems of dysts as "dysts:NAME".
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any

from dsr.errors import SpecError

from . import (  # noqa: F401  (each registers itself)
    flows,
    henon,
    ikeda_delay,
    kuramoto_sivashinsky,
    lorenz63,
    lorenz96,
    mackey_glass,
    maps,
    rossler,
)
from .base import SYSTEMS, Published, System
from .ensemble import Ensemble, parameter_family, simulate_ensemble
from .ensemble_tangent import ensemble_tangent_map
from .from_dysts.catalogue import DYSTS_PREFIX, KINDS, dysts_names, load_dysts
from .own.from_function import from_function
from .own.from_text import SUFFIX, from_text, from_toml
from .truth_table import GroundTruth, ground_truth, table

__all__ = [
    "SYSTEMS",
    "Ensemble",
    "GroundTruth",
    "Published",
    "System",
    "dysts_names",
    "ensemble_tangent_map",
    "from_function",
    "from_text",
    "from_toml",
    "get_system",
    "ground_truth",
    "parameter_family",
    "simulate_ensemble",
    "system_names",
    "table",
]

# An own system is suggested although one of dysts is spelt this much closer: it has published invariants.
OWN_PREFERENCE = 0.15


def system_names() -> list[str]:
    """Names of the own systems, sorted. Those of dysts are listed by `dysts_names`."""
    return list(SYSTEMS)


def get_system(name: str, **parameters: Any) -> System:
    """The system of that name ("lorenz63", "dysts:Chua"; a path ending in .toml is a file with
    equations, see `from_toml`), with these parameters in place of the defaults.

    Its warning says so where the table of ground truth did not find it chaotic at these parameters. Raises `SpecError`
    for an unknown name or parameter, with the nearest match.
    """
    if name.lower().endswith(SUFFIX):
        return from_toml(name, **parameters)
    if name.startswith(DYSTS_PREFIX):
        return _flagged(load_dysts(name.removeprefix(DYSTS_PREFIX), parameters))
    if name not in SYSTEMS:
        close = _closest(name)
        raise SpecError(
            f"there is no system '{name}'",
            "one of those printed by `dsr systems`",
            f"did you mean '{close}'?  Type it in place of '{name}'" if close else "choose one of them",
        )
    return _flagged(SYSTEMS.build(name, parameters).build())


def _flagged(system: System) -> System:
    system = dataclasses.replace(system, catalogued=True)
    truth = ground_truth(system)
    if truth is None or truth.verdict == "chaotic" or "chaotic" in system.warning:
        return system
    said = [system.warning, f"not found chaotic at these parameters: {truth.reason}"]
    return dataclasses.replace(system, warning="; ".join(text for text in said if text))


def _closest(name: str) -> str | None:
    """The nearest own system, or the nearest of dysts where that is clearly nearer ("Lorenz84")."""
    own, own_match = _best_match(name, list(SYSTEMS))
    if own_match > 1.0 - OWN_PREFERENCE:
        return own  # whatever dysts holds: do not wait for its import
    other, other_match = _best_match(name, [known for kind in KINDS for known in dysts_names(kind)])
    if max(own_match, other_match) < 0.5:
        return None
    return own if own_match > other_match - OWN_PREFERENCE else DYSTS_PREFIX + other


def _best_match(name: str, known: list[str]) -> tuple[str, float]:
    match = {k: difflib.SequenceMatcher(None, name.lower(), k.lower()).ratio() for k in known}
    best = max(match, key=lambda k: match[k])
    return best, match[best]
