"""One run end to end: what it leaves, what it reuses, and what a kill costs."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from dsr.analysis import lyapunov_spectrum
from dsr.errors import DsrError, StoreError
from dsr.runs import toml
from dsr.runs.claim import claimant, claimed
from dsr.runs.drawing import KINDS
from dsr.runs.execute import execute
from dsr.runs.report import write_report
from dsr.runs.resolve import resolve
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.weights import load_model, read_tensors
from dsr.systems import get_system
from dsr.training import fit
from dsr.training.native import unavailable

SMALL = {
    "data": {"system": "henon", "train": 3000, "validation": 1000, "test": 3000, "floor_trajectories": 3, "noise": 0.0},
    "model": {"name": "shplrnn", "hidden_dim": 20},
    "forcing": {"name": "generalized", "alpha": 0.6},
    "training": {"steps": 2000, "batch_size": 32, "window": 8, "checks": 2, "check_steps": 500, "learning_rate": 1e-2},
    "analysis": {"lyapunov_steps": 1000, "starts": 20},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("store"))
    return store, execute(parse(SMALL), store)


def test_a_run_leaves_everything_it_promises(finished):
    _, result = finished
    present = {str(p.relative_to(result.folder.path)) for p in result.folder.path.rglob("*") if p.is_file()}
    told = json.loads((result.folder / "figures/drawn.json").read_text())
    names = {entry["name"] for entry in told["drawn"]}
    assert names | set(told["left out"]) | {"summary"} == set(KINDS)
    assert set(told["left out"]) == {"return_maps", "poincare_sections", "space_time"}
    assert present == {f"figures/{name}.png" for name in names} | {
        "figures/drawn.json", "spec.toml", "resolved.json", "env.json", "status.json", "course.json", "history.csv",
        "weights.safetensors", "members.safetensors", "generated.npz", "measures.json", "table.txt", "report.html",
        "manifest.json",
    }  # fmt: skip
    assert result.folder.status["state"] == "finished" and not result.reused


def test_the_backend_that_trained_is_recorded(finished):
    _, result = finished
    found = result.folder.read_json("env.json")
    assert found["backend"] == ("torch" if unavailable() else "native") == history_backend(result)
    assert found["backends"]["torch"] == "available"


def history_backend(result):
    return result.folder.read_json("course.json")["training"]["backend"]


def test_every_member_is_kept_and_the_survivor_is_one_of_them(finished):
    _, result = finished
    survivor = weights_of(load_model(result.folder.path))
    count = len({name.partition("/")[0] for name in read_tensors(result.folder / "members.safetensors")})
    members = [weights_of(load_model(result.folder.path, member=k)) for k in range(count)]
    assert any(torch.equal(survivor, member) for member in members)
    with pytest.raises(DsrError, match=f"member {count}"):
        load_model(result.folder.path, member=count)


def weights_of(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_truth_and_reconstruction_are_measured_by_the_same_code(finished):
    _, result = finished
    rows = {row["name"]: row for row in result.measures["rows"]}
    assert rows["lambda_1"]["truth"]["value"] == pytest.approx(0.4192, abs=3 * 0.01)
    assert rows["sum of exponents"]["truth"]["value"] == pytest.approx(np.log(0.3), abs=1e-6)
    for name in ("D_stsp", "D_H"):
        row = rows[name]
        assert row["reconstruction"]["floor"]["kind"] == "independent trajectories"
        assert row["surrogate"]["value"] is not None and row["gaussian"]["value"] is not None
        assert row["reconstruction"]["settings"] and row["reconstruction"]["version"] >= 1


def test_the_stored_model_is_the_judged_model(finished):
    _, result = finished
    model = load_model(result.folder.path)
    stored = np.load(result.folder / "generated.npz", allow_pickle=False)["values"]
    test = get_system("henon").simulate(3000, transient=50, seed=int(np.random.SeedSequence(0).generate_state(4)[2]))
    run = model.free_run(model.initial_state(test.values[None, :1]), len(stored) + 300)
    np.testing.assert_array_equal(run.observations[0, -len(stored) :], stored)
    rows = {row["name"]: row["reconstruction"]["value"] for row in result.measures["rows"]}
    spectrum = lyapunov_spectrum(model.tangent_map(), run.states[0, ::100], steps=2000, transient=100, dt=1.0)
    assert spectrum.exponents[0] == pytest.approx(rows["lambda_1"], abs=0.03)


def test_history_has_a_loss_for_each_block_and_a_score_for_each_check(finished):
    _, result = finished
    rows = list(csv.DictReader((result.folder / "history.csv").open()))
    assert [int(r["step"]) for r in rows] == list(range(100, 2001, 100))
    assert [int(r["step"]) for r in rows if r["score_0"]] == [1000, 2000]
    assert float(rows[-1]["loss_0"]) < float(rows[0]["loss_0"])


def test_a_finished_run_is_not_computed_again(finished):
    store, result = finished
    before = (result.folder / "weights.safetensors").stat().st_mtime_ns
    again = execute(parse(SMALL), store)
    assert again.reused and again.table == result.table
    assert (result.folder / "weights.safetensors").stat().st_mtime_ns == before


def test_one_seed_gives_the_same_bytes(finished, tmp_path):
    _, result = finished
    again = execute(parse(SMALL), RunStore(tmp_path))
    for name in ("weights.safetensors", "measures.json", "table.txt", "generated.npz", "history.csv", "spec.toml"):
        assert (again.folder / name).read_bytes() == (result.folder / name).read_bytes(), name


def test_a_truncated_file_is_seen_and_the_run_computed_again(finished, tmp_path):
    _, result = finished
    store = RunStore(tmp_path)
    folder = store.folder(result.folder.path.parent.name, result.folder.path.name)
    shutil.copytree(result.folder.path, folder.path)
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[: len(weights) // 2])
    (folder / "search.json").write_text('{"model": {"na')
    again = execute(parse(SMALL), store)
    assert not again.reused and (folder / "weights.safetensors").read_bytes() == weights
    assert "damaged: weights.safetensors" in (folder / "log.txt").read_text() and not (folder / "search.json").exists()
    assert execute(parse(SMALL), store).reused


def test_a_full_disk_leaves_no_finished_run_and_room_mends_it(finished, tmp_path, monkeypatch):
    _, result = finished
    replace, writes = os.replace, []

    def full(source, target):
        writes.append(target)
        if str(target).endswith("measures.json"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        execute(parse(SMALL), RunStore(tmp_path))
    (folder,) = RunStore(tmp_path).runs()
    assert folder.status["state"] == "running" and claimant(folder.path) is None
    monkeypatch.undo()
    assert not execute(parse(SMALL), RunStore(tmp_path)).reused
    assert (folder / "measures.json").read_bytes() == (result.folder / "measures.json").read_bytes()


def test_a_run_that_another_process_computes_is_left_alone(tmp_path):
    tree = {**SMALL, "training": {**SMALL["training"], "steps": 100}}
    folder = RunStore(tmp_path).create("default", resolve(parse(tree)).run_id)
    with claimed(folder.path), pytest.raises(DsrError, match="is being computed by process"):
        execute(parse(tree), RunStore(tmp_path))
    assert not (folder / "status.json").exists()


def test_the_report_is_rebuilt_from_the_folder(finished):
    _, result = finished
    original = (result.folder / "report.html").read_bytes()
    (result.folder / "report.html").unlink()
    write_report(result.folder)
    assert (result.folder / "report.html").read_bytes() == original


def test_killed_in_the_middle_of_training_it_finishes_with_the_same_weights(tmp_path):
    tree = {**SMALL, "training": {**SMALL["training"], "steps": 60_000, "members": 2}}
    spec = tmp_path / "spec.toml"
    spec.write_text(toml.dumps(tree))
    command = [sys.executable, "-c", "from dsr.runs.cli import main; main()", "run", str(spec), "--json", "--store"]
    eager = (  # the same run, with a checkpoint as often as there can be one
        "import sys, tomllib; from dsr.runs.execute import execute; from dsr.runs.spec import parse; "
        "from dsr.runs.store import RunStore; tree = tomllib.load(open(sys.argv[1], 'rb')); "
        "execute(parse(tree), RunStore(sys.argv[2]), checkpoint_seconds=0.0)"
    )
    victim = subprocess.Popen([sys.executable, "-c", eager, str(spec), str(tmp_path / "a")], cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not (found := list(tmp_path.glob("a/*/*/checkpoint.safetensors"))):
        assert victim.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    killed_at = int(read_tensors(found[0])["step"])
    assert 0 < killed_at < 60_000 and json.loads((found[0].parent / "status.json").read_text())["state"] == "running"
    done = [subprocess.run([*command, str(tmp_path / s)], capture_output=True, cwd=tmp_path) for s in ("a", "b")]
    assert [d.returncode for d in done] == [0, 0], done[0].stderr
    resumed, straight = (next(tmp_path.glob(f"{s}/*/*/weights.safetensors")) for s in ("a", "b"))
    assert resumed.read_bytes() == straight.read_bytes()
    assert f"resumed at step {killed_at}" in (resumed.parent / "log.txt").read_text()
    assert not (straight.parent / "log.txt").exists()


def test_training_goes_on_from_the_checkpoint_and_not_from_the_start(tmp_path, monkeypatch):
    import dsr.runs.execute as room

    tree = {**SMALL, "training": {**SMALL["training"], "steps": 1000}}
    given, stopped = [], []

    def interrupted(*arguments, **keywords):
        def keep_then_stop(tensors):
            stopped.append(int(tensors["step"]))
            keep(tensors)
            raise KeyboardInterrupt

        keep = keywords["on_checkpoint"]
        return fit(*arguments, **{**keywords, "on_checkpoint": keep_then_stop})

    def watched(*arguments, **keywords):
        given.append(keywords["resume"])
        return fit(*arguments, **keywords)

    monkeypatch.setattr(room, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute(parse(tree), RunStore(tmp_path), checkpoint_seconds=0.0)
    (folder,) = RunStore(tmp_path).runs()
    assert folder.status == {"state": "interrupted", "failures": 0}
    monkeypatch.setattr(room, "fit", watched)
    execute(parse(tree), RunStore(tmp_path), checkpoint_seconds=0.0)
    assert int(given[0]["step"]) == stopped[-1] < 1000
    assert folder.status["state"] == "finished" and not (folder / "checkpoint.safetensors").exists()


def test_a_failure_is_recorded_and_the_run_can_be_repeated(tmp_path, monkeypatch):
    import dsr.runs.execute as room

    def fail(*_):
        raise RuntimeError("the lights went out")

    monkeypatch.setattr(room, "_judge", fail)
    tree = {**SMALL, "training": {**SMALL["training"], "steps": 200}}
    with pytest.raises(RuntimeError):
        execute(parse(tree), RunStore(tmp_path))
    (folder,) = RunStore(tmp_path).runs()
    assert folder.status == {"state": "failed", "reason": "RuntimeError: the lights went out", "failures": 1}
    assert "in fail\n" in (folder / "traceback.txt").read_text()
    monkeypatch.undo()
    assert execute(parse(tree), RunStore(tmp_path)).folder.status["state"] == "finished"


def test_nothing_is_written_before_the_data_are_judged(tmp_path):
    for change in ({"data": {**SMALL["data"], "train": 5}}, {"model": {"name": "shplrnn", "latent_dim": 1}}):
        with pytest.raises(DsrError):
            execute(parse({**SMALL, **change}), RunStore(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_a_single_column_is_embedded(tmp_path):
    henon = get_system("henon").simulate(4000, transient=100, seed=3)
    np.save(tmp_path / "x.npy", henon.values[:, :1])
    tree = {**SMALL, "data": {"file": str(tmp_path / "x.npy"), "dt": 1.0}}
    tree["training"] = {**SMALL["training"], "steps": 300}
    result = execute(parse(tree), RunStore(tmp_path / "store"))
    assert result.folder.read_json("resolved.json")["estimated"]["embedding"] == {"dimension": 2, "delay": 1}
    rows = {row["name"]: row for row in result.measures["rows"]}
    assert rows["D_stsp"]["reconstruction"]["floor"]["kind"] == "stretches of the training record (length 799)"
    assert os.path.exists(result.folder / "report.html")


def test_a_search_is_part_of_the_run_and_the_winner_is_what_is_stored(tmp_path):
    tree = {
        "data": {"system": "henon", "train": 1500, "validation": 1000, "test": 1000, "floor_trajectories": 2},
        "model": {"name": "ngrc", "degree": 2},
        "training": {"search": 3, "search_seeds": 1, "members": 1},
        "analysis": {"starts": 5, "lyapunov_steps": 300},
    }
    result = execute(parse(tree), RunStore(tmp_path))
    winner = result.folder.read_json("search.json")["model"]
    assert result.folder.read_json("resolved.json")["model"] == {"name": "ngrc", **winner}
    assert winner["degree"] == 2, "what the spec sets stays"
    assert load_model(result.folder.path).arguments["lags"] == winner["lags"]
    rows = list(csv.DictReader((result.folder / "search.csv").open()))
    assert [row["draw"] for row in rows[:3]] == ["0", "1", "2"]
    row = {r["name"]: r for r in result.measures["rows"]}["lambda_1"]
    assert row["reconstruction"]["value"] == pytest.approx(0.4192, abs=0.03)


def test_settings_that_a_closed_form_would_ignore_are_refused(tmp_path):
    tree = {"data": {"system": "henon"}, "model": {"name": "ngrc"}, "training": {"steps": 5}}
    with pytest.raises(DsrError, match=r"training.steps for the model 'ngrc'.*leave training.steps out"):
        execute(parse(tree), RunStore(tmp_path))
    assert not list(tmp_path.iterdir())
