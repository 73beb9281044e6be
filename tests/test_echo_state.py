"""Reservoirs: derivatives, the random matrices, the readout, and what they make of Lorenz-63."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from dsr.analysis import lyapunov_spectrum
from dsr.errors import DataError, SpecError
from dsr.models.memory import MemoryModel
from dsr.models.orbits import plain_orbit
from dsr.models.reservoirs import reservoir_fit
from dsr.models.reservoirs.echo_state import EchoStateNetwork
from dsr.models.reservoirs.parallel_reservoirs import ParallelReservoirs
from dsr.models.reservoirs.penalties import NoiseResponse
from dsr.models.reservoirs.random_wiring import spectral_radius
from dsr.models.reservoirs.reservoir_loops import compiled_in_order, tanh
from dsr.series import TimeSeries
from dsr.systems import get_system
from dsr.training import fit

LAMBDA = 0.9056  # of Lorenz-63, per time unit
DT = 0.01


@functools.cache
def lorenz(seed: int, n: int) -> np.ndarray:
    x = get_system("lorenz63").simulate(n, DT, transient=50, seed=seed).values
    return (x - np.array([0.0, 0.0, 23.5])) / np.array([7.9, 9.0, 8.6])


@functools.cache
def trained(units: int = 300) -> EchoStateNetwork:
    model = EchoStateNetwork(3, units=units)
    model.solve([lorenz(0, 10_000)], np.random.default_rng(0))
    return model


def with_readout(model, seed: int = 0):
    rng = np.random.default_rng(seed)
    model.W_out.copy_(torch.from_numpy(rng.standard_normal(model.W_out.shape) / 5))
    return model


VARIANTS = {
    "dense": lambda seed=0: EchoStateNetwork(4, units=30, density=0.1, seed=seed),
    "local": lambda seed=0: EchoStateNetwork(4, units=30, density=0.1, input_pattern="local", leak=1.0, seed=seed),
    "parallel": lambda seed=0: ParallelReservoirs(4, units=12, group_size=2, overlap=1, density=0.2, seed=seed),
}


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
def test_jacobian_of_the_closed_loop_is_the_derivative_of_the_step(make):
    model = with_readout(make())
    z = torch.from_numpy(np.random.default_rng(1).standard_normal((3, model.state_dim)))
    v = torch.from_numpy(np.random.default_rng(2).standard_normal((3, model.state_dim, 5)))
    found, expected = model.jacobian(z), torch.func.vmap(torch.func.jacfwd(model.step))(z)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.jvp(z, v), expected @ v, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
def test_the_step_is_its_equation(make):
    model = with_readout(make())
    z = np.random.default_rng(1).standard_normal(model.state_dim)
    x, r = z[:4], z[4:]
    W_in, A, b = model.W_in.numpy(), model.A.numpy(), model.bias.numpy()
    new = (1 - model.leak) * r + model.leak * np.tanh(A @ r + W_in @ x + b)
    full = np.kron(np.eye(model.groups), np.ones((4 // model.groups, 1))).repeat(model.units // model.groups, 1)
    W_out = np.tile(model.W_out.numpy(), model.groups) * full
    expected = np.concatenate([W_out @ new, new])
    np.testing.assert_allclose(model.step(torch.from_numpy(z)), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
def test_the_compiled_orbit_is_the_plain_one(make):
    model, rng = with_readout(make()), np.random.default_rng(1)
    z, v = rng.standard_normal((2, 2, model.state_dim))
    states, tangent, growth = model.orbit()(z, v, 20)
    expected = plain_orbit(model.step, model.jvp)(z, v, 20)
    np.testing.assert_allclose(states, expected[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(tangent, expected[1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(growth, expected[2], rtol=1e-9)


def test_an_orbit_that_leaves_the_finite_numbers_ends_there():
    model = with_readout(VARIANTS["dense"]())
    model.W_out[:] = torch.inf
    states, _, growth = model.orbit()(np.zeros((1, 34)), np.ones((1, 34)), 5)
    assert np.isnan(states).all() and np.isnan(growth).all()


@pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS)
def test_the_warm_up_is_full_forcing(make):
    model = with_readout(make())
    y = torch.from_numpy(np.random.default_rng(3).standard_normal((2, 40, 4)))
    torch.testing.assert_close(model.initial(y), MemoryModel.initial(model, y), rtol=0, atol=1e-13)
    assert torch.equal(model.initial(y[:, :1])[:, 4:], torch.zeros(2, model.units, dtype=torch.float64))


def test_tanh_to_rounding():
    x = np.concatenate([np.random.default_rng(0).standard_normal(20_000) * 3, [0.0, 1e-9, -1e-9, 30, -1e300, np.inf]])
    y = x.copy()
    compiled_in_order(tanh)(y, np.empty_like(y), np.empty_like(y))
    assert np.abs(y - np.tanh(x)).max() <= 3e-16
    lost = np.full(9, np.nan)
    compiled_in_order(tanh)(lost, np.empty(9), np.empty(9))
    assert np.isnan(lost).all()


@pytest.mark.parametrize("units", [1, 60, 300])
def test_the_recurrent_matrix_has_the_spectral_radius_and_density_asked_for(units):
    model = EchoStateNetwork(2, units=units, spectral_radius=0.7, density=0.05, seed=3)
    A = model.A.numpy()
    assert np.abs(np.linalg.eigvals(A)).max() == pytest.approx(0.7, rel=1e-5)
    assert (np.count_nonzero(A, axis=1) == max(1, round(0.05 * units))).all()
    assert np.abs(model.W_in.numpy()).max() <= 0.7 and (np.abs(model.bias.numpy() - 1.6) <= 1).all()


def test_spectral_radius_of_a_known_matrix():
    index = (np.arange(300)[:, None] + 1) % 300  # a weighted cycle: the geometric mean of its weights
    weights = np.random.default_rng(0).uniform(0.5, 2.0, (300, 1))
    assert spectral_radius(index, weights) == pytest.approx(np.exp(np.log(weights).mean()), rel=1e-8)


def test_local_input_weights_read_adjacent_columns_on_the_ring():
    seen = EchoStateNetwork(10, units=50, input_pattern="local", neighbours=3).W_in.numpy() != 0
    assert (seen.sum(1) == 3).all()
    assert np.flatnonzero(seen[0]).tolist() == [0, 1, 9] and np.flatnonzero(seen[25]).tolist() == [4, 5, 6]
    assert (seen.sum(0) == 15).all()


def test_a_group_reads_its_columns_and_the_overlap_and_no_others():
    model = with_readout(ParallelReservoirs(8, units=10, group_size=2, overlap=1))
    reach = model.jacobian(torch.zeros((1, model.state_dim), dtype=torch.float64))[0, :8, :8].numpy() != 0
    for g in range(4):
        assert np.flatnonzero(reach[2 * g]).tolist() == sorted((2 * g + j) % 8 for j in (-1, 0, 1, 2))
    A = model.A.numpy() != 0
    assert not (A & ~np.kron(np.eye(4, dtype=bool), np.ones((10, 10), dtype=bool))).any()


def test_parallel_reservoirs_without_overlap_are_networks_of_their_own():
    y = np.hstack([lorenz(0, 1500), lorenz(1, 1500)])
    both = ParallelReservoirs(6, units=40, group_size=3, overlap=0, density=0.1, ridge=1e-8, input_noise=0.0)
    both.solve([y], np.random.default_rng(0))
    for g in range(2):
        alone, mine = EchoStateNetwork(3, units=40, density=0.1, leak=0.7, ridge=1e-8), slice(40 * g, 40 * g + 40)
        alone.weights.copy_(both.weights[mine])
        alone.bias.copy_(both.bias[mine])
        alone.index[:, :3], alone.index[:, 3:] = both.index[mine, :3] - 3 * g, both.index[mine, 3:] - 6 - 40 * g + 3
        alone.solve([y[:, 3 * g : 3 * g + 3]], np.random.default_rng(0))
        np.testing.assert_allclose(both.W_out[3 * g : 3 * g + 3], alone.W_out, rtol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_states_are_those_of_reservoirpy():
    nodes = pytest.importorskip("reservoirpy.nodes")
    model, y = EchoStateNetwork(3, units=100, density=0.1, seed=5), lorenz(0, 500)
    theirs = nodes.Reservoir(
        W=model.A.numpy(), Win=model.W_in.numpy(), bias=model.bias.numpy(), lr=model.leak, input_dim=3
    )
    states = np.empty((500, 100))
    model.feed(y, np.zeros(100), states)
    np.testing.assert_allclose(states, theirs.run(y), rtol=0, atol=1e-12)


def test_the_readout_does_not_depend_on_how_the_data_are_cut(monkeypatch):
    def solved():
        model = EchoStateNetwork(3, units=20, density=0.2, ridge=1e-8, jacobian_penalty=1e-6, spin_up=100)
        model.solve([lorenz(0, 700), lorenz(1, 450), lorenz(2, 90)], np.random.default_rng(0))
        return model

    model = solved()
    monkeypatch.setattr(reservoir_fit, "BLOCK", 37)
    np.testing.assert_allclose(solved().W_out, model.W_out, rtol=1e-7)
    model = EchoStateNetwork(3, units=20, density=0.2, ridge=1e-8, spin_up=100)
    model.solve([lorenz(0, 700), lorenz(1, 450), lorenz(2, 90)], np.random.default_rng(0))
    features, targets = [], []
    for y in (lorenz(0, 700), lorenz(1, 450)):
        states = np.empty((len(y) - 1, 20))
        model.feed(y[:-1], np.zeros(20), states)
        features.append(states[100:])
        targets.append(y[101:])
    r, y = np.concatenate(features), np.concatenate(targets)
    expected = np.linalg.solve(r.T @ r / len(r) + 1e-8 * np.eye(20), r.T @ y / len(r)).T
    np.testing.assert_allclose(model.W_out, expected, rtol=1e-6)


def test_without_recurrence_it_is_an_extreme_learning_machine():
    """x' = W_out tanh(W_in x + b): a regression on features of the last row alone, and a map of rank obs."""
    model, y = EchoStateNetwork(3, units=40, leak=1.0, ridge=1e-9), lorenz(0, 1000)
    model.weights[:, 3:] = 0.0
    model.solve([y], np.random.default_rng(0))
    features = np.tanh(y[200:-1] @ model.W_in.numpy().T + model.bias.numpy())
    matrix = features.T @ features / len(features) + 1e-9 * np.eye(40)
    expected = np.linalg.solve(matrix, features.T @ y[201:] / len(features)).T
    np.testing.assert_allclose(features @ model.W_out.numpy().T, features @ expected.T, rtol=0, atol=1e-9)
    z = torch.from_numpy(np.concatenate([y[500], np.ones(40)]))[None]
    assert torch.linalg.matrix_rank(model.jacobian(z)) == 3


def responses(model, y):
    response = NoiseResponse(model.units)
    states = np.empty((len(y), model.units))
    model.feed(y, np.zeros(model.units), states)
    for t in range(50, len(y) - 50):
        response.add(model.response(y[t : t + 50], states[t - 1]).reshape(-1, model.units))
    return response.penalty(1.0), states


def test_the_linearised_noise_is_the_mean_over_many_draws():
    model, y, sd, rng = EchoStateNetwork(3, units=20, density=0.2), lorenz(0, 1000), 1e-5, np.random.default_rng(0)
    penalty, clean = responses(model, y)
    moved, noisy = np.zeros((20, 20)), np.empty_like(clean)
    for _ in range(100):
        model.feed(y + sd * rng.standard_normal(y.shape), np.zeros(20), noisy)
        change = (noisy - clean)[50:-50] / sd
        moved += change.T @ change / len(change) / 100
    assert np.linalg.norm(moved - penalty) < 0.03 * np.linalg.norm(moved)


def test_linearised_and_sampled_noise_give_the_same_forecast():
    y = lorenz(0, 4000)

    def predictions(seed, form):
        model = EchoStateNetwork(3, units=60, density=0.1, input_noise=0.03, noise_form=form)
        model.solve([y], np.random.default_rng(seed))
        return model.predict_next(np.stack([y[k - 200 : k] for k in range(1000, 3000, 20)]))

    drawn = np.stack([predictions(seed, "sampled") for seed in range(12)])
    spread = drawn.std(0).mean()
    clean = EchoStateNetwork(3, units=60, density=0.1)
    clean.solve([y], np.random.default_rng(0))
    without = clean.predict_next(np.stack([y[k - 200 : k] for k in range(1000, 3000, 20)]))
    gap = np.abs(predictions(0, "linearised") - drawn.mean(0)).mean()
    assert gap < spread < np.abs(without - drawn.mean(0)).mean()


def test_the_weights_of_one_seed_make_a_model_of_another_the_same():
    model, other = trained(), EchoStateNetwork(3, units=300, seed=9)
    other.load_state_dict(model.state_dict())
    context = lorenz(1, 300)[None]
    assert torch.equal(other.initial_state(context), model.initial_state(context))
    start = model.initial_state(context)
    assert np.array_equal(other.free_run(start, 200).states, model.free_run(start, 200).states)


def test_the_seed_decides_everything_random():
    first, again, other = (EchoStateNetwork(3, units=50, seed=s) for s in (1, 1, 2))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(first.weights, other.weights) and not torch.equal(first.index, other.index)


def test_lorenz_is_forecast_over_six_lyapunov_times():
    model, test, horizon = trained(), lorenz(5, 20_000), 1500
    rows = np.linspace(200, len(test) - horizon, 20).astype(int)
    start = model.initial_state(np.stack([test[k - 200 : k] for k in rows]))
    run = model.free_run(start, horizon).observations
    wrong = np.sqrt(((run - np.stack([test[k : k + horizon] for k in rows])) ** 2).mean(-1)) > 0.3
    assert np.median(np.where(wrong.any(1), wrong.argmax(1), horizon)) * DT * LAMBDA >= 6


def test_the_free_run_has_the_exponents_of_lorenz_and_a_gap_below_them():
    model, test = trained(200), lorenz(5, 20_000)
    rows = np.linspace(200, len(test), 20).astype(int)
    start = model.initial_state(np.stack([test[k - 200 : k] for k in rows]))
    found = lyapunov_spectrum(
        model.tangent_map(), start.numpy(), steps=500, transient=200, dt=DT, k=4, qr_every=5
    ).exponents
    assert found[0] == pytest.approx(LAMBDA, rel=0.15) and abs(found[1]) < 0.1
    assert found[2] == pytest.approx(-14.572, rel=0.05) and found[3] < -25


def test_fit_solves_it_and_says_how_well():
    series = get_system("lorenz63").simulate(2000, DT, transient=50, seed=0)
    model = EchoStateNetwork(3, units=100)
    history = fit(model, series)
    assert history.backend == "closed form" and history.loss[0, 0] < 1e-8
    context = series.values[None, :500]
    assert model.predict_next(context)[0] == pytest.approx(series.values[500], abs=1e-2)


BAD = {
    "leak": (-0.1, 0.0, 1.5),
    "spectral_radius": (0.0, -1.0),
    "density": (0.0, 1.1),
    "ridge": (-1e-9,),
    "input_noise": (-0.1,),
    "noise_form": ("none",),
    "jacobian_penalty": (-1.0,),
    "input_scale": (0.0,),
    "bias_spread": (-1.0,),
    "units": (0,),
    "spin_up": (0,),
}


@pytest.mark.parametrize("family", [EchoStateNetwork, ParallelReservoirs])
@pytest.mark.parametrize("name, value", [(name, value) for name, values in BAD.items() for value in values])
def test_a_setting_out_of_range_is_refused_by_name(family, name, value):
    with pytest.raises(SpecError, match=name) as refusal:
        family(3, **{"units": 10, name: value})
    assert str(value) in refusal.value.got and refusal.value.accepted


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: EchoStateNetwork(3, input_pattern="ring"), "input_pattern"),
        (lambda: EchoStateNetwork(3, input_pattern="local", neighbours=4), "neighbours"),
        (lambda: ParallelReservoirs(5, group_size=2), "group_size"),
        (lambda: ParallelReservoirs(4, overlap=-1), "overlap"),
    ],
)
def test_a_layout_that_does_not_fit_the_columns_is_refused(make, name):
    with pytest.raises(SpecError, match=name):
        make()


def test_as_many_rows_as_units_need_a_ridge():
    y = lorenz(0, 330)
    with pytest.raises(SpecError, match="ridge = 0 with 129 rows for 100 units"):
        EchoStateNetwork(3, units=100, ridge=0.0).solve([y], np.random.default_rng(0))
    EchoStateNetwork(3, units=90, ridge=0.0).solve([y], np.random.default_rng(0))
    EchoStateNetwork(3, units=100, ridge=1e-10).solve([y], np.random.default_rng(0))


def test_a_trajectory_shorter_than_the_spin_up_is_refused():
    with pytest.raises(DataError, match="spin_up"):
        EchoStateNetwork(3, units=10).solve([lorenz(0, 201)], np.random.default_rng(0))


def test_series_needs_no_units():
    """A column in other units gives the same model."""
    values = get_system("lorenz63").simulate(1500, DT, transient=50, seed=0).values
    runs = []
    for factor in (1.0, 1000.0):
        model = EchoStateNetwork(3, units=40, density=0.1, ridge=1e-6)
        fit(model, TimeSeries(values * factor, DT))
        start = model.initial_state(values[None, :400] * factor)
        runs.append(model.free_run(start, 20).observations / factor)
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-6)
