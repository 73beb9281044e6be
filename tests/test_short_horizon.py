"""The short-horizon protocol: what is fitted, forecast and scored, and that it goes on where it was."""

import json

import numpy as np
import pytest

from dsr.errors import DataError
from dsr.runs.short_horizon import __main__ as command
from dsr.runs.short_horizon.cell import FITTED, FORECAST, WORST, _smape, cell, forecast, trajectories, tuned
from dsr.runs.short_horizon.page import page, published
from dsr.runs.store import RunFolder
from dsr.systems import get_system


@pytest.fixture(scope="module")
def data():
    return trajectories("lorenz63", 3, seed=0)


def test_windows_are_ten_periods_and_two_more(data):
    tuning, windows = data
    period = get_system("lorenz63").period
    assert len(windows) == 3 and {len(s) for s in [tuning, *windows]} == {FITTED + FORECAST}
    assert tuning.dt == pytest.approx(period / 100)
    starts = np.stack([s.values[0] for s in [tuning, *windows]])
    assert np.linalg.norm(starts[:, None] - starts, axis=-1)[np.triu_indices(4, 1)].min() > 0.1


def test_smape_runs_to_200_and_sees_only_the_forecast_rows(data):
    tuning, windows = data
    found = cell("persistence", tuning, windows, 0)
    for value, series in zip(found["smape"], windows, strict=True):
        truth, last = series.values[FITTED:], series.values[FITTED - 1]
        expected = 200 * np.mean(np.abs(truth - last) / (np.abs(truth) + np.abs(last)))
        assert value == pytest.approx(expected, rel=1e-6)
    assert found["diverged"] == 0 and len(found["metrics"][0]) == 17


def test_nothing_beyond_the_first_1000_rows_is_fitted(data):
    tuning, _ = data
    changed = type(tuning)(
        np.concatenate([tuning.values[:FITTED], np.zeros((FORECAST, 3))]), dt=tuning.dt, names=tuning.names
    )
    for family in ("var", "parroting"):
        np.testing.assert_array_equal(forecast(family, {}, tuning, 0), forecast(family, {}, changed, 0))


def test_tuning_picks_the_best_of_what_it_tried(data):
    tuning, _ = data
    settings, tried = tuned("var", tuning, 0)
    assert tried == 12 and tuned("var", tuning, 0) == (settings, tried)
    truth = tuning.values[FITTED:]

    def smape(ahead):
        return np.mean(np.abs(truth - ahead) / (np.abs(truth) + np.abs(ahead)))

    assert smape(forecast("var", settings, tuning, 0)) <= smape(forecast("var", {}, tuning, 0))
    assert tuned("climatology", tuning, 0) == ({}, 1)


def test_a_trained_family_follows_the_flow_with_its_budget_and_is_not_tuned(data, monkeypatch):
    """A shallow PLRNN of two hundred steps knows less of the next two periods than one of its whole budget."""
    tuning, windows = data
    assert tuned("shplrnn", tuning, 0) == ({}, 1)

    def smape():
        return np.median([_smape(series, forecast("shplrnn", {}, series, 0)) for series in windows])

    whole = smape()
    monkeypatch.setattr("dsr.runs.short_horizon.cell.BUDGETS", {"shplrnn": {"steps": 200}})
    assert whole < 60 < smape()


def test_a_diverged_forecast_is_counted_and_the_worst(data, monkeypatch):
    tuning, windows = data
    monkeypatch.setattr("dsr.runs.short_horizon.cell.forecast", lambda *a: np.full((FORECAST, 3), np.nan))
    found = cell("var", tuning, windows, 0)
    assert found["diverged"] == 3 and found["smape"] == [WORST] * 3 and found["metrics"] == []
    assert "| var | 200 | 200 to 200 | 3 of 3 | 0 |" in page({"var": {"Lorenz": found}}, 3, {})
    assert "Trained by gradients" not in page({"var": {"Lorenz": found}}, 3, {})
    monkeypatch.setattr("dsr.runs.short_horizon.cell.forecast", lambda *a: None)
    refused = cell("var", tuning, windows, 0)
    assert refused == found and "counts as 200 and among the diverged windows" in page(
        {"var": {"Lorenz": refused}}, 3, {}
    )
    assert "shplrnn 20,000 steps" in page({"shplrnn": {"Lorenz": found}}, 3, {})


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("system,smape_NBEATSModel,smape_ESN,other\nLorenz,8.5,120.5,1\nRossler,50.5,,2\n")
    return path


def test_published_results_are_read(table, tmp_path):
    assert published(table) == {"NBEATS": {"Lorenz": 8.5, "Rossler": 50.5}, "ESN": {"Lorenz": 120.5}}
    (tmp_path / "q.csv").write_text("a,b\n1,2\n")
    for bad in ("q.csv", "absent.csv"):
        with pytest.raises(DataError):
            published(tmp_path / bad)


def test_the_command_goes_on_where_it_was(data, table, tmp_path, monkeypatch, capsys):
    asked = []

    def known(system, windows, seed):
        asked.append(system)
        return data

    monkeypatch.setattr(command, "trajectories", known)
    words = ["--systems", "Lorenz", "--windows", "3", "--published", str(table), "--store", str(tmp_path / "s")]
    words += ["-o", str(tmp_path / "page.md")]
    assert command.main([*words, "--models", "persistence"]) == 0
    assert command.main([*words, "--models", "persistence,climatology"]) == 0
    first = (tmp_path / "page.md").read_bytes()
    assert command.main([*words, "--models", "persistence,climatology"]) == 0
    assert asked == ["dysts:Lorenz"] * 2 and (tmp_path / "page.md").read_bytes() == first
    text = first.decode()
    assert "| NBEATS | 8.5 |" in text and "**persistence**" in text and "1 systems" in text
    (cell_file,) = (tmp_path / "s" / "climatology").iterdir()
    assert len(json.loads(cell_file.read_text())["smape"]) == 3
    assert command.main([*words, "--models", "persistance"]) == 2 and "did you mean" in capsys.readouterr().err


def test_a_cell_of_another_version_or_of_other_settings_is_not_taken(data, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "trajectories", lambda system, windows, seed: data)
    store, asked = RunFolder(tmp_path), (["Lorenz"], ["climatology", "var"], 3, 0)
    foreign = {"settings": {}, "tried": 1, "smape": [1.0] * 3, "diverged": 0, "metrics": [{}] * 3}
    store.write_json(command._file("Lorenz", "var", 3, 0), foreign)
    assert command.results(store, *asked) == {}
    command.compute(store, *asked)
    found = command.results(store, *asked)
    assert set(found) == {"climatology", "var"} and found["var"]["Lorenz"]["smape"] != foreign["smape"]
    with monkeypatch.context() as patch:
        patch.setattr("dsr.runs.short_horizon.cell.__version__", "0.0.0")
        assert command.results(store, *asked) == {}
    with monkeypatch.context() as patch:
        patch.setattr("dsr.runs.short_horizon.cell.BUDGETS", {"var": {"steps": 200}})
        assert set(command.results(store, *asked)) == {"climatology"}
    monkeypatch.setattr(command, "cell", lambda *_: pytest.fail("a cell was computed again"))
    command.compute(store, *asked)
    assert command.results(store, *asked) == found
