"""Tuning by free-run statistics: lanes against the plain orbit, the objective on known data, what is refused."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.fate import CHAOTIC, DIVERGED, NOT_CHAOTIC
from dsr.models import ALRNN, LSTM
from dsr.series import TimeSeries
from dsr.training import free_run_tuning
from dsr.training.free_run_tuning import LOST, FreeRunObjective, flat, tune_free_run
from dsr.training.orbit_lanes import run_lanes

SLOPE = 1.7


def tent_network(slope: float = SLOPE) -> ALRNN:
    """x' = s x + s / 2 - 2 s relu(x) is the tent map of slope s on (-1/2, ...): lambda_1 = ln s everywhere."""
    A, h = torch.tensor([slope]), torch.tensor([0.3])
    return ALRNN.from_weights(A, torch.tensor([[-2 * slope]]), h, torch.eye(1), relu_units=1)


def orbit_of(model: ALRNN, steps: int) -> TimeSeries:
    return TimeSeries(model.free_run(np.array([[0.1]]), steps).observations[0, 100:], 1.0)


@pytest.fixture(scope="module")
def tent() -> TimeSeries:
    return orbit_of(tent_network(), 20_100)


@pytest.fixture
def short(monkeypatch):
    """Checks that take a second."""
    monkeypatch.setattr(free_run_tuning, "LONG", 8_000)
    monkeypatch.setattr(free_run_tuning, "LONGEST", 40_000)


def random_model(latent_dim: int, relu_units: int) -> ALRNN:
    model = ALRNN(3, latent_dim, relu_units, seed=1).double()
    rng = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(model.W.shape, generator=rng, dtype=torch.float64))[0]
    with torch.no_grad():  # a contracting rotation while every unit is on: neither lost nor at rest for long
        model.W.copy_(0.97 * rotation - torch.diag(model.A))
        model.h.copy_(0.3 * torch.randn(model.h.shape, generator=rng))
    return model


@pytest.mark.parametrize(("latent_dim", "relu_units"), [(20, 2), (7, 7), (3, 0)])
def test_lanes_agree_with_the_orbit_of_the_model(latent_dim, relu_units):
    """Eleven models, so that the second vector is not full; each with its own weights."""
    model = random_model(latent_dim, relu_units)
    rows = np.random.default_rng(0).standard_normal((400, 3))
    objective = FreeRunObjective(model, TimeSeries(rows, 1.0), None, 5, 0.1)
    moves = np.random.default_rng(1).standard_normal((11, flat(model).size))
    q = flat(model) + 0.002 * moves
    weights = objective.unpack(q)
    visits = run_lanes(weights, weights.start(objective.rows[[3, 9]]), objective.box(400), 0, np.float64)
    for k in (0, 6, 10):
        objective.write(q[k])
        start = model.initial_state(rows[[3, 9], None]).numpy()
        np.testing.assert_allclose(weights.start(rows[[3, 9]])[k], start, atol=1e-12)
        tangents = np.full_like(start, latent_dim**-0.5)
        states, _, growth = model.orbit()(start, tangents, 400)
        np.testing.assert_allclose(visits.states[k], states[:, -1], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(visits.growth[k].sum(-1), growth, rtol=1e-9, atol=1e-6)
    assert not visits.lost.any()


def test_the_right_model_scores_its_own_exponent_and_nearly_no_divergence(tent):
    model = tent_network()
    objective = FreeRunObjective(model, tent, np.log(SLOPE), 30, 0.1)
    score = objective(flat(model)[None], np.array([5, 900]), np.arange(8), 20_000, np.float64)
    assert score.lambda_max[0] == pytest.approx(np.log(SLOPE), rel=1e-4)
    assert 0 <= score.d_stsp[0] < 0.01 and score.fate == [CHAOTIC]


def test_a_model_that_dies_or_rests_is_not_preferred(tent):
    """Slope 2.2 leaves the interval, slope 0.9 ends on a fixed point."""
    model = tent_network()
    objective = FreeRunObjective(model, tent, np.log(SLOPE), 30, 0.1)
    q = np.array([flat(tent_network(slope)) for slope in (2.2, SLOPE, 0.9)])
    score = objective(q, np.array([5, 900]), np.arange(8), 8_000, np.float64)
    assert score.fate == [DIVERGED, CHAOTIC, NOT_CHAOTIC]
    assert score.objective[0] == LOST and score.objective.argmin() == 1 and score.objective[2] > 5


def test_tuning_improves_a_wrong_model_and_the_same_seed_gives_the_same_bytes(tent, short):
    wrong = tent_network(1.55)
    tuned = [copy.deepcopy(wrong) for _ in range(3)]
    settings = dict(exponent=float(np.log(SLOPE)), generations=60, steps=4_000, sigma=0.01)
    first, again, other = (
        tune_free_run(model, tent, seed=seed, **settings) for model, seed in zip(tuned, (0, 0, 1), strict=True)
    )
    assert first.objective < 0.3 * first.before and first.fate == CHAOTIC
    assert first.lambda_max == pytest.approx(np.log(SLOPE), rel=0.15)
    np.testing.assert_array_equal(flat(tuned[0]), flat(tuned[1]))
    assert first.objective == again.objective and (flat(tuned[0]) != flat(tuned[2])).any()
    assert other.history[0].tolist() == first.history[0].tolist()


def test_a_budget_in_seconds_becomes_generations_that_can_be_repeated(tent, short):
    timed, counted = tent_network(1.55), tent_network(1.55)
    settings = dict(exponent=None, steps=800, sigma=0.01)
    first = tune_free_run(timed, tent, seconds=0.3, **settings)
    again = tune_free_run(counted, tent, generations=first.generations, **settings)
    np.testing.assert_array_equal(flat(timed), flat(counted))
    assert first.objective == again.objective <= first.before


def test_a_right_model_is_not_made_worse(tent, short):
    model = tent_network()
    result = tune_free_run(model, tent, exponent=None, generations=5, steps=2_000, sigma=0.3)
    assert result.objective <= result.before and result.fate == CHAOTIC


def test_where_nothing_survives_the_weights_stay_and_the_fate_says_so(tent, short):
    model = tent_network(2.2)
    before = flat(model)
    result = tune_free_run(model, tent, exponent=None, generations=2, steps=800, sigma=1e-6)
    np.testing.assert_array_equal(flat(model), before)
    assert result.fate == DIVERGED and result.objective == LOST


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(exponent=None), "generations = None and seconds = None"),
        (dict(exponent=-1.0, generations=1), "exponent = -1.0"),
        (dict(exponent=None, generations=1, bins=2_000_000), "at most 1000000 cells"),
        (dict(exponent=None, generations=1, seed=-1), "seed = -1; accepted: an integer of 0 or more"),
    ],
)
def test_bad_settings_are_refused(settings, message, tent):
    with pytest.raises(DsrError, match=message):
        tune_free_run(tent_network(), tent, **settings)


def test_other_models_and_other_data_are_refused(tent):
    with pytest.raises(DsrError, match="1 columns; accepted: the 3 columns"):
        tune_free_run(random_model(5, 2), tent, exponent=None, generations=1)
    with pytest.raises(DsrError, match="AffineObservation"):
        tune_free_run(ALRNN(1, 4, 2, observation="affine"), tent, exponent=None, generations=1)
    with pytest.raises(DsrError, match=r"^a LSTM; accepted: an ALRNN"):
        tune_free_run(LSTM(1), tent, exponent=None, generations=1)
    with pytest.raises(DsrError, match="external inputs for tuning"):
        tune_free_run(tent_network().add_inputs(1), tent, exponent=None, generations=1)
    for wrong, message in (
        ([tent], "type list as training data; accepted: a TimeSeries"),
        (tent.values, "type ndarray as training data"),
        (replace(tent, inputs=np.sin(tent.values)), "external inputs for tuning"),
        (replace(tent, dt=2.0), "dt = 2; accepted: dt = 1, as the model was trained on"),
        (replace(tent, stamps=tent.times), "irregular time stamps for tuning"),
    ):
        with pytest.raises(DsrError, match=message):
            tune_free_run(tent_network(), wrong, exponent=None, generations=1)
