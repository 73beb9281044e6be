"""Forced rollouts by Newton iterations equal the loop over time, for every family, or say why the loop was run."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from dsr.errors import DsrError
from dsr.models import ALRNN, MODELS, ObservedModel, ShallowPLRNN
from dsr.systems import get_system
from dsr.training import SparseForcing
from dsr.training.gradients.parallel_rollout import rollout_parallel

DT, LAMBDA = 0.01, 0.9056
SERIES = get_system("lorenz63").simulate(8000, DT, transient=50.0, seed=0)
STANDARD = torch.from_numpy((SERIES.values - SERIES.values.mean(0)) / SERIES.values.std(0))
# where the family's own size is beyond dense Jacobians
SMALL = {"esn": {"units": 40}, "parallel_esn": {"units": 12, "group_size": 1}}


class Tanh(ObservedModel):
    """z' = z + W2 tanh(W1 z + b), with W2 solved for the data: a smooth map of Lorenz-63."""

    def __init__(self, obs_dim, hidden=200):
        super().__init__(obs_dim, obs_dim)
        rng = torch.Generator().manual_seed(0)
        self.W1 = nn.Parameter(0.5 * torch.randn((hidden, obs_dim), generator=rng, dtype=torch.float64))
        self.b = nn.Parameter(torch.randn((hidden,), generator=rng, dtype=torch.float64))
        self.W2 = nn.Parameter(torch.zeros((obs_dim, hidden), dtype=torch.float64))

    def step(self, z):
        return z + torch.tanh(z @ self.W1.T + self.b) @ self.W2.T

    def jacobian(self, z):
        slope = 1 - torch.tanh(z @ self.W1.T + self.b).square()
        return torch.eye(3, dtype=z.dtype) + (self.W2 * slope[:, None]) @ self.W1


@pytest.fixture(scope="module")
def smooth():
    model = Tanh(3)
    with torch.no_grad():
        hidden = torch.tanh(STANDARD[:-1] @ model.W1.T + model.b)
        gram = hidden.T @ hidden + 1e-9 * len(hidden) * torch.eye(hidden.shape[1])
        model.W2.copy_(torch.linalg.solve(gram, hidden.T @ (STANDARD[1:] - STANDARD[:-1])).T)
    return model


@pytest.fixture(scope="module")
def piecewise():
    """A shallow PLRNN whose outer weights are solved for the data."""
    model = ShallowPLRNN(3, hidden_dim=150, seed=3).double()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model.W2.copy_(torch.randn(model.W2.shape, generator=rng, dtype=torch.float64))
        model.h2.copy_(torch.randn(model.h2.shape, generator=rng, dtype=torch.float64))
        model.A.fill_(1.0)
        hidden = torch.relu(STANDARD[:-1] @ model.W2.T + model.h2)
        features = torch.cat([hidden, torch.ones(len(hidden), 1)], dim=1)
        gram = features.T @ features + 1e-9 * len(hidden) * torch.eye(features.shape[1])
        weights = torch.linalg.solve(gram, features.T @ (STANDARD[1:] - STANDARD[:-1])).T
        model.W1.copy_(weights[:, :-1])
        model.h1.copy_(weights[:, -1])
    return model


@torch.no_grad()
def loop(model, y, strengths):
    """The definition, with the model's own `pull`."""
    need = model.min_context
    z = model.initial(y[:, :need])
    states = [z]
    for t in range(need, y.shape[1]):
        z = model.pull(model.step(z), y[:, t], float(strengths[t - need]))
        states.append(z)
    return torch.stack(states, dim=1)


def windows(length, batch=2):
    return torch.stack([STANDARD[k * 2000 : k * 2000 + length] for k in range(batch)])


@pytest.mark.parametrize("length", [1000, 4000])
@pytest.mark.parametrize("kind", ["smooth", "piecewise"])
def test_weak_forcing_needs_few_iterations_at_any_length(kind, length, request):
    model, y = request.getfixturevalue(kind), windows(length)
    found = rollout_parallel(model, y, 0.05)
    assert found.converged and found.reason == "" and found.iterations <= 6
    expected = loop(model, y, np.full(length - 1, 0.05))
    torch.testing.assert_close(found.states, expected, rtol=0, atol=1e-9)
    # the test means something: forced or not, the model is no copy of the data
    assert 1e-6 < float((found.states - y).abs().max()) < 1


def test_iterations_explode_where_the_forced_model_no_longer_forgets(smooth):
    """The transition is at alpha = 1 - exp(-lambda dt)."""
    critical, y = 1 - np.exp(-LAMBDA * DT), windows(6000, 1)
    above = rollout_parallel(smooth, y, 3 * critical)
    below = rollout_parallel(smooth, y, critical / 3)
    assert above.converged and above.iterations <= 6
    assert not below.converged and below.iterations == 20


def test_a_chaotic_free_run_falls_back_to_the_loop(smooth):
    y = windows(6000, 1)
    found = rollout_parallel(smooth, y, 0.0)
    assert not found.converged and "Newton iterations" in found.reason
    torch.testing.assert_close(found.states, loop(smooth, y, np.zeros(5999)), rtol=0, atol=0)


def test_states_that_are_not_finite_are_reported():
    model = ALRNN(3, 4, 0).double()
    with torch.no_grad():
        model.A.fill_(10.0)
    found = rollout_parallel(model, windows(1000), 0.0)
    assert not found.converged and "not finite" in found.reason
    assert not found.states.isfinite().all(), "the loop diverges too, and says so by its states"


def test_a_state_too_large_for_dense_jacobians_is_stepped(monkeypatch):
    model, y = ALRNN(3, 65, 5, seed=0).double(), windows(30)
    found = rollout_parallel(model, y, 0.1)
    assert not found.converged and found.iterations == 0 and "65 coordinates" in found.reason
    torch.testing.assert_close(found.states, loop(model, y, np.full(29, 0.1)), rtol=0, atol=1e-12)
    monkeypatch.setattr("dsr.training.gradients.parallel_rollout.LARGEST_MEMORY", 1000)
    assert "GiB" in rollout_parallel(ALRNN(3, 5, 2), y, 0.1).reason


def test_strengths_may_change_from_row_to_row():
    model, y = ALRNN(3, 6, 3, seed=1).double(), windows(200)
    strengths = SparseForcing(16).strengths(199)
    found = rollout_parallel(model, y, strengths)
    assert found.converged
    torch.testing.assert_close(found.states, loop(model, y, strengths), rtol=0, atol=1e-9)
    forced = found.states[:, 1:][:, strengths == 1.0, :3]
    torch.testing.assert_close(forced, y[:, 1:][:, strengths == 1.0], rtol=0, atol=1e-9)


def family(name):
    """A model of the family in double precision, solved where it is solved."""
    config = MODELS[name]
    fields = {f.name for f in dataclasses.fields(config)}
    sizes = {k: v for k, v in {"latent_dim": 5, "relu_units": 2, "hidden_dim": 8}.items() if k in fields}
    model = MODELS.build(name, SMALL.get(name, sizes)).build(3, 1).double()
    if model.closed_form:
        model.solve([STANDARD[:800].numpy()], np.random.default_rng(0))
    return model


@pytest.mark.parametrize("name", list(MODELS))
def test_every_family_rolls_out_as_its_loop_does(name):
    model = family(name)
    need = model.min_context
    y = torch.stack([STANDARD[: need + 60], STANDARD[1000 : need + 1060]])
    found = rollout_parallel(model, y, 0.4)
    assert found.converged != bool(found.reason)
    assert found.states.shape == (2, 61, model.state_dim)
    torch.testing.assert_close(found.states, loop(model, y, np.full(60, 0.4)), rtol=1e-9, atol=1e-9)


def test_the_model_is_left_as_it_was():
    model = ALRNN(3, 5, 2)
    rollout_parallel(model, windows(20), 0.1)
    assert model.dtype == torch.float32 and all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    "y, alpha, got",
    [
        (torch.zeros(2, 1, 3), 0.1, "data of shape"),
        (torch.zeros(2, 9, 4), 0.1, "data of shape"),
        (torch.zeros(2, 9, 3), 1.5, "alpha of shape"),
        (torch.zeros(2, 9, 3), np.full(9, 0.1), "or 8 of them"),
        (torch.zeros(2, 9, 3), float("nan"), "from 0 to 1"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(y, alpha, got):
    with pytest.raises(DsrError, match=got):
        rollout_parallel(ALRNN(3, 5, 2), y, alpha)


def test_external_inputs_are_refused():
    with pytest.raises(DsrError, match="external inputs"):
        rollout_parallel(ALRNN(3, 5, 2).add_inputs(1), torch.zeros(2, 9, 3), 0.1)
