"""Sweeps through SLURM: with the real one where a controller answers, and with three scripts that stand for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweep_trial import begun, pretended

import dsr.runs.sweep.slurm_jobs as slurm_jobs
from dsr.runs.store import RunStore
from dsr.runs.sweep.cluster import ClusterError, connected
from dsr.runs.sweep.engine import run_sweep
from dsr.runs.sweep.pretend import pretend
from dsr.runs.sweep.slurm import SlurmSettings, slurm_cluster, slurm_settings

# Job ids are those of process groups, so that nothing has to be remembered; `jobs` has one line for each.
SBATCH = """#!/bin/sh
if grep -q "SBATCH -p nosuch" "$1"; then echo "sbatch: error: invalid partition specified: nosuch" >&2; exit 1; fi
cp "$1" "$0.script.$$"
setsid sh "$0.script.$$" > /dev/null 2>> "$0.log" &
echo $! >> "$0.jobs"
echo "Submitted batch job $!"
"""
SQUEUE = """#!/bin/sh
for id in $(cat "{folder}/sbatch.jobs" 2> /dev/null); do if kill -0 -$id 2> /dev/null; then echo $id; fi; done
"""
SCANCEL = """#!/bin/sh
kill -TERM -$1
"""


def answering() -> bool:
    tools = all(shutil.which(tool) for tool in ("sbatch", "squeue", "scancel", "sinfo"))
    return tools and subprocess.run(["sinfo"], capture_output=True, timeout=60).returncode == 0


@pytest.fixture(params=["scripts", "slurm"])
def slurm(request, tmp_path, monkeypatch) -> str:
    """Which SLURM is asked; looks at it are frequent."""
    monkeypatch.setattr(slurm_jobs, "LOOK_SECONDS", 1.0)
    if request.param == "slurm":
        if not answering():
            pytest.skip("no SLURM controller answers here")
        return "slurm"
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE.replace("{folder}", str(folder))), ("scancel", SCANCEL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return "scripts"


def settings_file(folder: Path, **more: object) -> Path:
    values = {"jobs": 2, "cores": 1, "memory": "1GB", "walltime": "00:10:00", "interface": "lo", **more}
    values["log_folder"] = str(folder / "logs")
    lines = [f"{key} = {value!r}" for key, value in values.items()]
    (folder / "slurm.toml").write_text("\n".join(lines).replace("'", '"'))
    return folder / "slurm.toml"


def until(found, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.1)
    return bool(found())


class CancelsAJob:
    """Cancels one job once a run is under way."""

    def __init__(self, jobs, queued_before):
        self.jobs, self.before, self.cancelled = jobs, queued_before, None

    def told(self, done, running, failed, total):
        if self.cancelled is None and any(job.state == "running" for job in self.jobs):
            self.cancelled = sorted(slurm_jobs.queued_jobs() - self.before)[0]
            subprocess.run(["scancel", self.cancelled], check=True)


def test_a_job_that_is_cancelled_is_replaced_and_loses_nothing(slurm, tmp_path):
    before = slurm_jobs.queued_jobs()
    store = RunStore(tmp_path / "store")
    jobs = pretended(6, store, seconds=2.0)
    watch = CancelsAJob(jobs, before)
    with connected(slurm=str(settings_file(tmp_path))) as client:
        done = run_sweep(jobs, client, store, work=pretend, watch=watch)
        assert until(lambda: len(slurm_jobs.queued_jobs() - before - {watch.cancelled}) == 2), "no job in its place"
    assert len(done.finished) == 6 and not done.failed
    assert watch.cancelled and sum(begun(job.folder.path) for job in jobs) <= 8
    assert until(lambda: slurm_jobs.queued_jobs() == before), "jobs were left behind"


def test_what_slurm_refuses_is_said_at_once(slurm, tmp_path):
    with pytest.raises(ClusterError, match=r"invalid partition specified: nosuch.*sinfo"):
        with connected(slurm=str(settings_file(tmp_path, queue="nosuch"))):
            pass


def test_jobs_that_never_answer_end_the_sweep(slurm, tmp_path):
    jobs = pretended(2, RunStore(tmp_path / "store"))
    with pytest.raises(ClusterError, match=r"[345] SLURM jobs in a row that ended before a worker"):
        with connected(slurm=str(settings_file(tmp_path, jobs=1, prologue=["exit 3"]))) as client:
            run_sweep(jobs, client, RunStore(tmp_path / "store"), work=pretend)


CLIENT = """
import sys
from dsr.runs.sweep.cluster import connected
with connected(slurm=sys.argv[1]) as client:
    client.wait_for_workers(2)
    print("ready", flush=True)
    input()
"""


@pytest.mark.parametrize("end", ["SIGTERM", "SIGHUP"])
def test_a_client_that_is_told_to_end_cancels_its_jobs(slurm, end, tmp_path):
    import signal

    before = slurm_jobs.queued_jobs()
    command = [sys.executable, "-c", CLIENT, str(settings_file(tmp_path))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    client = subprocess.Popen(command, **pipes)
    assert client.stdout.readline() == b"ready\n" and len(slurm_jobs.queued_jobs() - before) == 2
    client.send_signal(getattr(signal, end))
    assert client.wait(timeout=60) != 0
    client.stdin.close()
    client.stdout.close()
    assert until(lambda: slurm_jobs.queued_jobs() == before), "jobs were left behind"


def test_a_network_interface_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ClusterError, match=r"'nosuch0' is not a valid network interface.*ip link"):
        slurm_cluster(SlurmSettings(interface="nosuch0", log_folder=str(tmp_path)))


def test_a_slurm_job_asks_for_what_the_settings_say(tmp_path):
    (tmp_path / "slurm.toml").write_text(
        'jobs = 3\ncores = 4\nmemory = "8GB"\nwalltime = "01:30:00"\nqueue = "gpu"\naccount = "chaos"\n'
        'gpus = 2\ninterface = "lo"\ndirectives = ["--constraint=rome"]\nprologue = ["module load gcc"]\n'
        f'log_folder = "{tmp_path}"\n'
    )
    with slurm_cluster(slurm_settings(tmp_path / "slurm.toml")) as cluster:
        script = cluster.job_script()
    for line in (
        "#SBATCH -p gpu", "#SBATCH -A chaos", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=8G", "#SBATCH -t 01:30:00",
        "#SBATCH --constraint=rome", "#SBATCH --gres=gpu:2", "export OMP_NUM_THREADS=1", "module load gcc",
    ):  # fmt: skip
        assert line in script.splitlines(), line
    for words in ("--nthreads 1 ", "--nworkers 2 ", "--resources GPU=1", sys.executable):
        assert words in script, words
    with slurm_cluster(SlurmSettings(cores=6, interface="lo", log_folder=str(tmp_path))) as cluster:
        script = cluster.job_script()
    assert "--nthreads 1 " in script and "--nworkers 6 " in script and "GPU" not in script


@pytest.mark.parametrize(
    ("text", "said"), [("cors = 3", "did you mean 'cores'"), ("jobs = 0", "1 or more"), ("jobs =", "cannot be read")]
)
def test_slurm_settings_are_judged(tmp_path, text, said):
    (tmp_path / "slurm.toml").write_text(text)
    with pytest.raises(Exception, match=said):
        slurm_settings(tmp_path / "slurm.toml")
