"""Workers as SLURM jobs, through dask-jobqueue (pip install "dsr-workbench[cluster]"): see docs/cluster.md."""

from __future__ import annotations

import logging
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsr.errors import SpecError
from dsr.registry import from_options, option

from .cluster import GPU, THREADS, ClusterError


@dataclass(frozen=True)
class SlurmSettings:
    """What is asked of SLURM. The workers of one job share its cores and its memory."""

    jobs: int = option(1, "number of SLURM jobs")
    cores: int = option(8, "cores of each job; one worker on each, with one thread")
    memory: str = option("16GB", "memory of each job")
    walltime: str = option("04:00:00", "time after which SLURM ends a job; runs go on from their checkpoints")
    queue: str | None = option(None, "partition")
    account: str | None = option(None, "account")
    interface: str | None = option(None, "network interface that the nodes and this machine share, such as ib0")
    gpus: int = option(0, "GPUs of each job; its workers are then as many, each with a share of the cores")
    directives: tuple = option((), "further #SBATCH lines, such as '--constraint=rome'")
    prologue: tuple = option((), "shell lines that are run before the workers, such as 'module load gcc'")
    log_folder: str = option("slurm-logs", "where SLURM writes the output of the workers")


def slurm_settings(path: str | Path) -> SlurmSettings:
    """The settings in a TOML file. Raises `SpecError`."""
    try:
        tree = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SpecError(f"'{path}' cannot be read ({problem})", "a TOML file", "see docs/cluster.md") from problem
    settings = from_options(SlurmSettings, tree, where=f"the SLURM settings '{path}'")
    for key, least in (("jobs", 1), ("cores", 1), ("gpus", 0)):
        if getattr(settings, key) < least:
            raise SpecError(f"{key} = {getattr(settings, key)} in '{path}'", f"{least} or more", f"set {key} = {least}")
    return settings


def slurm_cluster(settings: SlurmSettings) -> Any:
    """A cluster without workers yet; `job_script()` shows what is submitted for them.

    The scheduler runs in this process and listens on `interface`, on all networks of this machine without one, and
    without encryption: use it where the network of the cluster is trusted. Raises `ClusterError` without
    dask-jobqueue, and for settings that it refuses.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as problem:
        raise ClusterError(
            "dask-jobqueue is not installed", "an installation with it", 'type pip install "dsr-workbench[cluster]"'
        ) from problem
    processes = settings.gpus or settings.cores
    resources = ["--resources", f"{GPU}=1"] if settings.gpus else []
    directives = [*settings.directives, *([f"--gres=gpu:{settings.gpus}"] if settings.gpus else [])]
    try:
        return SLURMCluster(
            cores=processes,  # each worker process takes one run at a time, whatever the number of its cores
            processes=processes,
            job_cpu=settings.cores,
            memory=settings.memory,
            walltime=settings.walltime,
            queue=settings.queue,
            account=settings.account,
            interface=settings.interface,
            job_extra_directives=directives,
            job_script_prologue=[*(f"export {key}={value}" for key, value in THREADS.items()), *settings.prologue],
            worker_extra_args=["--no-dashboard", *resources],
            python=sys.executable,
            log_directory=settings.log_folder,
            silence_logs=logging.CRITICAL,
            scheduler_options={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        )
    except (RuntimeError, OSError, ValueError) as problem:
        reason = str(problem).removeprefix("Cluster failed to start: ")
        raise ClusterError(
            f"settings for SLURM that cannot be used ({reason})",
            "a network interface of this machine, and memory such as '16GB'",
            "change the file given to --slurm; `ip link` lists interfaces",
        ) from problem


def require_slurm() -> None:
    """Raises `ClusterError` where jobs cannot be submitted."""
    if shutil.which("sbatch") is None:
        raise ClusterError("there is no sbatch here", "a machine that submits SLURM jobs", "log in to one first")
