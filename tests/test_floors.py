"""Floors are computed once for the same data, and taken over exactly."""

from __future__ import annotations

import copy

import pytest
from test_execute import SMALL

from dsr.analysis.scorecard import judge as judging
from dsr.errors import StoreError
from dsr.runs.execute import execute
from dsr.runs.floors import FOLDER
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


def test_a_damaged_file_is_named(store, tmp_path):
    own = RunStore(tmp_path)
    execute(spec(), own)
    (damaged,) = (own.root / FOLDER).glob("*.json")
    damaged.write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        execute(spec(units=60), own)
