"""What `fit` does beyond the forced loop: closed forms, time stamps, external inputs, warm-up, extra losses."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from dsr.errors import DataError, SpecError
from dsr.models import MODELS, ObservedModel, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.systems import get_system
from dsr.training import FullForcing, NoForcing, fit
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.gradient import AutogradGradient

QUICK = {"window": 4, "batch_size": 16, "noise": 0.0, "final_learning_rate": 1e-4, "checks": 1}


class Decay(ObservedModel):
    """dx/dt = -rate x: the simplest model in continuous time."""

    time = "flow"

    def __init__(self, obs_dim=1, seed=0):
        super().__init__(obs_dim, obs_dim)
        self.rate = nn.Parameter(torch.tensor(0.1))

    def flow(self, z, duration):
        return z * torch.exp(-self.rate * duration)

    def step(self, z):
        return self.flow(z, self.dt.to(z.dtype))


class LeastSquares(Decay):
    """x' = c x, solved; the seed decides whether c comes out right."""

    time = "map"
    closed_form = True

    def __init__(self, obs_dim=1, seed=0):
        super().__init__(obs_dim)
        self.seed = seed
        self.c = nn.Parameter(torch.zeros(()), requires_grad=False)

    def step(self, z):
        return self.c * z

    def solve(self, segments, rng):
        x, y = np.concatenate([s[:-1] for s in segments]), np.concatenate([s[1:] for s in segments])
        self.c.fill_(float((x * y).sum() / (x * x).sum()) * (0.5 if self.seed else 1.0))


def decaying(stamps=None, rate=0.7, rows=200):
    """Many short decays: standardising them by a mean of zero keeps the law linear."""
    rng = np.random.default_rng(0)
    series = []
    for sign in (1, -1):
        t = np.cumsum(rng.uniform(0.02, 0.2, rows)) if stamps else 0.1 * np.arange(rows)
        series.append(TimeSeries(sign * np.exp(-rate * t)[:, None], 0.1, stamps=t if stamps else None))
    return series


@pytest.mark.parametrize("stamps", [False, True])
def test_a_rate_is_learned_from_regular_and_irregular_stamps(stamps):
    model = Decay()
    fit(model, decaying(stamps), forcing=FullForcing(), steps=2000, learning_rate=0.02, **QUICK)
    assert float(model.rate.detach()) == pytest.approx(0.7, rel=1e-3)


def test_stamps_are_used():
    """The same rows with other times are another law: half the speed."""
    slow = [dataclasses.replace(s, stamps=2 * s.times) for s in decaying(True)]
    model = Decay()
    fit(model, slow, forcing=FullForcing(), steps=2000, learning_rate=0.02, **QUICK)
    assert float(model.rate.detach()) == pytest.approx(0.35, rel=1e-3)


def test_a_map_refuses_irregular_stamps():
    with pytest.raises(SpecError, match="irregular time stamps for a ShallowPLRNN"):
        fit(ShallowPLRNN(1, hidden_dim=3), decaying(True), forcing=NoForcing(), steps=100, **QUICK)
    with pytest.raises(DataError, match="irregular time stamps for validation"):
        fit(Decay(), decaying(), validation=decaying(True), forcing=NoForcing(), steps=100, **QUICK)
    with pytest.raises(SpecError, match="no hand-written gradient for irregular time stamps"):
        fit(ShallowPLRNN(1), decaying(True), forcing=NoForcing(), steps=100, backend="native", **QUICK)


def test_external_inputs_are_learned_as_an_additive_term():
    """x' = 0.8 x + 0.5 s, in standardised units."""
    rng = np.random.default_rng(0)
    s, x = rng.standard_normal(3000), np.zeros(3000)
    for t in range(1, 3000):
        x[t] = 0.8 * x[t - 1] + 0.5 * s[t]
    series = TimeSeries(x[:, None], 1.0, inputs=s)
    model = LeastSquares().add_inputs(1)
    model.closed_form = False
    model.requires_grad_()
    with pytest.raises(DataError, match="0 external inputs for a model with 1"):
        fit(model, TimeSeries(x[:, None], 1.0), forcing=FullForcing(), steps=100, **QUICK)
    fit(model, series, forcing=FullForcing(), steps=3000, learning_rate=0.02, **QUICK)
    assert float(model.c.detach()) == pytest.approx(0.8, abs=2e-3)
    expected = 0.5 * s.std() / x.std()
    assert float(model.input_matrix.detach()) == pytest.approx(expected, abs=2e-3)

    run = model.free_run(np.array([[(x[99] - x.mean()) / x.std()]]), 50, s[None, 100:150, None])
    np.testing.assert_allclose(run.observations[0, :, 0], x[100:150], atol=0.05)
    moved, stretched = model.tangent_map(s[:2, None])(np.zeros((1, 1)), np.ones((1, 1, 1)))
    assert stretched.item() == pytest.approx(0.8, abs=2e-3)
    assert moved.item() == pytest.approx(expected * (s[0] - s.mean()) / s.std(), abs=0.02)
    with pytest.raises(DataError, match="inputs of shape None for a model with 1"):
        model.free_run(np.zeros((1, 1)), 5)
    with pytest.raises(DataError, match="for a model with 0"):
        LeastSquares().free_run(np.zeros((1, 1)), 5, np.zeros((1, 5, 1)))
    with pytest.raises(DataError, match="validation data for a model with external inputs"):
        fit(model, series, validation=series, forcing=FullForcing(), steps=100, **QUICK)


def test_inputs_and_stamps_go_with_their_rows():
    series = TimeSeries(np.arange(10.0), 1.0, inputs=np.arange(10.0) ** 2, stamps=np.arange(10.0) * 3)
    part = series[2:5]
    assert part.inputs[:, 0].tolist() == [4.0, 9.0, 16.0] and part.times.tolist() == [6.0, 9.0, 12.0]
    for wrong in ({"inputs": np.ones(9)}, {"stamps": np.zeros(10)}, {"inputs": np.full(10, np.nan)}):
        with pytest.raises(DataError, match="for 10 rows"):
            TimeSeries(np.arange(10.0), 1.0, **wrong)


def test_a_closed_form_is_solved_once_and_the_best_free_run_survives():
    series = get_system("henon").simulate(4000, transient=100, seed=0)
    good, bad = (MODELS.build("ngrc", {"lags": 1, "degree": 2}).build(2, 0) for _ in range(2))
    bad.solve = lambda segments, rng: None  # stays at x' = x
    for members, expected in (((good, bad), 0), ((bad, good), 1)):
        history = fit(members[0], series, validation=series, restarts=members[1:], seed=3)
        assert history.selected_member == expected and history.backend == "closed form"
        fates = history.checks[0].fates
        assert fates[expected] == "chaotic" and fates[1 - expected] == "fixed point"
        assert history.loss[0, expected] < 1e-8 < 0.1 < history.loss[0, 1 - expected]
        kept = history.members[expected]
        assert all(torch.equal(kept[k], v) for k, v in members[0].state_dict().items())


def test_settings_that_a_closed_form_would_ignore_are_refused():
    with pytest.raises(SpecError, match=r"forcing, steps for a LeastSquares.*leave forcing out"):
        fit(LeastSquares(), decaying(), forcing=NoForcing(), steps=100)
    with pytest.raises(DataError, match="more rows than the 2"):
        fit(LeastSquares(), TimeSeries(np.array([1.0, 2.0]), 1.0))


def gradient_of(backend, strengths, window):
    model = ShallowPLRNN(2, hidden_dim=5, seed=1).double()
    ensemble = Ensemble([model])
    loss = backend(ensemble, window, strengths)
    return loss, ensemble.gradient.clone()


def test_warm_up_leaves_the_first_predictions_out_of_the_loss():
    rng = torch.Generator().manual_seed(0)
    window = torch.randn((8, 1, 6, 2), generator=rng, dtype=torch.float64)
    for strengths in (torch.ones((7, 1), dtype=torch.float64), torch.full((7, 1), 0.3, dtype=torch.float64)):
        model = ShallowPLRNN(2, hidden_dim=5, seed=1).double()
        y = window[:, 0].transpose(0, 1)
        z, errors = model.initial(y[:, :1]), []
        for t in range(1, 8):
            z = model.step(z)
            errors.append(((z - y[:, t]) ** 2).mean())
            z = model.pull(z, y[:, t], float(strengths[t - 1]))
        loss, _ = gradient_of(AutogradGradient(warm_up=3), strengths, window)
        torch.testing.assert_close(loss[0], torch.stack(errors[3:]).mean().detach())


def test_extra_losses_and_the_model_s_own_are_added_once():
    rng = torch.Generator().manual_seed(0)
    window, strengths = torch.randn((5, 1, 4, 2), generator=rng, dtype=torch.float64), torch.zeros((4, 1))

    class Penalised(ShallowPLRNN):
        def auxiliary_loss(self, y):
            assert y.shape == (4, 5, 2)
            return self.A.square().sum()

    def extra(model, windows, predictions):
        assert windows.shape == (4, 5, 2) and predictions.shape == (4, 4, 2)
        return 3.0 * model.A.square().sum()

    plain, gradient = gradient_of(AutogradGradient(), strengths, window)
    model = Penalised(2, hidden_dim=5, seed=1).double()
    ensemble = Ensemble([model])
    loss = AutogradGradient(losses=[extra])(ensemble, window, strengths)
    torch.testing.assert_close(loss - plain, 4 * model.A.detach().square().sum()[None])
    torch.testing.assert_close((ensemble.gradient - gradient)[0, :2], 8 * model.A.detach())


def test_rate_factors_slow_single_parameters_down():
    class Slow(ShallowPLRNN):
        def rate_factors(self):
            return {"W1": 0.0}

    model, series = Slow(1, hidden_dim=3, seed=0), decaying()
    before = model.W1.detach().clone(), model.W2.detach().clone()
    fit(model, series, forcing=NoForcing(), steps=200, **QUICK)
    assert torch.equal(before[0], model.W1) and not torch.equal(before[1], model.W2)


def test_the_family_s_own_settings_apply_where_nothing_is_said():
    series = get_system("henon").simulate(2000, transient=100, seed=0)
    model = MODELS.build("alrnn", {"latent_dim": 3, "relu_units": 1}).build(2, 0)
    history = fit(model, series, steps=100, backend="autograd")
    again = MODELS.build("alrnn", {"latent_dim": 3, "relu_units": 1}).build(2, 0)
    from dsr.training import SparseForcing

    settings = MODELS["alrnn"].recommended_training
    explicit = fit(again, series, forcing=SparseForcing.from_data(series), steps=100, backend="autograd", **settings)
    assert torch.equal(model.W, again.W) and history.loss.tolist() == explicit.loss.tolist()
    with pytest.raises(SpecError, match="no forcing for a Decay"):
        fit(Decay(), decaying(), steps=100)
