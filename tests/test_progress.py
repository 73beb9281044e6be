"""Bars: drawn on a terminal, and nowhere else."""

from __future__ import annotations

import sys

import pytest

from dsr.runs.progress import Counted, TerminalProgress
from dsr.runs.sweep.watch import TerminalWatch


def trained(bar):
    bar.stage("training")
    bar.step(3, 9, 0.25)


CASES = [
    (TerminalProgress, trained, "training"),
    (lambda: Counted("verifying"), lambda bar: bar.told("henon", 3, 9), "verifying (last: henon)"),
    (TerminalWatch, lambda bar: bar.told(3, 2, 1, 9), "3 of 9 done, 2 running, 1 failed"),
]


@pytest.mark.parametrize(("make", "act", "said"), CASES)
def test_a_bar_says_how_far_it_is_on_a_terminal_alone(make, act, said, monkeypatch, capsys):
    with make() as bar:
        act(bar)
    assert not bar.watched and not hasattr(bar, "bar") and capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with make() as bar:
        act(bar)
        (task,) = bar.bar.tasks
        assert (task.description, task.completed, task.total) == (said, 3, 9)
    assert not bar.bar.live.is_started
