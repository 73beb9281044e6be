"""The benchmark of reservoirs: both libraries do the same work, and one that is missing is said to be."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from dsr.runs.bench import reservoirs as section
from dsr.runs.bench.timing import Effort

Y = np.cos(0.1 * np.arange(600)[:, None] + np.arange(3))


def test_both_fit_the_same_readout_to_the_same_matrices():
    pytest.importorskip("reservoirpy")
    model = section._ours()
    model.solve([Y], np.random.default_rng(0))
    theirs = section._fit_theirs(section._theirs(model), Y)
    assert theirs.nodes[1].ridge == model.ridge * 10_000
    mine = model.predict_next(Y[None, :400])[0]
    assert theirs.run(Y[:400])[-1] == pytest.approx(mine, abs=1e-5)
    assert section.largest_difference(Y) < 1e-12


def test_the_section_judges_fit_generation_and_difference(monkeypatch):
    pytest.importorskip("reservoirpy")
    monkeypatch.setattr(section, "UNITS", 100)
    monkeypatch.setattr(section, "series", lambda columns: type("S", (), {"values": Y}))
    found = section.reservoirs(Effort(1, 0.001, 0), lambda what: None)
    assert [goal.wanted for goal in found.goals] == [2.0, 2.0, 1.5, 1.5, 1e-10]
    assert all(goal.measured > 0 for goal in found.goals) and "apart at most" in found.text


def test_without_the_other_library_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = section.reservoirs(Effort(1, 0.001, 0), lambda what: None)
    assert {goal.verdict for goal in found.goals} == {"not measured: reservoirpy is not installed"}
