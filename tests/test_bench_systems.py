"""The benchmark of generators: all variants do the same work, and a library that is missing is said to be."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from dsr.runs.bench import systems as section
from dsr.runs.bench.timing import Effort
from dsr.systems import get_system

TINY = {"UNIT": 20, "MEMBERS": 3, "CHUNK": 10, "STARTS": 2, "DURATIONS": (1, 2), "DYSTS_PERIODS": 1}


@pytest.fixture
def tiny(monkeypatch):
    for name, value in {**TINY, "DYSTS_PER_PERIOD": 30}.items():
        monkeypatch.setattr(section, name, value)


def test_scipys_equations_are_those_of_the_system():
    x = np.array([1.0, -2.0, 20.0])
    np.testing.assert_allclose(section._equations(0.0, x), get_system("lorenz63").rhs(x))


def test_the_shortest_run_is_the_first_that_is_accurate_enough():
    def run(start, duration):
        return np.array(section.EXPONENTS) * (1 + 1.9 / duration)

    assert section._shortest(run, np.zeros((2, 3))) == (200.0, pytest.approx(0.0095))
    off = np.array(section.EXPONENTS)[None] * np.array([[1.0, 1.0, 0.8]])
    assert section._error(off) == pytest.approx(0.2)
    never = section._shortest(lambda start, duration: np.zeros(3), np.zeros((1, 3)))
    assert never == (section.DURATIONS[-1], 1.0)


@pytest.mark.slow
def test_both_libraries_have_the_same_exponents():
    pytest.importorskip("pynamicalsys")
    start = get_system("lorenz63").attractor_points(1, transient=20.0, seed=0)[0]
    ours, theirs = (run()(start, 40.0) for run in (section._our_exponents, section._their_exponents))
    assert ours == pytest.approx(theirs, abs=0.1)


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_section_judges_everything_that_is_wanted(tiny, monkeypatch, real):
    state = np.random.get_state()  # noqa: NPY002  dysts draws from it
    if real:
        pytest.importorskip("dysts")
        pytest.importorskip("pynamicalsys")
    else:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        monkeypatch.setattr(section, "_dysts_trajectory", lambda: lambda n: sum(range(1000 * n)))
        monkeypatch.setattr(section, "_dysts_exponents", lambda: lambda: np.array(section.EXPONENTS) * 0.8)
        monkeypatch.setattr(section, "_their_exponents", lambda: lambda start, duration: np.array(section.EXPONENTS))
    found = section.systems(Effort(1, 0.0005, 0), lambda what: None)
    np.random.set_state(state)  # noqa: NPY002
    assert [goal.wanted for goal in found.goals] == [5000.0] * 2 + [100.0] * 2 + [1000.0] + [1.0] * 2
    assert all(goal.measured > 0 for goal in found.goals)
    assert "a loop of scipy RK45" in found.text and "lower bound" in found.text
    assert real or "| dysts | 1.5009 | 0.2 |" in found.text


def test_libraries_that_are_missing_are_said_to_be(tiny, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = section.systems(Effort(1, 0.0005, 0), lambda what: None)
    verdicts = [goal.verdict for goal in found.goals if goal.measured is None]
    assert verdicts == ["not measured: dysts is not installed"] * 2 + [
        "not measured: pynamicalsys is not installed",
        "not measured: dysts is not installed",
    ]
