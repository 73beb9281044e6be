"""The nonlinear observation model: its inverse, what it reduces to, and what it recovers."""

import numpy as np
import pytest
import torch

from dsr.models import ShallowPLRNN, VanillaPLRNN
from dsr.models.observation import AffineObservation, NonlinearObservation


def observation(obs_dim, latent_dim, bend=0.3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    made = NonlinearObservation(obs_dim, latent_dim, rng).double()
    with torch.no_grad():
        made.outer.normal_(0.0, bend / made.outer.shape[1] ** 0.5, generator=rng)
        made.bias.normal_(generator=rng)
    return made


def latent(n, m, seed=1):
    return torch.randn((n, m), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("latent_dim", [3, 5])
def test_the_inverse_reproduces_what_is_observed(latent_dim):
    made = observation(3, latent_dim)
    y = made.decode(latent(200, latent_dim))
    with torch.no_grad():
        assert (made.decode(made.encode(y)) - y).abs().max() < 1e-8
        assert (AffineObservation.decode(made, AffineObservation.encode(made, y)) - y).abs().max() < 1e-8
        assert (made.decode(AffineObservation.encode(made, y)) - y).abs().max() > 0.05


def test_with_fewer_states_than_columns_the_inverse_finds_the_states_and_projects_what_is_off():
    made, z = observation(8, 2), latent(200, 2)
    with torch.no_grad():
        y = made.decode(z)
        torch.testing.assert_close(made.encode(y), z, rtol=1e-6, atol=1e-6)
        off = y + 0.05 * latent(200, 8, seed=2)
        found = made.encode(off)
        J = torch.func.vmap(torch.func.jacrev(made.decode))(found)
        residual = (J.mT @ (off - made.decode(found))[..., None]).abs().max()
        assert residual < 1e-4, "the residual is orthogonal to the surface"


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (6, 2)])
def test_the_inverse_is_never_worse_than_the_affine_one(shape):
    """Even for a decoder that folds the latent space over itself."""
    made, y = observation(*shape, bend=5.0), 3 * latent(300, shape[0])
    with torch.no_grad():
        curved, flat = (
            (made.decode(z) - y).square().sum(-1) for z in (made.encode(y), AffineObservation.encode(made, y))
        )
    assert (curved <= flat * (1 + 1e-5)).all()
    assert (curved < 0.8 * flat).double().mean() > 0.5


def test_the_inverse_carries_no_gradient():
    made = observation(3, 3)
    y = torch.ones((2, 3), dtype=torch.float64)
    assert not made.encode(y).requires_grad


def test_it_starts_as_the_affine_model():
    affine = VanillaPLRNN(4, 3, "affine", seed=5)
    curved = VanillaPLRNN(4, 3, "nonlinear", seed=5)
    with torch.no_grad():
        z, y = latent(10, 3).float(), latent(10, 4).float()
        curved.observation.matrix.copy_(affine.observation.matrix)
        torch.testing.assert_close(curved.decode(z), affine.decode(z))
        torch.testing.assert_close(curved.encode(y), affine.encode(y), rtol=1e-4, atol=1e-5)


def test_a_curved_image_of_two_states_is_learned_where_an_affine_one_cannot():
    """Six sensors that see a circle quadratically: the affine model keeps the share of variance that it must miss."""
    t = torch.arange(400, dtype=torch.float64) * 0.1
    z = torch.stack([t.cos(), t.sin()], dim=1)
    squares = torch.stack([z[:, 0] ** 2, z[:, 0] * z[:, 1]], dim=1)
    mix = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 6)))
    y = torch.cat([z, squares], dim=1) @ mix
    y = (y - y.mean(0)) / y.std(0)
    missed = {}
    for name in ("affine", "nonlinear"):
        made = ShallowPLRNN(6, 2, observation=name, seed=0).double().observation
        optimiser = torch.optim.Adam(made.parameters(), lr=0.02)
        for _ in range(300):
            optimiser.zero_grad()
            loss = (made.decode(made.encode(y)) - y).square().mean()
            loss.backward()
            optimiser.step()
        missed[name] = loss.item()
    assert missed["affine"] > 0.1 and missed["nonlinear"] < 0.25 * missed["affine"]
