"""Stable fixed points among the data: found as by the exhaustive search, dear in selection, named in judgement."""

import numpy as np
import pytest
import torch
from test_selection import QUICK, leaky, piecewise, series, tent

from dsr.analysis import fixed_points, judge
from dsr.models import ALRNN, MODELS, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.stable_points import MOST, stable_points
from dsr.training import selection
from dsr.training.selection import FreeRunScore

FIXED = 1.9 / 2.9  # of the tent map of slope 1.9, and unstable


def with_spot(reach=1e-7):
    """That map, but for a stable spot around its fixed point, which no orbit of some length meets."""
    return piecewise([0.5, FIXED - reach, FIXED + reach], [0.95, FIXED + reach / 2, FIXED - reach / 2], 1.9, -1.9)


def test_a_stable_spot_is_found_from_the_regions_around_it():
    orbit = series(tent(1.9)).values
    assert not ((orbit > FIXED - 1e-7) & (orbit < FIXED + 1e-7)).any()
    found = stable_points(with_spot(), orbit, orbit)
    np.testing.assert_allclose(found, [[FIXED]], rtol=0, atol=1e-6)
    assert stable_points(tent(1.9), orbit, orbit).shape == (0, 1)


def test_only_points_among_states_and_data_count():
    orbit = series(tent(1.9)).values
    wide = np.concatenate([orbit, [[-1.0]]])
    (point,) = stable_points(leaky(1.9), wide, wide)  # left of the data, where nothing draws them
    assert point < -0.1
    assert len(stable_points(leaky(1.9), orbit, wide)) == len(stable_points(leaky(1.9), wide, orbit)) == 0


def test_models_that_are_not_piecewise_linear_have_none():
    orbit = series(tent(1.9)).values
    assert len(stable_points(MODELS.build("esn", {"units": 5}).build(1, 0), orbit, orbit)) == 0


def test_what_is_found_is_what_an_exhaustive_search_finds():
    rng, count = np.random.default_rng(0), 0
    for seed in range(40):
        model = ALRNN(2, 5, 4, seed=seed).double()
        with torch.no_grad():
            model.W[:] = torch.from_numpy(0.45 * rng.standard_normal((5, 5)))
            model.h[:] = torch.from_numpy(rng.standard_normal(5))
        states = 50 * rng.standard_normal((300, 5))
        every = [orbit for orbit in fixed_points(model) if orbit.unstable == 0 and not orbit.border]
        found = stable_points(model, states, 50 * rng.standard_normal((300, 2)))
        expected = sorted(orbit.points[0][:2].tolist() for orbit in every)
        np.testing.assert_allclose(sorted(found.tolist()), expected, rtol=0, atol=1e-8)
        count += len(found)
    assert count > 10


def test_a_stable_point_doubles_the_score_where_the_data_are_chaotic(monkeypatch):
    score, model = FreeRunScore([series(tent(1.9), 6000)], **QUICK), with_spot()
    dear = score(model).score
    monkeypatch.setattr(selection, "BISTABLE", 1.0)
    assert dear == 2 * score(model).score < np.inf
    monkeypatch.setattr(score.exponent, "chaotic", None)
    monkeypatch.setattr(selection, "BISTABLE", 2.0)
    assert score(model).score == dear / 2


def test_the_scorecard_names_it():
    test = series(tent(1.9), 3000)
    settings = {"starts": 5, "lyapunov_steps": 200, "lyapunov_members": 2}
    (finding,) = (f for f in judge(test, with_spot(), **settings).findings if f.name == "stable fixed point")
    assert "the model has 1 among the data, (0.6552): a free run that comes near stays there" in str(finding)
    assert "stable fixed point" not in {f.name for f in judge(test, tent(1.9), **settings).findings}


@pytest.mark.parametrize("moved", [0.0, 40.0])
def test_points_are_told_in_the_units_of_the_data(moved):
    model, orbit = with_spot(), series(tent(1.9)).values
    with torch.no_grad():
        model.data_mean.fill_(moved)
        model.data_std.fill_(3.0)
    np.testing.assert_allclose(stable_points(model, orbit, 3 * orbit + moved), [[3 * FIXED + moved]], rtol=0, atol=1e-6)


def test_a_series_of_one_value_is_no_place_for_points():
    still = TimeSeries(np.full((50, 1), FIXED), 1.0).values
    assert len(stable_points(with_spot(), still, still)) == 0


def test_the_search_ends_soon_where_every_state_has_a_region_to_itself(monkeypatch):
    """Forty states and two hundred hidden units, contracting everywhere: the one fixed point is found from a part of
    the states, with a part of the work."""
    model, asked, whole = ShallowPLRNN(40, hidden_dim=200, seed=0), [], ShallowPLRNN.affine
    with torch.no_grad():
        model.A.fill_(0.5)
        model.W1.mul_(0.1)
        model.h2.normal_(generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(ShallowPLRNN, "affine", lambda self, bits: asked.append(len(bits)) or whole(self, bits))
    states = np.random.default_rng(0).standard_normal((20_000, 40))
    (point,) = stable_points(model, states, states)
    assert np.unique(model.in_float64().bits(torch.from_numpy(states)).numpy(), axis=0).shape[0] == 20_000
    assert 0 < sum(asked) * 40**2 <= MOST
    z = torch.from_numpy(point)[None]
    assert float((model.in_float64().step(z) - z).abs().max()) < 1e-9


def test_a_linear_model_is_one_region():
    """An AL-RNN without rectified units that spirals in slowly, so that its free run has not come to rest."""
    model = ALRNN(obs_dim=2, latent_dim=2, relu_units=0)
    turn = 0.9999 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    with torch.no_grad():
        model.A.copy_(torch.tensor(np.diag(turn).copy()))
        model.W.copy_(torch.from_numpy(turn - np.diag(np.diag(turn))))
        model.h.copy_(torch.tensor([0.1, 0.0]))
    expected = np.linalg.solve(np.eye(2) - turn, [0.1, 0.0])
    circle = expected + np.random.default_rng(0).standard_normal((500, 2))
    np.testing.assert_allclose(stable_points(model, circle, circle), [expected], atol=1e-4)
