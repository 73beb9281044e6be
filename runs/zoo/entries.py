"""Which families enter a task, and with what settings where the family's own are not meant for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
# a search on training data sets what the families' defaults, made for Lorenz-63, cannot know
SEARCHED = Entry("esn (searched)", "esn", {"units": 500}, search=30)
SEARCHED_NGRC = Entry("ngrc (searched)", "ngrc", search=12)
# with noise, one step says little about the field
WINDOWS = Entry("node (windows of 20)", "node", {}, "none", {}, {"window": 20, "batch_size": 64, "steps": 2000})
# finely sampled and clean: little noise on the input, neighbours that matter in one step
LATTICE = Entry("parallel_esn", "parallel_esn", {"overlap": 2, "input_noise": 0.0})
LATTICE_ESN = Entry(
    "esn (2000 units)",
    "esn",
    {"units": 2000, "leak": 0.72, "spectral_radius": 0.21, "input_scale": 0.02, "bias": 1.47, "bias_spread": 0.0},
)
LATTICE_NGRC = Entry("ngrc (degree 2)", "ngrc", {"degree": 2, "lags": 2})
# a spectrum of thousands of states costs more than all else together, so none is taken
FRONTS = Entry(
    "parallel_esn",
    "parallel_esn",
    {"group_size": 8, "overlap": 6, "units": 600, "input_noise": 1e-4},
    exponents=False,
)
FRONTS_ESN = Entry(
    "esn (2000 local units)",
    "esn",
    {"units": 2000, "input_pattern": "local", "input_noise": 1e-4, "input_scale": 0.3},
    exponents=False,
)
FRONTS_NGRC = Entry("ngrc (degree 2)", "ngrc", {"degree": 2, "lags": 1})
MEMORY = plain("lstm", "gru", "elman", "antisymmetric", "orthogonal", "lem", "cornn", "deltaproduct")
STATE_SPACE = plain("s4d", "s4", "s5", "lru", "lssl")
RESERVOIRS = plain("esn", "ngrc")
EQUATIONS = plain("sindy", "dmd", "edmd", "koopman")
NODE = plain("node")

EVERYTHING = [*BASELINES, *RESERVOIRS, *NODE, *PLRNNS, *MEMORY, *STATE_SPACE, *EQUATIONS, *plain("vplrnn")]
LATTICES = [*BASELINES, LATTICE, LATTICE_ESN, LATTICE_NGRC, *NODE, *plain("sindy", "shplrnn", "lstm", "gru", "s4d")]
ENTRIES: dict[str, list[Entry]] = {
    "lorenz63": [*EVERYTHING, CLEAN_SHALLOW],
    "lorenz63_noise": [*EVERYTHING, SEARCHED, SEARCHED_NGRC, WINDOWS],
    "ecg": [*EVERYTHING, SEARCHED, WINDOWS],
    "lorenz63_x": [*BASELINES, *RESERVOIRS, SEARCHED, SEARCHED_NGRC, *MEMORY, *STATE_SPACE],
    "lorenz96_10": LATTICES,
    "lorenz96_20": [replace(e, exponents=e.exponents and e not in (LATTICE, LATTICE_ESN)) for e in LATTICES],
    "mackey_glass": [*BASELINES, *RESERVOIRS, SEARCHED, SEARCHED_NGRC, *plain("lstm", "gru", "s4d")],
    "kuramoto_sivashinsky": [*BASELINES, FRONTS, FRONTS_ESN, FRONTS_NGRC, *plain("lstm", "s4d")],
}
