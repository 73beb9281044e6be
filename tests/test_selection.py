"""Selection: named failures never win, the data's own exponent decides what is one, and the ranking sees exponents."""

import math

import numpy as np
import pytest
import torch

from dsr.models import ALRNN, MODELS, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.spectra import spectral_hellinger
from dsr.systems import get_system
from dsr.training import fit
from dsr.training.data_exponent import DataExponent
from dsr.training.selection import FreeRunScore, quiet_rows

QUICK = {"steps": 20_000}


def piecewise(knots, values, left, right):
    """A continuous one-dimensional map, linear between knots, with slopes `left` and `right` outside them."""
    slopes = np.array([left, *(np.diff(values) / np.diff(knots)), right])
    model = ShallowPLRNN(1, hidden_dim=len(knots)).double()
    with torch.no_grad():
        model.A[:] = left
        model.W2[:] = 1.0
        model.h2[:] = -torch.tensor(knots)
        model.W1[:] = torch.from_numpy(np.diff(slopes))
        model.h1[:] = values[0] - left * knots[0]
    return model


def tent(slope):
    """x' = slope min(x, 1 - x); chaotic for slope in (1, 2] with exponent ln slope."""
    return piecewise([0.5], [slope / 2], slope, -slope)


def twice(slope):
    """The tent map applied twice: the same density, double the exponent."""
    knots = [0.5 / slope, 0.5, 1 - 0.5 / slope]

    def f(x):
        return slope * min(x, 1 - x)

    return piecewise(knots, [f(f(x)) for x in knots], slope**2, -(slope**2))


def leaky(slope):
    """A tent slightly too high: some 2 / (slope - 2) iterations of chaos, then x < -0.1, where -0.3 attracts."""
    return piecewise([-0.1, 0.5], [-0.1 * slope, slope / 2], 0.5, -slope)


def series(model, n=4000, start=0.3):
    return TimeSeries(model.free_run(np.array([[start]]), n + 100).observations[0, 100:], 1.0, "iterations")


def rotation(angle, radius=1.0):
    model = ALRNN(2, 2, 0).double()
    with torch.no_grad():
        model.A.zero_()
        model.W[:] = radius * torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return model


@pytest.fixture(scope="module")
def score():
    return FreeRunScore([series(tent(1.9))], **QUICK)


def test_the_true_map_is_best_and_its_exponent_is_exact(score):
    assert score.exponent.chaotic and score.exponent.value == pytest.approx(math.log(1.9), rel=0.15)
    right, wrong = score(tent(1.9)), score(tent(1.7))
    assert right.fate == wrong.fate == "chaotic"
    assert right.lambda_max == pytest.approx(math.log(1.9), rel=1e-9)
    assert right.d_stsp < 0.05 < 0.5 < wrong.d_stsp and right.score < 0.2 < wrong.score == float(wrong)


def test_a_wrong_exponent_costs_although_the_density_is_right():
    """So fast an exponent is beyond the estimator for data; the spectrum tells it."""
    score = FreeRunScore([series(tent(1.5), 10_000)], **QUICK)
    right, wrong = score(tent(1.5)), score(twice(1.5))
    assert wrong.lambda_max == pytest.approx(2 * math.log(1.5), rel=1e-9) and wrong.d_stsp < 0.05
    assert right.score + 0.1 < wrong.score < math.inf


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (tent(0.9), "fixed point"),
        (tent(2.1), "diverged"),
        (piecewise([0.5], [0.8], 3.0, -3.0), "diverged"),
        (piecewise([0.2, 0.8], [0.8, 0.2], 0.0, 0.0), "cycle"),
        (leaky(2 * (1 + 1e-4)), "transient chaos"),
    ],
)
def test_failed_runs_have_a_name_and_never_win(score, model, name):
    verdict = score(model)
    assert verdict.fate == name and verdict.score == math.inf
    assert math.isnan(verdict.d_stsp) == math.isnan(verdict.lambda_max) == (name == "diverged")


def test_chaos_that_only_some_runs_leave_is_seen():
    """Lives of 100,000 iterations on average, as long as each run."""
    score = FreeRunScore([series(tent(1.9999))])
    verdict = score(leaky(2 * (1 + 1e-5)))
    assert verdict.fate == "transient chaos" and verdict.score == math.inf and verdict.d_stsp < 2


def test_a_fixed_point_that_only_quiet_data_come_near_must_not_be_stable():
    """The tent map with a stable spot of 1e-7 around its fixed point: orbits from elsewhere do not meet it."""
    fixed, reach = 1.9 / 2.9, 1e-7
    spot = piecewise([0.5, fixed - reach, fixed + reach], [0.95, fixed + reach / 2, fixed - reach / 2], 1.9, -1.9)
    slow = tent(1.9).free_run(np.array([[fixed + 1e-8]]), 2000).observations[0]
    values = np.concatenate([series(tent(1.9)).values, slow])
    quiet, other = TimeSeries(values, 1.0), series(tent(1.9), 9000)
    for score in (FreeRunScore([quiet], **QUICK), FreeRunScore([other, quiet], **QUICK)):
        seen, row = score.quiet[0] if len(score.quiet) == 2 else score.quiet[2]  # two places of the longer series first
        assert len(seen) == len(values) and 4000 <= row < 4040
        assert score(tent(1.9)).fate == "chaotic" and score(spot).score == math.inf
    assert FreeRunScore([other], **QUICK)(spot).score < math.inf


def test_densities_are_compared_with_all_rows_of_all_series():
    """In few rows the distance is all sampling error."""
    few, many = series(tent(1.9), 300), series(tent(1.9), 20_000, start=0.4)
    alone, all_rows = (FreeRunScore(given, **QUICK)(tent(1.9)).d_stsp for given in ([few], [few, many]))
    assert all_rows < 0.02 < alone
    below, above = (TimeSeries(many.values[side][:, None], 1.0) for side in (many.values < 0.6, many.values >= 0.6))
    parted, half = (FreeRunScore(s, train=[many], **QUICK)(tent(1.9)).d_stsp for s in ([below, above], [above]))
    assert parted < 0.02 and not half < 0.02


@pytest.mark.parametrize("compiled", [True, False])
def test_the_shortest_checks_of_any_family_tell_chaos_from_a_transient(monkeypatch, compiled):
    """A polynomial that has the right terms, on Lorenz-63; runs of a quarter of that length do not pass.

    Families without a compiled orbit have shorter runs, but not shorter than that."""
    data = get_system("lorenz63").simulate(8000, 0.01, transient=20, seed=0)
    model = MODELS.build("ngrc", {"lags": 1}).build(3, 0)
    fit(model, data)
    monkeypatch.setattr(type(model), "orbit_is_compiled", compiled)
    shortest = min(MODELS[name].recommended_training.get("check_steps", 50_000) for name in MODELS)
    assert FreeRunScore([data], steps=shortest)(model).fate == "chaotic"
    assert FreeRunScore([data], steps=shortest // 4)(model).fate == "transient chaos"


def test_quiet_rows_are_where_the_data_come_near_rest_in_different_places(shared_data):
    """Noisy Lorenz-63 is quietest in the two wings, around their foci."""
    values = np.load(shared_data / "lorenz63_noise0.05_train.npy", allow_pickle=False).astype(float)
    first, second = (values[row] for row in quiet_rows(values, 2))
    assert sorted([first[0] > 0, second[0] > 0]) == [False, True]
    mean, sd = np.array([-0.12851, -0.12985, 23.58357]), np.array([7.93125, 9.00974, 8.59249])
    for row in (first, second):
        focus = (np.array([math.copysign(math.sqrt(72), row[0])] * 2 + [27]) - mean) / sd
        assert np.linalg.norm(row - focus) < 0.3  # noise alone: 0.09
    assert len(quiet_rows(np.sin(np.arange(4000.0) / 9)[:, None] / 1e3, 5)) < 5  # no more places are left


def test_where_data_cycle_a_cycle_is_right():
    angle = 2 * math.pi / 75.37
    rng = np.random.default_rng(0)
    truth = rotation(angle).free_run(np.array([[1.0, 0.0]]), 8000).observations[0]
    score = FreeRunScore([TimeSeries(truth + 0.03 * rng.standard_normal(truth.shape), 0.01)], **QUICK)
    assert score.exponent.chaotic is False
    good = score(rotation(angle))
    assert good.fate == "cycle" and good.score < math.inf and good.lambda_max == pytest.approx(0.0, abs=1e-6)
    dying = score(rotation(angle, 0.999))
    assert dying.fate == "fixed point" and dying.score == math.inf
    assert dying.lambda_max == pytest.approx(math.log(0.999) / 0.01, rel=1e-3)


def test_the_sign_of_the_exponent_of_noisy_data(shared_data):
    rng, time = np.random.default_rng(0), 0.03 * np.arange(10_000.0)
    lorenz = np.load(shared_data / "lorenz63_noise0.05_train.npy", allow_pickle=False).astype(float)
    sine = np.sin(time)[:, None]
    torus = np.stack([np.sin(time) + 0.6 * np.sin(math.sqrt(2) * time), np.cos(time)], 1)
    for values, chaotic in ((lorenz, True), (lorenz[:10_000, :1], True), (sine, False), (torus, False)):
        for noise in (0.0, 0.05):
            noisy = values + noise * values.std(0) * rng.standard_normal(values.shape)
            assert DataExponent([TimeSeries(noisy, 0.01)]).chaotic is chaotic
    assert DataExponent([TimeSeries(rng.standard_normal((5000, 3)), 1.0)]).chaotic is None
    assert DataExponent([TimeSeries(lorenz[:150], 0.01)]).chaotic is None


def test_noise_does_not_hide_a_wrong_exponent(shared_data):
    """Clean Lorenz-63 against an exponent estimated with 5 % noise; every second row doubles the exponent."""
    train, test = (
        np.load(shared_data / f"lorenz63_{name}.npy", allow_pickle=False).astype(float)
        for name in ("noise0.05_train", "test")
    )
    exponent = DataExponent([TimeSeries(train, 0.01)])
    np.testing.assert_allclose(exponent.noise, 0.05, rtol=0.02)
    for first in (0, 25_000, 50_000):
        runs = test[first : first + 50_000]
        assert exponent.mismatch(np.stack([runs[:25_000], runs[25_000:]])) < 0.1
    assert exponent.mismatch(np.stack([test[:50_000:2], test[50_000::2]])) > 0.3


def test_the_published_model_is_chaotic_and_far(shared_data):
    """AL-RNN of the paper: D_stsp 3.1 and exponent 0.903 by the project's own measurements."""
    weights = np.load(shared_data / "alrnn_lorenz63_m20_p2.npz", allow_pickle=False)
    model = ALRNN.from_weights(*(torch.from_numpy(weights[k]).double() for k in "AWhB"), relu_units=2)
    validation = np.load(shared_data / "lorenz63_test.npy", allow_pickle=False).astype(float)
    verdict = FreeRunScore([TimeSeries(validation, 0.01)])(model)
    assert verdict.fate == "chaotic" and verdict.lambda_max == pytest.approx(0.903, abs=0.04)
    assert verdict.d_stsp == pytest.approx(3.1, abs=0.5) and verdict.score > verdict.d_stsp


def test_any_model_gets_the_same_verdict_as_a_compiled_one(score):
    class Plain(ShallowPLRNN):
        """Not compiled, because it is a subclass."""

    plain, fast = Plain(1, hidden_dim=1).double(), tent(1.7)
    plain.load_state_dict(fast.state_dict())
    assert plain.compiled_orbit() is None
    short = FreeRunScore([series(tent(1.9))], steps=2000, starts=2)
    one, other = short(plain), short(fast)
    assert one.fate == other.fate == "chaotic" and one.lambda_max == pytest.approx(other.lambda_max, rel=1e-9)
    assert one.score == pytest.approx(other.score, rel=0.2)


def test_the_spectral_part_is_the_worst_run_and_each_run_the_mean_of_its_pieces():
    """Runs longer than the data are compared piece by piece, so that no single piece decides."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((400, 1)).cumsum(0) % 3
    score = FreeRunScore([TimeSeries(truth, 1.0)], steps=1000, starts=2, transient=0)
    runs = rng.standard_normal((2, 1000, 1)).cumsum(1) % 3
    runs[1, 600:] = np.sin(np.arange(400.0))[:, None]
    pieces = [[run[200:600], run[600:]] for run in runs]
    by_hand = [np.mean([spectral_hellinger(truth, piece).mean() for piece in both]) for both in pieces]
    assert score._spectral(runs) == pytest.approx(max(by_hand), rel=1e-12)
    last = [spectral_hellinger(truth, run[-400:]).mean() for run in runs]
    assert score._spectral(runs) < 0.9 * max(last)  # what the last piece alone would say
