"""Which families enter a task, and with what settings where the family's own are not meant for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A family in a task. `forcing` and `training` where the recommended ones are left; `search`: draws of the
    family's own settings, judged in closed loop on training data; `exponents` false for models without tangent
    dynamics."""

    label: str
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    forcing: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    exponents: bool = True
    search: int = 0


def plain(*names: str) -> list[Entry]:
    return [Entry(name, name) for name in names]


BASELINES = [Entry(name, name, exponents=False) for name in ("persistence", "climatology", "parroting")] + plain("var")
PLRNNS = plain("plrnn", "mcplrnn", "shplrnn", "dendplrnn", "alrnn", "calrnn")
MEMORY = plain("lstm", "gru", "elman", "antisymmetric", "orthogonal", "lem", "cornn", "deltaproduct")
STATE_SPACE = plain("s4d", "s4", "s5", "lru", "lssl")
RESERVOIRS = plain("esn", "ngrc")
EQUATIONS = plain("sindy", "dmd", "edmd", "koopman")
NODE = plain("node")

EVERYTHING = [*BASELINES, *RESERVOIRS, *NODE, *PLRNNS, *MEMORY, *STATE_SPACE, *EQUATIONS, *plain("vplrnn")]
ENTRIES: dict[str, list[Entry]] = {
    "lorenz63": EVERYTHING,
    "lorenz63_noise": EVERYTHING,
    "ecg": EVERYTHING,
    "lorenz63_x": [*BASELINES, *RESERVOIRS, *MEMORY, *STATE_SPACE],
    "lorenz96_10": [*BASELINES, *RESERVOIRS, *NODE, *plain("shplrnn", "lstm", "gru", "s4d")],
    "lorenz96_20": [*BASELINES, *RESERVOIRS, *NODE, *plain("shplrnn", "lstm", "gru", "s4d")],
    "mackey_glass": [*BASELINES, *RESERVOIRS, *plain("lstm", "gru", "s4d")],
    "kuramoto_sivashinsky": [*BASELINES, *RESERVOIRS, *plain("lstm", "s4d")],
}
