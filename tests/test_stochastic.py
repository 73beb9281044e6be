"""Variational PLRNN against what is exact: the Kalman filter on a linear Gaussian system, and its own mean map."""

import math

import numpy as np
import pytest
import torch

from dsr.errors import DsrError, SpecError
from dsr.models.stochastic import VariationalPLRNN

A, Q, R = np.array([0.95, 0.9]), np.array([0.3, 0.6]), np.array([0.3, 0.4])
LENGTH = 20


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear_gaussian(rows=20_000):
    """z' = A z + N(0, Q^2), y = z + N(0, R^2), two independent coordinates: y (rows, 2)."""
    rng, z = np.random.default_rng(0), np.zeros((rows, 2))
    for t in range(1, rows):
        z[t] = A * z[t - 1] + Q * rng.standard_normal(2)
    return z + R * rng.standard_normal(z.shape)


def kalman(windows, a, q, r, mean, std):
    """Exact log-likelihood of windows (batch, time, 2) for the system with these parameters, (batch,)."""
    total, m, P = np.zeros(len(windows)), np.tile(mean, (len(windows), 1)), std**2
    for t in range(windows.shape[1]):
        if t:
            m, P = a * m, a**2 * P + q**2
        S, miss = P + r**2, windows[:, t] - m
        total -= 0.5 * (miss**2 / S + np.log(2 * np.pi * S)).sum(1)
        m, P = m + P / S * miss, (1 - P / S) * P
    return total


def windows_of(y):
    return torch.tensor(y[: len(y) // LENGTH * LENGTH].reshape(-1, LENGTH, y.shape[1]))


def linear_model(ahead=5):
    """A variational PLRNN whose dynamics are z' = A z, with the nonlinear part off."""
    model = VariationalPLRNN(2, hidden_dim=1, ahead=ahead, seed=0).double()
    with torch.no_grad():
        for p in (model.W1, model.h1):
            p.zero_()
            p.requires_grad_(False)
    return model


def maximise(model, y, steps, rate=5e-2):
    rng, y = torch.Generator().manual_seed(0), torch.tensor(y)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=rate)
    course = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        first = torch.randint(0, len(y) - LENGTH, (64,), generator=rng)
        batch = y[first[:, None] + torch.arange(LENGTH)]
        noise = torch.randn(batch.shape, generator=rng, dtype=torch.float64)
        optimiser.zero_grad()
        (-model.elbo(batch, noise).mean() / LENGTH).backward()
        optimiser.step()
        course.step()
    return model


def set_exact(model):
    with torch.no_grad():
        model.A.copy_(torch.tensor(A))
        model.log_process_std.copy_(torch.tensor(Q).log())
        model.log_observation_std.copy_(torch.tensor(R).log())
        model.log_start_std.copy_(torch.tensor(Q / np.sqrt(1 - A**2)).log())
    return model


def gap(model, y):
    """Mean and standard error of (exact log-likelihood - bound) per window."""
    windows = windows_of(y)
    values = (p.detach().exp().numpy() for p in (model.log_process_std, model.log_observation_std))
    start = model.start_mean.detach().numpy(), model.log_start_std.detach().exp().numpy()
    exact = kalman(windows.numpy(), model.A.detach().numpy(), *values, *start)
    with torch.no_grad():
        bound = model.elbo(windows, normal(*windows.shape, seed=3)).numpy()
    difference = exact - bound
    return difference.mean(), difference.std() / math.sqrt(len(difference))


def test_the_bound_is_below_the_exact_likelihood_and_reaches_it():
    """Whatever the posterior, the bound is below; with one that has learned (of the right form, and looking ahead) the
    gap is below 0.01 nats a row, where the untrained one is far off."""
    y, model = linear_gaussian(), set_exact(linear_model())
    before, error = gap(model, y)
    assert before > 20 * error and before > 0.2 * LENGTH
    for p in model.parameters():
        p.requires_grad_(False)
    model.recognition.requires_grad_(True)
    maximise(model, y, 250)
    after, error = gap(model, y)
    assert -3 * error < after < 0.01 * LENGTH


def test_noise_levels_of_a_linear_gaussian_system_are_found():
    y = linear_gaussian()
    model = maximise(linear_model(), y, 900)
    np.testing.assert_allclose(model.process_noise, Q, rtol=0.2)
    np.testing.assert_allclose(model.observation_noise, R, rtol=0.2)
    np.testing.assert_allclose(model.A.detach().numpy(), A, atol=0.03)


def test_without_process_noise_the_ensemble_is_the_free_run():
    model = VariationalPLRNN(2, 3, 9, seed=1).double()
    z0 = normal(4, 3).numpy()
    with torch.no_grad():
        model.log_process_std.fill_(-math.inf)
    ours, theirs = model.ensemble_run(z0, 50, seed=0), model.free_run(z0, 50)
    np.testing.assert_allclose(ours.states, theirs.states, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.observations, theirs.observations, rtol=0, atol=1e-12)


def test_the_ensemble_spreads_as_the_process_noise_says():
    """The variance of z' = A z + N(0, Q^2) after n steps is Q^2 (1 - A^2n) / (1 - A^2)."""
    model, n, members = set_exact(linear_model()), 25, 4000
    run = model.ensemble_run(np.zeros((members, 2)), n, seed=0)
    wanted = Q * np.sqrt((1 - A ** (2 * n)) / (1 - A**2))
    np.testing.assert_allclose(run.states[:, -1].std(0), wanted, rtol=0.05)
    again = model.ensemble_run(np.zeros((members, 2)), n, seed=0)
    assert np.array_equal(run.states, again.states)
    assert not np.array_equal(run.states, model.ensemble_run(np.zeros((members, 2)), n, seed=1).states)


def test_an_ensemble_says_when_it_diverges():
    model = linear_model()
    with torch.no_grad():
        model.A.fill_(1e3)
    run = model.ensemble_run(np.ones((2, 2)), 300, seed=0)
    assert (run.diverged_at > 0).all()
    assert np.isnan(run.states[0, run.diverged_at[0] :]).all()


def test_the_state_of_an_exact_model_is_the_filtered_mean():
    """With evidence N(y_t, R^2) and nothing ahead, the posterior mean follows a Kalman filter whose prior variance is
    Q^2: z = A z + Q^2 / (Q^2 + R^2) (y - A z)."""
    model = set_exact(linear_model(ahead=0))
    with torch.no_grad():
        model.recognition.b[2:] = 2 * torch.tensor(R).log()
    y = normal(1, 12, 2)
    z = (model.log_start_std.exp() ** 2 / (model.log_start_std.exp() ** 2 + torch.tensor(R) ** 2)).detach() * y[:, 0]
    gain = torch.tensor(Q**2 / (Q**2 + R**2))
    for t in range(1, 12):
        z = torch.tensor(A) * z + gain * (y[:, t] - torch.tensor(A) * z)
    torch.testing.assert_close(model.initial(y), z)


def test_the_training_term_is_the_bound_and_a_function_of_the_windows_alone():
    model, y = VariationalPLRNN(2, 3, 5, seed=1), normal(3000, 10, 2).float()
    found = model.auxiliary_loss(y)
    assert torch.equal(model.auxiliary_loss(y), found)
    other = -model.elbo(y, normal(3000, 10, 3, seed=8).float()).mean() / (10 * 2)
    assert not torch.equal(found, other)
    torch.testing.assert_close(found, other, rtol=0.01, atol=0)


def test_the_bound_of_an_affine_observation_model_needs_its_matrix():
    """A rotation of latent coordinates that the observation undoes changes nothing: same bound as the identity."""
    plain, turned = linear_model(), VariationalPLRNN(2, 2, 1, observation="affine", ahead=5, seed=0).double()
    swap = torch.tensor([[0.0, 2.0], [0.5, 0.0]], dtype=torch.float64)  # y_0 = 2 z_1, y_1 = z_0 / 2
    with torch.no_grad():
        set_exact(plain)
        state = {k: v for k, v in plain.state_dict().items() if "lift" not in k}
        turned.load_state_dict(state, strict=False)
        turned.observation.matrix.copy_(swap)
        turned.observation.bias.zero_()
        scale = torch.tensor([0.5, 2.0], dtype=torch.float64)
        order = [1, 0]
        turned.A.copy_(plain.A[order])
        # latent 0 is 2 y_1 and latent 1 is y_0 / 2
        turned.log_process_std.copy_(plain.log_process_std[order] - scale.log())
        turned.log_start_std.copy_(plain.log_start_std[order] - scale.log())
        turned.recognition.b[2:] = plain.recognition.b[2:][order] - 2 * scale.log()
    y, noise = normal(3, 9, 2), normal(3, 9, 2, seed=4)
    torch.testing.assert_close(turned.elbo(y, noise[..., order]), plain.elbo(y, noise))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"ahead": -1}, "ahead = -1"), ({"observation": "nonlinear"}, "observation = 'nonlinear'")],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        VariationalPLRNN(3, **settings)


def test_states_of_another_size_are_refused():
    with pytest.raises(DsrError, match=r"\(batch, 2\)"):
        linear_model().ensemble_run(np.zeros((4, 3)), 5, seed=0)


def test_external_inputs_are_refused():
    model = linear_model()
    model.add_inputs(1)
    with pytest.raises(SpecError, match="external inputs"):
        model.auxiliary_loss(normal(2, 5, 2))
