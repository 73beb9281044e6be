"""The benchmark of the exact analysis: both ways find the same fixed points, and goals are judged."""

from __future__ import annotations

import numpy as np

from dsr.analysis import fixed_points
from dsr.runs.bench import piecewise_linear as section
from dsr.runs.bench.timing import Effort


def test_the_loop_finds_the_same_fixed_points():
    found = 0
    for seed in range(8):
        model = section.random_model(6, seed)
        loop = section.solve_in_a_loop(model)
        mine = [orbit.points[0] for orbit in fixed_points(model)]
        assert len(loop) == len(mine)
        assert all(min(np.abs(z - other).max() for other in loop) < 1e-9 for z in mine)
        found += len(mine)
    assert found > 3


def test_the_section_judges_fixed_points_and_cycles(monkeypatch):
    monkeypatch.setattr(section, "PERIODS", {2: 3})
    found = section.piecewise_linear(Effort(1, 0.001, 0), lambda what: None)
    assert [goal.most for goal in found.goals] == [True, False]
    assert all(goal.measured > 0 for goal in found.goals) and "times as fast" in found.text
