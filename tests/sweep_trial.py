"""A sweep under attack: workers, the client and the scheduler are killed, and afterwards nothing is lost or different.

    python tests/sweep_trial.py survive [--runs 200] [--every 20]   kills, restarts, comparison with a serial sweep
    python tests/sweep_trial.py overhead [--runs 40] [--seconds 5]  what scheduling costs per run

`survive` computes every run at least twice, at some 3 s of processor time each. Nothing leaves loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

from dsr.runs import toml
from dsr.runs.manifest import state
from dsr.runs.store import RunStore
from dsr.runs.sweep.cluster import LOOPBACK, THREADS, connected
from dsr.runs.sweep.engine import run_sweep
from dsr.runs.sweep.jobs import Job, jobs_of
from dsr.runs.sweep.plan import combinations
from dsr.runs.sweep.pretend import STEPS_PER_SECOND, folder_of, pretend
from dsr.runs.sweep.worker import process_id

# The results of a run; figures and reports show them, and status and environment tell of when and where.
COMPARED = ("weights.safetensors", "members.safetensors", "measures.json", "history.csv", "generated.npz", "table.txt")
BASE: dict[str, Any] = {
    "data": {"system": "henon", "train": 600, "validation": 200, "test": 400, "floor_trajectories": 2},
    "model": {"name": "esn", "units": 20},
    "training": {"members": 1},
    "analysis": {"starts": 5, "lyapunov_steps": 100, "lyapunov_members": 4},
}


def pretended(seeds: int, store: RunStore, *, seconds: float = 0.0, experiment: str = "pretended") -> list[Job]:
    """Jobs for `pretend`."""
    tree = {"data": {"system": "henon"}, "training": {"steps": round(seconds * STEPS_PER_SECOND)}}
    planned = combinations(tree, [f"seed=0..{seeds - 1}", f"experiment={experiment}"])
    folders = [folder_of(one.spec, store) for one in planned]
    return [Job(p.spec, p.label, f.path.name, f, 0.0, False) for p, f in zip(planned, folders, strict=True)]


def begun(folder: Path) -> int:
    """How often a pretended run was begun."""
    return (folder / "log.txt").read_text(encoding="utf-8").count("begun")


@contextmanager
def scheduler_and_workers(count: int, folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler on loopback and workers that are started again when they die: (address, processes).

    The first process is the scheduler.
    """
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    address, environment = f"tcp://{LOOPBACK}:{port}", {**os.environ, **THREADS}
    dask = [sys.executable, "-m", "dask"]
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    here = ["--host", LOOPBACK, "--no-dashboard", "--dashboard-address", f"{LOOPBACK}:0"]
    processes = [subprocess.Popen([*dask, "scheduler", *here, "--port", str(port)], **silent)]
    worker = [*dask, "worker", address, *here, "--nthreads", "1", "--local-directory", str(folder)]
    processes += [subprocess.Popen(worker, **silent) for _ in range(count)]
    try:
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def survive(runs: int, every: float, folder: Path) -> dict[str, Any]:
    """Kill a worker every so many seconds, then the client, then the scheduler; start again; compare with a serial
    sweep. Raises `AssertionError` if a run is missing, twice there, or different."""
    spec, store, words = folder / "spec.toml", RunStore(folder / "store"), [f"seed=0..{runs - 1}"]
    spec.write_text(toml.dumps(BASE), encoding="utf-8")
    command = [sys.executable, "-c", "from dsr.runs.cli import main; main()", "sweep", str(spec), *words]
    command += ["--store", str(store.root), "--json", "--scheduler"]
    jobs, kills, began = jobs_of(combinations(BASE, words), store), 0, time.monotonic()
    with scheduler_and_workers(2, folder) as (address, processes):
        client = subprocess.Popen([*command, address], stdout=PIPE, stderr=PIPE)
        for share in (1 / 3, 2 / 3):
            while _finished(store) < share * runs:
                if client.poll() is not None:
                    raise AssertionError(f"the sweep ended with {client.returncode} after {_finished(store)} runs")
                kills += _kill_one_worker(address, every)
            if share < 0.5:
                client.kill()
                client.wait()
                client = subprocess.Popen([*command, address], stdout=PIPE, stderr=PIPE)
        processes[0].kill()
        _, said = client.communicate(timeout=120)
        lost = client.returncode
    assert lost == 2, f"the client ended with {lost} when its scheduler was killed"
    assert len(said.splitlines()) == 1, f"the client said more than one line:\n{said.decode()}"
    before = _finished(store)
    with scheduler_and_workers(2, folder) as (address, _):
        told = json.loads(subprocess.run([*command, address], check=True, stdout=PIPE).stdout)
    assert len(told["computed"]) + len(told["found finished"]) == runs and not told["failed"], told
    return {
        "runs": runs,
        "workers killed": kills,
        "finished when the scheduler died": before,
        "computed after it": len(told["computed"]),
        "seconds": round(time.monotonic() - began),
        **_compared(jobs, store, RunStore(folder / "serial")),
    }


def _finished(store: RunStore) -> int:
    return sum(run.status["state"] == "finished" for run in store.runs())


def _kill_one_worker(address: str, every: float) -> int:
    time.sleep(every)
    with connected(address) as client:
        living = sorted(client.run(process_id).values())
    if living:
        os.kill(living[0], signal.SIGKILL)
    return bool(living)


def _compared(jobs: list[Job], store: RunStore, serial: RunStore) -> dict[str, Any]:
    """Every run is there once, whole, and has the bytes of a run computed alone."""
    from dsr.runs.execute import execute

    found = [run for run in store.runs() if state(run) == "finished"]
    assert sorted(run.path for run in found) == sorted(job.folder.path for job in jobs), "not every run once"
    for job in jobs:
        alone = execute(job.spec, serial).folder
        for name in COMPARED:
            here, there = alone / name, job.folder / name
            assert here.exists() == there.exists(), f"{there} is in one store only"
            assert not here.exists() or here.read_bytes() == there.read_bytes(), f"{there} differs from a serial run"
    return {"runs in the store": len(found), "equal to a serial sweep": len(jobs)}


def overhead(runs: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Share of the time per run that goes to the sweep and not to the run, with two workers that are awake."""
    store = RunStore(folder / "store")
    with connected(workers=2) as client:
        client.wait_for_workers(2)
        run_sweep(pretended(2, store, experiment="warm-up"), client, store, work=pretend)
        began, cpu = time.monotonic(), time.process_time()
        run_sweep(pretended(runs, store, seconds=seconds), client, store, work=pretend)
        wall = (time.monotonic() - began) * 2 / runs
        spent = (time.process_time() - cpu) / runs
    return {"runs": runs, "seconds": seconds, "overhead": wall / seconds - 1, "client_cpu_seconds_per_run": spent}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/sweep_trial.py", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("survive", "overhead"))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--every", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "survive":
            found = survive(given.runs or 200, given.every, Path(folder))
        else:
            found = overhead(given.runs or 40, given.seconds, Path(folder))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
