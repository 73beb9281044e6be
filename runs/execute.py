"""One run from spec to report: data -> model -> training -> judgement -> figures -> report, resumable at any point."""

from __future__ import annotations

import dataclasses
import io
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from dsr.errors import StoreError
from dsr.models import Model, ModelConfig
from dsr.series import TimeSeries
from dsr.training import Forcing, History, fit
from dsr.training.backends import backend_report, choose_backend
from dsr.training.windows import require_rows

from ..analysis import Judgement, judge
from . import toml
from .claim import claimed
from .dataset import Dataset, prepare, truth_spectrum
from .drawing import RunMaterial, draw_all
from .environment import environment
from .floors import KnownFloors
from .manifest import damage, empty, seal, state
from .report import history_summary, write_report
from .resolve import Resolved, resolve
from .searching import search_settings
from .series_cache import SeriesCache
from .spec import RunSpec
from .store import RunFolder, RunStore
from .threads import one_thread
from .weights import CHECKPOINT, MEMBERS, WEIGHTS, read_tensors, to_bytes


class Progress(Protocol):
    """Where a run says what it is doing; the command line draws it, a script stays silent."""

    def stage(self, text: str) -> None: ...
    def step(self, step: int, steps: int, loss: float) -> None: ...


class Silent:
    def stage(self, text: str) -> None: ...
    def step(self, step: int, steps: int, loss: float) -> None: ...


@dataclass(frozen=True)
class RunResult:
    """`table` is the invariants table as text; `reused` says that the run was found finished in the store."""

    folder: RunFolder
    measures: dict[str, Any]
    table: str
    reused: bool


class Pruned(Exception):
    """Raised by whoever watches a run to stop it for good; the reason and `more` are left in its status.json."""

    def __init__(self, reason: str, **more: Any) -> None:
        super().__init__(reason)
        self.more = more


def execute(
    spec: RunSpec,
    store: RunStore,
    *,
    progress: Progress | None = None,
    checkpoint_seconds: float = 10.0,
    report: bool = True,
) -> RunResult:
    """Compute a run, or finish one that was interrupted, or return one that is already there.

    report : whether figures and report are drawn, which takes seconds; `dsr report` draws them at any time.

    Nothing is written before data, model and settings have been judged. Raises the `DsrError` of whatever is wrong;
    an error or interruption after that is recorded in status.json. A finished run whose files are not what was
    computed is computed again. Raises `RunClaimed` while another process is computing the same run.
    """
    run = ActiveRun(spec, store, progress or Silent())
    if run.is_finished:
        return result_of(run.folder, reused=True)
    began = time.process_time()
    with one_thread():
        run.prepare()
        run.create()
        with claimed(run.folder.path), recorded(run.folder):
            if run.settled() == "finished":  # by another process, while this one prepared the data
                return result_of(run.folder, reused=True)
            run.begin()
            history = fit(**run.arguments(checkpoint_seconds))
            run.cpu = time.process_time() - began
            run.finish(history, report=report)
    return result_of(run.folder, reused=False)


class ActiveRun:
    """A run under way, in stages: `prepare` (nothing is written), `begin`, training, `finish`.

    cpu : processor seconds spent before `finish`.
    """

    def __init__(self, spec: RunSpec, store: RunStore, say: Progress) -> None:
        self.spec, self.store, self.say = spec, store, say
        self.resolved = resolve(spec)
        self.folder = store.folder(spec.experiment, self.resolved.run_id)
        self.cpu = 0.0

    @property
    def is_finished(self) -> bool:
        return state(self.folder) == "finished"

    def create(self) -> None:
        self.store.create(self.spec.experiment, self.resolved.run_id)

    def prepare(self) -> None:
        """Data, models and forcing."""
        self.say.stage("data")
        resolved, data = self.resolved, prepare(self.spec, SeriesCache.of(self.store))
        self.data, self.members = data, _build(resolved, resolved.model, data.test.dim)
        self.forcing, self.estimated, self.backend = None, dict(data.estimated), "closed form"
        if not self.members[0].closed_form:
            require_rows(data.train, resolved.training.window)
            self.forcing, self.estimated = _forcing(resolved, data)
            self.backend = choose_backend(self.members[0], resolved.training)

    def settled(self) -> str:
        """The state of the claimed folder, emptied if it is damaged."""
        found = state(self.folder)
        if found == "damaged":
            self.folder.log(f"damaged: {', '.join(damage(self.folder))}; computed again")
            empty(self.folder)
        return found

    def begin(self, together: int = 1) -> None:
        """Write down what will be computed, and search the settings if that is asked for; `together` runs are trained
        in one call."""
        folder, resolved, data = self.folder, self.resolved, self.data
        self.failures, self.in_one_go = folder.failures, not (folder / CHECKPOINT).exists()
        folder.write("spec.toml", toml.dumps(self.spec.to_dict()))
        env = {**environment(), "backend": self.backend, "backends": backend_report()}
        folder.write_json("env.json", env | ({"runs trained together": together} if together > 1 else {}))
        folder.set_status("running", failures=self.failures)
        tree = {**resolved.tree, "obs_dim": data.test.dim, "estimated": self.estimated}
        folder.write_json("resolved.json", tree)
        if resolved.training.search:
            self.say.stage("search")
            config = search_settings(resolved, data, folder, self.say.step)
            self.members = _build(resolved, config, data.test.dim)
            tree["model"] = {"name": resolved.tree["model"]["name"], **dataclasses.asdict(config)}
            folder.write_json("resolved.json", tree)
        self.say.stage("training")

    def arguments(self, checkpoint_seconds: float) -> dict[str, Any]:
        """Those of `fit`, from the checkpoint on if there is one."""
        settings = self.resolved.training.of_fit
        if self.members[0].closed_form:
            settings = {"check_steps": settings["check_steps"]}
        return {
            "model": self.members[0],
            "train": self.data.train,
            "validation": self.data.validation,
            "forcing": self.forcing,
            "seed": self.spec.seed,
            "restarts": self.members[1:],
            "resume": _checkpoint(self.folder),
            "on_progress": self.say.step,
            "on_checkpoint": lambda tensors: self.folder.write(CHECKPOINT, to_bytes(tensors)),
            "checkpoint_seconds": checkpoint_seconds,
            **settings,
        }

    def finish(self, history: History, *, report: bool) -> None:
        """Write what was trained, judge it, draw it, and seal the folder."""
        began = time.process_time()
        folder, data, model = self.folder, self.data, self.members[0]
        folder.write(WEIGHTS, to_bytes(model.state_dict()))
        states = enumerate(history.members)
        folder.write(MEMBERS, to_bytes({f"{k}/{name}": t for k, state in states for name, t in state.items()}))
        folder.write("history.csv", _history_csv(history))
        folder.write_json("course.json", {"training": history_summary(history), "series": _provenance(data)})
        self.say.stage("judging")
        judgement = _judge(self.resolved, data, model, history, KnownFloors(self.store, self.resolved.tree))
        folder.write_json("measures.json", judgement.to_dict())
        folder.write("table.txt", f"{judgement}\n")
        if judgement.generated is not None:
            folder.write("generated.npz", _npz(judgement.generated))
        if report:
            self.say.stage("figures and report")
            draw_all(RunMaterial(folder, test=data.test, model=model))
            write_report(folder)
        for name in (CHECKPOINT, "traceback.txt"):
            (folder / name).unlink(missing_ok=True)
        spent = self.cpu + time.process_time() - began
        cost = {"cpu_seconds": round(spent, 2)} if self.in_one_go else {}
        seal(folder, seconds=round(history.seconds, 1), steps=history.steps, failures=self.failures, **cost)


def _build(resolved: Resolved, config: ModelConfig, obs_dim: int) -> list[Model]:
    seed, count = resolved.spec.seed, resolved.training.members
    if count == 1:
        return [config.build(obs_dim, seed)]
    seeds = np.random.SeedSequence([seed, 1]).generate_state(count - 1)
    return [config.build(obs_dim, s) for s in (seed, *(int(s) for s in seeds))]


def _forcing(resolved: Resolved, data: Dataset) -> tuple[Forcing, dict[str, Any]]:
    """The forcing with its open parameter estimated from the longest training series."""
    forcing, estimated = resolved.forcing, dict(data.estimated)
    if any(value is None for value in dataclasses.asdict(forcing).values()):
        forcing = forcing.estimated(max(data.train, key=len))
        estimated["forcing"] = dataclasses.asdict(forcing)
    return forcing, estimated


def _checkpoint(folder: RunFolder) -> dict[str, Tensor] | None:
    """What an interrupted run left; None if there is nothing, or nothing that can be read."""
    if not (folder / CHECKPOINT).exists():
        return None
    try:
        found = read_tensors(folder / CHECKPOINT)
    except StoreError:
        folder.log("the checkpoint is damaged; training starts again")
        return None
    folder.log(f"resumed at step {int(found['step'])}")
    return found


def _judge(resolved: Resolved, data: Dataset, model: Model, history: History, floors: KnownFloors) -> Judgement:
    spec = resolved.spec
    judgement = judge(
        data.test,
        model,
        independent=data.independent,
        training=data.train,
        truth_spectrum=truth_spectrum(spec),
        floors=floors.known,
        seed=spec.seed,
        **dataclasses.asdict(spec.analysis),
    )
    floors.keep(judgement)
    training = () if history.outcome == "finished" else (f"training {history.outcome}.",)
    return dataclasses.replace(judgement, notes=(*data.notes, *training, *judgement.notes))


def _provenance(data: Dataset) -> dict[str, Any]:
    """Origin of each series of a run, for the report."""
    parts = {"training": data.train, "validation": data.validation, "test": [data.test]}
    return {
        f"{name} {i + 1}" if len(series) > 1 else name: dict(s.origin)
        for name, series in parts.items()
        for i, s in enumerate(series)
    }


def _history_csv(history: History) -> str:
    """Losses by block, and where there was a check the members' scores, largest exponents and fates."""
    members = history.loss.shape[1]
    checks = {check.step: (*check.scores, *check.exponents, *check.fates) for check in history.checks}
    names = ("loss", "score", "lambda_1", "fate")
    lines = [",".join(["step", *(f"{name}_{k}" for name in names for k in range(members))])]
    for step, losses in zip(history.loss_steps, history.loss, strict=True):
        found = checks.get(int(step), [""] * (3 * members))
        lines.append(",".join([str(step), *(repr(float(x)) for x in losses), *(str(s) for s in found)]))
    return "\n".join(lines) + "\n"


def _npz(generated: TimeSeries) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, values=generated.values, dt=generated.dt, names=np.array(generated.names))
    return buffer.getvalue()


def result_of(folder: RunFolder, *, reused: bool) -> RunResult:
    table = (folder / "table.txt").read_text(encoding="utf-8")
    return RunResult(folder, folder.read_json("measures.json"), table, reused)


@contextmanager
def recorded(folder: RunFolder) -> Iterator[None]:
    """Leave the reason in status.json when a run stops early; the error itself goes on."""
    try:
        yield
    except KeyboardInterrupt:
        folder.set_status("interrupted", failures=folder.failures)
        raise
    except Pruned as stop:
        folder.set_status("pruned", reason=str(stop), failures=folder.failures, **stop.more)
        raise
    except StoreError:
        raise  # the store cannot be written, so nothing can be left there
    except Exception as problem:
        folder.set_failed(f"{type(problem).__name__}: {problem}", traceback.format_exc())
        raise
