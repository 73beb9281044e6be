"""The benchmark of estimators: both sides do the same work, and a library that is missing is said to be."""

from __future__ import annotations

import importlib.util

import pytest

from dsr.runs.bench import estimators as section
from dsr.runs.bench.timing import Effort


@pytest.mark.filterwarnings("ignore:pkg_resources")
@pytest.mark.parametrize(("what", "apart"), [("sample entropy", 1e-12), ("correlation dimension", 0.3)])
def test_both_measure_the_same_as_nolds(what: str, apart: float) -> None:
    ours, theirs = section.tasks(what, section.trajectory(1500))
    assert ours() == pytest.approx(theirs(), rel=apart)


def test_both_measure_the_same_as_pyunicorn() -> None:
    pytest.importorskip("pyunicorn", reason="pyunicorn is not installed")
    ours, theirs = section.tasks("recurrence quantification", section.trajectory(800))
    assert ours() == pytest.approx(theirs(), rel=1e-9)


def test_without_the_other_libraries_only_the_long_series_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(section, "MANY_ROWS", 3000)
    found = section.estimators(Effort(1, 0.001, 0), lambda what: None)
    assert [goal.wanted for goal in found.goals] == [150.0, 20.0, 20.0, 3.0, 100.0]
    assert [goal.verdict for goal in found.goals[:3]] == [
        "not measured: nolds is not installed", "not measured: nolds is not installed",
        "not measured: pyunicorn is not installed",
    ]  # fmt: skip
    assert found.goals[3].verdict == "met" and "CPU seconds" in found.text
