"""D_H: Welch's average against scipy, its symmetries and its floor, and the published variants."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import welch

from dsr.analysis import gaussian_noise, phase_surrogate, power_spectrum_error
from dsr.errors import DataError, SpecError
from dsr.spectra import segment_starts, welch_spectrum
from dsr.systems import get_system


@pytest.fixture(scope="module")
def runs():
    found = get_system("lorenz63").simulate_many(20_000, 0.01, count=16, transient=20.0, seed=0)
    return [run.values for run in found]


def test_the_average_over_segments_is_scipys():
    x = np.random.default_rng(0).standard_normal((256 + 128 * 20, 2)).cumsum(0)
    window = np.sin(np.pi * (np.arange(256) + 0.5) / 256) ** 2
    scaled = (x - x.mean(0)) / x.std(0)
    _, expected = welch(scaled, window=window, noverlap=128, detrend=False, axis=0, scaling="spectrum")
    expected[1:-1] /= 2  # scipy doubles all bins but the first and the last
    assert welch_spectrum(x, segment=256) == pytest.approx(expected / expected.sum(0), rel=1e-10)


@pytest.mark.parametrize("length", [1000, 1001, 1500, 1501, 64, 65, 97])
def test_segments_cover_the_series_and_are_symmetric(length):
    starts = segment_starts(length, 64)
    assert starts[0] == 0 and starts[-1] == length - 64
    assert np.diff(starts).max(initial=0) <= 33
    assert np.array_equal(starts, (length - 64 - starts)[::-1])


@pytest.mark.parametrize("segment", [8, 9, 31, 64])
def test_segments_overlap_by_half_or_more(segment):
    for length in range(segment + 1, 6 * segment):
        assert np.diff(segment_starts(length, segment)).max() <= segment // 2


def test_reversal_scale_and_units_are_invisible(runs):
    x = runs[0]
    for settings in ({}, {"segment": 500}, {"smoothing": 20}, {"preset": "gtf"}, {"preset": "mtf"}):
        same, reversed_ = (power_spectrum_error(x, y, **settings).value for y in (x, x[::-1]))
        assert reversed_ == pytest.approx(same, abs=1e-7)
        if settings != {"preset": "mtf"}:  # which leaves out the power of the higher bins
            assert reversed_ == same == 0.0
    assert power_spectrum_error(x, 1e150 * x).value < 1e-6


def test_lengths_may_differ_and_the_floor_falls_with_them(runs):
    short = np.median([power_spectrum_error(a[:5000], b[:5000], segment=512).value for a, b in pairs(runs)])
    long = np.median([power_spectrum_error(a, b, segment=512).value for a, b in pairs(runs)])
    mixed = np.median([power_spectrum_error(a[:5000], b, segment=512).value for a, b in pairs(runs)])
    assert long < 0.7 * short and long < mixed < short
    unsmoothed = [np.median([power_spectrum_error(a[:n], b[:n], smoothing=0).value for a, b in pairs(runs)])
                  for n in (5000, 20_000)]  # fmt: skip
    assert unsmoothed[1] > 0.95 * unsmoothed[0]


def test_a_phase_surrogate_is_at_the_floor_and_noise_is_not(runs):
    for settings in ({}, {"smoothing": 20}):
        floor, surrogate = (
            np.median([power_spectrum_error(a, f(b), **settings).value for a, b in pairs(runs)])
            for f in (np.asarray, lambda b: phase_surrogate(b, 1))
        )
        assert surrogate / floor == pytest.approx(1.0, abs=0.15)
        noise = power_spectrum_error(runs[0], gaussian_noise(runs[0], 20_000, 0), **settings).value
        assert noise > 5 * floor


def test_a_still_run_is_at_the_far_end(runs):
    x = runs[0]
    decay = x[-1] + 1e-11 * np.exp(-0.01 * np.arange(20_000.0))[:, None]
    for still in (np.ones_like(x), decay):
        assert 0.8 < power_spectrum_error(x, still).value <= 1.0


def test_published_variants(runs):
    a, b = runs[0][:4000], runs[1][:4000]

    def published(smoothing, mode):
        p, q = (np.abs(np.fft.rfft((x - x.mean(0)) / x.std(0), axis=0)) ** 2 for x in (a, b))
        if smoothing:
            p, q = (gaussian_filter1d(s, smoothing, axis=0, mode=mode) for s in (p, q))
        return np.mean(np.sqrt(1 - np.sum(np.sqrt(p / p.sum(0) * q / q.sum(0)), axis=0)))

    for preset, settings in {"alrnn": (20, "reflect"), "alrnn-julia": (1, "mirror"), "gtf": (0, "")}.items():
        assert power_spectrum_error(a, b, preset=preset).value == pytest.approx(published(*settings), abs=1e-6)
    assert power_spectrum_error(a, b, smoothing=20).value == pytest.approx(published(20, "mirror"), abs=1e-6)


def test_published_variant_of_the_first_hundred_bins(runs):
    a, b = runs[0][:4001], runs[1][:4001]
    kernel = np.exp(-0.5 * np.arange(-5.0, 6.0) ** 2)
    columns = []
    for x, y in zip(a.T, b.T, strict=True):
        spectra = []
        for column in (x, y):
            z = ((column - column.mean()) / column.std())[:4000]
            power = np.abs(np.fft.rfft(z, norm="ortho")) ** 2 * 2 / 4000
            spectra.append(np.convolve(power, kernel / kernel.sum())[5:-5][:100])
        columns.append(np.sqrt(1 - np.trapezoid(np.sqrt(spectra[0] * spectra[1]))))
    measure = power_spectrum_error(a, b, preset="mtf")
    assert measure.value == pytest.approx(np.mean(columns), abs=1e-9)
    assert measure.settings["columns"] == pytest.approx(columns, abs=1e-9)
    assert power_spectrum_error(a, a, preset="mtf").value > 0.1  # not a distance: most of the power is not counted


def test_one_way_at_a_time(runs):
    a = runs[0]
    with pytest.raises(SpecError, match="smoothing and segment"):
        power_spectrum_error(a, a, smoothing=20, segment=512)
    with pytest.raises(SpecError, match="segments of 30000 rows"):
        power_spectrum_error(a, a, segment=30_000)
    with pytest.raises(SpecError, match="did you mean 'alrnn'"):
        power_spectrum_error(a, a, preset="alrn")
    with pytest.raises(DataError, match="common length"):
        power_spectrum_error(a, a[:-1], smoothing=20)


def pairs(runs):
    return list(zip(runs[::2], runs[1::2], strict=True))
