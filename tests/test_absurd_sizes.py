"""Sizes beyond any machine: refused in one sentence before anything is computed, wherever they are typed."""

import os
import sys

import pytest

from dsr.errors import SpecError
from dsr.runs import cli
from dsr.runs.compare.select import select
from dsr.runs.orbit_diagram import sweep
from dsr.systems import get_system, limits, simulate_ensemble


def dsr(capsys, monkeypatch, *arguments):
    """(status, standard error) of one command."""
    monkeypatch.setattr(sys, "argv", ["dsr", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code, capsys.readouterr().err


ROWS, STEPS = "GB of numbers; accepted: what fits into", "steps; accepted: 1e+11 steps at most"
ABSURD = {
    "rows": (["simulate", "lorenz63", "-n", "10000000000000"], ROWS),
    "rows and coordinates": (["simulate", "lorenz96", "dim=10000000", "-n", "10000001"], ROWS),
    "rows of a run": (["reconstruct", "lorenz63", "data.train=10000000000000", "--no-report"], ROWS),
    "transient": (["simulate", "lorenz63", "--transient", "1e12"], STEPS),
    "transient of a map": (["simulate", "henon", "--transient", "1e12"], STEPS),
    "transient of a delay": (["simulate", "mackey_glass", "--transient", "1e12"], STEPS),
    "step": (["simulate", "lorenz63", "--dt", "1e6"], STEPS),
    "step of a delay": (["simulate", "mackey_glass", "--dt", "1e308"], STEPS),
    "step that overflows": (["simulate", "lorenz63", "--dt", "1e300"], STEPS),
    "step of a run": (["reconstruct", "lorenz63", "--dt", "1e300", "--no-report"], STEPS),
    "parameter values": (["orbit-diagram", "lorenz63", "rho=0..200", "--points", "100000000000000"], ROWS),
    "duration": (["orbit-diagram", "lorenz63", "rho=0..200", "--duration", "1e9"], STEPS),
    "transient of a sweep": (["orbit-diagram", "logistic", "r=3..4", "--transient", "1e12"], STEPS),
}


@pytest.mark.parametrize(("words", "said"), ABSURD.values(), ids=ABSURD.keys())
def test_a_size_that_no_machine_has_is_one_sentence(capsys, monkeypatch, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    out = [] if words[0] == "reconstruct" else ["-o", "a.npy" if words[0] == "simulate" else "a.csv"]
    status, err = dsr(capsys, monkeypatch, *words, *out)
    assert status == 2 and err.startswith("dsr: ") and said in err and "; next: give" in err
    assert not list(tmp_path.glob("a.*"))


def test_the_limits_are_those_of_the_machine_and_leave_what_fits_alone(monkeypatch):
    lorenz = get_system("lorenz63")
    monkeypatch.setattr(limits, "memory", lambda: 8.0 * 3 * 1000)
    assert len(lorenz.simulate(1000, transient=1, seed=0)) == 1000
    for ask in (
        lambda: lorenz.simulate(1001, transient=1, seed=0),
        lambda: lorenz.simulate_many(501, count=2, transient=1, seed=0),
        lambda: simulate_ensemble(lorenz, 501, count=2, seed=0),
    ):
        with pytest.raises(SpecError, match="GB of numbers"):
            ask()
    monkeypatch.setattr(limits, "MOST_STEPS", 10_000)  # of 0.0025
    assert len(lorenz.simulate(1000, 0.02, transient=4, seed=0)) == 1000
    for dt, transient in ((0.03, 0.0), (0.02, 6.0), (1e-9, 23.0)):
        with pytest.raises(SpecError, match="steps at most"):
            lorenz.simulate(1000, dt, transient=transient, seed=0)
    with pytest.raises(SpecError, match="shorter times"):
        sweep(lorenz, "rho", [28.0])


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the system does not tell its memory")
def test_memory_is_that_of_this_machine():
    import psutil

    assert limits.memory() == pytest.approx(psutil.virtual_memory().total, rel=0.01)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (MemoryError("Unable to allocate 745. GiB for an array"), "(Unable to allocate 745. GiB for an array)"),
        (MemoryError(), "(MemoryError)"),
        (OverflowError("Python int too large to convert to C long"), "(Python int too large"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried\nframe #1"), "you tried)"),
    ],
)
def test_what_is_too_large_in_a_place_without_a_check_is_one_sentence_too(capsys, monkeypatch, problem, said):
    def fails(**how):
        raise problem

    monkeypatch.setattr(cli, "app", fails)
    status, err = dsr(capsys, monkeypatch, "simulate")
    assert status == 2 and err.count("\n") == 1 and said in err and "; accepted: what fits" in err


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch):
    def fails(**how):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(RuntimeError, match="shapes differ"):
        cli.main()


def test_a_model_without_room_is_one_sentence(capsys, monkeypatch, tmp_path):
    rows = ["data.train=1000", "data.validation=300", "data.test=300", "data.floor_trajectories=1"]
    store = ["--store", str(tmp_path), "--no-report"]
    words = ["reconstruct", "henon", "--model", "shplrnn", "model.hidden_dim=1000000000000"]
    status, err = dsr(capsys, monkeypatch, *words, *rows, *store)
    assert status == 2 and "dsr: a size that this machine has no room or no number for" in err


def test_a_range_of_runs_is_compared_and_not_written_out():
    settings = '{"model": {"units": 10}}'
    found = [{"run": f"r{seed}", "seed": seed, "model": "esn", "settings": settings} for seed in (0, 3, 12, None)]

    def seeds(*words):
        return [record["seed"] for record in select(found, words)]

    assert seeds("seed=0..1000000000000000000") == [0, 3, 12]
    assert seeds("seed=2..12") == seeds("seed=2..5,12") == [3, 12]
    assert seeds("seed=4..9") == seeds("seed=9..4") == []
    assert seeds("model.units=5..20") == [0, 3, 12, None]
    with pytest.raises(SpecError, match="seed = '7'"):
        seeds("seed=7")
