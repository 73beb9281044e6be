"""Runs of the validation page computed twice: the same bytes, and differences are named."""

import json

import pytest

from dsr import __version__
from dsr.runs.manifest import seal
from dsr.runs.store import RunFolder, RunStore
from dsr.runs.validation.compute import compute
from dsr.runs.validation.repeat import FILE, repeated, second, told, write_repeated
from dsr.runs.validation.section import Section

TREE = {
    "experiment": "twice",
    "data": {"system": "henon", "train": 800, "validation": 300, "test": 1000, "floor_trajectories": 3},
    "analysis": {"starts": 4, "lyapunov_steps": 200, "lyapunov_members": 2},
    "sweep": {"seed": "0..1", "model": ["ngrc", "var", "alrnn"], "alrnn:training.steps": [60]},
}
SECTION = Section("twice", "Twice", "Three models.")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    found = RunStore(tmp_path_factory.mktemp("repeat"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dsr.runs.validation.compute.recipe", lambda name: TREE)
        for repeat in (0, 3):
            assert compute([SECTION], found, data=None, seeds=None, workers=1, repeat=repeat) == 0
    return found


def page(store, out):
    """The section, as the page is written."""
    again = repeated(store, RunFolder(out))
    write_repeated(RunFolder(out), again)
    return told(again)


def test_the_repeated_runs_are_spread_and_give_the_same_bytes(store, tmp_path):
    again, runs = ([f.path.name for f in s.runs()] for s in (second(store), store))
    assert len(set(again)) == 3 and set(again) < set(runs)
    assert {name.split("-")[2] for name in again} == {"s000", "s001"}
    assert len(runs) == 6  # the second store's are none of the page's
    text = page(store, tmp_path)
    assert "3 runs were computed a second time" in text and ": 3 gave the same bytes" in text


def test_another_number_is_named(store, tmp_path):
    folder = second(store).runs()[0]
    first = store.folder("twice", folder.path.name)
    tree = first.read_json("measures.json")
    tree["notes"] = ["another"]
    first.write("measures.json", json.dumps(tree))
    assert f"- twice/{folder.path.name}: measures.json differ" in page(store, tmp_path)
    seal(first)
    text = page(store, tmp_path)
    assert ": 2 gave the same bytes" in text
    assert f"- twice/{folder.path.name}: the words of measures.json, no number, differ" in text
    tree["rows"][0]["reconstruction"]["value"] += 1e-12
    first.write("measures.json", json.dumps(tree))
    seal(first)
    assert f"- twice/{folder.path.name}: rows in measures.json differ" in page(store, tmp_path)
    tree["rows"][0]["reconstruction"]["value"] = folder.read_json("measures.json")["rows"][0]["reconstruction"]["value"]
    tree["findings"] = [{"name": "drift", "sentence": "the run drifts", "value": 1.0, "limit": 0.5}]
    first.write("measures.json", json.dumps(tree))
    seal(first)
    assert f"- twice/{folder.path.name}: findings in measures.json differ" in page(store, tmp_path)


def test_what_was_repeated_stays_with_the_page(store, tmp_path):
    text = page(store, tmp_path)
    assert page(RunStore(tmp_path / "another"), tmp_path) == text != ""
    kept = tmp_path / FILE
    kept.write_text(kept.read_text().replace(__version__, "0.0.1"))
    assert page(RunStore(tmp_path / "another"), tmp_path) == ""


def test_nothing_repeated_nothing_told(tmp_path):
    assert page(RunStore(tmp_path), tmp_path) == "" and not (tmp_path / FILE).exists()
