"""Newton iterations over time give the gradients of the plain loop, and say when they did not converge."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import members

from dsr.errors import DataError, SpecError
from dsr.models import ALRNN, ShallowPLRNN
from dsr.training.ensemble import Ensemble
from dsr.training.gradients import deer
from dsr.training.gradients.bptt import BackpropagationThroughTime
from dsr.training.gradients.deer import DeerGradient, newton_iterations
from dsr.training.gradients.gradient import autograd_backend

FAMILIES = ["alrnn", "shplrnn", "clipped"]


def forced_windows(length, count, batch, obs_dim, seed=0):
    """Windows, and strengths between 0.05 and 1 that differ between members and steps."""
    rng = torch.Generator().manual_seed(seed)
    windows = torch.randn((length + 1, count, batch, obs_dim), generator=rng, dtype=torch.float64)
    return windows, 0.05 + 0.95 * torch.rand((length, count), generator=rng, dtype=torch.float64) ** 3


def relative_error(got, expected):
    return float((got.double() - expected).abs().max() / (expected.abs().max() + 1e-12))


SHAPES = dict(
    kind=st.sampled_from(FAMILIES),
    observation=st.sampled_from(["identity", "affine"]),
    obs_dim=st.integers(1, 4),
    extra=st.integers(-3, 6),
    hidden=st.sampled_from([0, 1, 3, 20]),  # ALRNN: P = 0 .. P = M
    count=st.integers(1, 3),
    batch=st.integers(1, 4),
    length=st.integers(1, 25),
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(**SHAPES)
def test_gradients_equal_autograd_of_the_plain_loop(kind, observation, obs_dim, extra, hidden, count, batch, length):
    latent = max(obs_dim + (abs(extra) if observation == "identity" else extra), 1)
    models = members(kind, obs_dim, latent, hidden, observation, count)
    windows, strengths = forced_windows(length, count, batch, obs_dim, seed=length)
    ensemble = Ensemble(models)
    expected_loss = autograd_backend(ensemble, windows, strengths)
    expected = ensemble.gradient.clone()

    ensemble.gradient.fill_(torch.nan)
    backend = DeerGradient()
    loss = backend(ensemble, windows, strengths)
    assert backend.failures.tolist() == [0] * count
    assert backend.iterations.max() <= max(length, 1)  # every iteration makes one more step right
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=1e-14)
    assert relative_error(ensemble.gradient, expected) < 1e-12


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize(
    "observation, obs_dim, latent", [("identity", 3, 3), ("identity", 3, 9), ("affine", 5, 3), ("affine", 2, 3)]
)
def test_single_precision_gradients(kind, observation, obs_dim, latent):
    models = members(kind, obs_dim, latent, 8, observation, 2)
    windows, strengths = forced_windows(60, 2, 4, obs_dim)
    single = [m.float() for m in models]
    windows, strengths = windows.float(), strengths.float()
    ensemble = Ensemble(single)
    loss = DeerGradient()(ensemble, windows, strengths)
    reference = Ensemble([m.double() for m in models])
    expected_loss = autograd_backend(reference, windows.double(), strengths.double())
    torch.testing.assert_close(loss.double(), expected_loss, rtol=1e-5, atol=0)
    assert relative_error(ensemble.gradient, reference.gradient) < 1e-5


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_single_precision_of_a_model_that_fits(alpha):
    """Where predictions nearly match, gradients are small sums of large terms: rounding must stay that of the loop."""
    angle = torch.tensor(0.05)
    model = ShallowPLRNN(2, hidden_dim=4)
    with torch.no_grad():  # a rotation: W1 relu(W2 z) with relu(u) - relu(-u) = u
        model.A.zero_()
        model.W1[:, :2] = torch.stack(
            [torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])]
        )
        model.W1[:, 2:] = -model.W1[:, :2]
        model.W2.copy_(torch.cat([torch.eye(2), -torch.eye(2)]))
    time = 0.05 * torch.arange(1001) + torch.arange(4)[:, None]
    windows = torch.stack([time.cos(), time.sin()], dim=-1).transpose(0, 1)[:, None]
    windows = windows + 0.003 * torch.randn(windows.shape, generator=torch.Generator().manual_seed(0))
    strengths = torch.full((1000, 1), alpha)
    ensemble, reference = Ensemble([model]), Ensemble([copy.deepcopy(model).double()])
    BackpropagationThroughTime()(reference, windows.double(), strengths.double())
    DeerGradient()(ensemble, windows, strengths)
    deer_error = relative_error(ensemble.gradient, reference.gradient)
    BackpropagationThroughTime()(ensemble, windows, strengths)
    assert deer_error < 3 * relative_error(ensemble.gradient, reference.gradient)


@pytest.mark.parametrize("kind", FAMILIES)
def test_rounding_of_the_scan_enters_squared(kind, monkeypatch):
    """States and Jacobians that are wrong by 1e-7 give gradients that are wrong by far less than 1e-7."""
    windows, strengths = forced_windows(40, 2, 3, 3)
    ensemble = Ensemble(members(kind, 3, 4, 6, "identity", 2))
    autograd_backend(ensemble, windows, strengths)
    expected = ensemble.gradient.clone()

    def perturbed(*arguments, solve=deer._solve):
        path = solve(*arguments)
        path.states[:, 1:] += 1e-7
        return dataclasses.replace(path, jacobians=path.jacobians * (1 - 1e-7))

    monkeypatch.setattr(deer, "_solve", perturbed)
    DeerGradient()(ensemble, windows, strengths)
    assert relative_error(ensemble.gradient, expected) < 1e-11


@pytest.mark.parametrize("kind", FAMILIES)
def test_free_running_windows_too(kind):
    """No forcing: more iterations, the same gradients."""
    models = members(kind, 3, 3, 6, "identity", 2)
    windows, _ = forced_windows(12, 2, 3, 3)
    ensemble = Ensemble(models)
    autograd_backend(ensemble, windows, torch.zeros((12, 2), dtype=torch.float64))
    expected = ensemble.gradient.clone()
    DeerGradient()(ensemble, windows, torch.zeros((12, 2), dtype=torch.float64))
    assert relative_error(ensemble.gradient, expected) < 1e-12


def test_linear_maps_and_full_forcing_need_one_iteration():
    """Without a rectified unit there is one region; with alpha = 1 on all coordinates the guess is the solution."""
    windows, strengths = forced_windows(50, 1, 4, 3)
    linear = ALRNN(3, 7, relu_units=0).double()
    assert newton_iterations(linear, windows[:, 0], strengths[:, 0]).tolist() == [1] * 4
    shallow = ShallowPLRNN(3, hidden_dim=20).double()
    assert newton_iterations(shallow, windows[:, 0], np.ones(50)).tolist() == [1] * 4
    assert newton_iterations(shallow, windows[:, 0], np.full(50, 0.2)).max() > 1


def test_a_tent_map_run_freely_needs_more_iterations_than_a_forced_one():
    """z' = 1 - 1.9 |z| is chaotic: its future depends on every region passed, until forcing makes it forget."""
    tent = ShallowPLRNN(1, hidden_dim=2).double()
    with torch.no_grad():
        tent.A.zero_()
        tent.W1.copy_(torch.tensor([[-1.9, -1.9]]))
        tent.W2.copy_(torch.tensor([[1.0], [-1.0]]))
        tent.h1.fill_(1.0)
        tent.h2.zero_()
    z, rows = torch.tensor([0.1234], dtype=torch.float64), []
    for _ in range(41):
        rows.append(z)
        z = tent.step(z).detach()
    noisy = torch.stack(rows)[:, None] + 0.3 * torch.randn(
        (41, 8, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    forced, free = (newton_iterations(tent, noisy, np.full(40, alpha)) for alpha in (0.6, 0.0))
    assert forced.max() <= 8
    assert free.min() > forced.max()
    assert free.max() <= 40


def test_members_that_are_not_solved_are_named_and_the_others_unharmed():
    """One member's free run overflows; another call stops before the region pattern has settled."""
    models = members("shplrnn", 3, 3, 6, "identity", 2)
    windows, _ = forced_windows(40, 2, 3, 3)
    free = torch.zeros((40, 2), dtype=torch.float64)
    alone = Ensemble(models[:1])
    loss_alone = DeerGradient()(alone, windows[:, :1], free[:, :1])
    with torch.no_grad():
        models[1].A.fill_(1e200)
    ensemble, backend = Ensemble(models), DeerGradient()
    loss = backend(ensemble, windows, free)
    assert backend.failures.tolist() == [0, 3]
    assert loss[1] == torch.inf and not ensemble.gradient[1].any()
    torch.testing.assert_close(loss[:1], loss_alone, rtol=1e-12, atol=0)
    assert relative_error(ensemble.gradient[:1], alone.gradient) < 1e-12

    hasty = DeerGradient(max_iterations=1)
    assert hasty(alone, windows[:, :1], free[:, :1]).item() == torch.inf
    assert hasty.failures.item() > 0 and hasty.iterations.item() == 1
    counts = newton_iterations(models[0], windows[:, 0], np.zeros(40), max_iterations=1)
    assert -1 in counts


def test_what_does_not_fit_is_refused():
    with pytest.raises(SpecError, match="max_iterations"):
        DeerGradient(0)
    with pytest.raises(DataError, match="strengths"):
        newton_iterations(ShallowPLRNN(3), np.zeros((10, 2, 3)), np.zeros(10))
