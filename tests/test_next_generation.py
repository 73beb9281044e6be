"""Next-generation reservoir: exact recovery of a polynomial map, valid prediction time, spectrum, choice of ridge."""

import numpy as np
import pytest
import torch

from dsr.analysis import lyapunov_spectrum, valid_prediction_time
from dsr.errors import DsrError
from dsr.models import NextGenerationReservoir, SparseDynamics, VectorAutoregression
from dsr.models.closed_loop import choose_in_closed_loop
from dsr.models.orbits import plain_orbit
from dsr.models.polynomials import evaluate, evaluate_jvp, monomials, number_of_terms, recursion, term_names
from dsr.models.ridge import Ridge
from dsr.systems import get_system
from dsr.training import fit

LAMBDA = 0.9056


@pytest.fixture(scope="module")
def lorenz():
    system = get_system("lorenz63")
    return tuple(system.simulate(n, 0.01, transient=50, seed=s) for n, s in ((10_000, 0), (20_000, 123)))


def random_model(**settings):
    model = NextGenerationReservoir(2, **settings)
    rng = torch.Generator().manual_seed(1)
    model.W.copy_(0.05 * torch.randn(model.W.shape, generator=rng, dtype=torch.float64))
    return model


def states(model, n=7):
    return torch.randn((n, model.state_dim), generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_monomials_are_unique_and_complete():
    factors = monomials(3, 4)
    counts = {tuple(np.bincount(row, minlength=4)[1:]) for row in factors}
    assert len(counts) == len(factors) == number_of_terms(3, 4) == 35
    assert max(map(sum, counts)) == 4
    u = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
    expected = [2.0**a * 3.0**b * 5.0**c for a, b, c in (np.bincount(row, minlength=4)[1:] for row in factors)]
    assert evaluate(torch.from_numpy(factors), u).tolist() == expected
    names = term_names(factors, "xyz")
    assert names[:5] == ["1", "x", "y", "z", "x^2"] and "x y z^2" in names
    parent, variable = recursion(factors)
    values = np.array(expected)
    assert (parent[1:] < np.arange(1, 35)).all()
    np.testing.assert_array_equal(values[1:], values[parent[1:]] * u.numpy()[variable[1:]])


def test_derivative_of_monomials_is_that_of_automatic_differentiation():
    factors = torch.from_numpy(monomials(3, 4))
    rng = torch.Generator().manual_seed(0)
    u, v = (torch.randn(s, generator=rng, dtype=torch.float64) for s in ((5, 3), (5, 3, 2)))
    matrix = torch.func.vmap(torch.func.jacrev(lambda x: evaluate(factors, x)))(u)
    torch.testing.assert_close(evaluate_jvp(factors, u, v), matrix @ v, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"lags": 3, "stride": 2, "degree": 2}, {"lags": 1, "degree": 1}])
def test_companion_jacobian_is_that_of_automatic_differentiation(settings):
    model = random_model(**settings)
    z = states(model)
    automatic = torch.func.vmap(torch.func.jacrev(model.step))(z)
    torch.testing.assert_close(model.jacobian(z), automatic, rtol=1e-12, atol=1e-12)
    assert model.state_dim == 2 * model.min_context


@pytest.mark.parametrize("settings", [{}, {"lags": 3, "stride": 2, "degree": 2}])
def test_compiled_orbit_is_the_plain_one(settings):
    model = random_model(**settings)
    z, v = 0.3 * states(model).numpy(), states(model).numpy()
    for got, expected in zip(
        model.compiled_orbit()(z, v, 20), plain_orbit(model.step, model.jvp)(z, v, 20), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def test_lags_are_the_rows_that_a_stride_says():
    model = random_model(lags=3, stride=2, degree=1)
    y = torch.arange(20, dtype=torch.float64).reshape(1, 10, 2)
    z = model.initial(y)
    assert z[0].tolist() == [18, 19, 16, 17, 14, 15, 12, 13, 10, 11]  # newest first
    assert z[0, model.columns].tolist() == [18, 19, 14, 15, 10, 11]
    driven = model.driven(y)
    for t in range(5, 10):  # with the whole context, each prediction is a step from the rows before it
        torch.testing.assert_close(driven[:, t - 1], model.decode(model.step(model.initial(y[:, :t]))))


def test_full_forcing_step_by_step_is_the_driven_form():
    model = random_model(lags=3, stride=2, degree=2)
    y = 0.5 * states(model, 12)[None, :, :2]
    z, seen = model.initial(y[:, :1]), []
    for t in range(1, 12):
        z = model.step(z)
        seen.append(model.decode(z))
        z = model.pull(z, y[:, t], 1.0)
    torch.testing.assert_close(model.driven(y), torch.stack(seen, 1), rtol=0, atol=1e-14)


def test_a_polynomial_map_is_recovered_exactly():
    """Hénon: x' = 1 - a x^2 + y, y' = b x, in standardised units a quadratic map still."""
    train = get_system("henon").simulate(2000, transient=1000, seed=0)
    model = NextGenerationReservoir(2, degree=2, lags=1)
    fit(model, train)
    x = np.random.default_rng(0).uniform(-1, 1, (50, 1, 2)) * [1.2, 0.35]
    a, b = 1.4, 0.3
    expected = np.stack([1 - a * x[:, 0, 0] ** 2 + x[:, 0, 1], b * x[:, 0, 0]], axis=1)
    np.testing.assert_allclose(model.predict_next(x), expected, atol=1e-8)


def test_lorenz_is_forecast_for_nine_lyapunov_times_with_the_right_spectrum(lorenz):
    train, test = lorenz
    model = NextGenerationReservoir(3)
    fit(model, train)
    rows, n = np.linspace(2, 17_500, 20).astype(int), 2500
    run = model.free_run(model.initial_state(np.stack([test.values[r - 2 : r] for r in rows])), n)
    truth = np.stack([test.values[r : r + n] for r in rows])
    found = valid_prediction_time(
        truth, run.observations, dt=0.01, lyapunov_time=1 / LAMBDA, threshold=0.3, sd=test.values.std(0)
    )
    assert found.value >= 12  # 16 measured
    assert float(model.condition_number) > 1e13  # a normal matrix of these terms would be singular
    spectrum = lyapunov_spectrum(
        model.tangent_map(),
        model.initial_state(np.stack([test.values[r - 2 : r] for r in rows])).numpy(),
        k=4,
        steps=1500,
        dt=0.01,
        transient=100,
        seed=0,
    ).exponents
    np.testing.assert_allclose(spectrum[[0, 2]], [LAMBDA, -14.572], rtol=0.06)
    assert abs(spectrum[1]) < 0.05 and spectrum[3] < -100  # the gap to what the delay adds


def test_noise_raises_the_ridge_that_is_chosen(lorenz):
    train, _ = lorenz
    y = (train.values - train.values.mean(0)) / train.values.std(0)
    noisy = y + 0.05 * np.random.default_rng(0).standard_normal(y.shape)
    used = []
    for data in (y[:5000], noisy[:5000]):
        model = NextGenerationReservoir(3)
        model.solve([data], np.random.default_rng(0))
        used.append(float(model.used_ridge))
    assert used[0] < 1e-12 and 1e-7 < used[1] < 1e-1


def test_two_trajectories_are_never_joined():
    rng = np.random.default_rng(0)
    segments = [rng.standard_normal((30, 1)), rng.standard_normal((1, 1)), rng.standard_normal((20, 1))]
    model = NextGenerationReservoir(1, degree=1, lags=2, ridge=0.0)
    model.solve(segments, rng)
    now = np.concatenate([np.column_stack([s[1:-1], s[:-2]]) for s in segments if len(s) > 2])
    change = np.concatenate([s[2:] - s[1:-1] for s in segments if len(s) > 2])
    expected = np.linalg.lstsq(np.column_stack([np.ones(len(now)), now]), change, rcond=None)[0]
    np.testing.assert_allclose(model.W.numpy(), expected.T, atol=1e-12)


def test_ridge_solves_the_penalised_normal_equations():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 4)), rng.standard_normal((50, 2))
    expected = np.linalg.solve(x.T @ x + 50 * 0.3 * np.eye(4), x.T @ y)
    np.testing.assert_allclose(Ridge(x, y)(0.3), expected, atol=1e-12)
    double = np.column_stack([x, x[:, 0]])  # one column twice: the solution of least norm shares its weight
    shared = Ridge(double, y)(0.0)
    np.testing.assert_allclose(shared[0], shared[4], atol=1e-12)


def test_a_candidate_that_escapes_is_not_chosen():
    """x' = 1.001 x forecasts the slowly growing held-out rows best, but leaves every bound."""
    model = VectorAutoregression(1, lags=1)
    truth = 1.001 ** np.arange(200)[:, None]

    def set_growth(rate):
        model.A.fill_(rate)

    assert choose_in_closed_loop(model, [0.9, 1.0, 1.001], set_growth, truth) == 1.0
    assert choose_in_closed_loop(model, [1.001, 1.002], set_growth, truth) == 1.001  # where all escape, the best


def test_what_cannot_be_solved_is_refused_in_a_sentence():
    with pytest.raises(DsrError, match="library of 366145 monomials"):
        NextGenerationReservoir(64, degree=3, lags=2)
    with pytest.raises(DsrError, match="ridge = -1"):
        NextGenerationReservoir(3, ridge=-1.0)
    with pytest.raises(DsrError, match="lags = 0"):
        NextGenerationReservoir(3, lags=0)
    with pytest.raises(DsrError, match="degree = 0"):
        SparseDynamics(3, degree=0)
    model = NextGenerationReservoir(1, lags=30)
    with pytest.raises(DsrError, match="longest trajectory of 100 rows"):
        model.solve([np.zeros((100, 1))], np.random.default_rng(0))
