"""Continuous-time AL-RNN: exact flow against known solutions and a tight integrator, tangents, gradients, regions."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from dsr.errors import DsrError
from dsr.models.continuous.continuous_alrnn import ContinuousALRNN
from dsr.models.orbits import plain_orbit


def generic(solver="exact", *, latent=6, relu=3, substeps=1, scale=0.3):
    """A field whose orbits stay bounded for a while and change region often."""
    model = ContinuousALRNN(3, latent, relu, solver, substeps, seed=1).double()
    rng = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(scale * torch.randn(p.shape, generator=rng, dtype=p.dtype))
        model.A -= 0.3
    return model


def with_weights(A, W, h, relu, solver="exact", **settings):
    model = ContinuousALRNN(1, len(A), relu, solver, **settings).double()
    with torch.no_grad():
        for p, value in ((model.A, A), (model.W, W), (model.h, h)):
            p.copy_(torch.tensor(value, dtype=torch.float64))
    return model


def oscillator(soft, stiff):
    """A mass on a spring that is stiffer on one side: (velocity, position, position again, rectified)."""
    W = [[0.0, -soft, soft - stiff], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    return with_weights([0.0] * 3, W, [0.0] * 3, 1)


def states(model, n=12):
    return torch.randn((n, model.state_dim), generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def ones(z):
    return torch.ones((len(z), 1), dtype=torch.float64)


@torch.no_grad()
def test_without_rectified_units_the_step_is_the_matrix_exponential():
    model, z = generic(latent=5, relu=0), states(generic(latent=5, relu=0))
    block = np.zeros((6, 6))
    block[:5, :5] = np.diag(model.A) + model.W.numpy()
    block[:5, 5] = model.h
    flow = expm(block)
    np.testing.assert_allclose(model.step(z), z.numpy() @ flow[:5, :5].T + flow[:5, 5], rtol=0, atol=3e-14)
    np.testing.assert_allclose(model.jacobian(z), np.broadcast_to(flow[:5, :5], (12, 5, 5)), rtol=0, atol=3e-14)


@torch.no_grad()
def test_one_switch_of_one_unit_is_solved_by_hand():
    """z' = h below 0, z' = w z + h above."""
    w, h, z = 0.7, 0.4, torch.tensor([[-0.1]], dtype=torch.float64)
    model = with_weights([0.0], [[w]], [h], 1)
    switch = 0.1 / h
    assert float(model.step(z)) == pytest.approx(h / w * math.expm1(w * (1 - switch)), abs=1e-15)
    lengths, bits = model.itinerary(z, ones(z))
    assert lengths[:, 0, 0].tolist() == pytest.approx([switch, 1 - switch], abs=1e-15)
    assert bits[:, 0, 0].tolist() == [False, True]


@torch.no_grad()
def test_an_oscillator_keeps_its_energy_and_its_period():
    soft, stiff = 0.5, 2.0
    model = oscillator(soft, stiff)
    z = torch.tensor([[1.0, 0.3, 0.3]], dtype=torch.float64)

    def energy(z):
        return 0.5 * z[..., 0] ** 2 + 0.5 * (soft * z[..., 1].clamp(max=0) ** 2 + stiff * z[..., 1].clamp(min=0) ** 2)

    run = torch.from_numpy(model.free_run(z.numpy(), 1000).states[0])
    assert float((energy(run) - energy(z)).abs().max()) < 2e-13
    period = math.pi / math.sqrt(soft) + math.pi / math.sqrt(stiff)
    torch.testing.assert_close(model.exact_flow(z, 40 * period * ones(z)), z, rtol=0, atol=2e-13)


@torch.no_grad()
def test_a_touch_between_two_samples_is_seen():
    """The rectified unit falls and rises again as (t - 1/2)^2 - 1e-8: it is off for 2e-4 of a step."""
    model = with_weights([0.0, 0.0], [[0.0, 0.0], [1.0, 0.0]], [2.0, 0.0], 1)
    z = torch.tensor([[-1.0, 0.25 - 1e-8]], dtype=torch.float64)
    lengths, bits = model.itinerary(z, ones(z))
    assert float(lengths[~bits[..., 0]].sum()) == pytest.approx(2e-4, rel=1e-6)
    assert not model.itinerary(z + torch.tensor([0.0, 2e-8]), ones(z))[1].logical_not().any()


@torch.no_grad()
def test_exact_flow_equals_a_tight_integrator():
    model = generic()
    z, first = states(model), 3
    A, W, h = (p.numpy() for p in (model.A, model.W, model.h))

    def field(_, x):
        return A * x + W @ np.concatenate([x[:first], x[first:].clip(min=0)]) + h

    tight = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-15, "max_step": 0.02}
    found = np.stack([solve_ivp(field, (0, 1), row, **tight).y[:, -1] for row in z.numpy()])
    assert model.itinerary(z, ones(z))[0].shape[0] > 3, "the test must cross borders"
    np.testing.assert_allclose(model.step(z), found, rtol=0, atol=1e-11)


@torch.no_grad()
def test_runge_kutta_is_of_fourth_order_in_a_region_and_of_second_across_a_border():
    errors = []
    for substeps in (8, 16, 32, 64):
        exact, model = generic(), generic("rk4", substeps=substeps)
        z = states(exact, 200)
        lengths, bits = exact.itinerary(z, ones(z))
        inside = ((bits == bits[0]) | (lengths == 0)).all(dim=-1).all(dim=0)
        error = (model.step(z) - exact.step(z)).abs().amax(dim=-1)
        errors.append((float(error[inside].max()), float(error[~inside].mean())))
    inside, across = np.log2(np.array(errors[:-1]) / np.array(errors[1:])).mean(axis=0)
    assert inside == pytest.approx(4, abs=0.1)
    assert across == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("solver", ["exact", "rk4"])
def test_jacobian_equals_automatic_differentiation(solver):
    model = generic(solver, substeps=2)
    z = states(model)
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        automatic = torch.func.vmap(transform(model.step))(z)
        torch.testing.assert_close(model.jacobian(z), automatic, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_tangents_do_not_jump_at_a_border():
    """Differences of orbits that switch, at times that differ, against the product of matrix exponentials alone."""
    model, eps = generic(), 1e-6
    z = states(model, 40)
    lengths, bits = model.itinerary(z, ones(z))
    switched = ((bits != bits[0]) & (lengths > 1e-3)).any(dim=-1).any(dim=0)
    assert switched.sum() > 10
    for i in range(model.state_dim):
        shift = eps * torch.eye(6, dtype=torch.float64)[i]
        slope = (model.step(z + shift) - model.step(z - shift)) / (2 * eps)
        torch.testing.assert_close(model.jacobian(z)[switched][..., i], slope[switched], rtol=0, atol=2e-6)


def test_gradients_of_the_exact_flow_need_no_switching_times():
    model, eps = generic(), 1e-6
    z = states(model, 5)

    def loss():
        return model.step(z).square().sum()

    gradients = torch.autograd.grad(loss(), [model.A, model.W, model.h])
    rng = torch.Generator().manual_seed(2)
    for parameter, gradient in zip((model.A, model.W, model.h), gradients, strict=True):
        direction = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
        with torch.no_grad():
            parameter += eps * direction
            ahead = loss()
            parameter -= 2 * eps * direction
            slope = (ahead - loss()) / (2 * eps)
            parameter += eps * direction
        assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("solver", ["exact", "rk4"])
def test_flow_takes_times_in_the_unit_of_the_series(solver):
    """Rates are per sampling step, so that one model serves dt = 0.01 and 700 Hz alike."""
    model = generic(solver, substeps=64)
    z = states(model, 3)
    for dt in (0.01, 1 / 700):
        model.dt.fill_(dt)
        torch.testing.assert_close(model.flow(z, dt * ones(z)), model.step(z), rtol=1e-12, atol=1e-12)
    gaps = model.dt * torch.tensor([[0.3], [1.0], [2.7]], dtype=torch.float64)
    halves = model.flow(model.flow(z, 0.4 * gaps), 0.6 * gaps)
    whole = model.flow(z, gaps)
    torch.testing.assert_close(whole, halves, rtol=0, atol=1e-12 if solver == "exact" else 1e-4)
    torch.testing.assert_close(
        whole[:1], model.flow(z[:1], gaps[:1]), rtol=0, atol=1e-12 if solver == "exact" else 1e-4
    )


@pytest.mark.parametrize("solver", ["exact", "rk4"])
def test_compiled_orbit_equals_the_plain_one(solver):
    model = generic(solver, substeps=2).in_float64()
    z, v = states(model, 4).numpy(), np.ones((4, 6))
    for a, b in zip(model.orbit()(z, v, 12), plain_orbit(model.step, model.jvp)(z, v, 12), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("observation", ["identity", "affine", "nonlinear"])
def test_a_forced_window_equals_stepping_and_forcing(observation):
    model = ContinuousALRNN(3, 7, 3, substeps=2, observation=observation, seed=2).double()
    rng = torch.Generator().manual_seed(1)
    y, strengths = torch.randn((4, 21, 3), generator=rng, dtype=torch.float64), torch.zeros(20)
    strengths[::7], strengths[3::5] = 1.0, 0.3

    def stepped():
        z, found = model.initial(y[:, :1]), []
        for t, alpha in enumerate(strengths.tolist(), start=1):
            z = model.step(z)
            found.append(model.decode(z))
            z = model.pull(z, y[:, t], alpha)
        return torch.stack(found, dim=1)

    def with_gradients(predictions):
        return predictions, *torch.autograd.grad((predictions - y[:, 1:]).square().mean(), list(model.parameters()))

    for a, b in zip(with_gradients(model.forced(y, strengths)), with_gradients(stepped()), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


@torch.no_grad()
def test_the_field_is_affine_in_a_region_and_vanishes_at_its_fixed_points():
    model = generic()
    z = states(model)
    matrix, offset = model.field_affine(model.bits(z))
    torch.testing.assert_close((matrix @ z[..., None])[..., 0] + offset, model.field(z), rtol=1e-12, atol=1e-12)
    every = torch.cartesian_prod(*[torch.tensor([False, True])] * 3)
    points, real = model.field_fixed_points(every)
    assert real.any() and not real.all()
    torch.testing.assert_close(model.step(points[real]), points[real], rtol=0, atol=1e-12)
    assert (model.field(points[~real]).abs().amax(dim=-1) > 1e-6).all()


def test_a_field_without_a_fixed_point_has_none():
    points, real = with_weights([0.0], [[0.0]], [1.0], 0).field_fixed_points(torch.zeros((1, 0), dtype=torch.bool))
    assert points.isnan().all() and not real.any()


def test_a_field_too_fast_to_resolve_ends_the_run():
    model = with_weights([-1e5], [[0.0]], [0.0], 0)
    assert model.free_run(np.ones((1, 1)), 3).diverged_at.tolist() == [0]
    assert model.step(torch.ones((1, 1), dtype=torch.float64)).isnan().all()


@pytest.mark.parametrize(
    "settings, got",
    [
        ({"relu_units": 21}, "relu_units = 21"),
        ({"latent_dim": 2, "relu_units": 1}, "observation = 'affine'"),
        ({"substeps": 0}, "substeps = 0"),
        ({"solver": "exakt"}, "did you mean 'exact'"),
    ],
)
def test_impossible_settings_are_refused(settings, got):
    with pytest.raises(DsrError, match=got):
        ContinuousALRNN(3, **settings)
