"""Runs of a sweep that train in one call: packs are made, and every run keeps its own result, claim and fate."""

import dataclasses
from functools import partial

import pytest

from dsr.errors import DsrError
from dsr.runs.claim import RunClaimed, claimed
from dsr.runs.execute import Silent, execute
from dsr.runs.manifest import state
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.sweep import worker
from dsr.runs.sweep.command import lines, planned
from dsr.runs.sweep.jobs import jobs_of
from dsr.runs.sweep.packs import packs
from dsr.runs.sweep.plan import combinations
from dsr.runs.together import execute_together

TINY = {
    "data": {"system": "henon", "train": 800, "validation": 300, "test": 400, "floor_trajectories": 1},
    "model": {"name": "shplrnn", "hidden_dim": 5},
    "forcing": {"name": "generalized", "alpha": 0.6},
    "training": {
        "steps": 300, "window": 6, "checks": 2, "check_steps": 200, "members": 2, "backend": "torch", "batch_size": 8,
        "learning_rate": 1e-2,
    },
    "analysis": {"starts": 2, "lyapunov_steps": 20, "lyapunov_members": 2},
}  # fmt: skip
FEW = {**TINY, "training": {**TINY["training"], "steps": 100, "checks": 1}}
together = partial(execute_together, report=False)


def specs(count, tree=TINY):
    return [parse({**tree, "seed": seed}) for seed in range(count)]


def jobs(tmp_path, *words, tree=TINY):
    return jobs_of(combinations(tree, words), RunStore(tmp_path))


def numbers(folder):
    """What a run was found to be, its settings left out."""
    rows = folder.read_json("measures.json")["rows"]
    return {row["name"]: row["reconstruction"] and row["reconstruction"]["value"] for row in rows}


def sizes(tasks):
    return [len(task) for task in tasks]


def test_runs_that_differ_in_seed_alone_are_packed(tmp_path):
    found = jobs(tmp_path, "seed=0..4", "model.hidden_dim=5,6")
    tasks = packs(found, 3)
    assert sizes(tasks) == [2, 3, 2, 3] and sorted(j.run_id for t in tasks for j in t) == sorted(
        j.run_id for j in found
    )
    assert all(len({job.spec.model["hidden_dim"] for job in task}) == 1 for task in tasks)
    assert sizes(packs(found, 0)) == sizes(packs(found, 1)) == sizes(packs(found)) == [1] * 10
    found[0].folder.set_failed("once")
    assert [task for task in packs(found, 5) if len(task) == 1] == [(found[0],)], "it must not fail others"
    assert all(job.fleet == "" for job in jobs(tmp_path, "seed=0,1", "training.backend=auto,native,autograd"))
    assert all(job.fleet == "" for job in jobs(tmp_path, "seed=0,1", "training.search=2"))


def test_a_gpu_is_given_many_runs_and_every_gpu_some(tmp_path):
    found = jobs(tmp_path, "seed=0..39", "training.device=cuda", "training.backend=auto")
    assert all(job.gpu and job.members == 2 for job in found)
    assert sizes(packs(found)) == [20, 20] and sizes(packs(found, devices=4)) == [10] * 4
    assert sizes(packs(found, 0)) == [1] * 40 and sizes(packs(found[:3], devices=8)) == [1] * 3


def test_the_plan_says_what_is_trained_together(tmp_path):
    found = jobs(tmp_path, "seed=0..3")
    told = planned(found, RunStore(tmp_path), 1, 2, packs(found, 3))
    assert told["trained together"] == [[j.run_id for j in found[:2]], [j.run_id for j in found[2:]]]
    assert "trained together, one task each: 2, 2 runs" in lines(told)
    assert not any("together" in line for line in lines(planned(found, RunStore(tmp_path), 1, 2, packs(found))))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("alone"))
    return [execute(spec, store, report=False).folder for spec in specs(3)]


def test_packed_runs_end_as_they_do_alone(alone, tmp_path):
    """float32, so to rounding; the seeds lie far apart."""
    found = together(specs(3), RunStore(tmp_path))
    assert [state(r.folder) for r in found] == ["finished"] * 3 and not any(r.reused for r in found)
    for result, single in zip(found, alone, strict=True):
        assert (
            result.folder.path.name == single.path.name
            and (result.folder / "resolved.json").read_bytes() == (single / "resolved.json").read_bytes()
        )
        assert numbers(result.folder) == pytest.approx(numbers(single), rel=0.02, abs=1e-3)
        assert {p.name for p in result.folder.path.iterdir()} == {p.name for p in single.path.iterdir()}
    assert numbers(alone[0]) != pytest.approx(numbers(alone[1]), rel=0.02, abs=1e-3)
    assert found[0].folder.read_json("env.json")["runs trained together"] == 3
    assert all(r.reused for r in together(specs(3), RunStore(tmp_path)))


def test_one_run_of_a_pack_may_be_refused_claimed_or_fail(alone, tmp_path, monkeypatch):
    import dsr.runs.execute as room

    store, (a, b, c) = RunStore(tmp_path), specs(3)
    refused = dataclasses.replace(b, data=dataclasses.replace(b.data, train=5))
    judge = room._judge

    def unlucky(resolved, *rest):
        if resolved.spec.seed == 2:
            raise RuntimeError("the lights went out")
        return judge(resolved, *rest)

    monkeypatch.setattr(room, "_judge", unlucky)
    store.create("default", alone[1].path.name)
    with claimed(store.folder("default", alone[1].path.name).path):
        first, second, third, fourth = together([a, refused, b, c], store)
    assert first.folder.status["state"] == "finished" and numbers(first.folder) == pytest.approx(
        numbers(alone[0]), rel=0.02, abs=1e-3
    )
    assert isinstance(second, DsrError) and "window" in str(second) and isinstance(third, RunClaimed)
    assert str(fourth) == "the lights went out"
    failed = store.folder("default", alone[2].path.name)
    assert failed.status["reason"] == "RuntimeError: the lights went out" and failed.failures == 1
    monkeypatch.undo()
    assert execute(c, store, report=False).folder.status["state"] == "finished"


def test_an_interrupted_pack_goes_on_alone_or_in_another_one(alone, tmp_path, monkeypatch):
    store, steps = RunStore(tmp_path), []

    class Impatient(Silent):
        def step(self, step, total, loss):
            steps.append(step)
            if step >= 200:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        together(specs(3), store, progress=Impatient())
    folders = [store.folder("default", folder.path.name) for folder in alone]
    assert [folder.status["state"] for folder in folders] == ["interrupted"] * 3
    assert not [p for folder in folders for p in folder.path.glob(".claim")]
    found = [execute(specs(3)[0], store, report=False), *together(specs(3)[1:], store)]
    for result, single in zip(found, alone, strict=True):
        assert "resumed at step 200" in (result.folder / "log.txt").read_text()
        assert numbers(result.folder) == pytest.approx(numbers(single), rel=0.02, abs=1e-3)


def test_a_failure_of_the_device_is_one_of_each_run(tmp_path, monkeypatch):
    import dsr.runs.together as room

    def out_of_memory(calls):
        raise MemoryError("the device is full")

    monkeypatch.setattr(room, "fit_together", out_of_memory)
    tasks = [job.task for job in jobs(tmp_path, "seed=0,1", tree=FEW)]
    told = worker.compute_together(tasks, str(tmp_path), "s", report=False)
    assert told == [{"outcome": "failed", "failures": 1, "lasting": False}] * 2
    assert sizes(packs(jobs(tmp_path, "seed=0,1", tree=FEW), 2)) == [1, 1], "then they are tried alone"


def test_a_worker_tells_of_each_run_of_a_pack(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "STOPPED", set())  # other tests sweep in this process, too
    found = jobs(tmp_path, "seed=0,1", tree=FEW)
    told = worker.compute_together([job.task for job in found], str(tmp_path), "s", report=False)
    assert told == [{"outcome": "finished"}] * 2 and [job.state for job in found] == ["finished"] * 2
    assert not (found[0].folder / "report.html").exists() and not (found[0].folder / "figures").exists()
    worker.stop("s")
    assert worker.compute_together([j.task for j in found], str(tmp_path), "s") == [{"outcome": "interrupted"}] * 2
