"""The SLURM jobs of a sweep: submitted, replaced when they end, cancelled with the sweep."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from .cluster import ClusterError
from .slurm import SlurmSettings, slurm_cluster

LOOK_SECONDS = 20.0  # between questions to SLURM which jobs it still has
SILENT_JOBS = 3  # jobs in a row that may end before any of their workers has answered
QUESTION_SECONDS = 60.0


@contextmanager
def submitted(settings: SlurmSettings) -> Iterator[Any]:
    """A cluster whose jobs have been submitted. While it is open, jobs that end (walltime, a lost node, scancel) are
    replaced; on leaving they are cancelled.

    Raises `ClusterError` with SLURM's words when it refuses a job, and when one job after the other ends before its
    workers answer.
    """
    with slurm_cluster(settings) as cluster, ExitStack() as open_ones:
        jobs = SlurmJobs(cluster, settings)
        jobs.fill()
        open_ones.callback(jobs.stop)
        jobs.start()
        try:
            yield cluster
        except ClusterError as problem:  # the scheduler was closed because of the jobs
            raise jobs.problem or problem from None


class SlurmJobs:
    """Keeps as many jobs in the queue as the settings say. problem : why this was given up."""

    def __init__(self, cluster: Any, settings: SlurmSettings) -> None:
        self.cluster, self.settings = cluster, settings
        self.problem: ClusterError | None = None
        self.submitted = self.silent = 0
        self.answered: set[str] = set()  # names of jobs that have had workers
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._keep, name="slurm-jobs", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        if self.thread is not threading.current_thread():
            self.thread.join()

    def fill(self) -> None:
        """Submit what is missing. Raises `ClusterError`."""
        try:
            self.cluster.sync(self._submit_missing)
        except (RuntimeError, OSError, ValueError) as problem:
            raise ClusterError(
                f"SLURM did not take a job ({_words_of_slurm(problem)})",
                "a partition, an account and amounts that this cluster has",
                "change the file given to --slurm; `sinfo` lists partitions",
            ) from problem

    def _keep(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            queued = queued_jobs()
            if queued is None:  # SLURM does not answer just now
                continue
            self._note_answers()
            self._forget_ended(queued)
            if self.silent >= SILENT_JOBS:
                self.problem = ClusterError(
                    f"{self.silent} SLURM jobs in a row that ended before a worker of theirs answered",
                    "nodes that share this file system, have this Python, and reach this machine",
                    f"read the newest file in {self.settings.log_folder}/; set interface and prologue",
                )
                self.cluster.close()
                return
            with suppress(ClusterError):  # it took such jobs before, and may again at the next look
                self.fill()

    def _note_answers(self) -> None:
        for worker in self.cluster.scheduler_info["workers"].values():
            self.answered |= {name for name in self.cluster.worker_spec if _belongs(str(worker["name"]), name)}

    def _forget_ended(self, queued: set[str]) -> None:
        jobs = dict(self.cluster.workers)
        for name in list(self.cluster.worker_spec):
            job = jobs.get(name)
            if job is None or job.job_id not in queued:
                self.silent = 0 if name in self.answered else self.silent + 1
                self.cluster.sync(self._forget, name)

    async def _forget(self, name: str) -> None:
        self.cluster.worker_spec.pop(name, None)
        self.cluster.workers.pop(name, None)

    async def _submit_missing(self) -> None:
        from distributed.core import Status

        while len(self.cluster.worker_spec) < self.settings.jobs:
            self.cluster.worker_spec[f"job{self.submitted}"] = self.cluster.new_spec
            self.submitted += 1
        try:
            await self.cluster
        finally:
            for name, job in list(self.cluster.workers.items()):
                if job.job_id is None:  # refused; a cluster that is closed wants to know
                    job.status = Status.failed
                    await self._forget(name)


def queued_jobs() -> set[str] | None:
    """Ids of all jobs of this user that wait or run; None if SLURM does not answer."""
    try:
        told = subprocess.run(
            ["squeue", "--noheader", "--me", "--format=%A"], capture_output=True, text=True, timeout=QUESTION_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(told.stdout.split()) if told.returncode == 0 else None


def _belongs(worker: str, job: str) -> bool:
    """Workers are named as their job is, with a number behind it where the job has several."""
    return worker == job or worker.startswith(f"{job}-")


def _words_of_slurm(problem: Exception) -> str:
    """What sbatch said, out of all that dask-jobqueue says about it."""
    _, _, said = str(problem).partition("stderr:")
    return "; ".join(line.strip() for line in (said or str(problem)).splitlines() if line.strip())
