"""The stages of a run: what is written when, what can be left out, and what the index makes of it."""

import json
import shutil

import numpy as np
import pytest

import dsr.runs.resolve as resolving
from dsr.runs.compare.index import read_index
from dsr.runs.execute import Pruned, Silent, execute
from dsr.runs.resolve import resolve
from dsr.runs.spec import parse
from dsr.runs.store import RunStore

SOLVED = {
    "data": {"system": "henon", "train": 600, "validation": 200, "test": 300, "floor_trajectories": 1},
    "model": {"name": "ngrc"},
    "training": {"members": 1},
    "analysis": {"starts": 2, "lyapunov_steps": 50, "lyapunov_members": 2},
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run without figures."""
    store = RunStore(tmp_path_factory.mktemp("store"))
    return store, execute(parse(SOLVED), store, report=False)


def states(store):
    table = read_index(store).select(["run", "state", "reason"]).to_pylist()
    return {(row["state"], row["reason"]) for row in table}


def test_without_a_report_the_run_is_the_same_and_the_report_can_follow(bare):
    store, result = bare
    assert result.folder.status["state"] == "finished" and not result.reused
    assert not (result.folder / "report.html").exists() and not (result.folder / "figures").exists()
    assert execute(parse(SOLVED), store).reused, "it is the same run"


def test_the_settings_are_written_before_the_search_and_its_winner_after(tmp_path, monkeypatch):
    import dsr.runs.execute as room

    tree = {**SOLVED, "training": {"search": 2, "search_seeds": 1, "members": 1}}
    seen, search = [], room.search_settings

    def watched(resolved, data, folder, told):
        seen.append(folder.read_json("resolved.json")["model"])
        return search(resolved, data, folder, told)

    monkeypatch.setattr(room, "search_settings", watched)
    result = execute(parse(tree), RunStore(tmp_path), report=False)
    found = {"name": "ngrc", **result.folder.read_json("search.json")["model"]}
    assert seen == [json.loads(json.dumps(resolve(parse(tree)).tree["model"]))] and seen[0] != found
    assert result.folder.read_json("resolved.json")["model"] == found


def test_a_file_is_hashed_once_while_it_stays_as_it_is(tmp_path, monkeypatch):
    path, read = tmp_path / "x.npy", []
    np.save(path, np.random.default_rng(0).normal(size=(50, 2)))
    monkeypatch.setattr(resolving, "read_bytes", lambda p: read.append(p) or p.read_bytes())
    first = [resolve(parse({"data": {"file": str(path), "dt": 1.0}, "seed": seed})).run_id for seed in range(5)]
    assert len(read) == 1 and len(set(first)) == 5
    np.save(path, np.random.default_rng(0).normal(size=(51, 2)))
    assert resolve(parse({"data": {"file": str(path), "dt": 1.0}})).run_id != first[0] and len(read) == 2


def test_a_run_that_is_stopped_for_good_says_why(tmp_path):
    class Watch(Silent):
        def stage(self, text):
            if text == "judging":
                raise Pruned("behind the others", scores=[2.0])

    with pytest.raises(Pruned):
        execute(parse(SOLVED), RunStore(tmp_path), progress=Watch())
    (folder,) = RunStore(tmp_path).runs()
    assert folder.status == {"state": "pruned", "reason": "behind the others", "failures": 0, "scores": [2.0]}
    assert not (folder / "traceback.txt").exists() and states(RunStore(tmp_path)) == {("pruned", "behind the others")}


@pytest.mark.parametrize("name", ["measures.json", "resolved.json", "manifest.json"])
def test_results_that_are_not_what_was_sealed_are_shown_as_damaged(bare, tmp_path, name):
    store = RunStore(tmp_path / "copy")
    shutil.copytree(bare[0].root, store.root)
    (folder,) = store.runs()
    (state, _), *more = states(store)
    assert state == "finished" and not more
    tree = folder.read_json(name)
    changed = folder / name
    changed.write_text(json.dumps({**tree, "added": 1}))
    if name == "manifest.json":  # the index does not watch it: it is looked at when something else has changed
        folder.write("status.json", (folder / "status.json").read_text())
    assert states(store) == {("damaged", f"{name} changed since computed")}
