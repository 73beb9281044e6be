"""What `dsr simulate` writes is read as it was: step, names and unit of time."""

import sys

import numpy as np
import pytest

from dsr.errors import DataError
from dsr.reading import load_trajectories
from dsr.runs import cli
from dsr.runs.simulate import simulate_to_file

HOW = {"n": 400, "transient": 20.0, "noise": 0.0, "seed": 1, "parameters": ()}


def written(path, system="lorenz63", dt=None, **more):
    simulate_to_file(system, str(path), dt=dt, **HOW, **more)
    return path


def read(path, **how):
    (found,) = load_trajectories(path, **how)
    return found


@pytest.mark.parametrize("kind", [".npz", ".csv"])
@pytest.mark.parametrize(
    ("system", "dt", "expected"),
    [("lorenz63", 0.02, (0.02, "time units", ("x", "y", "z"))), ("henon", None, (1.0, "iterations", ("x", "y")))],
)
def test_step_names_and_unit_come_back(tmp_path, kind, system, dt, expected):
    seen = read(written(tmp_path / f"a{kind}", system, dt))
    assert (seen.dt, seen.time_unit, seen.names) == expected
    assert seen.values.tobytes() == read(written(tmp_path / "a.npy", system, dt), dt=expected[0]).values.tobytes()
    assert read(tmp_path / f"a{kind}", time_unit="s").time_unit == "s"


def test_irregular_times_of_an_archive_keep_names_and_unit(tmp_path):
    path = written(tmp_path / "a.npz", "henon", operations=["random_times keep=0.7"])
    with pytest.raises(DataError, match="time column 'times'"):
        read(path)
    seen = read(path, resample=True)
    assert (seen.time_unit, seen.names) == ("iterations", ("x", "y"))


def test_another_step_than_that_of_the_file_is_refused_or_asked_for(tmp_path):
    path = written(tmp_path / "a.npz", dt=0.02)
    assert read(path, dt=0.02, columns=["z"]).names == ("z",)
    with pytest.raises(DataError, match=r"dt = 0\.03, but .* step is 0\.02.*--time-column none"):
        read(path, dt=0.03)
    assert read(path, dt=0.03, time_column="none").dt == 0.03
    with pytest.raises(DataError, match="no time column"):
        read(path, time_column="none")


def test_archives_of_older_versions_and_of_others(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 2))
    np.savez(tmp_path / "old.npz", values=values, dt=0.5)
    seen = read(tmp_path / "old.npz")
    assert (seen.dt, seen.time_unit, seen.names) == (0.5, "time units", ("x1", "x2"))
    np.savez(tmp_path / "other.npz", values=values, dt=0.5, gain=3.0)  # of which dt is the step, nobody says
    with pytest.raises(DataError, match="no time column"):
        read(tmp_path / "other.npz")
    assert read(tmp_path / "other.npz", dt=0.1).dt == 0.1
    for odd in (np.array([0.5, 0.5]), np.array(-1.0), np.array(np.nan), np.array("0.5")):
        np.savez(tmp_path / "odd.npz", values=values, dt=odd)
        with pytest.raises(DataError):
            read(tmp_path / "odd.npz")
        assert read(tmp_path / "odd.npz", array="values", dt=0.1).dt == 0.1


def test_a_column_called_iteration_is_still_no_time(tmp_path):
    rows = np.random.default_rng(0).normal(size=(30, 2)).tolist()
    text = "\n".join(["iteration,x,y", *(f"{i},{a},{b}" for i, (a, b) in enumerate(rows))])
    (tmp_path / "a.csv").write_text(text)
    assert read(tmp_path / "a.csv", dt=0.1, columns=["x", "y"]).dt == 0.1


def test_a_map_is_analysed_per_iteration(capsys, monkeypatch, tmp_path):
    simulate_to_file("henon", str(tmp_path / "h.csv"), dt=None, **{**HOW, "n": 3000})
    monkeypatch.setattr(sys, "argv", ["dsr", "analyse", str(tmp_path / "h.csv")])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().out
    assert "per iteration" in said and "time unit" not in said


@pytest.mark.parametrize(("system", "warned"), [("bursting_neuron", "periodic, not chaotic"), ("lorenz63", "")])
def test_what_is_known_against_a_system_is_said(tmp_path, system, warned):
    said = simulate_to_file(system, str(tmp_path / "a.npy"), dt=None, **HOW).splitlines()
    assert "400 rows" in said[0]
    assert (len(said) == 2 and said[1].startswith("note: ") and warned in said[1]) if warned else len(said) == 1
