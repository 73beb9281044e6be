"""Gradients of the penalties equal automatic differentiation of their definitions."""

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import ALRNN, DendriticPLRNN, Persistence, ShallowPLRNN, VanillaPLRNN
from dsr.models.bounded import SLOWEST
from dsr.training.ensemble import Ensemble
from dsr.training.regularisers import condition_penalty_gradient, quadratic_penalty


def gradient_of(model, penalty):
    """Flat gradient of a scalar function of the model's parameters, in their order."""
    parameters = list(model.parameters())
    found = torch.autograd.grad(penalty(model), parameters, allow_unused=True)
    pairs = zip(parameters, found, strict=True)
    return torch.cat([torch.zeros(p.numel()) if g is None else g.flatten() for p, g in pairs])


def squares(*tensors):
    return sum(x.square().sum() for x in tensors)


@pytest.mark.parametrize(
    ("model", "penalty"),
    [
        (
            ALRNN(2, 6, 3, seed=1),
            lambda m: (
                0.3 * squares(1 - m.A, m.W, m.h)
                + 0.7 * squares(m.observation.lift)
                + 0.5 * squares(1 - m.A[3:], m.W[3:], m.h[3:])
            ),
        ),
        (
            ShallowPLRNN(2, 5, 7, seed=2),
            lambda m: (
                0.3 * squares(1 - m.A, m.W1, m.W2, m.h1, m.h2)
                + 0.7 * squares(m.observation.lift)
                + 0.5 * squares(1 - m.A[3:], m.W1[3:], m.h1[3:])
            ),
        ),
        (
            ShallowPLRNN(3, 2, 7, True, "affine", seed=3),
            lambda m: 0.3 * squares(1 - m.A, m.W1, m.W2, m.h1, m.h2) + 0.5 * squares(1 - m.A[1:], m.W1[1:], m.h1[1:]),
        ),
        (
            VanillaPLRNN(3, 2, "nonlinear", seed=3),
            lambda m: 0.3 * squares(1 - m.A, m.W, m.h) + 0.5 * squares(1 - m.A[1:], m.W[1:], m.h[1:]),
        ),
        (
            DendriticPLRNN(2, 4, 3, seed=4),
            lambda m: (
                0.3 * squares(1 - m.A, m.W, m.h, m.alpha)
                + 0.7 * squares(m.observation.lift)
                + 0.5 * squares(1 - m.A[2:], m.W[2:], m.h[2:])
            ),
        ),
        (
            ShallowPLRNN(3, 2, 7, True, "affine", bounded=True, seed=3),
            lambda m: (
                0.3 * squares(SLOWEST - m.atanh_A, m.W1, m.W2, m.h1, m.h2)
                + 0.5 * squares(SLOWEST - m.atanh_A[1:], m.W1[1:], m.h1[1:])
            ),
        ),
    ],
)
def test_quadratic_penalties_equal_autograd_of_their_definition(model, penalty):
    weight, target = quadratic_penalty(
        model, latent=0.3, observation=0.7, manifold_attractor=0.5, manifold_fraction=0.5
    )
    ensemble = Ensemble([model])
    torch.testing.assert_close(2 * weight * (ensemble.flat[0] - target), gradient_of(model, penalty))


def test_each_weight_acts_alone_and_none_by_default():
    model = ALRNN(2, 4, 1)
    assert not quadratic_penalty(model)[0].any()
    for name in ("latent", "observation", "manifold_attractor"):
        alone = quadratic_penalty(model, **{name: 2.0})[0]
        assert set(alone.tolist()) == {0.0, 2.0}


def test_slow_states_integrate():
    """Descent on the manifold-attractor penalty alone turns its states into perfect integrators."""
    model = ALRNN(2, 4, 2, seed=0).double()
    weight, target = quadratic_penalty(model, manifold_attractor=1.0, manifold_fraction=0.5)
    flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    for _ in range(200):
        flat -= 0.1 * 2 * weight * (flat - target)
    torch.nn.utils.vector_to_parameters(flat, model.parameters())
    z = torch.randn((5, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(model.step(z)[:, 2:], z[:, 2:])
    assert not torch.allclose(model.step(z)[:, :2], z[:, :2], atol=0.1)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 3)])
def test_the_condition_penalty_equals_autograd(shape):
    rng = torch.Generator().manual_seed(0)
    matrix = torch.randn((3, *shape), generator=rng, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([0.1, 2.0, 0.0], dtype=torch.float64)
    s = torch.linalg.svdvals(matrix)
    penalty = (weight * (1 - s[:, 0] / (s[:, -1] + 1e-8)).square()).sum()
    (expected,) = torch.autograd.grad(penalty, matrix)
    torch.testing.assert_close(condition_penalty_gradient(matrix.detach(), weight), expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(
        condition_penalty_gradient(matrix.detach()[:1], 0.1), expected[:1], rtol=1e-9, atol=1e-12
    )


def test_descent_makes_the_singular_values_equal():
    matrix = torch.randn((1, 3, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    before = torch.linalg.cond(matrix)
    for _ in range(3000):
        gradient = condition_penalty_gradient(matrix, 1.0)
        matrix -= 0.01 * gradient / max(1.0, float(gradient.norm()))
    assert before > 3 and torch.linalg.cond(matrix) < 1.1


def test_a_lost_member_does_not_stop_the_others():
    matrix = torch.randn((2, 3, 4), generator=torch.Generator().manual_seed(2))
    alone = condition_penalty_gradient(matrix[1:], 1.0)
    matrix[0] = torch.nan
    found = condition_penalty_gradient(matrix, 1.0)
    assert not found[0].any()
    torch.testing.assert_close(found[1:], alone)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(latent=-1.0), "latent = -1"),
        (dict(observation=np.inf), "observation = inf"),
        (dict(manifold_attractor=1.0, manifold_fraction=1.5), "manifold_fraction = 1.5"),
        (dict(manifold_attractor=1.0, manifold_fraction=0.2), "0.25 or more"),
    ],
)
def test_bad_weights_are_refused(settings, message):
    with pytest.raises(DsrError, match=message):
        quadratic_penalty(ALRNN(2, 4, 1), **settings)


def test_a_family_without_a_latent_step_of_its_own_is_refused():
    with pytest.raises(DsrError, match="latent step of a Persistence"):
        quadratic_penalty(Persistence(2), latent=1.0)
