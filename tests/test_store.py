"""The run store: atomic writes, and runs that are found again."""

import json
import os

import pytest
from run_folders import write_run

from dsr.errors import DsrError, StoreError
from dsr.runs.compare.index import read_index
from dsr.runs.manifest import damage
from dsr.runs.store import RunFolder, RunStore, require_writable, run_id


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path, monkeypatch):
    folder = RunStore(tmp_path).create("e", "r")
    folder.write("a.txt", "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DsrError, match="No space left"):
        folder.write("a.txt", "new")
    assert (folder / "a.txt").read_text() == "old"
    assert [p.name for p in folder.path.iterdir()] == ["a.txt"]


def test_status_and_json_round_trip(tmp_path):
    folder = RunStore(tmp_path).create("e", "r")
    assert folder.status == {"state": "absent"}
    folder.set_status("running", step=3)
    assert folder.status == {"state": "running", "step": 3}
    folder.write_json("nan.json", {"a": [float("nan"), float("inf"), 1.5]})
    assert folder.read_json("nan.json") == {"a": [None, None, 1.5]}
    for content in ("{", "[1]", '"text"'):
        (folder / "status.json").write_text(content)
        with pytest.raises(DsrError, match="damaged"):
            _ = folder.status
    assert folder.failures == 0 and damage(folder) == ["status.json"]


def test_runs_are_found_by_path_id_or_its_start(tmp_path):
    store = RunStore(tmp_path)
    for name in ("lorenz63-shplrnn-s000-aa", "lorenz63-shplrnn-s001-bb"):
        store.create("e", name).set_status("finished")
    assert store.find("lorenz63-shplrnn-s001").path.name.endswith("bb")
    assert store.find(str(tmp_path / "e" / "lorenz63-shplrnn-s000-aa")).path.name.endswith("aa")
    assert len(store.runs()) == 2
    with pytest.raises(DsrError, match="2 runs"):
        store.find("lorenz63")
    with pytest.raises(DsrError, match="did you mean 'lorenz63-shplrnn-s000-aa'"):
        store.find("lorens63-shplrnn-s000-aa")


def test_the_store_is_the_argument_then_the_environment_then_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("DSR_STORE", str(tmp_path / "env"))
    assert RunStore().root == tmp_path / "env"
    assert RunStore("here").root.name == "here"
    monkeypatch.delenv("DSR_STORE")
    assert RunStore().root.name == "dsr-runs"


def test_an_unwritable_store_is_refused(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(DsrError, match="cannot be written"):
        RunStore(blocker).create("e", "r")


def test_the_id_ignores_the_order_of_keys():
    a, b = {"x": 1, "y": {"p": 2, "q": 3}}, {"y": {"q": 3, "p": 2}, "x": 1}
    assert run_id("s", "m", 7, a) == run_id("s", "m", 7, b)
    assert run_id("dysts:Chua", "m", 7, json.loads(json.dumps(a))).startswith("dysts_Chua-m-s007-")


def test_errors_name_the_store_or_the_file_that_was_named_with_o(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "dir.csv").mkdir()
    for folder, name in ((tmp_path / "file", "a.csv"), (tmp_path, "dir.csv")):
        said = f"the file '{folder / name}' cannot be written .*; next: give another name with -o"
        with pytest.raises(StoreError, match=said):
            RunFolder(folder).write(name, "1")
        with pytest.raises(StoreError, match=said):
            require_writable(folder / name)
    with pytest.raises(StoreError, match=f"the store '{tmp_path}' cannot be written.*--store"):
        RunStore(tmp_path).folder("file", "r").write("a.csv", "1")
    require_writable(tmp_path / "new" / "folder" / "a.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dir.csv", "file"]


def test_a_run_that_does_not_fit_the_columns_is_damaged_and_hides_no_other(tmp_path):
    store = RunStore(tmp_path)
    write_run(store, "a", "esn", 0, {"D_stsp": 1.0})
    write_run(store, "a", "esn", 2**64 - 1, {"D_stsp": 2.0})
    found = {r["state"]: r for r in read_index(store).to_pylist()}
    assert found["finished"]["seed"] == 0 and found["finished"]["value"] == 1.0
    assert found["damaged"]["seed"] is None and "too large" in found["damaged"]["reason"]
    assert read_index(store).num_rows == 2
