"""Training: reproducible, resumable, selected by free runs, and able to learn a known map."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from dsr.errors import DataError, DsrError, SpecError
from dsr.models import ALRNN, MODELS, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.training import FreeRunScore, GeneralizedForcing, SparseForcing, Verdict, fit
from dsr.training.engine import BLOCK
from dsr.training.ensemble import Ensemble
from dsr.training.native import unavailable
from dsr.training.optimiser import Optimiser
from dsr.training.state import TrainingState
from dsr.training.windows import Windows


def henon(n, seed=0):
    rng = np.random.default_rng(seed)
    x, y, rows = *rng.uniform(-0.1, 0.1, 2), []
    for _ in range(n + 100):
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        rows.append((x, y))
    return TimeSeries(np.array(rows[100:]) * [3.0, 10.0] + [5.0, -2.0], 1.0, "iterations")


TRAIN, VALIDATION = henon(4000), henon(2000, seed=1)
QUICK = dict(forcing=GeneralizedForcing(0.6), batch_size=16, window=8, learning_rate=1e-2)  # the map stretches twofold


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_learns_the_henon_map_and_its_exponent():
    """One-step errors fall to a tenth of the spread, and the model's Jacobians multiply to the known exponent 0.419."""
    model = ShallowPLRNN(2, hidden_dim=30, seed=3)
    history = fit(model, TRAIN, validation=VALIDATION, steps=4000, checks=4, **{**QUICK, "batch_size": 64})
    test = henon(3000, seed=2)
    error = model.predict_next(test.values[:-1, None]) - test.values[1:]
    assert (np.sqrt((error**2).mean(0)) < 0.12 * test.values.std(0)).all()
    run = model.free_run(model.initial_state(test.values[None, :1]), 4000)
    advance, z, q, total = model.tangent_map(), run.states[0, ::200].copy(), np.ones((20, 2, 1)), 0.0
    for _ in range(400):
        z, q = advance(z, q)
        norm = np.linalg.norm(q, axis=1, keepdims=True)
        total, q = total + np.log(norm).mean(), q / norm
    assert total / 400 == pytest.approx(0.419, abs=0.06)
    assert history.outcome == "finished" and len(history.checks) == 4
    assert history.loss[-1, 0] < 0.05 * history.loss[0, 0]


def test_one_seed_gives_the_same_bytes_and_another_does_not():
    def train(seed):
        model = ALRNN(2, 5, 2, seed=1)
        fit(model, TRAIN, validation=VALIDATION, steps=300, seed=seed, checks=2, check_steps=500, **QUICK)
        return weights(model)

    assert torch.equal(train(0), train(0))
    assert not torch.equal(train(0), train(1))


@pytest.fixture(params=["native", "torch"])
def backend(request):
    if request.param == "native" and unavailable():
        pytest.skip(unavailable())
    return request.param


@pytest.mark.parametrize("stop_at", [200, 600])
def test_a_resumed_run_equals_an_uninterrupted_one(stop_at, backend):
    def train(**more):
        model, other = (ShallowPLRNN(2, hidden_dim=7, seed=s) for s in (1, 2))
        history = fit(
            model,
            TRAIN,
            validation=VALIDATION,
            restarts=[other],
            steps=750,
            checks=3,
            check_steps=500,
            checkpoint_seconds=0.0,
            noise=0.01,
            backend=backend,
            **QUICK,
            **more,
        )
        return weights(model), history

    saved = {}

    def keep(tensors):
        saved[int(tensors["step"])] = tensors

    straight, history = train(on_checkpoint=keep)
    resumed, again = train(resume=saved[min(saved, key=lambda step: abs(step - stop_at))])
    assert torch.equal(straight, resumed)
    np.testing.assert_array_equal(history.loss, again.loss)
    assert history.checks == again.checks and history.selected_step == again.selected_step


def test_a_state_is_restored_whole():
    """Also what no later step would reveal, such as the best weights when nothing better follows."""

    def state(seed):
        ensemble = Ensemble([ALRNN(2, 4, 2, seed=seed + k) for k in range(2)])
        return TrainingState(ensemble, Optimiser(ensemble.flat), torch.tensor([0.1, 0.2], dtype=torch.float64))

    saved, other = state(0), state(5)
    rate = torch.full((2, 1), 0.1)
    saved.optimiser.step(torch.ones_like(saved.ensemble.flat), rate, 1.0, 1e-8)
    saved.advance(torch.tensor([[1.0, 2.0]] * (BLOCK + 3)), 1000)
    saved.alpha[1] = 0.7
    saved.consider([Verdict(0.7, 0.6, 0.1, "chaotic"), Verdict(np.inf, np.nan, -0.3, "cycle")])
    saved.optimiser.step(torch.ones_like(saved.ensemble.flat), rate, 1.0, 1e-8)
    other.restore(saved.tensors(), 1000)
    expected, found = saved.tensors(), other.tensors()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[k], found[k]) for k in expected)
    assert not torch.equal(found["best"], found["weights"]) and other.checks == saved.checks
    assert len(found["pending"]) == 3 and other.survivor == 0


def test_the_survivor_is_the_member_with_the_best_free_run():
    """A member that starts broken must lose to one that learns, whatever their order."""
    good, bad = ShallowPLRNN(2, hidden_dim=20, seed=0), ShallowPLRNN(2, hidden_dim=20, seed=0)
    with torch.no_grad():
        bad.W1.fill_(50.0)
    for first, second, expected in ((good, bad, 0), (bad, good, 1)):
        pair = [ShallowPLRNN(2, hidden_dim=20) for _ in range(2)]
        for copy, source in zip(pair, (first, second), strict=True):
            copy.load_state_dict(source.state_dict())
        history = fit(pair[0], TRAIN, validation=VALIDATION, restarts=pair[1:], steps=4000, checks=2, **QUICK)
        assert history.selected_member == expected
        (chosen,) = (c for c in history.checks if c.step == history.selected_step)
        score = chosen.scores[expected]
        assert FreeRunScore([VALIDATION, TRAIN], train=[TRAIN])(pair[0]).score == score < np.inf
        assert score <= 1.15 * min(s for check in history.checks for s in check.scores)
        kept = [state["W1"] for state in history.members]
        assert torch.equal(kept[expected], pair[0].W1) and len(kept) == 2 and not torch.equal(*kept)


def test_weights_that_were_kept_for_want_of_better_ones_say_so():
    """A learning rate that teaches nothing leaves a stable linear map, whose free run comes to rest."""
    model = ALRNN(2, 5, 2, seed=1)
    settings = {**QUICK, "learning_rate": 1e-9, "final_learning_rate": 1e-9}
    history = fit(model, TRAIN, validation=VALIDATION, steps=100, checks=1, check_steps=1000, **settings)
    assert history.checks[0].scores == (np.inf,) and "last weights were kept" in history.outcome


def test_standardisation_comes_from_the_training_data_alone():
    model = ShallowPLRNN(2, hidden_dim=5)
    fit(model, TRAIN, steps=100, **QUICK)
    np.testing.assert_allclose(model.data_mean.numpy(), TRAIN.values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(model.data_std.numpy(), TRAIN.values.std(0), rtol=1e-12)
    assert float(model.dt) == TRAIN.dt


def test_several_trajectories_are_never_joined_in_a_window():
    a, b = TimeSeries(np.arange(12.0)[:, None], 1.0), TimeSeries(100 + np.arange(10.0)[:, None], 1.0)
    windows = Windows([a, b], np.zeros(1), np.ones(1), 4, seed=0, dtype=torch.float64)
    picks, places = windows.draws(0, 50, 2, 8)
    for pick, place in zip(torch.from_numpy(picks), torch.from_numpy(places), strict=True):
        assert (windows.gather(pick, place).diff(dim=0) == 1).all()
    assert windows.rows[windows.firsts][:, 0].tolist() == [*range(8), *range(100, 106)]
    assert set(picks.ravel()) == set(windows.firsts)


def test_windows_depend_on_seed_step_member_and_place_only():
    windows = Windows([TRAIN], np.zeros(2), np.ones(2), 4, seed=0, dtype=torch.float64)
    other = Windows([TRAIN], np.zeros(2), np.ones(2), 4, seed=1, dtype=torch.float64)
    picks, places = windows.draws(5, 10, 3, 8)
    np.testing.assert_array_equal(picks[4:, :2, :5], windows.draws(9, 6, 2, 5)[0])
    np.testing.assert_array_equal(places[4:, :2, :5], windows.draws(9, 6, 2, 5)[1])
    elsewhere = other.draws(5, 10, 3, 8)[0]
    pairs = ((picks[0], picks[1]), (picks[:, 0], picks[:, 1]), (picks[..., 0], picks[..., 1]), (picks, elsewhere))
    for a, b in pairs:
        assert (a == b).mean() < 0.05


def test_training_noise_is_normal_and_of_the_size_asked_for():
    flat = TimeSeries(np.zeros((3000, 2)), 1.0)
    windows = Windows([flat], np.zeros(2), np.ones(2), 20, seed=0, dtype=torch.float64, noise=0.3)
    picks, places = windows.draws(0, 20, 1, 64)
    noise = torch.stack(
        [windows.gather(torch.from_numpy(a), torch.from_numpy(b)) for a, b in zip(picks, places, strict=True)]
    )
    assert noise.std().item() == pytest.approx(0.3, rel=0.02) and abs(noise.mean().item()) < 0.01
    assert ((noise / 0.3) ** 4).mean().item() == pytest.approx(3.0, rel=0.05)
    columns = noise.flatten(0, 3).T
    assert abs(torch.corrcoef(columns)[0, 1].item()) < 0.02


def test_a_budget_in_seconds_is_a_recorded_number_of_steps():
    def model():
        return ShallowPLRNN(2, hidden_dim=5, seed=4)

    timed, repeated = model(), model()
    history = fit(timed, TRAIN, seconds=0.5, **QUICK)
    fit(repeated, TRAIN, steps=history.steps, **QUICK)
    with pytest.raises(DsrError, match="seconds together with resume"):
        fit(model(), TRAIN, seconds=0.5, resume={}, **QUICK)
    assert history.steps % BLOCK == 0 and torch.equal(weights(timed), weights(repeated))


def test_a_lost_member_does_not_stop_the_others():
    """NaN weights in one member of an affine ensemble: its loss is NaN, the other trains as if alone."""

    def pair():
        return [ShallowPLRNN(2, 2, hidden_dim=10, observation="affine", seed=s) for s in (1, 2)]

    alone, _ = pair()
    settings = dict(steps=200, **QUICK)
    good, lost = pair()
    with torch.no_grad():
        lost.observation.matrix.fill_(torch.nan)
    history = fit(good, TRAIN, restarts=[lost], **settings)
    assert np.isnan(history.loss[:, 1]).all() and np.isfinite(history.loss[:, 0]).all()
    fit(alone, TRAIN, restarts=[pair()[1]], **settings)
    assert torch.equal(weights(good), weights(alone))


def test_diverging_training_is_a_result_with_a_name():
    model = ALRNN(2, 5, 2, seed=1)
    with pytest.raises(DsrError, match="diverged at step"):
        fit(model, TRAIN, steps=400, **{**QUICK, "learning_rate": 1e30, "final_learning_rate": 1e30})


def test_forcing_strengths_and_their_estimates():
    np.testing.assert_array_equal(SparseForcing(3).strengths(7), [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(GeneralizedForcing(0.2).strengths(3), [0.2, 0.2, 0.2])


def test_tau_is_a_delay_in_steps(shared_data):
    """The published protocol forces Lorenz-63 at dt 0.01 every 16 steps."""
    for noisy in ("lorenz63_test", "lorenz63_noise0.05_train"):
        values = np.load(shared_data / f"{noisy}.npy", allow_pickle=False)
        assert 14 <= SparseForcing.from_data(TimeSeries(values, 0.01)).tau <= 18


def test_alpha_is_estimated_from_local_jacobians(shared_data):
    """Clean and 5 % noisy Lorenz-63 at dt 0.01: the one-step norm of the true flow gives about 0.1."""
    for name, low, high in (("lorenz63_test", 0.08, 0.13), ("lorenz63_noise0.05_train", 0.05, 0.13)):
        values = np.load(shared_data / f"{name}.npy", allow_pickle=False)
        assert low < GeneralizedForcing.from_data(TimeSeries(values, 0.01)).alpha < high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(window=5000), "more rows than one training window"),
        (dict(steps=0), "training: steps = 0"),
        (dict(widow=3), "did you mean 'window'"),
        (dict(forcing=GeneralizedForcing()), "alpha is not set"),
        (dict(backend="cuda"), "training backend 'cuda'"),
        (dict(optimiser="sgd"), "training.optimiser"),
        (dict(solver="deer", backend="native"), "training.solver"),
        (dict(vary={"window": [1]}), "learning_rate"),
        (dict(forcing=[GeneralizedForcing(0.1)] * 2), "2 forcings for 1 members"),
        (
            dict(validation=TimeSeries(np.random.default_rng(0).normal(size=(50, 2)), 0.5)),
            "resample the series to one dt",
        ),
        (dict(seconds=-1.0), "seconds = -1"),
        (dict(validation=VALIDATION.values), "type ndarray as validation data; accepted: a TimeSeries"),
        (dict(forcing=GeneralizedForcing), "the class GeneralizedForcing as forcing"),
        (dict(forcing="generalized"), "the text 'generalized' as forcing"),
        (dict(forcing=[None]), "type NoneType as forcing"),
        (dict(restarts=[ShallowPLRNN]), "the class ShallowPLRNN as model"),
        (dict(seed=-1), "seed = -1; accepted: an integer of 0 or more"),
        (dict(seed=0.5), "seed = 0.5"),
        (dict(device="gpu"), "device = 'gpu'; accepted: cpu, cuda or cuda:N"),
        (dict(device="cuda:first"), "device = 'cuda:first'"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(DsrError, match=message):
        fit(ShallowPLRNN(2, hidden_dim=3), TRAIN, **{**QUICK, "steps": 100, **change})


def test_arrays_and_classes_are_refused():
    model = ShallowPLRNN(2, hidden_dim=3)
    for arguments, message in (
        ((model, TRAIN.values), r"type ndarray as training data.*TimeSeries\(values, dt\)"),
        ((model, [TRAIN.values]), "type ndarray as training data"),
        ((model, []), "no training series"),
        ((ShallowPLRNN, TRAIN), r"the class ShallowPLRNN as model.*ShallowPLRNN\(obs_dim=train.dim\)"),
    ):
        with pytest.raises(DsrError, match=message):
            fit(*arguments, steps=100, **QUICK)


def test_a_constant_column_is_refused():
    series = TimeSeries(np.c_[np.arange(100.0), np.ones(100)], 1.0, names=("a", "b"))
    with pytest.raises(DsrError, match="column b is constant"):
        fit(ShallowPLRNN(2), series, steps=100, **QUICK)


def test_an_interruption_between_calls_of_the_engine_loses_nothing_either(monkeypatch):
    kept, model = [], ShallowPLRNN(2, hidden_dim=5, seed=0)

    def interrupted(score, member):
        raise KeyboardInterrupt

    monkeypatch.setattr(FreeRunScore, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(model, TRAIN, validation=VALIDATION, steps=400, checks=2, on_checkpoint=kept.append, **QUICK)
    assert int(kept[-1]["step"]) == 200 and torch.equal(weights(model), kept[-1]["weights"][0])


def test_members_may_differ_in_rate_and_forcing():
    """Member k of a varied ensemble is trained as if its settings were everybody's."""

    def rows(forcing, rates):
        models = [ShallowPLRNN(2, hidden_dim=5, seed=s) for s in (1, 2)]
        settings = {**QUICK, "forcing": forcing, "vary": {"learning_rate": rates}}
        history = fit(models[0], TRAIN, restarts=models[1:], steps=200, **settings)
        return [state["W1"] for state in history.members]

    mixed = rows([GeneralizedForcing(0.6), SparseForcing(2)], [1e-2, 1e-3])
    first = rows(GeneralizedForcing(0.6), [1e-2, 1e-2])
    second = rows(SparseForcing(2), [1e-3, 1e-3])
    assert torch.equal(mixed[0], first[0]) and torch.equal(mixed[1], second[1])
    assert not torch.equal(first[1], second[1])


def test_forcing_is_asked_once_per_block_how_strong_it_is_by_now():
    asked = []

    class Recorded(GeneralizedForcing):
        def strengths(self, length, progress=0.0):
            asked.append(progress)
            return super().strengths(length, progress)

    fit(ShallowPLRNN(2, hidden_dim=5), TRAIN, steps=350, **{**QUICK, "forcing": Recorded(0.6)})
    assert sorted(set(asked)) == [0.0, 100 / 350, 200 / 350, 300 / 350]


@pytest.fixture(scope="module")
def trained():
    model = ShallowPLRNN(2, hidden_dim=8, seed=1)
    fit(model, TRAIN, steps=300, **QUICK)
    return model


TOUCH = {**QUICK, "steps": 2, "learning_rate": 1e-9, "final_learning_rate": 1e-9}


def test_a_model_that_was_fitted_keeps_the_units_of_its_weights(trained):
    part = TimeSeries(TRAIN.values[:400] * 1.5 + 2.0, 1.0, "iterations")
    model = deepcopy(trained)
    before = model.predict_next(TRAIN.values[:50, None])
    fit(model, part, restarts=[ShallowPLRNN(2, hidden_dim=8, seed=2)], **TOUCH)
    np.testing.assert_allclose(model.predict_next(TRAIN.values[:50, None]), before, atol=1e-5)
    assert torch.equal(model.data_mean, trained.data_mean) and torch.equal(model.data_std, trained.data_std)
    others = ShallowPLRNN(2, hidden_dim=8, seed=2)
    fit(others, part, **TOUCH)
    with pytest.raises(SpecError, match="members that were fitted in different units"):
        fit(model, TRAIN, restarts=[others], **TOUCH)


def test_a_model_that_was_fitted_refuses_another_time_step(trained):
    model = deepcopy(trained)
    with pytest.raises(DataError, match=r"dt = 2 for a model that was fitted with dt = 1; .*; next: resample"):
        fit(model, TimeSeries(TRAIN.values[::2], 2.0, "iterations"), **TOUCH)
    assert float(model.dt) == 1.0


def test_a_model_solved_in_closed_form_is_solved_anew():
    model, part = MODELS.build("ngrc", {}).build(2, 0), TimeSeries(TRAIN.values[:400], 2.0, "iterations")
    fit(model, TRAIN)
    fit(model, part)
    np.testing.assert_array_equal(model.data_mean.numpy(), part.values.mean(0))
    assert float(model.dt) == 2.0


def test_a_model_with_inputs_keeps_their_units():
    series = TimeSeries(TRAIN.values, 1.0, inputs=np.sin(np.arange(len(TRAIN)))[:, None])
    model = ShallowPLRNN(2, hidden_dim=8, seed=1).add_inputs(1)
    fit(model, series, **TOUCH)
    mean = model.input_mean.clone()
    fit(model, TimeSeries(TRAIN.values, 1.0, inputs=3 + series.inputs), **TOUCH)
    assert torch.equal(model.input_mean, mean)
