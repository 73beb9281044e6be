"""Sweeps under attack: whatever dies, what is finished stays, and the rest is done when the sweep is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sweep_trial import BASE, COMPARED, begun, pretended, survive

from dsr.errors import StoreError
from dsr.runs.claim import claimed
from dsr.runs.execute import execute
from dsr.runs.manifest import seal, state
from dsr.runs.resolve import resolve
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.sweep import worker
from dsr.runs.sweep.cluster import LOOPBACK, ClusterError, connected, embedded
from dsr.runs.sweep.engine import run_sweep
from dsr.runs.sweep.jobs import Job, jobs_of
from dsr.runs.sweep.plan import combinations
from dsr.runs.sweep.pretend import pretend


@pytest.fixture(scope="module")
def client():
    with connected(workers=2) as client:
        client.wait_for_workers(2)
        yield client


class Acting:
    """Is told how a sweep goes on, and does something once so many runs are done."""

    def __init__(self, done, act):
        self.done, self.act, self.last = done, act, None

    def told(self, done, running, failed, total):
        self.last = (done, failed, total)
        if self.act is not None and done >= self.done:
            act, self.act = self.act, None
            act()


def states(jobs):
    return [job.state for job in jobs]


def test_every_run_is_computed_once_and_found_the_next_time(client, tmp_path):
    store = RunStore(tmp_path)
    jobs, watch = pretended(8, store), Acting(99, None)
    first = run_sweep(jobs, client, store, work=pretend, watch=watch)
    assert (len(first.finished), first.reused, first.failed) == (8, [], []) and watch.last == (8, 0, 8)
    again = run_sweep(jobs, client, store, work=pretend)
    assert (again.finished, len(again.reused), again.failed) == ([], 8, [])
    assert [begun(job.folder.path) for job in jobs] == [1] * 8 and len(store.runs()) == 8


def test_runs_start_in_the_order_in_which_they_were_named(client, tmp_path):
    """Also where many runs share a name and others do not: the scheduler would hold back the many."""
    store = RunStore(tmp_path)
    names = [f"many-s{i}" for i in range(8)] + list("abcdef")
    jobs = [replace(job, run_id=name) for job, name in zip(pretended(14, store, seconds=0.1), names, strict=True)]
    run_sweep(jobs, client, store, work=pretend)
    at = [(job.folder.path / "log.txt").stat().st_mtime_ns for job in jobs]
    assert max(at[:7]) < min(at[8:])


def test_a_damaged_run_is_computed_again(client, tmp_path):
    store = RunStore(tmp_path)
    jobs = pretended(3, store)
    run_sweep(jobs, client, store, work=pretend)
    (jobs[1].folder / "measures.json").write_text("{")
    again = run_sweep(jobs, client, store, work=pretend)
    assert [job.run_id for job in again.finished] == [jobs[1].run_id] and states(jobs) == ["finished"] * 3


def test_a_run_that_fails_is_tried_again_so_often_and_no_more(client, tmp_path):
    store = RunStore(tmp_path)
    jobs = pretended(2, store, experiment="unlucky")
    done = run_sweep(jobs, client, store, work=pretend, retries=2)
    assert [reason for _, reason in done.failed] == ["RuntimeError: no luck"] * 2
    assert [begun(job.folder.path) for job in jobs] == [3, 3] and jobs[0].folder.failures == 3
    assert (jobs[0].folder / "traceback.txt").read_text() == "Traceback: no luck\n"
    assert len(run_sweep(jobs, client, store, work=pretend, retries=2).failed) == 2
    assert [begun(job.folder.path) for job in jobs] == [3, 3], "the count is in the store"
    run_sweep(jobs, client, store, work=pretend, retries=3)
    assert begun(jobs[0].folder.path) == 4


def test_a_worker_that_is_killed_costs_no_run(client, tmp_path):
    store = RunStore(tmp_path)
    jobs, killed = pretended(8, store, seconds=0.5), []

    def kill():
        killed.append(min(client.run(worker.process_id).values()))
        os.kill(killed[0], signal.SIGKILL)

    done = run_sweep(jobs, client, store, work=pretend, watch=Acting(2, kill))
    assert killed and not done.failed and states(jobs) == ["finished"] * 8
    assert sum(begun(job.folder.path) for job in jobs) in (8, 9)


def test_a_run_that_kills_every_worker_is_given_up(client, tmp_path, monkeypatch):
    import dask

    import dsr.runs.sweep.engine as engine

    monkeypatch.setattr(engine, "MACHINE_FAILURES", 1)
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    assert dask.config.get("distributed.scheduler.allowed-failures") > 0, "only this scheduler gives up at once"
    store = RunStore(tmp_path)
    (job,) = pretended(1, store)
    ((lost, reason),) = run_sweep([job], client, store, work=worker_killer()).failed
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 3))
    assert lost is job and "workers of this run died" in reason and job.folder.failures == 1


def worker_killer():
    """A function that travels by value: a worker does not know this file."""
    space: dict = {}
    exec("def die(text, store, sweep):\n import os\n os.kill(os.getpid(), 9)", space)
    return space["die"]


def test_two_sweeps_over_one_store_share_the_work(client, tmp_path):
    store = RunStore(tmp_path)
    jobs, found = pretended(8, store, seconds=0.2), []
    threads = [
        threading.Thread(target=lambda: found.append(run_sweep(jobs, client, store, work=pretend))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [begun(job.folder.path) for job in jobs] == [1] * 8
    assert sum(len(f.finished) for f in found) == 8 and all(f.done == 8 and not f.failed for f in found)


def test_a_run_claimed_elsewhere_is_waited_for(client, tmp_path, monkeypatch):
    import dsr.runs.sweep.engine as engine

    monkeypatch.setattr(engine, "ELSEWHERE_SECONDS", 0.2)
    store = RunStore(tmp_path)
    (job,) = pretended(1, store)
    store.create("pretended", job.run_id)
    began, claim = time.monotonic(), claimed(job.folder.path)
    claim.__enter__()
    threading.Timer(1.5, lambda: claim.__exit__(None, None, None)).start()
    assert len(run_sweep([job], client, store, work=pretend).finished) == 1 and time.monotonic() - began > 1.4


def test_a_store_that_cannot_be_written_stops_the_sweep_and_keeps_what_is_finished(client, tmp_path):
    store = RunStore(tmp_path)
    good, bad = pretended(2, store), pretended(6, store, experiment="blocked")
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        run_sweep([*good, *bad], client, store, work=pretend)
    for _ in range(100):  # one may still be under way on the other worker
        if states(good) == ["finished"] * 2:
            break
        time.sleep(0.1)
    assert states(good) == ["finished"] * 2
    (tmp_path / "blocked").unlink()
    assert len(run_sweep([*good, *bad], client, store, work=pretend).finished) == 6


def test_ctrl_c_stops_and_the_same_sweep_goes_on(client, tmp_path):
    store = RunStore(tmp_path)
    jobs = pretended(8, store, seconds=0.2)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(jobs, client, store, work=pretend, watch=Acting(3, interrupt))
    assert 3 <= states(jobs).count("finished") < 8
    assert not run_sweep(jobs, client, store, work=pretend).failed and states(jobs) == ["finished"] * 8


def test_a_worker_that_is_told_to_stop_interrupts_its_run(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "STOPPED", set())  # other tests sweep in this process, too
    text = '[data]\nsystem = "henon"\n[model]\nname = "ngrc"\n'
    assert worker.stop("a sweep") == 0
    assert worker.compute((text, "its id"), str(tmp_path), "a sweep") == {"outcome": "interrupted"}
    assert not list(tmp_path.iterdir()) and worker.ACTIVE["a sweep"] == 0
    with pytest.raises(KeyboardInterrupt):
        worker.Stoppable("a sweep").step(1, 2, 0.0)
    worker.Stoppable("another").step(1, 2, 0.0)


def test_a_spec_that_a_worker_cannot_read_fails_with_the_reason(client, tmp_path):
    store, unread = RunStore(tmp_path), (lambda task, *rest: worker.compute(("[data", task[1]), *rest))
    (job,) = pretended(1, store)
    ((failed, reason),) = run_sweep([job], client, store, work=unread).failed
    assert failed is job and "TOMLDecodeError" in reason and job.state == "failed"
    assert worker.compute_together([("[data", "x")], str(tmp_path), "s")[0]["reason"] in reason


def test_what_a_run_is_refused_for_is_recorded_and_not_tried_again(tmp_path):
    text = '[data]\nsystem = "henon"\ntrain = 5\n[training]\nwindow = 30\n'
    task = text, resolve(parse(tomllib.loads(text))).run_id
    assert worker.compute(task, str(tmp_path), "s") == {"outcome": "failed", "failures": 1, "lasting": True}
    (folder,) = RunStore(tmp_path).runs()
    assert folder.status["reason"].startswith("DataError") and "Traceback" in (folder / "traceback.txt").read_text()


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_that_grows_during_a_sweep_fails_the_runs_that_were_planned_with_it(tmp_path, count):
    file, store = tmp_path / "live.csv", RunStore(tmp_path / "store")
    file.write_text("a\n" + "1\n2\n4\n" * 40)
    tree = {"data": {"file": str(file), "dt": 1.0, "embed": "none"}, "model": {"name": "ngrc"}}
    jobs = jobs_of(combinations(tree, [f"seed=0..{count - 1}"]), store)
    file.write_text(file.read_text() + "8\n")
    tasks = [job.task for job in jobs]
    told = (
        [worker.compute(tasks[0], str(store.root), "s", report=False)] if count == 1
        else worker.compute_together(tasks, str(store.root), "s", report=False)
    )  # fmt: skip
    assert told == [{"outcome": "failed", "failures": 1, "lasting": True}] * count
    assert [folder.path.name for folder in store.runs()] == [job.run_id for job in jobs]
    assert all(f"planned as {job.run_id} and now is" in job.reason for job in jobs)


def test_a_finished_run_stays_so_when_its_file_has_grown(tmp_path):
    """Another sweep has finished it after this one was planned."""
    file, store = tmp_path / "live.csv", RunStore(tmp_path / "store")
    file.write_text("a\n" + "1\n2\n4\n" * 40)
    (job,) = jobs_of(combinations({"data": {"file": str(file), "dt": 1.0}, "model": {"name": "ngrc"}}), store)
    job.folder.write("measures.json", "{}")
    seal(job.folder)
    file.write_text(file.read_text() + "8\n")
    assert worker.compute(job.task, str(store.root), "s")["outcome"] == "failed" and job.state == "finished"


CLIENT = """
import sys
from dsr.runs.store import RunStore
from dsr.runs.sweep.cluster import connected
from dsr.runs.sweep.engine import run_sweep
from dsr.runs.sweep.pretend import pretend
from dsr.runs.sweep import worker
from sweep_trial import pretended
if __name__ == "__main__":
    store = RunStore(sys.argv[1])
    with connected(workers=1) as client:
        client.wait_for_workers(1)
        print(*client.run(worker.process_id).values(), flush=True)
        run_sweep(pretended(6, store, seconds=1.0), client, store, work=pretend)
"""


def test_a_client_that_is_killed_takes_its_workers_along_and_leaves_what_is_finished(client, tmp_path):
    store = RunStore(tmp_path / "store")
    (tmp_path / "client.py").write_text(CLIENT)
    jobs = pretended(6, store, seconds=1.0)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}  # sweep_trial
    command = [sys.executable, str(tmp_path / "client.py"), str(store.root)]
    dead = subprocess.Popen(command, stdout=subprocess.PIPE, env=here)
    pid = int(dead.stdout.readline())
    while "finished" not in states(jobs):
        assert dead.poll() is None
        time.sleep(0.05)
    dead.kill()
    dead.wait()
    done = run_sweep(jobs, client, store, work=pretend)
    assert done.reused and not done.failed and states(jobs) == ["finished"] * 6
    until = time.monotonic() + 30
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid), "the worker outlived the sweep"


def test_a_client_that_is_told_to_end_leaves_nothing_behind(tmp_path):
    store = RunStore(tmp_path / "store")
    (tmp_path / "client.py").write_text(CLIENT)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, str(tmp_path / "client.py"), str(store.root)]
    told = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=here, text=True)
    pid, jobs = int(told.stdout.readline()), pretended(6, store, seconds=1.0)
    while "running" not in states(jobs):
        assert told.poll() is None
        time.sleep(0.05)
    told.send_signal(signal.SIGTERM)
    _, said = told.communicate(timeout=60)
    assert "KeyboardInterrupt" in said and "resource_tracker" not in said and not psutil.pid_exists(pid)


def test_a_scheduler_that_dies_ends_the_sweep_with_a_sentence(tmp_path):
    store = RunStore(tmp_path)
    jobs = pretended(6, store, seconds=0.5)
    with embedded(1) as cluster, connected(cluster.scheduler_address) as client:
        client.wait_for_workers(1)

        def kill():
            cluster.sync(cluster.scheduler.close)

        with pytest.raises(ClusterError, match="start the same command again"):
            run_sweep(jobs, client, store, work=pretend, watch=Acting(1, kill))
    assert "finished" in states(jobs) and len(set(states(jobs))) > 1


def test_nothing_listens_beyond_loopback(client):
    me = psutil.Process()
    ears = [n.laddr.ip for p in (me, *me.children(recursive=True)) for n in p.net_connections() if n.status == "LISTEN"]
    assert len(ears) >= 3 and set(ears) == {LOOPBACK}


def test_workers_have_one_thread_and_leave_ctrl_c_to_the_client(client):
    assert set(client.nthreads().values()) == {1}
    assert set(client.run(lambda: __import__("os").environ["OMP_NUM_THREADS"]).values()) == {"1"}
    handlers = client.run(lambda: __import__("signal").getsignal(2) == __import__("signal").SIG_IGN)
    assert set(handlers.values()) == {True}


def test_no_scheduler_and_no_gpu_are_sentences(client, tmp_path, monkeypatch):
    import dsr.runs.sweep.cluster as cluster

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(ClusterError, match=r"no scheduler answers at tcp://127.0.0.1:9"),
        connected(f"tcp://{LOOPBACK}:9"),
    ):
        pytest.fail("connected")
    (job,) = pretended(1, RunStore(tmp_path))
    hungry = Job(job.spec, job.label, job.run_id, job.folder, 0.0, True)
    with pytest.raises(ClusterError, match="no worker with a GPU"):
        run_sweep([hungry], client, RunStore(tmp_path), work=pretend)


@pytest.mark.slow
def test_runs_of_a_sweep_are_those_of_a_serial_one_byte_for_byte(client, tmp_path):
    store, serial = RunStore(tmp_path / "sweep"), RunStore(tmp_path / "serial")
    jobs = jobs_of(combinations(BASE, ["model=esn,parroting", "seed=0,1"]), store)
    assert len(run_sweep(jobs, client, store).finished) == 4
    for job in jobs:
        alone = execute(parse(job.spec.to_dict()), serial).folder
        assert state(job.folder) == "finished"
        for name in COMPARED:
            assert (alone / name).exists() == (job.folder / name).exists()
            assert not (alone / name).exists() or (alone / name).read_bytes() == (job.folder / name).read_bytes(), name


@pytest.mark.slow
def test_kills_of_workers_client_and_scheduler_change_nothing(tmp_path):
    found = survive(20, 10.0, tmp_path)
    assert found["equal to a serial sweep"] == 20 and found["workers killed"] >= 1
