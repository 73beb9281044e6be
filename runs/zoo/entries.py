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
    forcing_options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    exponents: bool = True
    search: int = 0


def plain(*names: str) -> list[Entry]:
    return [Entry(name, name) for name in names]


BASELINES = [Entry(name, name, exponents=False) for name in ("persistence", "climatology", "parroting")] + plain("var")
PLRNNS = plain("plrnn", "mcplrnn", "shplrnn", "dendplrnn", "alrnn", "calrnn")
# without noise in the data none is added, and the forcing may be strong: the windows only have to be followed closely
CLEAN_SHALLOW = Entry(
    "shplrnn (clean)",
    "shplrnn",
    {"hidden_dim": 200},
    "generalized",
    {"alpha": 0.5},
    {"steps": 200_000, "window": 5, "noise": 0.0, "learning_rate": 3e-3, "final_learning_rate": 1e-6},
)
# a search on training data sets what the family's defaults, made for Lorenz-63, cannot know
SEARCHED = Entry("esn (searched)", "esn", {"units": 500}, search=30)
MEMORY = plain("lstm", "gru", "elman", "antisymmetric", "orthogonal", "lem", "cornn", "deltaproduct")
STATE_SPACE = plain("s4d", "s4", "s5", "lru", "lssl")
RESERVOIRS = plain("esn", "ngrc")
EQUATIONS = plain("sindy", "dmd", "edmd", "koopman")
NODE = plain("node")

EVERYTHING = [*BASELINES, *RESERVOIRS, *NODE, *PLRNNS, *MEMORY, *STATE_SPACE, *EQUATIONS, *plain("vplrnn")]
ENTRIES: dict[str, list[Entry]] = {
    "lorenz63": [*EVERYTHING, CLEAN_SHALLOW],
    "lorenz63_noise": [*EVERYTHING, SEARCHED],
    "ecg": [*EVERYTHING, SEARCHED],
    "lorenz63_x": [*BASELINES, *RESERVOIRS, SEARCHED, *MEMORY, *STATE_SPACE],
    "lorenz96_10": [*BASELINES, *RESERVOIRS, SEARCHED, *NODE, *plain("shplrnn", "lstm", "gru", "s4d", "parallel_esn")],
    "lorenz96_20": [*BASELINES, *RESERVOIRS, SEARCHED, *NODE, *plain("shplrnn", "lstm", "gru", "s4d", "parallel_esn")],
    "mackey_glass": [*BASELINES, *RESERVOIRS, SEARCHED, *plain("lstm", "gru", "s4d")],
    "kuramoto_sivashinsky": [*BASELINES, *RESERVOIRS, SEARCHED, *plain("lstm", "s4d", "parallel_esn")],
}
