"""The neural ODE: its integrator, derivatives, bounds, time stamps and compiled loop."""

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import torch

from dsr.analysis import lyapunov_spectrum
from dsr.errors import SpecError
from dsr.models import NeuralODE, alpha_of, coupling
from dsr.models.continuous.fields import ACTIVATIONS
from dsr.models.continuous.runge_kutta import ADAPTIVE, FIXED, rk4
from dsr.models.orbits import plain_orbit
from dsr.systems import get_system
from dsr.training import FullForcing, fit
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.gradient import AutogradGradient

LORENZ = get_system("lorenz63")
SHAPES = [
    {"activation": "silu"},
    {"activation": "tanh", "layers": 1},
    {"activation": "gelu", "layers": 3},
    {"activation": "relu"},
    {"field": "linear+mlp", "activation": "tanh"},
    {"field": "plrnn"},
    {"dissipative": True, "substeps": 2},
]


def generic(**settings):
    """A model in double precision whose field is far from linear."""
    model = NeuralODE(3, **{"hidden_dim": 16, "seed": 1, **settings}).double()
    rng = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    model.dt.fill_(0.01)
    return model


def points(n, dim=3, seed=3):
    return torch.randn((n, dim), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class LorenzField(torch.nn.Module):
    """The Lorenz-63 equations per sampling step, in the place of a network."""

    bound = None

    def forward(self, z):
        x, y, w = z.unbind(-1)
        return 0.01 * torch.stack([10 * (y - x), x * (28 - w) - y, x * y - 8 / 3 * w], -1)

    def tangent(self, z, v):
        return self(z), 0.01 * torch.from_numpy(LORENZ.jacobian(z.numpy())) @ v


@pytest.fixture
def lorenz():
    model = NeuralODE(3).double()
    model.field = LorenzField()
    model.dt.fill_(0.01)
    return model


def test_the_rule_is_of_fourth_order():
    matrix = torch.tensor([[-0.3, 2.0], [-2.0, 0.1]], dtype=torch.float64)
    z, exact = points(5, 2), torch.from_numpy(scipy.linalg.expm(matrix.numpy()))
    errors = [float((rk4(lambda x: x @ matrix.T, z, 1.0, n) - z @ exact.T).abs().max()) for n in (8, 16, 32)]
    assert [math.log2(a / b) for a, b in pairwise(errors)] == pytest.approx([4, 4], abs=0.15)


def test_the_rule_is_simpsons_where_the_field_is_of_time_alone():
    z = torch.zeros((1, 2), dtype=torch.float64)  # (time, integral)
    field = lambda x: torch.stack([torch.ones_like(x[..., 0]), x[..., 0] ** 4], -1)  # noqa: E731
    assert float(rk4(field, z, 1.0, 1)[0, 1]) == pytest.approx((0 + 4 * 0.5**4 + 1) / 6, abs=1e-15)


@pytest.mark.parametrize("solver", [*FIXED, *ADAPTIVE])
def test_torchdiffeq_gives_the_same_flow(solver):
    ours, theirs = generic(substeps=20), generic(substeps=20, solver=solver, tolerance=1e-9)
    z, expected = points(4), {"euler": 2e-2, "midpoint": 2e-4, "bosh3": 1e-5}.get(solver, 1e-6)
    gaps = torch.tensor([[0.01], [0.004], [0.015], [0.0]], dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(theirs.step(z), ours.step(z), rtol=0, atol=expected)
        torch.testing.assert_close(theirs.flow(z, gaps), ours.flow(z, gaps), rtol=0, atol=expected)
        v = points(4, 3, 4)[..., None]  # differences of adaptive solvers would jump where a step more is taken
        torch.testing.assert_close(theirs.jvp(z, v), ours.jvp(z, v), rtol=0, atol=10 * expected)


def test_gradients_by_the_adjoint_equation_are_those_of_backpropagation():
    found = []
    windows = points(16).view(2, 1, 8, 3)
    for settings in ({}, {"solver": "dopri5", "tolerance": 1e-9, "adjoint": True}):
        ensemble = Ensemble([generic(substeps=20, **settings)])
        AutogradGradient()(ensemble, windows, torch.zeros((1, 1)))
        found.append(ensemble.gradient.clone())
    assert found[0].abs().min() > 0  # every weight has a part in it
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_every_field_has_its_derivatives_and_its_compiled_loop(settings):
    model = generic(**settings)
    z = points(4)
    along = torch.func.vmap(torch.func.jacrev(model.step))(z)
    torch.testing.assert_close(model.jacobian(z), along, rtol=1e-10, atol=1e-12)
    direct = torch.func.vmap(torch.func.jacrev(model.velocity))(z)
    torch.testing.assert_close(model.field_jacobian(z), direct, rtol=1e-10, atol=1e-12)
    start, v = z.numpy(), points(4, 3, 5).numpy()
    ours, theirs = model.compiled_orbit()(start, v, 12), plain_orbit(model.step, model.jvp)(start, v, 12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_the_compiled_activations_hold_far_out():
    model = generic(layers=1, hidden_dim=8)
    for activation in ACTIVATIONS:
        model.field.activation = activation
        z = 300 * points(6)  # the logistic function is 0 or 1 to rounding there
        states, _, _ = model.compiled_orbit()(z.numpy(), np.zeros((0, 3)), 1)
        with torch.no_grad():
            np.testing.assert_allclose(states[:, 0], model.step(z).numpy(), rtol=1e-10)


def test_an_orbit_that_escapes_ends_in_nan():
    model = generic(field="linear+mlp")
    with torch.no_grad():
        model.field.A.copy_(torch.eye(3))
    run = model.free_run(points(2).numpy(), 1000)
    assert (run.diverged_at > 0).all() and np.isnan(run.observations[0, run.diverged_at[0] :]).all()


def test_exponents_of_the_step_and_of_the_flow_are_those_of_the_system(lorenz):
    step, flow = lorenz.tangent_map(), lorenz.variational_map(substeps=4)

    def along_the_step(z, q):  # on one orbit, or chaos would part the two
        return step(z, q)[0], flow(z, q)[1]

    x0 = LORENZ.attractor_points(16, transient=30.0, seed=1)
    discrete, continuous = (
        lyapunov_spectrum(advance, x0, steps=1000, transient=200, dt=0.01, seed=2).exponents
        for advance in (step, along_the_step)
    )
    assert discrete == pytest.approx(continuous, rel=1e-3, abs=1e-3)
    assert discrete == pytest.approx([0.9056, 0.0, -14.572], rel=0.1, abs=0.1)
    assert sum(continuous) == pytest.approx(-(10 + 1 + 8 / 3), rel=1e-4)  # divergence of the field


def test_a_field_of_ones_own_runs_freely(lorenz):
    """It has no layers to compile: the plain loop is taken."""
    x0 = LORENZ.attractor_points(1, transient=30.0, seed=1)
    run = lorenz.free_run(x0, 50).states[0, -1]
    state = torch.from_numpy(x0)
    for _ in range(50):
        state = lorenz.step(state)
    np.testing.assert_array_equal(run, state[0].numpy())


def test_the_flow_composes_and_every_row_has_its_own_duration(lorenz):
    z = torch.from_numpy(LORENZ.attractor_points(5, transient=30.0, seed=1))
    lorenz.substeps = 4
    first, second = (torch.rand((5, 1), generator=torch.Generator().manual_seed(s)).double() / 20 for s in (1, 2))
    both = lorenz.flow(lorenz.flow(z, first), second)
    torch.testing.assert_close(lorenz.flow(z, first + second), both, rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(lorenz.flow(z, torch.full((5, 1), 0.01)), lorenz.step(z), rtol=1e-9, atol=1e-9)
    alone = lorenz.flow(z[2:3], first[2:3])
    torch.testing.assert_close(lorenz.flow(z, first)[2:3], alone, rtol=1e-6, atol=1e-5)
    assert torch.equal(lorenz.flow(z, torch.zeros((5, 1))), z)


@pytest.mark.parametrize("log_c", [-1.0, 20.0], ids=["weak", "at its limit"])
def test_no_orbit_of_a_dissipative_model_leaves_its_box(log_c):
    model = generic(dissipative=True, substeps=2)
    with torch.no_grad():
        for name, p in model.field.named_parameters():
            if name == "log_c":
                p.fill_(log_c)
            elif name.startswith("W"):
                p.mul_(20)
    radius = model.radius.numpy()
    inside = radius * (2 * np.random.default_rng(0).random((20, 3)) - 1)
    outside = 50 * radius * np.sign(inside)
    for start, transient in ((inside, 0), (outside, 2000)):
        states = model.free_run(start, 2500).states[:, transient:]
        assert (abs(states) <= radius * (1 + 1e-12)).all()
    assert math.isinf(NeuralODE(3).radius[0])


def test_coupling_to_data_is_forcing():
    """x' = K (data - x) over dt, integrated, is the pull by alpha."""
    alpha, dt, x, data = 0.3, 0.02, points(4), points(4, seed=8)
    rate = coupling(alpha, dt)
    coupled = rk4(lambda z: rate * (data - z), x, dt, 20)
    torch.testing.assert_close(coupled, NeuralODE(3).double().pull(x, data, alpha), rtol=0, atol=1e-8)
    assert alpha_of(rate, dt) == pytest.approx(alpha, rel=1e-14)
    assert coupling(1.0, dt) == math.inf and alpha_of(math.inf, dt) == 1.0 and coupling(0.0, dt) == 0.0


def test_a_short_training_finds_the_lorenz_field():
    """Of the true field in standardised units, within 3 % after some seconds."""
    series = LORENZ.simulate(4000, 0.01, transient=30.0, seed=0)
    model = NeuralODE(3, hidden_dim=32, seed=0)
    fit(model, series, forcing=FullForcing(), steps=2000, batch_size=64, seed=0)
    test = LORENZ.simulate(2000, 0.01, transient=30.0, seed=1).values
    with torch.no_grad():
        found = model.in_float64().velocity((torch.tensor(test) - model.data_mean) / model.data_std).numpy()
    true = LORENZ.rhs(test) / series.values.std(0)
    assert np.sqrt(np.mean((found - true) ** 2) / np.mean(true**2)) < 0.03


def test_training_on_irregular_time_stamps_sees_the_durations(lorenz):
    """The error of the true field is that of the integrator when the durations are used, and large when not."""
    series = LORENZ.simulate(400, 0.0025, transient=30.0, seed=0).values
    gaps = np.random.default_rng(0).integers(1, 9, size=100)
    rows = np.cumsum(gaps)
    rows = rows[rows < 400]
    y = torch.from_numpy(series[rows])
    stamped = torch.cat([y, torch.from_numpy(0.0025 * np.diff(rows, prepend=0))[:, None]], 1)
    with torch.no_grad():
        seen, unseen = (lorenz.advance(y[:-1], gap=gap) - y[1:] for gap in (stamped[1:, 3:], None))
    assert seen.square().mean() < 1e-8 and unseen.square().mean() > 1e-2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"solver": "dopry5"}, "did you mean 'dopri5'"),
        ({"field": "mpl"}, "did you mean 'mlp'"),
        ({"activation": "sulu"}, "did you mean 'silu'"),
        ({"adjoint": True}, "a solver of torchdiffeq"),
        ({"dissipative": True, "field": "plrnn"}, "no bound"),
        ({"substeps": 0}, "substeps = 0"),
        ({"tolerance": 0.0}, "tolerance = 0"),
        ({"latent_dim": 2}, "latent_dim = 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        NeuralODE(3, **settings)


def test_coupling_outside_its_range_is_refused():
    for call in (lambda: coupling(1.1, 0.1), lambda: coupling(0.5, 0.0), lambda: alpha_of(-1.0, 0.1)):
        with pytest.raises(SpecError):
            call()
