"""Every distance, on any input: a sentence or a number with a name, never a warning or a silent NaN."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr import analysis
from dsr.errors import DsrError

SCORES = {
    "D_stsp": analysis.state_space_divergence,
    "D_stsp alrnn": lambda a, b: analysis.state_space_divergence(a, b, preset="alrnn"),
    "D_stsp gtf": lambda a, b: analysis.state_space_divergence(a, b, preset="gtf"),
    "D_stsp dendplrnn": lambda a, b: analysis.state_space_divergence(a, b, preset="dendplrnn"),
    "D_stsp GMM": lambda a, b: analysis.state_space_divergence_gmm(a, b, variance=0.3, samples=20),
    "D_JS": analysis.state_space_jensen_shannon,
    "Hellinger": analysis.state_space_hellinger,
    "D_H": analysis.power_spectrum_error,
    "D_H smoothed": lambda a, b: analysis.power_spectrum_error(a, b, smoothing=20),
    "D_H alrnn": lambda a, b: analysis.power_spectrum_error(a, b, preset="alrnn"),
    "D_H mtf": lambda a, b: analysis.power_spectrum_error(a, b, preset="mtf"),
    "SW": lambda a, b: analysis.sliced_wasserstein(a, b, projections=3, quantiles=20),
    "energy": analysis.energy_distance,
    "MMD": analysis.maximum_mean_discrepancy,
    "Sinkhorn": lambda a, b: analysis.sinkhorn_divergence(a, b, points=20, epsilon=1.0),
    "Hausdorff": analysis.hausdorff_distance,
    "overlap": analysis.support_overlap,
    "persistence": lambda a, b: analysis.persistence_distance(a, b, landmarks=8),
}
SHAPES = ("noise", "constant", "two-valued", "ramp", "NaN", "infinite", "one spike", "constant column", "walk")


@st.composite
def records(draw):
    rows = draw(st.sampled_from([0, 1, 2, 3, 7, 16, 45, 260]))
    dim = draw(st.sampled_from([1, 2, 3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = rng.standard_normal((rows, dim))
    kind = draw(st.sampled_from(SHAPES))
    x = {
        "noise": noise,
        "constant": np.ones((rows, dim)),
        "two-valued": (noise > 0).astype(float),
        "ramp": np.arange(rows)[:, None] * np.ones(dim),
        "NaN": np.where(noise > 2, np.nan, noise),
        "infinite": np.where(noise > 2, np.inf, noise),
        "one spike": (np.arange(rows) == rows // 2)[:, None] * np.ones(dim),
        "constant column": np.where(np.arange(dim) == 0, 5.0, noise),
        "walk": noise.cumsum(0),
    }[kind]
    scale = draw(st.sampled_from([1.0, 1.0, 1.0, 1e-300, 1e-150, 1e9, 1e150, 1e300]))
    return x * scale + draw(st.sampled_from([0.0, 0.0, 1.0, -1e12]))


@pytest.mark.parametrize("name", SCORES)
@given(true=records(), gen=records())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_input_gives_a_sentence_or_a_number(name, true, gen):
    if name == "persistence":
        pytest.importorskip("ripser")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            measure = SCORES[name](true, gen)
        except DsrError:
            return
    assert math.isfinite(measure.value) or (math.isnan(measure.value) and measure.note)
    assert math.isnan(measure.low) == math.isnan(measure.high)


@pytest.mark.parametrize("name", SCORES)
@given(scale=st.sampled_from([1e-150, 1e-9, 1e150]), seed=st.integers(0, 100))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_the_unit_of_the_data_does_not_matter(name, scale, seed):
    """Of both records alike, to rounding."""
    if name == "persistence":
        pytest.importorskip("ripser")
    rng = np.random.default_rng(seed)
    true, gen = rng.standard_normal((260, 2)), 1.1 * rng.standard_normal((260, 2))
    expected = SCORES[name](true, gen).value
    assert SCORES[name](scale * true, scale * gen).value == pytest.approx(expected, rel=1e-6, abs=1e-9)
