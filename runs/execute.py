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
from .environment import environment
from .floors import KnownFloors
from .manifest import damage, empty, seal, state
from .picture import draw_all
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


def execute(
    spec: RunSpec, store: RunStore, *, progress: Progress | None = None, checkpoint_seconds: float = 10.0
) -> RunResult:
    """Compute a run, or finish one that was interrupted, or return one that is already there.

    Nothing is written before data, model and settings have been judged. Raises the `DsrError` of whatever is wrong;
    an error or interruption after that is recorded in status.json. A finished run whose files are not what was
    computed is computed again. Raises `RunClaimed` while another process is computing the same run.
    """
    say, began = progress or Silent(), time.process_time()
    resolved = resolve(spec)
    folder = store.folder(spec.experiment, resolved.run_id)
    if state(folder) == "finished":
        return _result(folder, reused=True)
    say.stage("data")
    data = prepare(spec, SeriesCache.of(store))
    members = _build(resolved, resolved.model, data.test.dim)
    forcing, estimated, backend = None, dict(data.estimated), "closed form"
    if not members[0].closed_form:
        require_rows(data.train, resolved.training.window)
        forcing, estimated = _forcing(resolved, data)
        backend = choose_backend(members[0], resolved.training)
    folder = store.create(spec.experiment, resolved.run_id)
    with claimed(folder.path), _recorded(folder), one_thread():
        if _prepared(folder) == "finished":  # by another process, while this one prepared the data
            return _result(folder, reused=True)
        failures, in_one_go = folder.failures, not (folder / CHECKPOINT).exists()
        folder.write("spec.toml", toml.dumps(spec.to_dict()))
        folder.write_json("env.json", {**environment(), "backend": backend, "backends": backend_report()})
        folder.set_status("running", failures=failures)
        tree = {**resolved.tree, "obs_dim": data.test.dim, "estimated": estimated}
        if resolved.training.search:
            say.stage("search")
            config = search_settings(resolved, data, folder, say.step)
            members = _build(resolved, config, data.test.dim)
            tree["model"] = {"name": resolved.tree["model"]["name"], **dataclasses.asdict(config)}
        folder.write_json("resolved.json", tree)
        say.stage("training")
        history = _train(resolved, data, members, forcing, folder, say, checkpoint_seconds)
        model = members[0]
        folder.write(WEIGHTS, to_bytes(model.state_dict()))
        states = enumerate(history.members)
        folder.write(MEMBERS, to_bytes({f"{k}/{name}": t for k, state in states for name, t in state.items()}))
        folder.write("history.csv", _history_csv(history))
        folder.write_json("course.json", {"training": history_summary(history), "series": _provenance(data)})
        say.stage("judging")
        judgement = _judge(resolved, data, model, history, KnownFloors(store, resolved.tree))
        folder.write_json("measures.json", judgement.to_dict())
        folder.write("table.txt", f"{judgement}\n")
        if judgement.generated is not None:
            folder.write("generated.npz", _npz(judgement.generated))
        say.stage("figures and report")
        draw_all(folder, data.test, judgement, model, history, smoothing=spec.analysis.smoothing)
        write_report(folder)
        for name in (CHECKPOINT, "traceback.txt"):
            (folder / name).unlink(missing_ok=True)
        cost = {"cpu_seconds": round(time.process_time() - began, 2)} if in_one_go else {}
        seal(folder, seconds=round(history.seconds, 1), steps=history.steps, failures=failures, **cost)
    return _result(folder, reused=False)


def _prepared(folder: RunFolder) -> str:
    """The state of a claimed folder, emptied if it is damaged."""
    found = state(folder)
    if found == "damaged":
        folder.log(f"damaged: {', '.join(damage(folder))}; computed again")
        empty(folder)
    return found


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


def _train(
    resolved: Resolved,
    data: Dataset,
    members: list[Model],
    forcing: Forcing | None,
    folder: RunFolder,
    say: Progress,
    checkpoint_seconds: float,
) -> History:
    settings = resolved.training.of_fit
    if members[0].closed_form:
        settings = {"check_steps": settings["check_steps"]}
    resume = _checkpoint(folder)

    def keep(tensors: dict[str, Tensor]) -> None:
        folder.write(CHECKPOINT, to_bytes(tensors))

    return fit(
        members[0],
        data.train,
        validation=data.validation,
        forcing=forcing,
        seed=resolved.spec.seed,
        restarts=members[1:],
        resume=resume,
        on_progress=say.step,
        on_checkpoint=keep,
        checkpoint_seconds=checkpoint_seconds,
        **settings,
    )


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


def _result(folder: RunFolder, *, reused: bool) -> RunResult:
    table = (folder / "table.txt").read_text(encoding="utf-8")
    return RunResult(folder, folder.read_json("measures.json"), table, reused)


@contextmanager
def _recorded(folder: RunFolder) -> Iterator[None]:
    """Leave the reason in status.json when a run stops early; the error itself goes on."""
    try:
        yield
    except KeyboardInterrupt:
        folder.set_status("interrupted", failures=folder.failures)
        raise
    except StoreError:
        raise  # the store cannot be written, so nothing can be left there
    except Exception as problem:
        folder.set_failed(f"{type(problem).__name__}: {problem}", traceback.format_exc())
        raise
