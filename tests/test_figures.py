"""Figures: what is drawn equals the data, scales and marks are right, and a lost run is said in words."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from dsr.analysis import LyapunovSpectrum
from dsr.runs.figures import attractor, lyapunov_bars, power_spectra, render, series, training_history
from dsr.runs.figures.stretches import drawn_rows, joined
from dsr.runs.figures.style import RECONSTRUCTION, TRUTH
from dsr.series import TimeSeries
from dsr.spectra import spectral_hellinger
from dsr.training.history import Check, History


def lorenz(n: int, rho: float = 28.0, x0=(1.0, 2.0, 20.0), dt: float = 0.01) -> np.ndarray:
    def rhs(x: np.ndarray) -> np.ndarray:
        return np.array([10 * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]])

    x, rows = np.array(x0), []
    for _ in range(n):
        k1 = rhs(x)
        k2 = rhs(x + dt / 2 * k1)
        k3 = rhs(x + dt / 2 * k2)
        x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + rhs(x + dt * k3))
        rows.append(x)
    return np.array(rows)


ORBIT, OTHER = lorenz(4000)[500:], lorenz(4000, 29.0, (-3.0, -4.0, 15.0))[500:]
TRUE = TimeSeries(ORBIT, 0.01, names=("x", "y", "z"))
FREE = TimeSeries(OTHER, 0.01, names=("x", "y", "z"))


def column(series: TimeSeries, k: int) -> TimeSeries:
    return TimeSeries(series.values[:, k], series.dt, "s", (series.names[k],))


def henon(n: int) -> TimeSeries:
    rows = [(0.1, 0.1)]
    for _ in range(n - 1):
        x, y = rows[-1]
        rows.append((1 - 1.4 * x * x + y, 0.3 * x))
    return TimeSeries(np.array(rows), 1, "iterations")


def spectrum(exponents, stderr, unit="time units", diverged=0) -> LyapunovSpectrum:
    e, s = np.array(exponents, dtype=float), np.array(stderr, dtype=float)
    empty = np.empty((0, len(e)))
    return LyapunovSpectrum(e, s, np.diag(s**2), 0.01, 100, 8, diverged, empty, np.empty(0), {"time_unit": unit})


def texts(figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(matplotlib.text.Text))


def lines(axes, colour):
    return [line for line in axes.lines if line.get_color() == colour]


def test_attractor_draws_both_orbits_in_three_dimensions_on_equal_axes():
    figure = attractor(TRUE, FREE)
    left, right = figure.axes
    np.testing.assert_array_equal(np.array(lines(left, TRUTH)[0].get_data_3d()).T, ORBIT)
    np.testing.assert_array_equal(np.array(lines(right, RECONSTRUCTION)[0].get_data_3d()).T, OTHER)
    assert (left.get_xlabel(), left.get_ylabel(), left.get_zlabel()) == ("x", "y", "z")
    assert left.get_zlim() == right.get_zlim()
    assert left.get_zlim()[1] > max(ORBIT[:, 2].max(), OTHER[:, 2].max())


def test_attractor_of_a_map_is_points_and_of_a_flow_a_line():
    figure = attractor(henon(500), henon(500))
    (points,) = lines(figure.axes[0], TRUTH)
    assert points.get_linestyle() == "None" and points.get_marker() == "."
    np.testing.assert_array_equal(points.get_xydata(), henon(500).values)
    flow = attractor(TimeSeries(ORBIT[:, :2], 0.01), None)
    assert lines(flow.axes[0], TRUTH)[0].get_linestyle() == "-"


def test_attractor_of_one_column_is_a_delay_plot_with_the_delay_on_the_axis():
    figure = attractor(column(TRUE, 0), column(FREE, 0))
    data = lines(figure.axes[0], TRUTH)[0].get_xydata()
    delay = len(ORBIT) - len(data)
    assert 5 < delay < 40  # first minimum of the mutual information of Lorenz x: about 0.16 time units
    np.testing.assert_array_equal(data[:, 1], ORBIT[delay:, 0])
    assert f"x(t + {delay * 0.01:.3g})" in figure.axes[0].get_ylabel()


def test_attractor_of_many_columns_projects_both_on_the_components_of_the_truth():
    mix = np.random.default_rng(0).standard_normal((3, 6))
    figure = attractor(TimeSeries(ORBIT @ mix, 0.01), TimeSeries(OTHER @ mix, 0.01))
    top, bottom = figure.axes[0], figure.axes[3]
    drawn = lines(top, TRUTH)[0].get_xydata()
    share = [float(t.split("(")[1].split("%")[0]) for t in (top.get_xlabel(), top.get_ylabel())]
    np.testing.assert_allclose(drawn.var(0) / 6 * 100, share, atol=0.6)
    z = (ORBIT @ mix - (ORBIT @ mix).mean(0)) / (ORBIT @ mix).std(0)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1)[:50] >= np.linalg.norm(drawn, axis=1)[:50] - 1e-9, True)
    assert len(lines(bottom, RECONSTRUCTION)) == 1 and bottom.get_xlim() == top.get_xlim()


def test_attractor_counts_what_leaves_the_axes_and_says_where_a_run_was_lost():
    escaping = OTHER[:1000].copy()
    escaping[-100:] = 1e6
    figure = attractor(TRUE, TimeSeries(escaping, 0.01), diverged_at=900)
    title = figure.axes[1].get_title()
    assert "diverged at step 900" in title and "10.0% outside the axes" in title
    x = lines(figure.axes[1], RECONSTRUCTION)[0].get_data_3d()[0]
    assert np.isnan(x[-100:]).all() and np.isfinite(x[:900]).all()
    assert "no free run: diverged at step 1,234" in texts(attractor(TRUE, None, diverged_at=1234))


def test_a_run_that_rests_or_cycles_is_marked_where_fine_dots_would_hide_it():
    cycle = np.tile([[0.5, 0.1], [-0.5, 0.2]], (250, 1))
    marks = [
        line
        for line in attractor(henon(500), TimeSeries(cycle, 1, "iterations")).axes[1].lines
        if line.get_marker() == "o"
    ]
    assert sorted(marks[0].get_xydata().tolist()) == [[-0.5, 0.2], [0.5, 0.1]]
    assert not any(line.get_marker() == "o" for line in attractor(TRUE, FREE).axes[1].lines)


def test_long_flows_are_cut_rather_than_drawn_as_polygons():
    t = np.arange(0, len(ORBIT) - 1, 0.2)
    dense = np.column_stack([np.interp(t, np.arange(len(ORBIT)), c) for c in ORBIT.T])
    rows = drawn_rows(TimeSeries(dense, 0.002), 1000)
    drawn = dense[rows]
    steps = np.sqrt((np.diff(drawn, axis=0) ** 2 / dense.var(0)).mean(1))
    assert rows.step > 1 and 900 < len(drawn) <= 1000
    assert np.median(steps) < 0.12  # standard deviations: a smooth line to the eye
    coarse = TimeSeries(ORBIT[::10], 0.1)
    assert joined(TRUE) and not joined(coarse)
    assert drawn_rows(coarse, 100) == slice(0, 100, 1)


def test_series_in_lyapunov_times_with_the_prediction_aligned_and_its_end_marked():
    forecast = ORBIT[1:601].copy()
    forecast[300:] = ORBIT[1:601].mean(0) + 30  # far above 0.4 standard deviations from step 301 on
    time = 1 / 0.9056
    figure = series(TRUE, FREE, forecast, time)
    left, right = figure.axes[:2]
    truth, predicted, mark = left.lines
    np.testing.assert_array_equal(truth.get_ydata(), ORBIT[: len(truth.get_ydata()), 0])
    np.testing.assert_allclose(truth.get_xdata()[-1], 10, atol=0.01)
    np.testing.assert_array_equal(predicted.get_ydata()[:301], ORBIT[:301, 0])
    np.testing.assert_allclose(mark.get_xdata()[0], 300 * 0.01 / time)
    assert f"valid for {300 * 0.01 / time:.3g} Lyapunov times" in left.get_title("left")
    np.testing.assert_array_equal(right.lines[0].get_ydata(), OTHER[: len(truth.get_ydata()), 0])
    assert "free run" in right.get_title("left") and "not aligned" in right.get_title("left")
    assert figure.axes[-1].get_xlabel() == "time (Lyapunov times)"


def test_series_of_many_columns_says_how_many_are_left_out():
    values = np.random.default_rng(1).standard_normal((400, 9)).cumsum(0)
    figure = series(TimeSeries(values, 0.1, "s"), None, diverged_at=7)
    assert "3 further columns are not shown" in texts(figure)
    assert "no free run: diverged at step 7" in texts(figure)
    assert figure.axes[10].get_xlabel() == "time (s)"


def test_the_valid_time_is_of_all_columns_also_where_one_is_drawn():
    forecast = ORBIT[1:601].copy()
    forecast[200:, 1] += 100
    whole, one = (series(TRUE, FREE, forecast, 1.0, most=most) for most in (6, 1))
    titles = [figure.axes[0].get_title("left") for figure in (whole, one)]
    assert titles == ["prediction, valid for 2 Lyapunov times"] * 2
    assert len(one.axes) == 2 and "2 further columns are not shown" in texts(one)


def test_series_names_a_prediction_that_never_failed_as_a_lower_bound():
    figure = series(TRUE, FREE, ORBIT[1:101], 1.0)
    assert "valid for at least 1 Lyapunov times" in figure.axes[0].get_title("left")


def test_power_spectra_are_logarithmic_with_area_one_and_the_value_of_d_h():
    figure = power_spectra(TRUE, FREE)
    distances = spectral_hellinger(ORBIT, OTHER)
    for axes, value in zip(figure.axes, distances, strict=True):
        assert axes.get_yscale() == "log"
        assert f"= {value:.3f}" in axes.get_title("left")
        frequency, power = axes.lines[0].get_data()
        assert 0.97 < power.sum() * (frequency[1] - frequency[0]) <= 1.0
        assert frequency[-1] < 15  # Lorenz has its power below 4 cycles per time unit; sampling reaches 50


def test_power_spectrum_of_a_sine_peaks_at_its_frequency_in_hertz():
    t = np.arange(5000) * 0.002
    wave = TimeSeries(np.sin(2 * np.pi * 7.0 * t), 0.002, "s")
    axes = power_spectra(wave, None, diverged_at=3).axes[0]
    frequency, power = axes.lines[0].get_data()
    assert abs(frequency[power.argmax()] - 7.0) < 0.1
    assert axes.get_xlabel() == "frequency (Hz)"
    assert "no free run: diverged at step 3" in texts(power_spectra(wave, wave, diverged_at=3))


@pytest.mark.parametrize("exponents", [[0.08, -0.01], [0.08, -0.3, -9.0]])
def test_lyapunov_bars_show_their_errors_and_numbers_whole(exponents):
    (axes,) = lyapunov_bars(None, spectrum(exponents, [0.27] * len(exponents))).axes
    low, high = axes.get_ylim()
    tips = [text.xy[1] for text in axes.texts]
    assert low < min(tips) <= min(exponents) - 0.27 and high > max(tips) >= 0.08 + 0.27


def test_lyapunov_bars_have_the_heights_errors_and_labels_of_the_exponents():
    truth, model = (
        spectrum([0.9056, 0.0, -14.572], [0.003, 0.001, 0.004]),
        spectrum([0.88, -0.01, -1.93, -2.5, -8.1], [0.02, 0.004, 0.05, 0.1, 0.2]),
    )
    figure = lyapunov_bars(truth, model)
    (axes,) = figure.axes
    bars = [c for c in axes.containers if hasattr(c, "patches")]
    np.testing.assert_array_equal([p.get_height() for p in bars[0].patches], truth.exponents)
    np.testing.assert_array_equal([p.get_height() for p in bars[1].patches], model.exponents[:3])
    errors = [c for c in axes.containers if hasattr(c, "has_yerr")]
    segments = errors[1].lines[2][0].get_segments()
    np.testing.assert_allclose([s[1, 1] - s[0, 1] for s in segments], 2 * model.stderr[:3])
    words = texts(figure)
    assert "0.9056" in words and "0.0000" not in words and "\N{MINUS SIGN}14.57" in words
    assert "not shown: 2 further of the reconstruction (\N{MINUS SIGN}2.5 to \N{MINUS SIGN}8.1)" in words
    assert axes.get_ylabel() == "Lyapunov exponent (per time unit)"


def test_values_above_neighbouring_bars_do_not_run_into_each_other():
    figure = lyapunov_bars(
        spectrum([0.8985, 0.0017, -14.5672], [0.0086, 0.0038, 0.0062]),
        spectrum([0.851, 0.0402, -16.1451], [0.016, 0.014, 0.0083]),
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [t.get_window_extent(canvas.get_renderer()) for t in figure.axes[0].texts]
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_strongly_negative_exponents_do_not_squash_the_positive_ones():
    axes = lyapunov_bars(spectrum([0.9, 0.0, -14.6], [0.01] * 3), None).axes[0]
    height = axes.transData.transform([(0, 0.0), (0, 0.9), (0, -14.6)])[:, 1]
    assert axes.get_yscale() == "symlog"
    assert (height[1] - height[0]) > 0.3 * (height[0] - height[2])
    assert lyapunov_bars(spectrum([0.42, -1.62], [0.01] * 2), None).axes[0].get_yscale() == "linear"


def test_missing_and_infinite_exponents_are_said_in_words():
    true, lost = spectrum([0.4], [0.1]), spectrum([np.nan] * 3, [np.nan] * 3, diverged=8)
    assert "reconstruction: no exponents, all perturbed copies diverged" in texts(lyapunov_bars(true, lost))
    assert "no exponents, diverged at step 1,500" in texts(lyapunov_bars(true, None, diverged_at=1500))
    assert "reconstruction: the model has no exponents" in texts(lyapunov_bars(None, None))
    assert "reconstruction: all \N{MINUS SIGN}∞" in texts(lyapunov_bars(None, spectrum([-np.inf] * 2, [0.0] * 2)))
    assert "truth: exponents unknown" in texts(lyapunov_bars(None, spectrum([0.4, -1], [0.1, 0.1])))
    assert "\N{MINUS SIGN}∞" in texts(lyapunov_bars(None, spectrum([0.4, -np.inf], [0.1, np.nan])))


def history(checks, loss, selected=(300, 1), outcome="finished") -> History:
    steps = np.arange(1, len(loss) + 1) * 100
    weights = torch.zeros((len(loss[0]), 4))
    return History(
        int(steps[-1]), steps, np.array(loss, dtype=float), tuple(checks), *selected, weights, outcome, "native", 1.0
    )


def check(step, scores) -> Check:
    fates = tuple("chaotic" if np.isfinite(s) else "transient chaos" for s in scores)
    return Check(step, scores, (0.9,) * len(scores), fates)


def test_training_history_shows_every_member_and_rings_the_selected_check():
    loss = [[1.0, 2.0], [0.5, 0.4], [0.3, 0.2], [0.2, 0.1]]
    checks = [check(200, (np.inf, 0.9)), check(300, (0.8, 0.3)), check(400, (0.7, 0.5))]
    figure = training_history(history(checks, loss))
    above, below = figure.axes
    assert above.get_yscale() == "log"
    drawn = {line.get_color(): line for line in above.lines}
    np.testing.assert_array_equal(drawn[RECONSTRUCTION].get_xydata(), [[100, 2], [200, 0.4], [300, 0.2], [400, 0.1]])
    ring = next(line for line in below.lines if line.get_marker() == "o")
    assert ring.get_xydata().tolist() == [[300, 0.3]]
    crosses = np.concatenate([line.get_xydata() for line in below.lines if line.get_marker() == "x"])
    assert crosses.tolist() == [[200, below.get_ylim()[1]]]
    assert "crosses: transient chaos" in texts(figure) and "member 2 of 2 (selected)" in texts(figure)


def test_training_without_checks_or_with_diverged_loss_says_so():
    assert "no validation data" in texts(training_history(history([], [[1.0], [0.5]], (200, 0))))
    lost = history([check(200, (np.inf,))], [[1.0], [np.nan]], (200, 0), "diverged at step 100")
    words = texts(training_history(lost))
    assert "diverged at step 100" in words and "no check was finite" in words


def test_figures_leave_matplotlib_as_it_was_and_render_the_same_bytes():
    before = dict(matplotlib.rcParams)
    first, second = (render(power_spectra(TRUE, FREE), kind) for kind in ("svg", "svg"))
    assert first == second
    assert dict(matplotlib.rcParams) == before
    pixels = imread(io.BytesIO(render(attractor(TRUE, FREE))))
    assert pixels.shape[1] == 1400  # two journal columns, 7 inches, at 200 dots per inch
    assert (pixels[..., :3].min(-1) < 0.9).mean() > 0.02


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_all_figures_of_a_lost_run_can_be_drawn(dim):
    truth = TimeSeries((ORBIT @ np.random.default_rng(2).standard_normal((3, dim)))[:1500], 0.01)
    short = TimeSeries(truth.values[:10], 0.01)
    for generated in (None, short):
        for draw in (attractor, series, power_spectra):
            figure = draw(truth, generated, diverged_at=10)
            assert "diverged at step 10" in texts(figure)
            assert render(figure)[:4] == b"\x89PNG"
