"""Floors are computed once for the same data, and taken over exactly."""

from __future__ import annotations

import copy
import json
import shutil

import pytest
from test_execute import SMALL

from dsr.analysis.scorecard import judge as judging
from dsr.runs.execute import execute
from dsr.runs.floors import FOLDER, KnownFloors
from dsr.runs.spec import parse
from dsr.runs.store import RunStore


def spec(**model):
    tree = copy.deepcopy(SMALL)
    del tree["forcing"], tree["training"]
    return parse(tree | {"model": {"name": "esn", "units": 50, **model}})


def floors(result):
    return {row["name"]: row["reconstruction"]["floor"] for row in result.measures["rows"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("store"))
    return store, execute(spec(), store)


def test_another_model_takes_over_the_floors(store, monkeypatch):
    def refuse(*_):
        raise AssertionError("a floor was computed again")

    monkeypatch.setattr(judging, "score_floor", refuse)
    second = execute(spec(units=60), store[0])
    assert not second.reused
    for name in ("D_stsp", "D_H"):
        assert floors(second)[name] == floors(store[1])[name] is not None


def test_other_data_have_floors_of_their_own(store):
    tree = copy.deepcopy(spec().to_dict())
    tree["seed"] = 1
    other = execute(parse(tree), store[0])
    assert floors(other)["D_stsp"] != floors(store[1])["D_stsp"]
    assert len(list((store[0].root / FOLDER).glob("*.json"))) == 2


def cut(text):
    return text[: len(text) // 2]


def edited(text):
    """The numbers of one floor are others."""
    tree = json.loads(text)
    tree["floors"]["D_stsp"]["median"] *= 2
    return json.dumps(tree)


def unsealed(text):
    return json.dumps({"floors": json.loads(text)["floors"]})


@pytest.mark.parametrize("harm", [cut, edited, unsealed, lambda text: "[1]"])
def test_floors_of_a_damaged_file_are_computed_again(store, tmp_path, harm):
    own = RunStore(tmp_path)
    shutil.copytree(store[0].root, tmp_path, dirs_exist_ok=True)
    found = KnownFloors(own, store[1].folder.read_json("resolved.json"))
    kept = found.known
    (file,) = (path for path in (own.root / FOLDER).glob("*.json") if path.name == found._file)
    whole = file.read_text()
    file.write_text(harm(whole))
    assert kept and not found.known
    if harm is cut:  # one is enough to see that the run goes on
        again = floors(execute(spec(units=60, leak=0.5), own, report=False))
        assert {name: again[name] for name in kept} == {name: floors(store[1])[name] for name in kept}
        assert found.known == kept and file.read_text() == whole


def test_floors_kept_before_there_were_checksums_are_taken_over(store, tmp_path):
    shutil.copytree(store[0].root / FOLDER, tmp_path / FOLDER)
    found = KnownFloors(RunStore(tmp_path), store[1].folder.read_json("resolved.json"))
    kept, file = found.known, tmp_path / FOLDER / found._file
    file.write_text(json.dumps(json.loads(file.read_text())["floors"]))
    assert kept and found.known == kept
