"""Koopman autoencoder: exact derivatives, what its losses measure, and linear data as the case that it solves."""

import math

import numpy as np
import pytest
import torch

from dsr.errors import SpecError
from dsr.models import Model
from dsr.models.equations.koopman_autoencoder import KoopmanAutoencoder
from dsr.models.orbits import plain_orbit
from dsr.series import TimeSeries
from dsr.training import FullForcing, fit


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def model():
    """Generic weights: the initial ones are near the identity."""
    model = KoopmanAutoencoder(3, 5, 7, seed=1).double()
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.add_(0.3 * normal(*p.shape, seed=k))
    return model


def test_the_analytic_jacobian_equals_automatic_differentiation(model):
    z = normal(6, 3)
    torch.testing.assert_close(model.jacobian(z), torch.func.vmap(torch.func.jacrev(model.step))(z))


def test_the_compiled_orbit_equals_the_plain_one(model):
    model.requires_grad_(False)
    z, v = normal(3, 3).numpy(), normal(3, 3, seed=1).numpy()
    compiled, plain = model.compiled_orbit(), plain_orbit(model.step, model.jvp)
    for found, wanted in zip(compiled(z, v, 21), plain(z, v, 21), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_the_driven_form_equals_stepping_with_full_forcing(model):
    y = normal(4, 12, 3)
    torch.testing.assert_close(model.driven(y), Model.driven(model, y), rtol=0, atol=1e-13)


def test_an_untrained_model_is_near_persistence():
    z = normal(50, 3)
    moved = KoopmanAutoencoder(3, 8, 32, seed=0).double().step(z) - z
    assert moved.square().mean().sqrt() < 0.2


def rotation(steps, angle=0.1, decay=0.01):
    """A damped rotation (steps, 2) and its complex rate per step."""
    t = np.arange(steps)
    return np.exp(-decay * t)[:, None] * np.stack([np.cos(angle * t), np.sin(angle * t)], 1), complex(-decay, angle)


def test_the_losses_vanish_for_linear_data_and_exact_matrices():
    """With the hidden layers silent and K the propagator, encoding is an embedding and both terms are zero; a wrong K
    leaves the reconstruction alone."""
    rows, rate = rotation(30)
    model = KoopmanAutoencoder(2, 2, 4, reconstruction=1.0, linearity=2.0).double()
    turn = math.exp(rate.real) * torch.tensor(
        [[math.cos(rate.imag), -math.sin(rate.imag)], [math.sin(rate.imag), math.cos(rate.imag)]], dtype=torch.float64
    )
    with torch.no_grad():
        for layer in (model.encoder, model.decoder):
            layer.B.zero_()
            layer.L.copy_(torch.eye(2))
        model.K.copy_(turn)
        y = torch.tensor(rows)[None]
        assert model.auxiliary_loss(y) < 1e-28
        model.K.copy_(torch.eye(2))
        bent = (y[:, 1:] - y[:, :-1]).square().mean()
        torch.testing.assert_close(model.auxiliary_loss(y), 2 * bent)
        model.decoder.L.zero_()
        torch.testing.assert_close(model.auxiliary_loss(y), 2 * bent + y.square().mean())


def test_rates_are_per_unit_of_time_and_ordered():
    model = KoopmanAutoencoder(1, 2, 1).double()
    with torch.no_grad():
        model.K.copy_(torch.diag(torch.tensor([0.5, 0.9], dtype=torch.float64)))
        model.dt.fill_(0.1)
    found = model.rates()
    torch.testing.assert_close(found.real, torch.tensor([math.log(0.9), math.log(0.5)], dtype=torch.float64) / 0.1)


def test_training_finds_the_rate_of_a_linear_system():
    """Rows of several damped rotations from different starts: two of the eigenvalues of K are the system's."""
    rng, series = np.random.default_rng(0), []
    base, rate = rotation(60)
    for _ in range(8):
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.0)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        series.append(TimeSeries(size * base @ turn, dt=0.5))
    model = KoopmanAutoencoder(2, 2, 8, linearity=1.0, seed=0)
    fit(model, series, forcing=FullForcing(), steps=1500, noise=0.0, window=10, learning_rate=1e-2)
    wanted = torch.tensor([rate / 0.5, rate.conjugate() / 0.5])
    for value in wanted:
        assert (model.rates() - value).abs().min() < 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latent_dim": 2}, "latent_dim = 2 with 3 observed columns"),
        ({"hidden_dim": 0}, "hidden_dim = 0"),
        ({"linearity": -1.0}, "linearity = -1.0"),
        ({"reconstruction": -0.5}, "reconstruction = -0.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        KoopmanAutoencoder(3, **settings)
