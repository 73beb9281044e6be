"""Compiled orbits: equal to the plain loop, known exponents, and the same account of what is not finite."""

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import ALRNN, DendriticPLRNN, MeanCentredPLRNN, ShallowPLRNN, VanillaPLRNN
from dsr.models.orbits import plain_orbit

MODELS = {
    "alrnn": lambda: ALRNN(2, 7, 3, seed=1),
    "linear alrnn": lambda: ALRNN(2, 5, 0, seed=2),
    "rectified alrnn": lambda: ALRNN(3, 3, 3, seed=3),
    "shallow": lambda: ShallowPLRNN(3, hidden_dim=11, seed=4),
    "clipped": lambda: ShallowPLRNN(2, 4, hidden_dim=9, clipped=True, seed=5),
    "affine": lambda: ShallowPLRNN(3, 2, hidden_dim=1, observation="affine", seed=6),
    "bounded": lambda: ShallowPLRNN(2, 4, hidden_dim=9, clipped=True, bounded=True, seed=5),
    "vanilla": lambda: VanillaPLRNN(2, 5, seed=7),
    "mean-centred": lambda: MeanCentredPLRNN(2, 5, seed=8),
    "dendritic": lambda: DendriticPLRNN(2, 4, 6, seed=9),
    "clipped dendritic": lambda: DendriticPLRNN(2, 4, 6, True, seed=10),
    "bounded dendritic": lambda: DendriticPLRNN(3, 2, 6, True, "nonlinear", bounded=True, seed=11),
}


def perturbed(name):
    """A model whose biases matter and whose orbits cross boundaries, in double precision."""
    model, rng = MODELS[name](), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=rng) / p.shape[-1] ** 0.5)
    return model.in_float64()


def with_weights(model, **weights):
    model = model.double()
    with torch.no_grad():
        for name, value in weights.items():
            getattr(model, name).copy_(torch.as_tensor(value, dtype=torch.float64))
    return model


def tent(slope):
    """x' = 1 - slope |x| as an AL-RNN of one rectified unit; its exponent is ln slope."""
    return with_weights(ALRNN(1, 1, 1), A=[slope], W=[[-2 * slope]], h=[1.0])


def dendritic_tent(slope):
    """The same map between two units that swap places, each by one of two bases: relu(z) - 2 relu(z - 1/2)."""
    return with_weights(
        DendriticPLRNN(1, 2, 2),
        A=[0.0, 0.0],
        W=[[0, slope], [slope, 0]],
        alpha=[1.0, -2.0],
        H=[[0.0, 0.5]] * 2,
        h=[0.0, 0.0],
    )


def lozi(a=1.7, b=0.5):
    """x' = 1 - a |x| + y, y' = b x, with |u| = relu(u) + relu(-u) and u = relu(u) - relu(-u)."""
    return with_weights(
        ShallowPLRNN(2, hidden_dim=4),
        A=[0.0, 0.0],
        W2=[[1, 0], [-1, 0], [0, 1], [0, -1]],
        W1=[[-a, -a, 1, -1], [b, -b, 0, 0]],
        h1=[1.0, 0.0],
        h2=[0.0] * 4,
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_compiled_loop_is_the_plain_loop(name):
    model = perturbed(name)
    rng = np.random.default_rng(0)
    z, v = rng.standard_normal((2, 3, model.state_dim))
    compiled, plain = model.compiled_orbit(), plain_orbit(model.step, model.jvp)
    for n in (1, 50):
        for found, expected in zip(compiled(z, v, n), plain(z, v, n), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    states, _, growth = compiled(z, v[:0], 50)
    np.testing.assert_allclose(states, plain(z, v[:0], 50)[0], rtol=1e-9, atol=1e-11)
    assert growth.shape == (0,)


@pytest.mark.parametrize("name", MODELS)
def test_growth_is_that_of_the_product_of_jacobians(name):
    model, n = perturbed(name), 13
    z, v = np.random.default_rng(1).standard_normal((2, 2, model.state_dim))
    states, direction, growth = model.orbit()(z, v, n)
    for b in range(2):
        path, w = np.vstack([z[b], states[b, :-1]]), v[b]
        for jacobian in model.jacobian(torch.from_numpy(path)).numpy():
            w = jacobian @ w
        assert growth[b] == pytest.approx(np.log(np.linalg.norm(w)), abs=1e-9)
        np.testing.assert_allclose(direction[b], w / np.linalg.norm(w), atol=1e-9)


def test_known_exponents_of_the_tent_and_the_lozi_map():
    start, direction = np.array([[0.1], [0.3]]), np.ones((2, 1))
    _, _, growth = tent(1.8).orbit()(start, direction, 10_000)
    np.testing.assert_allclose(growth / 10_000, np.log(1.8), rtol=1e-12)
    _, _, growth = dendritic_tent(1.8).orbit()(np.array([[0.3, 0.41]]), np.ones((1, 2)), 10_000)
    np.testing.assert_allclose(growth / 10_000, np.log(1.8), rtol=1e-3)
    _, _, growth = lozi().orbit()(np.array([[0.1, 0.1]]), np.array([[1.0, 0.0]]), 200_000)
    assert growth[0] / 200_000 == pytest.approx(0.470, abs=0.003)


def test_a_direction_that_vanishes_has_grown_by_minus_infinity():
    model = with_weights(ALRNN(1, 1, 1), A=[0.0], W=[[1.0]], h=[-1.0])
    for orbit in (model.orbit(), plain_orbit(model.step, model.jvp)):
        _, direction, growth = orbit(np.array([[-0.5]]), np.ones((1, 1)), 20)
        assert growth[0] == -np.inf and direction[0, 0] == 0.0


@pytest.mark.parametrize("build", [lambda: tent(2.5), lambda: lozi(a=4.0, b=2.0)])
def test_what_is_not_finite_ends_an_orbit_alone(build):
    """One member escapes, one starts on a fixed point, one starts at NaN; both loops name the same steps."""
    model = build().in_float64()
    fixed = np.linalg.solve(
        np.eye(model.state_dim) - model.jacobian(torch.ones(1, model.state_dim, dtype=torch.float64))[0].numpy(),
        model.step(torch.zeros(1, model.state_dim, dtype=torch.float64))[0].numpy(),
    )
    start = np.stack([np.full(model.state_dim, 3.0), fixed, np.full(model.state_dim, np.nan)])
    run = model.free_run(start, 1500)
    expected, _, _ = plain_orbit(model.step, model.jvp)(start, start[:0], 1500)
    lost = np.isnan(expected).any(-1).argmax(1)
    assert run.diverged_at[0] == lost[0] > 100 and run.diverged_at[2] == 0
    assert np.isnan(run.states[0, lost[0] :]).all() and np.isfinite(run.states[0, : lost[0]]).all()
    assert np.isnan(run.observations[0, lost[0] :]).all()
    np.testing.assert_allclose(run.states[1, :20], np.tile(fixed, (20, 1)), atol=1e-3)
    growth = model.orbit()(start, np.ones_like(start), int(lost[0]))[2]
    assert np.isnan(growth[2]) and np.isfinite(growth[:2]).all()
    assert np.isnan(model.orbit()(start, np.ones_like(start), int(lost[0]) + 1)[2][0])


@pytest.mark.parametrize(
    ("name", "weight"), [("clipped", "W2"), ("shallow", "W2"), ("dendritic", "H"), ("clipped dendritic", "H")]
)
def test_nan_is_not_rectified_away(name, weight):
    """A relu must hand on a NaN inside a hidden unit."""
    model = perturbed(name)
    with torch.no_grad():
        getattr(model, weight)[0, 0] = torch.nan
    run = model.free_run(np.ones((1, model.state_dim)), 3)
    assert run.diverged_at[0] == 0 and np.isnan(run.states).all()


def test_a_subclass_that_steps_otherwise_is_not_compiled():
    class Halved(ShallowPLRNN):
        def step(self, z):
            return 0.5 * z

    model = Halved(2)
    assert model.compiled_orbit() is None
    np.testing.assert_allclose(model.free_run(np.ones((1, 2)), 3).states[0, :, 0], [0.5, 0.25, 0.125])


@pytest.mark.parametrize(
    ("start", "n", "message"),
    [
        (np.zeros((1, 2)), 5, r"states of shape \(1, 2\); accepted: \(batch, 7\).*model.initial_state\(observations\)"),
        (np.zeros(7), 5, r"states of shape \(7,\)"),
        (np.zeros((1, 7)), 2.0, r"n = 2.0 steps; accepted: an integer of 1 or more"),
        (np.zeros((1, 7)), 0, "n = 0 steps"),
        (np.zeros((1, 7)), -1, "n = -1 steps"),
        (np.zeros((1, 7)), "5", "n = '5' steps"),
    ],
)
def test_a_start_or_a_length_that_is_none_is_refused(start, n, message):
    """By the compiled loop, the plain one and runs with inputs alike."""
    model = MODELS["alrnn"]()
    plain, driven = MODELS["alrnn"](), MODELS["alrnn"]().add_inputs(1)
    plain.compiled_orbit = lambda: None
    for run in (model, plain, driven):
        with pytest.raises(DsrError, match=message):
            run.free_run(start, n, np.zeros((1, 5, 1)) if run.input_dim else None)
    assert model.free_run(np.zeros((1, 7)), np.int64(3)).states.shape == (1, 3, 7)


def test_an_orbit_takes_a_tangent_vector_for_each_state_or_none():
    model, z = MODELS["shallow"](), np.zeros((2, 3))
    for orbit in (model.orbit(), model.in_float64().compiled_orbit()):
        for v in (np.ones((1, 3)), np.ones((3, 3)), np.ones((2, 4))):
            with pytest.raises(DsrError, match=r"at 2 states; accepted: \(2, 3\), or \(0, 3\)"):
                orbit(z, v, 5)
