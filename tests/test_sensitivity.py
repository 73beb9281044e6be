"""What the scores see, and what was done to the truth."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.analysis.scorecard.perturbations import PERTURBATIONS
from dsr.runs.sensitivity import __main__ as command
from dsr.runs.sensitivity.matrix import OTHER, compute
from dsr.systems import get_system


@pytest.fixture(scope="module")
def matrix():
    return compute("henon", 4000, lambda text: None)


def test_every_row_but_the_truth_is_told_apart(matrix):
    assert not matrix.separated(OTHER)
    missed = [row for row in matrix.values if row != OTHER and not matrix.separated(row)]
    assert missed == []


def test_each_score_is_blind_where_it_must_be(matrix):
    assert matrix.values["shuffled"]["D_stsp"] == matrix.values[OTHER]["D_stsp"]
    assert matrix.values["reversed"]["D_JS"] == matrix.values[OTHER]["D_JS"]
    assert matrix.ratio("reversed", "D_H") == pytest.approx(matrix.ratio(OTHER, "D_H"), rel=1e-6)
    assert 0.85 < matrix.ratio("phase surrogate, common", "D_H") / matrix.ratio(OTHER, "D_H") < 1.15
    assert matrix.ratio("reversed", "cross-prediction error") > 20
    assert matrix.ratio("reversed", "partition divergence") > 5


def test_perturbations_do_what_they_say():
    x = get_system("lorenz63").simulate(6000, 0.01, transient=20.0, seed=0).values
    done = {name: f(x, np.random.default_rng(0)) for name, f in PERTURBATIONS.items()}
    assert all(np.isfinite(y).all() and y.shape[1] == 3 for y in done.values())
    assert (done["10 % noise"] - x).std(0) == pytest.approx(0.1 * x.std(0), rel=0.05)
    warped = done["time x 1.1"]
    assert warped[100] == pytest.approx(x[110]) and len(warped) == 5453
    assert (done["one side"][:, 0] > np.median(x[:, 0])).all()
    assert np.unique(done["cycle"], axis=0).shape[0] <= 1000
    assert np.ptp(done["fixed point"], axis=0) == pytest.approx(0)
    crossed = np.corrcoef(done["phase surrogate, independent"].T)[0, 1]
    assert abs(crossed) < 0.5 < np.corrcoef(done["phase surrogate, common"].T)[0, 1]


def test_the_command_writes_page_and_picture(tmp_path, monkeypatch, matrix, capsys):
    monkeypatch.setattr(command, "compute", lambda name, rows, say, seed: matrix)
    assert command.main(["henon", "-o", str(tmp_path)]) == 0
    text = (tmp_path / "sensitivity.md").read_text()
    assert "Every row is told from truth." in text and "| a = 1.37 |" in text
    assert (tmp_path / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    assert command.main(["lorenz", "-o", str(tmp_path)]) == 2
    assert "lorenz63" in capsys.readouterr().err
