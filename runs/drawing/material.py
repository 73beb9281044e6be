"""What the figures of a run are drawn from: its data, model, free run and judgement, each read when first asked for."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dsr.errors import StoreError
from dsr.measure import Floor, Measure
from dsr.series import TimeSeries

from ...analysis import LyapunovSpectrum, Row
from ..manifest import require_whole
from ..store import RunFolder, RunStore
from .reason import NotApplicable

if TYPE_CHECKING:
    from dsr.models import Model
    from dsr.training import History

    from ...systems import System
    from ..spec import RunSpec

FORECAST_LYAPUNOV_TIMES = 10
ROWS, TRANSIENT = 20_000, 1000  # of the free run in latent states
READ = ("measures.json", "spec.toml", "resolved.json", "env.json", "course.json", "history.csv", "generated.npz")
MEASURES = ("truth", "reconstruction", "surrogate", "gaussian")


class RunMaterial:
    """The parts of a finished run. Data of a system are simulated again from the spec (the same bytes).

    test, model : where they are at hand already. Raises `StoreError` for a folder without results, files that are not
    what was computed, and data that are not those of the run.
    """

    def __init__(self, folder: RunFolder, *, test: TimeSeries | None = None, model: Model | None = None) -> None:
        self.folder = folder
        require_whole(folder, READ)
        found, spec = folder.read_json("measures.json"), folder / "spec.toml"
        if found is None or not spec.exists():
            raise StoreError(f"the run '{folder.path}' has no results", "a finished run", f"finish it: dsr run {spec}")
        self.measures: dict[str, Any] = found
        if test is not None:
            self.test = test
        if model is not None:
            self.model = model

    @cached_property
    def spec(self) -> RunSpec:
        from ..spec import parse, read

        return parse(read(self.folder / "spec.toml"))

    @cached_property
    def test(self) -> TimeSeries:
        """The test series."""
        from ..dataset import prepare
        from ..series_cache import SeriesCache

        self._require_data()
        return prepare(self.spec, SeriesCache.of(RunStore(self.folder.path.parent.parent))).test

    def _require_data(self) -> None:
        """Raises `StoreError` where a file that the data come from has changed since."""
        from ..resolve import changed_files

        changed = changed_files(self.spec, (self.folder.read_json("resolved.json") or {}).get("data", {}))
        if changed:
            raise StoreError(
                f"{', '.join(changed)} changed since the run '{self.folder.path}' was computed",
                "the files that it was computed from",
                f"put them back, or compute a run of what they are now: dsr run {self.folder / 'spec.toml'}",
            )

    @cached_property
    def generated(self) -> TimeSeries | None:
        """The free run; None where it was lost at once."""
        path = self.folder / "generated.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as stored:
            return TimeSeries(stored["values"], self.test.dt, self.test.time_unit, self.test.names)

    @cached_property
    def model(self) -> Model:
        from ..weights import load_model

        return load_model(self.folder.path)

    @cached_property
    def system(self) -> System | None:
        """The system behind the data, None for files."""
        from ...systems import get_system
        from ..spec import SystemData

        data = self.spec.data
        return get_system(data.system, **(data.parameters or {})) if isinstance(data, SystemData) else None

    @property
    def lost(self) -> int | None:
        """The step at which the free run diverged."""
        outcome = self.measures["outcome"]
        return outcome["step"] if outcome["name"] == "diverged" else None

    @property
    def rows(self) -> list[Row]:
        found = self.measures["rows"]
        return [Row(row["name"], *(row[key] and _measure(row[key]) for key in MEASURES)) for row in found]

    @property
    def exponent(self) -> Measure | None:
        """lambda_1 of the truth per unit of time, as the run compared with it; None where unknown."""
        return next((row.truth for row in self.rows if row.name == "lambda_1"), None)

    @property
    def rate(self) -> float:
        """Its value; NaN where unknown."""
        return math.nan if self.exponent is None else self.exponent.value

    @property
    def lyapunov_time(self) -> float | None:
        return 1 / self.rate if self.rate > 0 else None

    @property
    def truth_spectrum(self) -> LyapunovSpectrum | None:
        return self._spectrum("truth_spectrum")

    @property
    def spectrum(self) -> LyapunovSpectrum | None:
        return self._spectrum("spectrum")

    def _spectrum(self, key: str) -> LyapunovSpectrum | None:
        found = self.measures.get(key)
        if not found:
            return None
        settings = found["settings"]
        lost = found["diverged"] == settings["members"]  # else an exponent that is no number was minus infinity
        exponents = _numbers(found["exponents"], math.nan if lost else -math.inf)
        stderr = _numbers(found["stderr"], math.nan)
        return LyapunovSpectrum(
            exponents, stderr, np.diag(stderr**2), settings["dt"], settings["steps"], settings["members"],
            found["diverged"], exponents[None], np.array([math.nan]), settings,
        )  # fmt: skip

    @cached_property
    def forecast(self) -> np.ndarray:
        """(n, dim), prediction from the first rows of the test series over ten Lyapunov times, or 1000 rows."""
        span = FORECAST_LYAPUNOV_TIMES * self.lyapunov_time / self.test.dt if self.lyapunov_time else 1000
        n = max(1, int(min(span, len(self.test) - self.model.min_context)))
        context = self.test.values[None, : self.model.min_context]
        return self.model.free_run(self.model.initial_state(context), n).observations[0]

    @cached_property
    def latent(self) -> tuple[np.ndarray, np.ndarray]:
        """States (time, M) and observations (time, dim) of a free run after its transient; refused if it diverges."""
        context = self.test.values[None, : self.model.min_context]
        found = self.model.free_run(self.model.initial_state(context), TRANSIENT + ROWS)
        if found.diverged_at[0] >= 0:
            step = self.lost if self.lost is not None else int(found.diverged_at[0])
            raise NotApplicable(f"the free run diverged at step {step:,}")
        return found.states[0, TRANSIENT:], found.observations[0, TRANSIENT:]

    @cached_property
    def history(self) -> History:
        """The course of the training, from history.csv and course.json."""
        from dsr.training.history import Check, History

        with open(self.folder / "history.csv", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        course = (self.folder.read_json("course.json") or {})["training"]
        count = sum(name.startswith("loss_") for name in lines[0]) if lines else 0
        checks = [line for line in lines if line.get("fate_0")]

        def of(line: Mapping[str, str], name: str) -> tuple[str, ...]:
            return tuple(line[f"{name}_{k}"] for k in range(count))

        return History(
            course["steps"],
            np.array([int(line["step"]) for line in lines]),
            np.array([[float(x) for x in of(line, "loss")] for line in lines]),
            tuple(
                Check(
                    int(line["step"]),
                    tuple(map(float, of(line, "score"))),
                    tuple(map(float, of(line, "lambda_1"))),
                    of(line, "fate"),
                )
                for line in checks
            ),
            course["selected step"],
            course["selected member"] - 1,
            (),
            course["outcome"],
            course["backend"],
            course["seconds"],
        )


def _measure(tree: Mapping[str, Any]) -> Measure:
    """A measure from its plain values: None is NaN."""
    numbers = {key: math.nan if tree[key] is None else tree[key] for key in ("value", "low", "high")}
    floor = tree.get("floor")
    return Measure(**{**tree, **numbers, "floor": None if floor is None else Floor(**floor)})


def _numbers(values: list[float | None], none: float) -> np.ndarray:
    return np.array([none if v is None else v for v in values], dtype=float)
