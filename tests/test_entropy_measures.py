"""Sample and permutation entropy: parity, closed forms, errors that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis.temporal.permutation_entropy import permutation_entropy
from dsr.analysis.temporal.sample_entropy import sample_entropy
from dsr.errors import DataError, SpecError
from dsr.systems import get_system

NOLDS_TOLERANCE = 0.1164 * (0.5627 * math.log(2) + 1.3334)  # its default for stretches of two samples: 0.2006


def logistic(rows: int, seed: int = 0) -> np.ndarray:
    """r = 4, by its conjugacy to doubling of an angle with random binary digits: no orbit falls to zero."""
    digits = np.random.default_rng(seed).integers(0, 2, rows + 60)
    angle = np.lib.stride_tricks.sliding_window_view(digits, 60)[:rows] @ 0.5 ** np.arange(1, 61)
    return np.sin(np.pi * angle) ** 2


@pytest.mark.parametrize("name", ["lorenz63", "henon"])
@pytest.mark.filterwarnings("ignore:pkg_resources")
def test_sample_entropy_is_that_of_nolds(name: str) -> None:
    import nolds

    x = get_system(name).simulate(1500, 0.01 if name == "lorenz63" else 1.0, transient=50, seed=0).values[:, 0]
    theirs = nolds.sampen(x)
    assert sample_entropy(x).value == pytest.approx(theirs, rel=0.005)
    assert sample_entropy(x, tolerance=NOLDS_TOLERANCE).value == pytest.approx(theirs, rel=1e-12)
    wide = nolds.sampen(x[:600], emb_dim=3, tolerance=0.3 * x[:600].std(ddof=1))
    assert sample_entropy(x[:600], dimension=3, tolerance=0.3, blocks=4).value == pytest.approx(wide, rel=1e-12)


def test_pairs_are_counted_as_defined() -> None:
    x = np.random.default_rng(1).standard_normal(200)
    m, delay, window, tolerance = 3, 2, 5, 0.8
    found = sample_entropy(x, dimension=m, delay=delay, theiler=window, tolerance=tolerance, blocks=7)
    rows = 200 - m * delay
    stretches = np.stack([x[s * delay : s * delay + rows] for s in range(m + 1)], axis=1)
    i, j = np.triu_indices(rows, window + 1)
    agree = np.abs(stretches[i] - stretches[j]) < tolerance * x.std(ddof=1)
    assert found.settings["B"] == agree[:, :m].all(1).sum()
    assert found.settings["A"] == agree.all(1).sum()


def test_sample_entropy_of_white_noise() -> None:
    """Samples are independent: minus the logarithm of the chance that two normal numbers differ by less than r."""
    x = np.random.default_rng(0).standard_normal(6000)
    found = sample_entropy(x)
    assert found.value == pytest.approx(-math.log(math.erf(0.2 / 2)), abs=0.02)
    assert found.low < -math.log(math.erf(0.1)) + 0.01 and found.unit == "nats"


def test_entropies_are_the_same_at_any_scale() -> None:
    x = logistic(500)
    assert sample_entropy(1e150 * x).value == pytest.approx(sample_entropy(x).value, rel=1e-9)
    assert permutation_entropy(1e-200 * x).measure.value == permutation_entropy(x).measure.value


def test_errors_of_both_entropies_cover() -> None:
    """Scatter over 60 series against the mean standard error; shares within one and two of them."""
    series = [logistic(1000, seed) for seed in range(60)]
    for entropy in (sample_entropy, lambda x: permutation_entropy(x).measure):
        found = [entropy(x) for x in series]
        values, errors = np.array([m.value for m in found]), np.array([m.high - m.value for m in found])
        distance = np.abs(values - values.mean()) / errors
        assert 0.75 < np.sqrt((errors**2).mean()) / values.std(ddof=1) < 1.4
        assert (distance < 1).mean() > 0.5 and (distance < 2).mean() > 0.85


def test_sample_entropy_without_agreement_says_so() -> None:
    found = sample_entropy(np.arange(60.0) ** 3, tolerance=1e-6)
    assert math.isnan(found.value) and "raise the tolerance" in found.note
    for settings in ({"dimension": 0}, {"tolerance": 0.0}, {"delay": 0}, {"theiler": -1}):
        with pytest.raises(SpecError):
            sample_entropy(logistic(100), **settings)
    with pytest.raises(DataError):
        sample_entropy(logistic(11))


def test_ordinal_patterns_of_the_logistic_map() -> None:
    """Shares from the tent map, conjugate and uniform: 1/3, 1/15, 2/15, 4/15, 1/5, and one forbidden pattern."""
    shares = {
        (0, 1, 2): 1 / 3,
        (0, 2, 1): 1 / 15,
        (1, 0, 2): 2 / 15,
        (2, 0, 1): 4 / 15,
        (2, 1, 0): 0.0,
        (1, 2, 0): 1 / 5,
    }
    found = permutation_entropy(logistic(40_000), order=3)
    for pattern, count in zip(found.patterns, found.counts, strict=True):
        assert count / found.counts.sum() == pytest.approx(shares[tuple(pattern)], abs=0.008)
    exact = -sum(p * math.log(p) for p in shares.values() if p) / math.log(6)
    assert found.measure.value == pytest.approx(exact, abs=3 * (found.measure.high - found.measure.value))
    assert found.measure.settings["forbidden"] == 1


def test_permutation_entropy_of_noise_is_unbiased_at_short_length() -> None:
    rng = np.random.default_rng(0)
    values = [permutation_entropy(rng.standard_normal(600), order=4).measure.value for _ in range(50)]
    assert np.mean(values) == pytest.approx(1.0, abs=0.003)


def test_permutation_entropy_of_noise_has_an_error_where_it_is_clipped() -> None:
    """The correction of the bias takes half of all values beyond 1; their scatter is known all the same."""
    rng = np.random.default_rng(0)
    found = [permutation_entropy(rng.standard_normal(600), order=3).measure for _ in range(50)]
    clipped = [m for m in found if m.value == 1.0]
    assert len(clipped) > 10 and max(m.value for m in found) == 1.0
    assert all(m.high - m.low > 1e-4 for m in clipped)


def test_permutation_entropy_of_a_ramp_and_of_short_series() -> None:
    ramp = permutation_entropy(np.arange(100.0))
    assert ramp.measure.value == 0.0 and ramp.counts.max() == 97
    assert "lower the order" in permutation_entropy(logistic(200), order=6).measure.note
    for settings in ({"order": 1}, {"order": 9}, {"delay": 0}):
        with pytest.raises(SpecError):
            permutation_entropy(logistic(100), **settings)
    with pytest.raises(DataError):
        permutation_entropy(np.zeros((100, 2)) + np.arange(100.0)[:, None])
