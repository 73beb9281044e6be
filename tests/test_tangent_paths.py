"""The cheapest path to a spectrum is taken, named, and equal to the plain one."""

import numpy as np
import pytest
import torch

from dsr.analysis import conditional_exponents, lyapunov_spectrum
from dsr.models import ALRNN, GRU, LSTM, S4D, EchoStateNetwork, NeuralODE, NextGenerationReservoir, ShallowPLRNN
from dsr.systems import get_system
from dsr.tangent import orthonormalise


def plain(tangent_map):
    """The same map as a function, of which nothing is known."""
    return lambda x, q: tangent_map(x, q)


@pytest.mark.parametrize("graded", [1.0, 1e-6])
def test_the_compiled_gram_schmidt_is_a_qr_decomposition(graded):
    """Columns almost parallel: one sweep would leave them far from orthogonal."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((7, 1)) + graded * rng.standard_normal((7, 4))
    q, growth = matrix.copy(), np.empty(4)
    orthonormalise(q, growth)
    assert np.abs(q.T @ q - np.eye(4)).max() < 1e-14
    triangle = np.linalg.qr(matrix)[1]
    assert growth == pytest.approx(np.log(np.abs(np.diag(triangle))), abs=1e-8)
    assert q @ (q.T @ matrix) == pytest.approx(matrix, abs=1e-14)


@pytest.mark.parametrize("name, dt", [("lorenz63", 0.01), ("henon", 1.0)])
def test_the_compiled_loop_of_equations_equals_the_stepwise_one(name, dt):
    system = get_system(name)
    x0 = system.attractor_points(3, transient=50.0, seed=4)
    settings = {"steps": 300, "transient": 40, "dt": dt, "qr_every": 3}
    fast = lyapunov_spectrum(system.tangent_map(dt), x0, **settings)
    slow = lyapunov_spectrum(plain(system.tangent_map(dt)), x0, **settings)
    assert fast.history == pytest.approx(slow.history, abs=1e-9)
    assert fast.settings["method"] == "analytic Jacobian, compiled"
    assert slow.settings["method"] == "a function given"


@pytest.mark.parametrize("relu_units", [0, 2, 5])
def test_region_matrices_equal_the_stepwise_jacobian(relu_units):
    model = ALRNN(3, 6, relu_units, seed=1)
    with torch.no_grad():
        model.W += 0.2 * torch.randn((6, 6), generator=torch.Generator().manual_seed(2))
    x0 = np.random.default_rng(0).standard_normal((4, 6))
    settings = {"steps": 200, "transient": 0, "dt": 1.0, "qr_every": 2}
    fast = lyapunov_spectrum(model.tangent_map(), x0, **settings)
    slow = lyapunov_spectrum(plain(model.tangent_map()), x0, **settings)
    assert fast.settings["method"] == "region matrices"
    assert fast.exponents == pytest.approx(slow.exponents, abs=1e-8)
    assert fast.stderr == pytest.approx(slow.stderr, abs=1e-8)


def test_a_long_orbit_in_several_pieces_is_one_orbit(monkeypatch):
    model = ShallowPLRNN(3, hidden_dim=9, seed=3)
    x0 = np.random.default_rng(1).standard_normal((2, 3))
    settings = {"steps": 120, "transient": 0, "dt": 1.0}
    whole = lyapunov_spectrum(model.tangent_map(), x0, **settings)
    monkeypatch.setattr("dsr.models.region_tangents.MOST_NUMBERS", 400)
    assert lyapunov_spectrum(model.tangent_map(), x0, **settings).history == pytest.approx(whole.history, abs=1e-9)


def test_members_of_a_compiled_map_that_diverge_are_counted():
    model = ALRNN.from_weights(torch.zeros(2), torch.diag(torch.tensor([1.5, 0.5])), torch.zeros(2), torch.eye(2), 1)
    x0 = np.array([[0.0, -1.0], [1e300, 0.0], [0.0, 2.0]])
    s = lyapunov_spectrum(model.tangent_map(), x0, steps=100, transient=10, dt=1.0, kick=0.0)
    assert s.diverged == 1 and s.members == 3
    assert s.exponents[0] == pytest.approx(np.log(1.5), abs=1e-12)


MODELS = {
    "ALRNN": (ALRNN(2, 4, 2, seed=0), "region matrices"),
    "NeuralODE": (NeuralODE(3, seed=0), "Jacobian-vector products in closed form"),
    "S4D": (S4D(1, features=2, seed=0), "Jacobian-vector products in closed form"),
    "LSTM": (LSTM(2, 3, seed=0), "Jacobian-vector products by forward differentiation"),
    "GRU": (GRU(2, 3, seed=0), "Jacobian-vector products by forward differentiation"),
    "EchoStateNetwork": (EchoStateNetwork(2, units=20, density=0.2), "Jacobian-vector products in closed form"),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_spectrum_of_every_kind_of_model_is_that_of_its_jacobians(name):
    """Against singular values of the product of Jacobians by reverse differentiation, which share no code."""
    model, method = MODELS[name]
    double = model.in_float64()
    z = 0.3 * torch.randn(model.state_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    steps, k = 6, 2
    found = lyapunov_spectrum(
        model.tangent_map(), z[None].numpy(), steps=steps, transient=0, dt=0.5, k=model.state_dim, qr_every=1
    )
    product, state = torch.eye(model.state_dim, dtype=torch.float64), z
    for _ in range(steps):
        product = torch.func.jacrev(double.step)(state) @ product
        state = double.step(state)
    assert found.settings["method"] == method
    volume = float(torch.linalg.slogdet(product)[1]) / (steps * 0.5)
    if np.isfinite(volume) and volume > -60:
        assert found.sum.value == pytest.approx(volume, abs=1e-4)
    leading = lyapunov_spectrum(
        model.tangent_map(), z[None].numpy(), steps=steps, transient=0, dt=0.5, k=k, qr_every=1, kick=0.0
    )
    q = _first_frame(model.state_dim, k)
    area = torch.linalg.svdvals(product @ torch.from_numpy(q)).log().sum() / (steps * 0.5)
    assert leading.exponents.sum() == pytest.approx(float(area), abs=1e-9)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "ALRNN"])
def test_orbits_with_one_tangent_vector_each_equal_the_stepwise_map(name):
    model, method = MODELS[name]
    x0 = 0.3 * np.random.default_rng(2).standard_normal((3, model.state_dim))
    settings = {"steps": 24, "transient": 6, "dt": 1.0, "k": 2, "qr_every": 3}
    assert model.tangent_map().stretch is not None
    fast = lyapunov_spectrum(model.tangent_map(), x0, **settings)
    slow = lyapunov_spectrum(plain(model.tangent_map()), x0, **settings)
    assert fast.settings["method"] == method
    assert fast.history == pytest.approx(slow.history, abs=1e-9)
    assert fast.stderr == pytest.approx(slow.stderr, abs=1e-9)


def test_members_of_a_smooth_map_that_diverge_are_counted():
    """x' = x^2 runs away from 2 and stays at its fixed point 1, where its slope is 2."""
    model = NextGenerationReservoir(1, lags=1, degree=2)
    with torch.no_grad():
        model.W.copy_(torch.tensor([[0.0, -1.0, 1.0]], dtype=model.W.dtype))
    s = lyapunov_spectrum(model.tangent_map(), np.array([[1.0], [2.0]]), steps=40, transient=10, dt=1.0, kick=0.0)
    assert s.diverged == 1 and s.members == 2
    assert s.exponents[0] == pytest.approx(np.log(2.0), abs=1e-12)


def _first_frame(d, k):
    """The orthonormal vectors that seed 0 draws for one member."""
    rng = np.random.default_rng(0)
    rng.standard_normal((1, d))
    return np.linalg.qr(rng.standard_normal((1, d, k)))[0][0]


def test_conditional_exponents_name_their_method():
    model = EchoStateNetwork(2, units=10, density=0.3)
    data = np.random.default_rng(0).standard_normal((60, 2))
    found = conditional_exponents(model.driven_tangent_map(), np.zeros(12), data, transient=10, dt=1.0)
    assert found.settings["method"] == "Jacobian-vector products in closed form"
