"""Many runs on dask workers. The run store is the truth: whatever dies, what is finished stays, and starting the same
sweep again does the rest."""

from __future__ import annotations

import queue
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dsr.errors import StoreError

from ..claim import claimant
from ..store import RunStore
from .cluster import GPU, ClusterError, gpus, require_gpus
from .jobs import Job
from .packs import packs
from .worker import Task, compute, compute_together, stop

if TYPE_CHECKING:
    from distributed import Client, Future

Key = tuple[str, str, int]  # of a task: the sweep, its first run, how many were submitted before

POLL_SECONDS = 0.5
ELSEWHERE_SECONDS = 2.0  # between looks at runs that another sweep is computing
GRACE_SECONDS = 120.0  # after Ctrl-C, for workers to reach a checkpoint
MACHINE_FAILURES = 3  # times that dask may give up a run whose workers died, several of them each time


class Watch(Protocol):
    """Who is told how a sweep goes on."""

    def told(self, done: int, running: int, failed: int, total: int) -> None: ...


class Unwatched:
    def told(self, done: int, running: int, failed: int, total: int) -> None: ...


@dataclass
class Summary:
    """finished : computed now; reused : found finished, or finished meanwhile by another sweep; failed : with the
    reason in one line; pruned : stopped for good by a search, and left alone."""

    finished: list[Job] = field(default_factory=list)
    reused: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, str]] = field(default_factory=list)
    pruned: list[Job] = field(default_factory=list)

    @property
    def done(self) -> int:
        return len(self.finished) + len(self.reused) + len(self.failed) + len(self.pruned)


def exhausted(job: Job, retries: int) -> bool:
    """Whether a run has failed more often than it may be tried again."""
    return job.state == "failed" and job.folder.failures > retries


def run_sweep(
    jobs: Sequence[Job],
    client: Client,
    store: RunStore,
    *,
    retries: int = 1,
    watch: Watch | None = None,
    pack: int | None = None,
    work: Callable[[Task, str, str], dict[str, Any]] = compute,
    work_together: Callable[[list[Task], str, str], list[dict[str, Any]]] = compute_together,
) -> Summary:
    """Compute what the store does not have yet. Returns when every run is finished or has failed `retries` + 1 times.

    pack : runs of one task, see `packs`. A task that fails as a whole is repeated run by run.
    A worker that dies is a failure of the machine and not of the run, up to `MACHINE_FAILURES`. On `KeyboardInterrupt`
    the workers stop at their next checkpoint before it is raised again. Raises `StoreError` when a worker cannot write
    the store, and `ClusterError` when the scheduler is lost.
    """
    if any(job.gpu for job in jobs):
        require_gpus(client)
    sweep = _Sweep(client, store, retries, watch or Unwatched(), work, work_together, len(jobs))
    try:
        return sweep.run(packs(jobs, pack, gpus(client)))
    except (KeyboardInterrupt, StoreError):
        sweep.stop()
        raise


class _Sweep:
    """The books of a sweep under way."""

    def __init__(
        self, client: Client, store: RunStore, retries: int, watch: Watch, work: Callable[..., Any],
        work_together: Callable[..., Any], total: int,
    ) -> None:  # fmt: skip
        self.client, self.root, self.retries = client, str(store.root.absolute()), retries
        self.watch, self.work, self.work_together, self.total = watch, work, work_together, total
        self.name = secrets.token_hex(8)
        self.summary = Summary()
        self.futures: dict[Key, tuple[Future, Sequence[Job]]] = {}
        self.ended: queue.SimpleQueue[Key] = queue.SimpleQueue()
        self.elsewhere: list[Job] = []
        self.submitted, self.machine_failures = 0, Counter[str]()

    def run(self, tasks: Sequence[Sequence[Job]]) -> Summary:
        for jobs in tasks:
            self._consider(*jobs)
        looked = threads_seen = time.monotonic()
        threads = self._threads()
        while self.futures or self.elsewhere:
            with suppress(queue.Empty):
                self._collect(self.ended.get(timeout=POLL_SECONDS))
            now = time.monotonic()
            if self.elsewhere and now - looked > ELSEWHERE_SECONDS:
                waiting, self.elsewhere, looked = self.elsewhere, [], now
                for job in waiting:
                    self._consider(job)
            if now - threads_seen > ELSEWHERE_SECONDS:
                threads, threads_seen = self._threads(), now
            running = sum(len(jobs) for _, jobs in list(self.futures.values())[:threads])
            self.watch.told(self.summary.done, running, len(self.summary.failed), self.total)
        return self.summary

    def stop(self) -> None:
        """Let the workers write a checkpoint, then forget what has not been started."""
        until = time.monotonic() + GRACE_SECONDS
        with suppress(Exception):
            while sum(self.client.run(stop, self.name).values()) and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
        with suppress(Exception):
            self.client.cancel([future for future, _ in self.futures.values()])

    def _consider(self, *jobs: Job) -> None:
        """Submit runs as one task, but for those of which the store says that nothing is left to be done, or that
        another process is at it."""
        left = []
        for job in jobs:
            if claimant(job.folder.path) is not None:
                self.elsewhere.append(job)
            elif (known := job.state) == "finished":
                self.summary.reused.append(job)
            elif known == "pruned":
                self.summary.pruned.append(job)
            elif exhausted(job, self.retries):
                self.summary.failed.append((job, job.reason))
            else:
                left.append(job)
        if left:
            self._submit(*left)

    def _submit(self, *jobs: Job) -> None:
        self.submitted += 1
        # one group for all: the scheduler holds large groups back and would start small ones before them
        key = (f"sweep-{self.name}", jobs[0].run_id, self.submitted)
        tasks = [job.task for job in jobs]
        future = self.client.submit(
            self.work if len(jobs) == 1 else self.work_together,
            tasks[0] if len(jobs) == 1 else tasks,
            self.root,
            self.name,
            key=key,
            resources={GPU: 1} if jobs[0].gpu else None,
            priority=-self.submitted,
            pure=False,
        )
        self.futures[key] = future, jobs
        future.add_done_callback(lambda _: self.ended.put(key))

    def _collect(self, key: Key) -> None:
        future, jobs = self.futures.pop(key)
        if future.status == "finished":
            try:
                told = future.result(timeout=30)
            except TimeoutError:  # the worker died with the answer; the store has the result
                self._consider(*jobs)
                return
            for job, one in zip(jobs, [told] if len(jobs) == 1 else told, strict=True):
                self._settle(job, one)
        elif future.status == "error":
            for job in jobs:
                self._machine_failed(job, future.exception(timeout=30))
        else:
            raise ClusterError(
                "the scheduler is gone", "a scheduler that answers", "start the same command again: finished runs stay"
            )

    def _settle(self, job: Job, told: dict[str, Any]) -> None:
        outcome = told["outcome"]
        if outcome == "no store":
            raise StoreError(*told["error"])
        if outcome == "failed":
            if "reason" in told:
                job.folder.set_failed(told["reason"])
            if told["lasting"] or told["failures"] > self.retries:
                self.summary.failed.append((job, job.reason))
            else:
                self._submit(job)
        elif outcome == "finished":
            self.summary.finished.append(job)
        elif outcome == "reused":
            self.summary.reused.append(job)
        else:
            self.elsewhere.append(job)

    def _machine_failed(self, job: Job, problem: BaseException | None) -> None:
        """dask gave a run up: its workers died one after the other, or could not even start it."""
        self.machine_failures[job.run_id] += 1
        if self.machine_failures[job.run_id] < MACHINE_FAILURES:
            self._consider(job)
            return
        reason = f"the workers of this run died or could not start it, perhaps for want of memory ({problem})"
        job.folder.set_failed(" ".join(reason.split()))
        self.summary.failed.append((job, job.reason))

    def _threads(self) -> int:
        return sum(self.client.nthreads().values())
