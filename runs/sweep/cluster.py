"""The workers of a sweep: an embedded cluster on this machine, or a scheduler that runs already."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from dsr.errors import DsrError, SpecError

if TYPE_CHECKING:
    from distributed import Client

LOOPBACK = "127.0.0.1"
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
GPU = "GPU"  # the resource that a run with training.device = "cuda" takes one of
CONNECT_SECONDS = 20
LEAST_MEMORY = 1e9  # bytes: a worker that is stopped at less ends each run before its first result, for ever
ADDRESS = re.compile(r"(\w+://)?(\[[\da-fA-F:.%]+\]|[^\s:/\[\]]+):\d+")
RUNNING = "the address of a running dask scheduler"
START = "start one with `dask scheduler --host 127.0.0.1`, or leave --scheduler out"
TALKATIVE = ("distributed", "distributed.client", "distributed.core", "tornado.application", "asyncio")


class ClusterError(DsrError):
    """The scheduler or its workers cannot be reached, or cannot do what is asked."""


def machine_workers() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def connected(
    scheduler: str | None = None,
    workers: int | None = None,
    memory: str | float = "auto",
    gpus: int = 0,
    slurm: str | None = None,
) -> Iterator[Client]:
    """A client of a running scheduler ("tcp://host:port"), of SLURM jobs as in the settings file `slurm`, or of an
    embedded cluster; the last two end with it, also when SIGTERM or SIGHUP ends this process.

    workers : processes of the embedded cluster, one thread each; one per processor if not given.
    memory : limit of each of them, such as "4GB"; its share of the machine's memory if "auto".
    gpus : devices of this machine; each is given to one worker. Raises `ClusterError`.
    """
    import dask
    from distributed import Client

    with ExitStack() as open_ones:
        open_ones.enter_context(_silenced())
        open_ones.enter_context(_ended_like_ctrl_c())
        if scheduler is not None:
            place: Any = scheduler
        elif slurm is not None:
            place = open_ones.enter_context(_submitted(slurm))
        else:
            quiet = {"logging.distributed": "critical", "distributed.scheduler.worker-ttl": None}
            open_ones.enter_context(dask.config.set(quiet))
            place = open_ones.enter_context(embedded(workers or machine_workers(), memory, gpus))
        try:
            client = Client(place, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as problem:
            raise ClusterError(f"no scheduler answers at {scheduler} ({problem})", RUNNING, START) from problem
        yield open_ones.enter_context(client)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and SIGHUP (a closed terminal) are Ctrl-C here, so that runs write a checkpoint, and no jobs and
    semaphores are left behind."""
    if threading.current_thread() is not threading.main_thread():  # elsewhere Python allows no handlers
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, found in before.items():
        if found is not signal.SIG_IGN:  # nohup
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, found in before.items():
            signal.signal(number, found)


@contextmanager
def _silenced() -> Iterator[None]:
    """When a scheduler dies its client says so at length; the sweep says it in a sentence."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _submitted(path: str) -> Any:
    """A cluster of SLURM jobs, while it is open."""
    from .slurm import require_slurm, slurm_settings
    from .slurm_jobs import submitted

    settings = slurm_settings(path)
    require_slurm()
    return submitted(settings)


def require_address(scheduler: str) -> None:
    """Raises `SpecError` for what is no address: a client would try it for long, and complain at its own end."""
    if not ADDRESS.fullmatch(scheduler):
        raise SpecError(f"--scheduler {scheduler}", f"{RUNNING}, such as tcp://127.0.0.1:8786", START)


def require_memory(memory: str) -> None:
    """Raises `SpecError` for a limit that is no size, or that a run cannot live with."""
    from dask.utils import parse_bytes

    try:
        enough = memory == "auto" or parse_bytes(memory) >= LEAST_MEMORY
    except ValueError:
        enough = False
    if not enough:
        raise SpecError(
            f"--memory {memory}", "auto, or 1GB and more for each process", "write for example --memory 4GB"
        )


def embedded(workers: int, memory: str | float = "auto", gpus: int = 0) -> Any:
    """A cluster of processes on this machine that nothing beyond it can reach."""
    from distributed import Nanny, Scheduler, SpecCluster

    inside = {"host": LOOPBACK, "dashboard": False, "dashboard_address": f"{LOOPBACK}:0"}
    common = {
        **inside,
        "nthreads": 1,
        "memory_limit": memory,
        "preload": ["dsr.runs.sweep.worker"],
        "silence_logs": logging.CRITICAL,
    }
    members = {}
    for i in range(workers):
        device = {"CUDA_VISIBLE_DEVICES": str(i)} if i < gpus else {}
        own = {"env": {**THREADS, **device}, "resources": {GPU: 1} if device else {}}
        members[i] = {"cls": Nanny, "options": {**common, **own}}
    scheduler = {"cls": Scheduler, "options": {**inside, "port": 0}}
    return SpecCluster(workers=members, scheduler=scheduler, silence_logs=logging.CRITICAL)


def gpus(client: Client) -> int:
    """GPUs that the workers of the moment have to give."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return int(sum(worker.get("resources", {}).get(GPU, 0) for worker in workers))


def require_gpus(client: Client) -> None:
    """Raises `ClusterError` when there are workers and none of them has a GPU to give."""
    if client.scheduler_info(n_workers=-1)["workers"] and not gpus(client):
        raise ClusterError(
            "training.device=cuda, and no worker with a GPU",
            f"workers started with `dask worker --resources {GPU}=1`, or a machine with a GPU",
            "start such workers, or set training.device=cpu",
        )
