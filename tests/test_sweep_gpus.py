"""Runs that need a GPU go to workers that have one; no GPU is needed to see it, for what counts are resource tags."""

import dataclasses
import re

import pytest
from sweep_trial import pretended

from dsr.runs.store import RunStore
from dsr.runs.sweep import worker
from dsr.runs.sweep.cluster import TALKATIVE, ClusterError, connected, gpus
from dsr.runs.sweep.engine import run_sweep
from dsr.runs.sweep.pretend import pretend


def processes(jobs):
    """Where each run was computed."""
    return [int(re.findall(r"begun in process (\d+)", (job.folder / "log.txt").read_text())[-1]) for job in jobs]


@pytest.fixture(scope="module")
def client():
    with connected(workers=2, gpus=1) as client:
        client.wait_for_workers(2)
        yield client


def test_runs_that_need_a_gpu_go_to_the_worker_that_has_one_and_others_anywhere(client, tmp_path):
    pids = client.run(worker.process_id)
    tags = {address: w["resources"] for address, w in client.scheduler_info(n_workers=-1)["workers"].items()}
    (tagged,) = [pids[address] for address, resources in tags.items() if resources.get("GPU") == 1]
    store = RunStore(tmp_path)
    plain = pretended(8, store, seconds=0.3)
    hungry = [dataclasses.replace(job, gpu=True) for job in pretended(3, store, experiment="hungry", seconds=0.1)]
    done = run_sweep([*plain, *hungry], client, store, work=pretend)
    assert len(done.finished) == 11 and gpus(client) == 1
    assert set(processes(hungry)) == {tagged} and set(processes(plain)) == set(pids.values())


def test_the_worker_with_the_gpu_sees_that_one_alone(client):
    seen = client.run(lambda: __import__("os").environ.get("CUDA_VISIBLE_DEVICES"))
    assert sorted(str(device) for device in seen.values()) == ["0", "None"]


def test_without_a_tagged_worker_it_is_said_how_to_start_one(tmp_path):
    (job,) = pretended(1, RunStore(tmp_path))
    with connected(workers=1) as bare:
        bare.wait_for_workers(1)
        with pytest.raises(ClusterError, match=r"dask worker --resources GPU=1.*or set training.device=cpu"):
            run_sweep([dataclasses.replace(job, gpu=True)], bare, RunStore(tmp_path), work=pretend)
    assert job.state == "absent"


def test_a_pack_is_one_task_and_falls_apart_when_its_worker_dies(client, tmp_path):
    """Together they kill their worker each time; alone they are computed."""
    store, jobs = RunStore(tmp_path), []
    for job in pretended(3, store):
        jobs.append(dataclasses.replace(job, fleet="one", gpu=True, members=3))
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    space: dict = {}
    exec("def die(texts, store, sweep):\n import os\n os.kill(os.getpid(), 9)", space)
    done = run_sweep(jobs, client, store, work=pretend, work_together=space["die"])
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 3))
    assert len(done.finished) == 3 and not done.failed
    more = [dataclasses.replace(job, fleet="one", gpu=True) for job in pretended(4, store, experiment="more")]
    assert len(run_sweep(more, client, store, pack=4, work=None, work_together=by_value()).finished) == 4
    assert all(job.state == "finished" for job in more)


def by_value():
    """A worker does not know this file."""
    space: dict = {}
    exec(
        "def work(texts, store, sweep):\n from dsr.runs.sweep.pretend import pretend\n"
        " return [pretend(text, store, sweep) for text in texts]",
        space,
    )
    return space["work"]


def test_runs_that_a_search_has_stopped_are_left_alone(client, tmp_path):
    store = RunStore(tmp_path)
    jobs = pretended(3, store)
    store.create("pretended", jobs[1].run_id).set_status("pruned", reason="worse than half of the earlier trials")
    done = run_sweep(jobs, client, store, work=pretend)
    assert [job.run_id for job in done.pruned] == [jobs[1].run_id] and len(done.finished) == 2 and done.done == 3
    assert jobs[1].state == "pruned" and not done.failed


def test_the_client_is_silent_while_it_is_connected(client):
    import logging

    assert {logging.getLogger(name).level for name in TALKATIVE} == {logging.CRITICAL}
