"""Runs of one shape as one task: each is prepared, judged and sealed as ever, and all are trained in one call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from dsr.training import History, fit, fit_together
from dsr.training.fleet import JOINING

from .claim import claimed
from .execute import ActiveRun, Progress, RunResult, Silent, recorded, result_of
from .spec import RunSpec
from .store import RunStore
from .threads import one_thread


def execute_together(
    specs: Sequence[RunSpec],
    store: RunStore,
    *,
    progress: Progress | None = None,
    checkpoint_seconds: float = 10.0,
    report: bool = True,
) -> list[RunResult | Exception]:
    """What `execute` returns for each spec, or raises; specs that differ in seed alone.

    Each run has its claim, its checkpoint and its failures to itself, and goes on from its checkpoint alone or in any
    company. The results are those of the run alone up to rounding (see `dsr.training.fleet`). Where the backend
    computes members one after the other the runs are too. `KeyboardInterrupt` as in `execute`, for all of them.
    """
    say = progress or Silent()
    task = _Task(store, checkpoint_seconds, report)
    try:
        with one_thread():
            return task.run(specs, say)
    except KeyboardInterrupt:
        for run in task.held:
            run.folder.set_status("interrupted", failures=run.folder.failures)
        raise
    finally:
        for claim in task.held.values():
            claim.close()


class _Task:
    """held : the runs that are claimed, and their claims."""

    def __init__(self, store: RunStore, checkpoint_seconds: float, report: bool) -> None:
        self.store, self.checkpoint_seconds, self.report = store, checkpoint_seconds, report
        self.held: dict[ActiveRun, ExitStack] = {}

    def run(self, specs: Sequence[RunSpec], say: Progress) -> list[RunResult | Exception]:
        begun: list[ActiveRun | RunResult | Exception] = []
        for spec in specs:
            try:
                begun.append(self._begin(spec, say, len(specs)))
            except Exception as problem:
                begun.append(problem)
        runs = [run for run in begun if isinstance(run, ActiveRun)]
        began = time.process_time()
        histories = self._trained(runs)
        share = (time.process_time() - began) / max(len(runs), 1)
        ended: list[RunResult | Exception] = []
        results = iter(zip(runs, histories, strict=True))
        for one in begun:
            ended.append(self._finished(*next(results), share) if isinstance(one, ActiveRun) else one)
        return ended

    def _begin(self, spec: RunSpec, say: Progress, together: int) -> ActiveRun | RunResult:
        began, run = time.process_time(), ActiveRun(spec, self.store, say)
        if run.is_finished:
            return result_of(run.folder, reused=True)
        run.prepare()
        run.create()
        with ExitStack() as claim:
            claim.enter_context(claimed(run.folder.path))
            with recorded(run.folder):
                if run.settled() == "finished":
                    return result_of(run.folder, reused=True)
                run.begin(together)
            self.held[run] = claim.pop_all()
        run.cpu = time.process_time() - began
        return run

    def _trained(self, runs: Sequence[ActiveRun]) -> Sequence[History | Exception]:
        calls = [run.arguments(self.checkpoint_seconds) for run in runs]
        if runs and runs[0].backend not in JOINING:
            return [_attempt(call) for call in calls]
        try:
            return fit_together(calls)
        except Exception as problem:  # of the device: alone they may fit
            return [problem] * len(runs)

    def _finished(self, run: ActiveRun, history: History | Exception, share: float) -> RunResult | Exception:
        run.cpu += share
        try:
            with recorded(run.folder):
                if isinstance(history, Exception):
                    raise history
                run.finish(history, report=self.report)
        except Exception as problem:
            return problem
        finally:
            self.held.pop(run).close()
        return result_of(run.folder, reused=False)


def _attempt(call: dict[str, object]) -> History | Exception:
    try:
        return fit(**call)  # type: ignore[arg-type]
    except Exception as problem:
        return problem
