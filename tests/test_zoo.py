"""The comparison of the families: cells are computed once, failures are results, the page holds what the cells say."""

from __future__ import annotations

import math

import pytest

from dsr import __version__
from dsr.runs.store import RunFolder
from dsr.runs.zoo import __main__ as command
from dsr.runs.zoo import cell, tasks
from dsr.runs.zoo.entries import ENTRIES, Entry
from dsr.runs.zoo.page import page
from dsr.runs.zoo.tasks import Task
from dsr.systems import get_system

ENTRY = [Entry("ngrc", "ngrc", {"degree": 2, "lags": 1}), Entry("esn", "esn", {"units": 30})]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    system = get_system("henon")

    def henon(seed: int) -> Task:
        train, test = (system.simulate(n, transient=100, seed=s) for n, s in ((1500, seed), (2000, 99)))
        others = tuple(system.simulate_many(2000, 1.0, count=2, transient=100, seed=98))
        return Task("lorenz63", "Hénon, in the place of Lorenz-63", train, test, others, (0.419, -1.623))

    monkeypatch.setitem(tasks.SIMULATED, "lorenz63", henon)
    monkeypatch.setitem(ENTRIES, "lorenz63", ENTRY)
    for name, value in (("RUN", 500), ("RUNS", 2), ("TRANSIENT", 50), ("LYAPUNOV", {"steps": 400, "transient": 50})):
        monkeypatch.setattr(cell, name, value)


def run(folder, *more):
    return command.main(["lorenz63", "--seeds", "2", "--store", str(folder / "z"), "-o", str(folder / "Z.md"), *more])


def test_a_quadratic_model_of_a_quadratic_map_is_exact(tmp_path):
    found = cell.run(tasks.SIMULATED["lorenz63"](0), ENTRY[0], 0)
    assert found["exponents"][:2] == pytest.approx([0.419, -1.623], abs=0.03)
    assert found["vpt_0.3"][0] > 8  # Lyapunov times
    assert found["lost_runs"] == 0 and found["d_stsp"] < 0.5
    assert math.isnan(found["conditional"]) and found["training"] == "finished"


def test_cells_are_kept_and_the_page_is_written_from_them(tmp_path, monkeypatch, capsys):
    assert run(tmp_path) == 0
    text = (tmp_path / "Z.md").read_text()
    assert "## Hénon, in the place of Lorenz-63" in text and "| ngrc | 2 |" in text and "| esn | 2 |" in text
    assert len(list((tmp_path / "z/lorenz63").glob("*.json"))) == 5  # two families, two seeds, the floor
    monkeypatch.setattr(command, "run", lambda *_: pytest.fail("a cell was computed again"))
    assert run(tmp_path) == 0
    assert (tmp_path / "Z.md").read_text() == text and f"dsr-workbench {__version__};" in text
    monkeypatch.setattr(command, "__version__", "0.0.0")  # cells of another version are not taken
    assert not command.results(RunFolder(tmp_path / "z"), "lorenz63")


def test_a_floor_of_another_version_is_not_taken(tmp_path):
    store = RunFolder(tmp_path)
    foreign = {"task": "lorenz63", "title": "of old", "d_stsp": [9.0], "d_h": [9.0], "exponents": [0.5]}
    for known in ({}, {"version": "0.0.0"}):
        store.write_json("lorenz63/floor.json", {**foreign, **known})
        command.compute(store, "lorenz63", [], range(0), tmp_path)
        found = store.read_json("lorenz63/floor.json")
        assert max(found["d_stsp"]) < 9 and "Hénon" in found["title"]
    assert command.kept_floor(store, "lorenz63") == found and found["version"] == __version__


def test_a_failure_is_a_result_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setitem(ENTRIES, "lorenz63", [Entry("ngrc", "ngrc", {"lags": 0}), ENTRY[1]])
    assert run(tmp_path, "--seeds", "1") == 0
    text = (tmp_path / "Z.md").read_text()
    assert "- ngrc, seed 0: " in text and "lags = 0" in text and "| esn | 1 |" in text


def test_unknown_tasks_are_named(tmp_path, capsys):
    assert command.main(["lorenz", "--store", str(tmp_path)]) == 2
    assert "lorenz63" in capsys.readouterr().err


def test_the_gap_is_counted_by_two_standard_errors():
    found = {
        "family": "x", "seed": 0, "exponents": [0.4, -1.6, -1.7, -9.0], "stderr": [0.01] * 4, "conditional": None,
        "vpt_0.3": [5, 4, 6], "vpt_0.5": [5, 4, 6], "d_stsp": 0.1, "d_h": 0.1, "lost_runs": 0, "cpu_seconds": 1.0,
        "training": "finished",
    }  # fmt: skip
    close = {**found, "seed": 1, "stderr": [0.01, 0.04, 0.04, 0.01]}
    floor = {"title": "T", "exponents": [0.42, -1.62], "d_stsp": [0.1], "d_h": [0.1]}
    text = page({"t": (floor, [found, close])})
    assert "| 1 of 2 |" in text
