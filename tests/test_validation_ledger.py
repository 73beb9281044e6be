"""The table of runs beside the validation page: it stands in for a store, and a store stands before it."""

import json

import numpy as np
import pytest

from dsr.errors import StoreError
from dsr.runs.compare.index import read_index
from dsr.runs.execute import execute
from dsr.runs.spec import parse
from dsr.runs.store import RunFolder, RunStore
from dsr.runs.validation import __main__ as command
from dsr.runs.validation import compute as computing
from dsr.runs.validation import ledger
from dsr.runs.validation import page as paging
from dsr.runs.validation.section import Section

ANALYSIS = {"starts": 3, "lyapunov_steps": 200, "lyapunov_members": 2}
SECTION = Section("proof", "A proof", "A linear model.", measures=("D_stsp", "lambda_1"))
RECIPE = {
    "experiment": "proof", "model": {"name": "var"}, "analysis": ANALYSIS, "sweep": {"seed": "0..2"},
    "data": {"system": "henon", "train": 800, "validation": 300, "test": 900, "floor_trajectories": 3},
}  # fmt: skip


def spec(seed):
    return parse({key: value for key, value in RECIPE.items() if key != "sweep"} | {"seed": seed})


@pytest.fixture
def store(tmp_path):
    found = RunStore(tmp_path / "store")
    for seed in range(2):
        execute(spec(seed), found, report=False)
    return found


@pytest.fixture
def out(store, tmp_path):
    found = RunFolder(tmp_path / "page")
    ledger.write_ledger(found, ledger.joined(store, found))
    return found


def test_a_page_without_the_store_is_the_page_with_it(store, out, tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "recipe", lambda name: RECIPE)
    def told(table):
        return paging.page(table, [SECTION], paging.comparisons(table, [SECTION]), "Some machine.", {})

    from_store = told(read_index(store))
    assert told(ledger.joined(RunStore(tmp_path / "nothing"), out)) == from_store and "2 of 3 runs" in from_store
    before = (out / ledger.FILE).read_bytes()
    for source in (store, RunStore(tmp_path / "nothing")):
        ledger.write_ledger(out, ledger.joined(source, out))
        assert (out / ledger.FILE).read_bytes() == before


def test_runs_of_several_stores_come_together_and_a_store_goes_before(store, out, tmp_path):
    other = RunStore(tmp_path / "elsewhere")
    execute(spec(2), other, report=False)
    both = ledger.joined(other, out)
    assert sorted(set(both["seed"].to_pylist())) == [0, 1, 2]
    run = store.runs()[0]
    run.set_failed("it was not meant to be")
    told = {(r["seed"], r["state"]) for r in ledger.joined(store, out).to_pylist()}
    assert told == {(0, "failed"), (1, "finished")}


def test_what_the_page_has_is_not_computed_again(store, out, tmp_path, monkeypatch):
    asked = []

    def none(jobs, *_, **__):
        asked.append([job.spec.seed for job in jobs])
        raise KeyboardInterrupt

    monkeypatch.setattr(computing, "recipe", lambda name: RECIPE)
    monkeypatch.setattr(command, "chosen", lambda names: (SECTION,))
    monkeypatch.setattr(computing, "run_sweep", none)
    words = ["--store", str(tmp_path / "fresh"), "-o", str(out.path), "--workers", "1"]
    assert command.main(words) == command.main([*words, "--anew"]) == 130
    assert asked == [[2], [0, 1, 2]]


def test_runs_of_another_version_are_left_out(store, out, monkeypatch):
    monkeypatch.setattr(ledger, "__version__", "99.0")
    assert len(ledger.read_ledger(out)) == 0
    ledger.write_ledger(out, ledger.joined(store, out))
    monkeypatch.undo()
    assert len(ledger.read_ledger(out)) == 0


def test_a_damaged_table_is_named_and_left_alone(store, out):
    out.write(ledger.FILE, b"PAR1 and nothing else")
    with pytest.raises(StoreError, match="damaged or of another layout"):
        ledger.joined(store, out)
    assert (out / ledger.FILE).read_bytes() == b"PAR1 and nothing else"


def test_the_table_names_no_folder_of_the_machine(tmp_path):
    """It is published: of a file with data it holds name and hash."""
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "walk.csv", rng.standard_normal((900, 2)).cumsum(0) % 7, delimiter=",")
    data = {"file": str(tmp_path / "walk.csv"), "dt": 0.1, "embed": "none"}
    store, out = RunStore(tmp_path / "store"), RunFolder(tmp_path / "page")
    execute(parse({"experiment": "proof", "model": {"name": "var"}, "analysis": ANALYSIS, "data": data}), store)
    ledger.write_ledger(out, ledger.joined(store, out))
    rows = ledger.read_ledger(out).to_pylist()
    assert rows and json.loads(rows[0]["settings"])["data"]["file"] == "walk.csv"
    assert not any(str(tmp_path) in str(value) for row in rows for value in row.values())
