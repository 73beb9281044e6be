"""What the errors of distances promise: closed forms, short records, and coverage over repetitions."""

import math

import numpy as np
import pytest

from dsr.analysis import (
    energy_distance,
    power_spectrum_error,
    sliced_wasserstein,
    state_space_divergence,
    state_space_hellinger,
    state_space_jensen_shannon,
)
from dsr.analysis.geometry.block_error import blocks_that_fit, two_record_error
from dsr.cells import cell_visits
from dsr.errors import SpecError
from dsr.spectra import welch_powers
from dsr.systems import get_system


def error_of(measure):
    return (measure.high - measure.low) / 2


def test_the_error_of_a_difference_of_means_is_that_of_two_samples_of_blocks():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((10, 50)), 2 * rng.standard_normal((10, 50))
    without_x = [np.delete(x, b, 0).mean() - y.mean() for b in range(10)]
    without_y = [x.mean() - np.delete(y, b, 0).mean() for b in range(10)]
    found = two_record_error(10, lambda: without_x, lambda: without_y)
    expected = np.sqrt(x.mean(1).var(ddof=1) / 10 + y.mean(1).var(ddof=1) / 10)
    assert found == pytest.approx(expected, rel=1e-12)


def test_short_records_have_fewer_blocks_and_then_no_error():
    assert [blocks_that_fit(10, n, 10**6) for n in (1000, 100, 60, 40, 39)] == [10, 10, 6, 4, 0]
    x = np.random.default_rng(0).standard_normal((39, 2))
    measure = state_space_divergence(x, x[::-1])
    assert measure.value == 0.0 and math.isnan(measure.low) and measure.settings["blocks"] == 0
    with pytest.raises(SpecError, match="blocks = 1"):
        state_space_divergence(x, x, blocks=1)


@pytest.mark.parametrize("score", [state_space_divergence, state_space_jensen_shannon, state_space_hellinger])
def test_the_error_is_the_jackknife_over_blocks_of_both_records(score):
    """Without a block that holds an extreme of the truth the box changes, without any other only the counts do."""
    rng = np.random.default_rng(1)
    true, gen = rng.standard_normal((400, 2)), rng.standard_normal((600, 2))
    visits = cell_visits(true, gen, bins=5, padding=0.1)
    left, reboxed = [[], []], 0
    for b in range(10):
        rest = np.delete(true, np.s_[40 * b : 40 * b + 40], axis=0)
        if (rest.max(0) < true.max(0)).any() or (rest.min(0) > true.min(0)).any():
            left[0].append(score(rest, gen, bins=5, blocks=0).value)
            reboxed += 1
        else:
            left[0].append(value(score, np.delete(visits.true, np.s_[40 * b : 40 * b + 40]), visits.generated, visits))
        kept = np.delete(visits.generated, np.s_[60 * b : 60 * b + 60])
        left[1].append(value(score, visits.true, kept, visits))
    assert 1 <= reboxed <= 4
    expected = math.hypot(*(math.sqrt(0.9 * ((v - np.mean(v)) ** 2).sum()) for v in map(np.array, left)))
    assert error_of(score(true, gen, bins=5)) == pytest.approx(expected, rel=1e-9)


def test_the_error_of_spectra_is_the_jackknife_over_blocks_of_segments():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((1500, 2)).cumsum(0), rng.standard_normal((1200, 2))
    p, q = (welch_powers(x, segment=64, blocks=5) for x in (a, b))

    def score(p, q):
        p, q = p.sum(0) / p.sum((0, 1)), q.sum(0) / q.sum((0, 1))
        return np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=0) / 2).mean()

    left = [score(np.delete(p, i, 0), q) for i in range(5)], [score(p, np.delete(q, i, 0)) for i in range(5)]
    expected = math.hypot(*(math.sqrt(0.8 * ((v - np.mean(v)) ** 2).sum()) for v in left))
    assert error_of(power_spectrum_error(a, b, segment=64, blocks=5)) == pytest.approx(expected, rel=1e-9)


def value(score, true, generated, visits):
    a, b = (np.bincount(v, minlength=visits.occupied) for v in (true, generated))
    cells = visits.cells
    if score is state_space_divergence:
        p, q = ((c + 1e-5) / (c.sum() + 1e-5 * cells) for c in (a, b))
        empty = 1e-5 * (cells - a.size)
        return np.sum(p * np.log(p / q)) + empty / (a.sum() + 1e-5 * cells) * np.log(
            (b.sum() + 1e-5 * cells) / (a.sum() + 1e-5 * cells)
        )
    p, q = a / a.sum(), b / b.sum()
    if score is state_space_hellinger:
        return np.sqrt(1 - np.sum(np.sqrt(p * q)))
    m = np.where(p + q > 0, (p + q) / 2, 1)
    return 0.5 * sum(np.sum(x[x > 0] * np.log2(x[x > 0] / m[x > 0])) for x in (p, q))


@pytest.mark.parametrize("score", [sliced_wasserstein, energy_distance, power_spectrum_error])
def test_the_error_falls_with_the_square_root_of_the_length(score):
    rng = np.random.default_rng(2)
    settings = {power_spectrum_error: {"segment": 32}}.get(score, {"points": None, "scale": "columns"})
    if score is sliced_wasserstein:
        settings |= {"projections": 10, "quantiles": 200}
    errors = []
    for n in (500, 2000):
        draws = [(rng.standard_normal((n, 1)), 0.7 * rng.standard_normal((n, 1)).cumsum(0) % 3 + 1) for _ in range(12)]
        errors.append(np.mean([error_of(score(a, b, **settings)) for a, b in draws]))
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("length", [20_000, 100_000])
@pytest.mark.parametrize("rho", [28.0, 30.0])
def test_coverage_over_a_hundred_repetitions(length, rho):
    """The mean over all pairs of records lies within one and two errors as often as it should, or a little oftener."""
    lorenz = get_system("lorenz63")
    truth = [run.values for run in lorenz.simulate_many(length, 0.01, count=100, transient=20.0, seed=1)]
    changed = get_system("lorenz63", rho=rho)
    other = [run.values for run in changed.simulate_many(length, 0.01, count=100, transient=20.0, seed=2)]
    for score in (state_space_divergence, state_space_jensen_shannon, state_space_hellinger, power_spectrum_error):
        measures = [score(a, b) for a, b in zip(truth, other, strict=True)]
        values, errors = np.array([m.value for m in measures]), np.array([error_of(m) for m in measures])
        off = np.abs(values - values.mean())
        one, two = (off <= errors).mean(), (off <= 2 * errors).mean()
        print(f"{score.__name__} {length} {rho}: {values.mean():.4g}, sd {values.std():.3g}, {one:.2f}, {two:.2f}")
        assert 0.58 <= one <= 0.97 and two >= 0.85
        assert 0.8 < np.sqrt((errors**2).mean()) / values.std() < 2.5


@pytest.mark.slow
def test_the_floor_of_d_stsp_at_a_hundred_thousand_rows():
    runs = get_system("lorenz63").simulate_many(100_000, 0.01, count=24, transient=20.0, seed=0)
    values = [
        state_space_divergence(a.values, b.values, bins=30).value for a, b in zip(runs[::2], runs[1::2], strict=True)
    ]
    assert np.mean(values) == pytest.approx(0.045, abs=0.03)
