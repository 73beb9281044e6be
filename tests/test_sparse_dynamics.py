"""Sparse regression of dynamics: the Lorenz equations out of data, clean and noisy; parity with pysindy."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from dsr.analysis import valid_prediction_time
from dsr.errors import DsrError
from dsr.models import SparseDynamics, from_pysindy
from dsr.models.equations.regression import SparsePath, equations
from dsr.models.orbits import plain_orbit
from dsr.models.polynomials import term_names
from dsr.series import TimeSeries
from dsr.systems import get_system
from dsr.training import fit

TRUE = {(0, "x"): -10, (0, "y"): 10, (1, "x"): 28, (1, "y"): -1, (1, "x z"): -1, (2, "z"): -8 / 3, (2, "x y"): 1}


@pytest.fixture(scope="module")
def lorenz():
    return get_system("lorenz63").simulate(10_000, 0.01, transient=50, seed=0)


def found(model):
    names = term_names(model.factors.numpy(), "xyz")
    return {(i, names[j]): float(model.coefficients[i, j]) for i, j in model.coefficients.nonzero().tolist()}


def lorenz_model():
    model = SparseDynamics(3, degree=2, substeps=3)
    names = term_names(model.factors.numpy(), "xyz")
    for (i, term), value in TRUE.items():
        model.coefficients[i, names.index(term)] = value
    model.data_mean.copy_(torch.tensor([1.0, -2.0, 23.0]))
    model.data_std.copy_(torch.tensor([8.0, 9.0, 7.0]))
    model.dt.fill_(0.01)
    return model


def test_the_lorenz_equations_are_found_and_forecast_for_twelve_lyapunov_times(lorenz):
    model = SparseDynamics(3)
    fit(model, lorenz)
    got = found(model)
    assert got.keys() == TRUE.keys()
    for key, value in TRUE.items():
        assert got[key] == pytest.approx(value, rel=1e-5)
    assert model.equations_text("xyz") == [
        "dx/dt = -10 x + 10 y",
        "dy/dt = 28 x - 1 y - 1 x z",
        "dz/dt = -2.667 z + 1 x y",
    ]
    test = get_system("lorenz63").simulate(20_000, 0.01, transient=50, seed=123).values
    rows, n = np.linspace(1, 17_500, 20).astype(int), 2500
    run = model.free_run(model.initial_state(test[rows - 1][:, None]), n)
    truth = np.stack([test[r : r + n] for r in rows])
    vpt = valid_prediction_time(truth, run.observations, dt=0.01, lyapunov_time=1 / 0.9056, threshold=0.3)
    assert vpt.value >= 12


def test_they_are_found_through_five_percent_noise(lorenz):
    x = lorenz.values
    noisy = TimeSeries(x + 0.05 * x.std(0) * np.random.default_rng(0).standard_normal(x.shape), 0.01)
    model = SparseDynamics(3)
    fit(model, noisy)
    got = found(model)
    assert got.keys() == TRUE.keys()
    for key, value in TRUE.items():
        assert got[key] == pytest.approx(value, rel=0.05)


def test_the_equation_does_not_depend_on_units(lorenz):
    """y in thousandths and time in minutes: the same terms, with coefficients that follow."""
    scaled = TimeSeries(lorenz.values * [1.0, 1e3, 1.0], 0.01 / 60)
    model = SparseDynamics(3, degree=2, threshold=0.01, window=30)
    fit(model, scaled)
    got = found(model)
    assert got.keys() == TRUE.keys()
    assert got[0, "y"] == pytest.approx(10 * 60 / 1e3, rel=1e-5)
    assert got[1, "x z"] == pytest.approx(-60 * 1e3, rel=1e-5)


@pytest.mark.parametrize(
    ("derivative", "error"), [("weak", 1e-6), ("finite_difference", 1e-4), ("savitzky_golay", 0.2)]
)
def test_derivatives_are_as_exact_as_they_claim(derivative, error):
    """x = sin t, of which dx/dt = cos t is in the library."""
    t = 0.05 * np.arange(2000)
    x, phi = np.sin(t)[:, None], np.column_stack([np.sin(t), np.cos(t)])
    A, b = equations(x, phi, 0.05, derivative, 20)
    solution = np.linalg.lstsq(A, b, rcond=None)[0][:, 0]
    assert np.abs(solution - [0, 1]).max() < error
    assert (np.abs(solution - [0, 1]).max() > 1e-9) == (derivative != "weak")


def test_collinear_terms_are_told_apart():
    """Of two nearly equal columns the one too many gets a larger coefficient than a term that matters: a rule that
    drops small coefficients would drop the wrong one."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal(500)
    A = np.column_stack([base, base + 0.01 * rng.standard_normal(500), *rng.standard_normal((2, 500))])
    b = (2 * A[:, 0] - 0.05 * A[:, 2] + 0.05 * rng.standard_normal(500))[:, None]
    full = np.linalg.lstsq(A, b, rcond=None)[0][:, 0]
    assert np.abs(full[:2]).min() > 2 * abs(full[2])
    solution = SparsePath(A, b)(0.01, 4)[:, 0]
    assert np.flatnonzero(solution).tolist() in ([0, 2], [1, 2])
    np.testing.assert_allclose([solution[:2].sum(), solution[2]], [2, -0.05], atol=0.01)
    assert (SparsePath(A, b)(1.1, 4) == 0).all()  # a threshold above 1 leaves nothing


def residual(A, b, active):
    return np.linalg.norm(b - A[:, active] @ np.linalg.lstsq(A[:, active], b, rcond=None)[0])


def test_the_terms_that_go_are_those_whose_absence_costs_least():
    """Against solving anew without each term in turn; of 45 terms two go at a time."""
    rng = np.random.default_rng(3)
    A = rng.standard_normal((200, 45)) @ (np.eye(45) + 0.3 * rng.standard_normal((45, 45)))
    b = A @ rng.standard_normal(45) + rng.standard_normal(200)
    path = SparsePath(A, b[:, None])
    path(0.0, 45)
    steps = path._paths[45][0]
    assert [len(active) for active, _ in steps] == [45, 43, 41, 39, *range(38, -1, -1)]
    least = residual(A, b, np.arange(45))
    for (active, lost), (left, _) in pairwise(steps):
        costs = [residual(A, b, np.delete(active, j)) for j in range(len(active))]
        assert set(left) == set(np.delete(active, np.argsort(costs)[: len(active) - len(left)]))
        assert lost == pytest.approx((residual(A, b, active) ** 2 - least**2) ** 0.5, abs=1e-6)


@pytest.mark.parametrize("rows", [500, 5])
def test_terms_that_depend_on_one_another_leave_a_solution(rows):
    """One twice, one zero everywhere; then fewer equations than terms."""
    rng = np.random.default_rng(1)
    A = rng.standard_normal((rows, 6))
    A[:, 3], A[:, 4] = A[:, 0], 0.0
    b = 2 * A[:, 0] - A[:, 1]
    solution = SparsePath(A, b[:, None])(1e-6, 6)
    np.testing.assert_allclose(A @ solution, b[:, None], atol=1e-9)
    assert np.isfinite(solution).all() and np.count_nonzero(solution) < 6


def test_jacobian_is_the_derivative_of_the_very_step():
    model = lorenz_model()
    z = torch.randn((6, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    automatic = torch.func.vmap(torch.func.jacrev(model.step))(z)
    torch.testing.assert_close(model.jacobian(z), automatic, rtol=1e-12, atol=1e-12)


def test_compiled_orbit_is_the_plain_one():
    model = lorenz_model()
    rng = np.random.default_rng(1)
    z, v = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    for got, expected in zip(
        model.compiled_orbit()(z, v, 30), plain_orbit(model.step, model.jvp)(z, v, 30), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)


def test_the_flow_is_that_of_an_integrator():
    from scipy.integrate import solve_ivp

    model = lorenz_model()
    z = torch.tensor([[0.3, -0.4, 0.1]], dtype=torch.float64)
    x0 = model.observe(z)[0].numpy()

    def lorenz_field(t, x):
        return [10 * (x[1] - x[0]), x[0] * (28 - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]]

    for duration in (0.01, 0.004):
        expected = solve_ivp(lorenz_field, (0, duration), x0, rtol=1e-12, atol=1e-12).y[:, -1]
        got = model.observe(model.flow(z, torch.tensor([[duration]], dtype=torch.float64)))[0].numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_fitted_pysindy_model_becomes_one_of_ours(lorenz):
    pysindy = pytest.importorskip("pysindy")
    library = pysindy.PolynomialLibrary(degree=2, include_bias=False)  # another order and fewer terms than ours
    theirs = pysindy.SINDy(feature_library=library, optimizer=pysindy.STLSQ(threshold=0.2))
    theirs.fit(lorenz.values, t=0.01)
    model = from_pysindy(theirs, 0.01)
    x = lorenz.values[::500].copy()
    np.testing.assert_allclose(model.field(torch.from_numpy(x)).numpy(), np.asarray(theirs.predict(x)), rtol=1e-10)
    run = model.free_run(model.initial_state(x[:1, None]), 100)
    expected = theirs.simulate(
        x[0], 0.01 * np.arange(101), integrator_kws={"rtol": 1e-11, "atol": 1e-11, "method": "LSODA"}
    )
    np.testing.assert_allclose(run.observations[0], expected[1:], rtol=1e-5, atol=1e-5)
    with pytest.raises(DsrError, match="PolynomialLibrary"):
        other = pysindy.SINDy(feature_library=pysindy.FourierLibrary())
        other.fit(lorenz.values[:100], t=0.01)
        from_pysindy(other, 0.01)


def test_a_discrete_pysindy_model_becomes_a_map():
    pysindy = pytest.importorskip("pysindy")
    x = get_system("henon").simulate(500, transient=100, seed=0).values
    library = pysindy.PolynomialLibrary(degree=2)
    theirs = pysindy.DiscreteSINDy(feature_library=library, optimizer=pysindy.STLSQ(threshold=0.05))
    theirs.fit(x, t=1)
    model = from_pysindy(theirs, 1.0)
    np.testing.assert_allclose(model.predict_next(x[:50, None]), np.asarray(theirs.predict(x[:50])), atol=1e-12)


def test_bad_settings_are_refused_in_a_sentence():
    for settings, match in (
        ({"derivative": "weakk"}, "did you mean 'weak'"),
        ({"threshold": -0.1}, "threshold = -0.1"),
        ({"window": 1}, "window = 1"),
        ({"substeps": 0}, "substeps = 0"),
    ):
        with pytest.raises(DsrError, match=match):
            SparseDynamics(3, **settings)
    model = SparseDynamics(1, threshold=0.1, window=30)
    with pytest.raises(DsrError, match="61 or more"):
        model.solve([np.zeros((50, 1))], np.random.default_rng(0))
    with pytest.raises(DsrError, match="2 names"):
        model.equations_text("xy")
