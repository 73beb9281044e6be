"""`RunSpec`: what a run is, as frozen dataclasses <-> TOML <-> dotted overrides. No torch here: `dsr --help` is quick.

Sections [data], [training] and [analysis] have fixed keys; [model] and [forcing] have a `name` and the keys of that
registry entry, judged when the run is resolved.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsr.errors import SpecError, nearest, unknown
from dsr.registry import from_options, option

LEAST_JUDGED = 20  # rows: of fewer there are no spectra to compare
SEEDS = 2**63  # the index keeps a seed in 64 bits, with a sign


@dataclass(frozen=True)
class SystemData:
    """Train, validation and test are independent trajectories of a benchmark system; only train and validation are
    noisy."""

    system: str = option("", "name of a system (dsr systems), dysts:NAME, or a .toml file with equations")
    parameters: dict | None = option(None, "parameters that differ from the defaults")  # noqa: RUF009
    dt: float | None = option(None, "sampling step; the system's own if not given")
    train: int = option(100_000, "rows of the training trajectory")
    validation: int = option(20_000, "rows of the validation trajectory")
    test: int = option(100_000, "rows of the clean test trajectory")
    noise: float = option(0.0, "observation noise on train and validation, in standard deviations of each column")
    transient: float | None = option(None, "time dropped before each trajectory; 50 periods if not given")
    columns: tuple | None = option(None, "names or indices of the columns that are observed; all if not given")
    embed: str = option("none", "delay embedding of what is observed: none, auto, cao, pecuzal, or such as 3x12")
    floor_trajectories: int = option(20, "independent true trajectories from which the floors are taken")

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _typed(self.system, self.parameters))
        object.__setattr__(self, "columns", _indices(self.columns))
        _at_least("data", self, train=3, validation=3, test=LEAST_JUDGED, floor_trajectories=1)


@dataclass(frozen=True)
class FileData:
    """Train, validation and test are consecutive stretches of a recorded series, or the test is a file of its own."""

    file: str = option("", "path of a .npy .npz .csv .tsv .parquet or .mat file")
    test_file: str = option("", "path of a file whose whole record is the test; the end of `file` if not given")
    truth: str = option("", "name of the system that the data come from: its exponents are the truth")
    truth_mean: tuple | None = option(None, "what was subtracted from each column of `truth`, if anything was")
    truth_std: tuple | None = option(None, "what each column of `truth` was then divided by, if by anything")
    floor_trajectories: int = option(20, "trajectories of `truth`, in the units of the data, for the floors")
    dt: float | None = option(None, "time between rows, unless the file has a time column")
    time_unit: str = option("time units", "unit of dt")
    columns: tuple | None = option(None, "names or indices of the columns to use; all if not given")
    time_column: str | None = option(None, "name or index of the column with the times; none: there is none")
    trajectory_column: str | None = option(None, "name or index of the column that numbers trajectories")
    array: str | None = option(None, "name of the array inside a .npz or .mat file")
    transpose: bool = option(False, "rows and columns are swapped in the file")
    missing: str = option("refuse", "missing values: refuse, or interpolate short gaps")
    resample: bool = option(False, "put irregular samples on a regular grid")
    header: bool | None = option(None, "whether the first line of a text file holds names; seen from it if not given")
    train: float = option(0.7, "fraction of each trajectory, from its start, used for training")
    validation: float = option(
        0.1, "fraction that follows, used to choose among checkpoints; the rest is the test. 0: the training data serve"
    )
    embed: str = option("auto", "delay embedding: auto (one column), cao, pecuzal (any columns), none, or such as 3x12")

    def __post_init__(self) -> None:
        # 0 and "0" are one: the column of that name, or else of that index
        object.__setattr__(self, "columns", self.columns and tuple(map(str, self.columns)))
        _at_least("data", self, floor_trajectories=1)
        _numbers(self, "truth_mean", -math.inf, "finite numbers")
        _numbers(self, "truth_std", 0.0, "positive, finite numbers")


@dataclass(frozen=True)
class AnalysisSpec:
    """How the reconstruction is judged."""

    free_steps: int | None = option(None, "length of the free run; as long as the test series if not given")
    transient: int | None = option(None, "steps dropped from the free run; 1000 at most, if not given")
    bins: int | None = option(None, "bins per dimension of D_stsp; 30 up to 3 dimensions, 8 above, if not given")
    smoothing: float = option(20.0, "smoothing of the power spectra of D_H, in frequency bins")
    starts: int = option(100, "initial conditions of the forecasts")
    lyapunov_steps: int = option(10_000, "steps of each member of the Lyapunov ensemble")
    lyapunov_members: int = option(32, "members of the Lyapunov ensemble")

    def __post_init__(self) -> None:
        _at_least("analysis", self, free_steps=LEAST_JUDGED, transient=0, bins=2, smoothing=0, starts=1)
        _at_least("analysis", self, lyapunov_steps=5, lyapunov_members=1)


@dataclass(frozen=True)
class RunSpec:
    """One run: data -> model -> training -> judgement. `seed` decides data, initial weights and windows.

    Without a name in `forcing`, and for keys that are not in `training`, the model family's recommendation holds.
    """

    data: SystemData | FileData
    model: Mapping[str, Any] = field(default_factory=lambda: {"name": "shplrnn"})
    forcing: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    analysis: AnalysisSpec = field(default_factory=AnalysisSpec)
    seed: int = 0
    experiment: str = "default"

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values without the unset ones: what TOML can hold."""
        return _without_none(dataclasses.asdict(self))


SECTIONS = ("data", "model", "forcing", "training", "analysis")
SUFFIXES = (".npy", ".npz", ".csv", ".tsv", ".parquet", ".mat")


def data_section(source: str) -> dict[str, str]:
    """The [data] section for a command-line SYSTEM|FILE: a file if it looks or exists like one; equations in TOML are a
    system."""
    path = Path(source)
    if is_equations(source):
        return {"system": source}
    if path.suffix.lower() in SUFFIXES or len(path.parts) > 1 or path.exists():
        return {"file": source}
    return {"system": source}


def is_equations(system: str) -> bool:
    """Whether the name of a system is that of a file with its equations."""
    return system.lower().endswith(".toml")


def parse(tree: Mapping[str, Any]) -> RunSpec:
    """A spec from nested plain values; raises `SpecError` naming the nearest key for every unknown one."""
    known = (*SECTIONS, "seed", "experiment")
    for key, value in tree.items():
        if key not in known:
            raise unknown("key in the spec named", key, known)
        if key in SECTIONS and not isinstance(value, Mapping):
            raise SpecError(
                f"{key} = {value!r}", f"a section [{key}] with keys", f"write [{key}] and the keys below it"
            )
    data = dict(tree.get("data", {}))
    if type(columns := data.get("columns")) in (int, str):
        data["columns"] = str(columns).split(",")
    if ("file" in data) == ("system" in data):
        raise SpecError(
            f"a [data] section with {'both' if 'file' in data else 'neither'} of 'system' and 'file'",
            "exactly one of them",
            'write system = "lorenz63" or file = "my.csv" under [data]',
        )
    source: SystemData | FileData
    if "file" in data:
        _of_its_kind(data, FileData, "file", SystemData, "system")
        source = from_options(FileData, data, where="section [data] of a file")
        _fractions(source)
    else:
        _of_its_kind(data, SystemData, "system", FileData, "file")
        source = from_options(SystemData, data, where="section [data] of a system")
    top = from_options(_Top, {k: tree[k] for k in ("seed", "experiment") if k in tree}, where="the spec")
    if not 0 <= top.seed < SEEDS:
        raise SpecError(f"seed = {top.seed}", "a whole number from 0, below 2^63", "write for example seed=1")
    if not top.experiment or any(c in top.experiment for c in "/\\") or top.experiment.startswith("."):
        raise SpecError(f"experiment = {top.experiment!r}", "a folder name without slashes", "choose another name")
    return RunSpec(
        data=source,
        model={"name": "shplrnn", **_named(tree, "model")},
        forcing=_named(tree, "forcing"),
        training=dict(tree.get("training", {})),
        analysis=from_options(AnalysisSpec, tree.get("analysis", {}), where="section [analysis]"),
        seed=top.seed,
        experiment=top.experiment,
    )


def read(path: str | Path) -> dict[str, Any]:
    """The tree of a TOML spec file."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise SpecError(
            f"the spec '{path}' cannot be read ({problem.strerror})",
            "an existing TOML file, or one of the names printed by `dsr recipes`",
            _instead(str(path)),
        ) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        data = Path(path).suffix.lower() in SUFFIXES
        step = f"for a series type dsr reconstruct {path}" if data else "mend that line"
        raise SpecError(f"the spec '{path}' is not TOML ({problem})", "a TOML file", step) from problem


def require_no_system(file: str) -> None:
    """Raises `SpecError` for the name of a system where a data file is needed."""
    if Path(file).exists() or Path(file).suffix:
        return
    from ..systems import system_names

    if file in system_names() or file.startswith("dysts:"):
        name = file.replace(":", "-")
        raise SpecError(
            f"the system '{file}'", "a data file", f"dsr simulate {file} -o {name}.csv, then dsr analyse {name}.csv"
        )


def _instead(name: str) -> str:
    """What to type in place of a spec that is not there."""
    from ..systems import system_names
    from .recipes import recipe_names

    if name in system_names() or name.startswith("dysts:"):
        alike = [other for other in recipe_names() if name in other]
        others = f", or one of the recipes {', '.join(alike)}" if alike else ""
        return f"type dsr reconstruct {name}, for that is a system{others}"
    close = nearest(name.removesuffix(".toml"), recipe_names())
    return f"did you mean the recipe '{close}'?" if close else "check the path"


def override(tree: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """The tree with dotted overrides such as "training.steps=2000" put in; values as in TOML, bare words are text."""
    result = {k: dict(v) if isinstance(v, Mapping) else v for k, v in tree.items()}
    for text in assignments:
        key, equals, value = text.partition("=")
        parts = key.strip().split(".")
        if not equals or len(parts) > 3 or not all(parts):
            raise SpecError(
                f"the argument '{text}'", "key=value with a dotted key", "write for example training.steps=2000"
            )
        target = result
        for part in parts[:-1]:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise SpecError(f"the argument '{text}'", f"'{part}' to be a section", f"set {part}= itself")
        if parts == ["model"] or parts == ["forcing"]:
            result[parts[0]] = {"name": value.strip()}
        else:
            target[parts[-1]] = _literal(value.strip())
    return result


def _literal(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    try:
        return ast.literal_eval(text.replace("_", "") if text.replace("_", "").isdigit() else text)
    except (ValueError, SyntaxError):
        return text


@dataclass(frozen=True)
class _Top:
    seed: int = 0
    experiment: str = "default"


def _named(tree: Mapping[str, Any], section: str) -> dict[str, Any]:
    table = dict(tree.get(section, {}))
    if not isinstance(table.get("name", ""), str):
        raise SpecError(f"{section}.name = {table['name']!r}", "a name in quotes", "see `dsr models`")
    return table


def _of_its_kind(data: Mapping[str, Any], kind: type, name: str, other: type, other_name: str) -> None:
    """Raises `SpecError` for a key that only the other kind of data has."""
    own, others = ({f.name for f in dataclasses.fields(cls)} for cls in (kind, other))
    for key in data:
        if key in others - own:
            raise SpecError(
                f"'{key}' in section [data] of a {name}, '{data[name]}'",
                f"'{key}' for a {other_name} only",
                f"leave it out (data.{key}, or --{key.replace('_', '-')})",
            )


def _typed(system: str, parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The parameters as the system has them: 35 and 35.0 are one run, and so are none and {}."""
    if not parameters:
        return None
    from ..systems import SYSTEMS

    if system in SYSTEMS:
        built = SYSTEMS.build(system, parameters)
        return {key: getattr(built, key) for key in parameters}
    return {key: value + 0.0 if type(value) in (int, float) else value for key, value in parameters.items()}


def _indices(columns: tuple | None) -> tuple | None:
    """Digits are indices, which on the command line are text."""
    return columns and tuple(int(c) if isinstance(c, str) and c.isdecimal() else c for c in columns)


def _at_least(section: str, spec: object, **bounds: int) -> None:
    for key, bound in bounds.items():
        value = getattr(spec, key)
        if value is not None and not bound <= value < math.inf:
            raise SpecError(
                f"{section}.{key} = {value}",
                f"a finite number, {bound} or more",
                f"set {section}.{key}={bound} or higher",
            )


def _numbers(data: FileData, key: str, above: float, accepted: str) -> None:
    values = getattr(data, key) or ()
    if not all(type(value) in (int, float) and above < value < math.inf for value in values):
        raise SpecError(f"data.{key} = {list(values)}", accepted, f"give such a number for each column in data.{key}")


def _fractions(data: FileData) -> None:
    total = data.train + data.validation
    if not (data.train > 0 and data.validation >= 0 and (total < 1 or (data.test_file and total < 1 + 1e-9))):
        raise SpecError(
            f"data.train = {data.train:g} and data.validation = {data.validation:g}",
            "two positive fractions with a sum below 1, or of 1 with a test_file; validation may be 0",
            "set for example data.train=0.7 data.validation=0.1",
        )


def _without_none(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {k: _without_none(v) for k, v in tree.items() if v is not None}
    return list(tree) if isinstance(tree, tuple) else tree
