"""Whatever arrives, a function of this room says so in a sentence, or returns a number or a note."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsr.analysis import (
    conditional_exponents,
    covariant_vectors,
    divergence_curve,
    kantz_curve,
    kaplan_yorke_dimension,
    local_exponents,
    lyapunov_spectrum,
    max_lyapunov_from_data,
    member_exponents,
    pesin_entropy,
)
from dsr.errors import DsrError, SpecError

STARTS = np.array([[0.3], [0.4]])
KINDS = ("noise", "orbit", "constant", "two values", "nan", "infinite", "huge", "mixed", "tiny", "trend")


@st.composite
def series(draw):
    kind, rows = draw(st.sampled_from(KINDS)), draw(st.sampled_from((0, 1, 2, 7, 31, 33, 200, 1500)))
    dim, rng = draw(st.integers(1, 3)), np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.standard_normal((rows, dim))
    if kind == "orbit":
        x = np.sin(0.1 * np.arange(rows)[:, None] + np.arange(dim))
    elif kind == "constant":
        x = np.full((rows, dim), 3.0)
    elif kind == "two values":
        x = np.sign(x)
    elif kind in ("nan", "infinite") and rows:
        x[rows // 2] = math.nan if kind == "nan" else math.inf
    elif kind == "huge":
        x = 1e160 * x  # squares overflow
    elif kind == "mixed":
        x = x * np.array([1e160, 1.0, 1e-160])[:dim]
    elif kind == "tiny":
        x = 1e-170 * x  # squares vanish
    elif kind == "trend":
        x = x + np.linspace(0, 1e6, rows)[:, None]
    return x


def outcome(call):
    """The result, or None where a sentence in three parts was raised; a warning or another error fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return call()
        except DsrError as problem:
            assert problem.got and problem.accepted and problem.next_step
            return None


def assert_named(measure):
    assert math.isfinite(measure.value) or measure.note, measure


any_input = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@any_input
@given(series(), st.sampled_from(("rosenstein", "kantz")))
def test_exponents_from_any_series(x, method):
    found = outcome(lambda: max_lyapunov_from_data(x, 0.5, method=method, references=200))
    if found is not None:
        assert_named(found)
    for curve in (divergence_curve, kantz_curve):
        found = outcome(lambda curve=curve: curve(x, 0.5, references=200))
        if found is not None:
            assert not np.isnan(found.log_distance).any() and math.isfinite(found.saturation)


def folding(x, q):
    """Bounded for |x| < 1, escapes from elsewhere."""
    return 0.9 - x**2, -2 * x[..., None] * q


@any_input
@given(series())
def test_spectra_from_any_states(x):
    common = {"transient": 5, "dt": 0.5}
    spectrum = outcome(lambda: lyapunov_spectrum(folding, x[:20], steps=20, **common))
    if spectrum is not None:
        for found in (spectrum.measure(1), spectrum.sum, spectrum.kaplan_yorke, spectrum.pesin_entropy):
            assert_named(found)
    local = outcome(lambda: local_exponents(folding, x[:20], window=5, windows=4, **common))
    if local is not None:
        assert_named(local.measure(1))
        assert_named(local.contracting_share())
    vectors = outcome(lambda: covariant_vectors(folding, x[:5], steps=20, **common))
    if vectors is not None:
        assert_named(vectors.measure)


def driven(z, q, y):
    return np.tanh(z) + y[:, :1], (1 - np.tanh(z) ** 2)[..., None] * q


@any_input
@given(series())
def test_conditional_exponents_from_any_data(x):
    found = outcome(lambda: conditional_exponents(driven, np.zeros(1), x, transient=5, dt=0.5))
    if found is not None:
        assert_named(found.measure(1))


numbers = st.floats(-1e150, 1e150, allow_subnormal=False) | st.sampled_from((math.nan, math.inf, -math.inf, 0.0))


@any_input
@given(st.lists(numbers, max_size=5), st.floats(0, 1e150, allow_subnormal=False), st.booleans())
def test_dimension_and_entropy_of_any_exponents(exponents, error, known):
    stderr = [error] * len(exponents) if known else None
    for function in (kaplan_yorke_dimension, pesin_entropy):
        found = outcome(lambda function=function: function(exponents, stderr))
        if found is not None:
            assert_named(found)
            assert not found.low > found.high


@pytest.mark.parametrize(
    "call",
    [
        lambda dt: lyapunov_spectrum(folding, STARTS, steps=20, transient=5, dt=dt).settings["dt"],
        lambda dt: member_exponents(folding, STARTS, steps=20, transient=5, dt=dt).settings["dt"],
        lambda dt: local_exponents(folding, STARTS, window=5, windows=4, transient=5, dt=dt).settings["dt"],
        lambda dt: covariant_vectors(folding, STARTS, steps=20, transient=50, dt=dt).measure.settings["dt"],
        lambda dt: conditional_exponents(driven, STARTS[0], np.ones((50, 1)), transient=5, dt=dt).settings["dt"],
    ],
)
def test_the_step_of_a_model_is_a_time_whatever_number_it_is(call):
    found = call(torch.tensor(0.5, dtype=torch.float64))
    assert type(found) is float and found == call(0.5)
    for refused in (torch.ones(2), None, "fast"):
        with pytest.raises(SpecError, match="dt = "):
            call(refused)


@pytest.mark.parametrize("setting", [{"transient": -1}, {"dt": 0.0}, {"dt": math.nan}, {"kick": -1.0}, {"qr_every": 0}])
def test_settings_out_of_range_are_refused_everywhere(setting):
    x0, common = np.full((2, 1), 0.3), {"transient": 5, "dt": 0.5, **setting}
    for call in (
        lambda: lyapunov_spectrum(folding, x0, steps=20, **common),
        lambda: local_exponents(folding, x0, window=5, windows=4, **common),
        lambda: covariant_vectors(folding, x0, steps=20, **common),
    ):
        with pytest.raises(DsrError):
            call()
