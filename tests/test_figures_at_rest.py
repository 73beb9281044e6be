"""Figures of runs that come to rest, and of numbers that are all but zero or very certain."""

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from dsr.analysis import LyapunovSpectrum, correlation_dimension
from dsr.fate import FIXED_POINT
from dsr.measure import Measure
from dsr.models import MODELS
from dsr.runs import figures
from dsr.runs.drawing import NotApplicable, RunMaterial
from dsr.runs.drawing.kinds import draw
from dsr.runs.figures.fixed_points_and_cycles import PlacedOrbit
from dsr.runs.figures.lyapunov_bars import rounded
from dsr.runs.figures.style import MINUS, RECONSTRUCTION
from dsr.runs.verdict import quantity, reading
from dsr.series import TimeSeries
from dsr.training import fit

RNG = np.random.default_rng(0)
TURN = 0.9 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
REST = np.array([3.0, -2.0])
SENTENCE = "the free run comes to rest"


def texts(figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


@pytest.fixture(scope="module")
def resting() -> RunMaterial:
    """A linear model of x' = REST + TURN (x - REST) + noise, whose free run decays."""
    x = [REST]
    for kick in RNG.standard_normal((3000, 2)):
        x.append(REST + TURN @ (x[-1] - REST) + kick)
    run = object.__new__(RunMaterial)
    run.test = TimeSeries(np.array(x), 0.1)
    run.model = MODELS.build("var", {"lags": 2}).build(2, 0)
    fit(run.model, run.test)
    run.system = None
    start = run.model.initial_state(run.test.values[None, : run.model.min_context])
    run.generated = TimeSeries(run.model.free_run(start, 500).observations[0, 200:], 0.1)
    run.measures = {"outcome": {"name": FIXED_POINT, "step": None, "sentence": SENTENCE}, "rows": []}
    return run


@pytest.mark.parametrize("name", ["return_maps", "poincare_sections", "correlation_sums"])
def test_the_tail_of_a_decay_is_not_analysed_as_an_attractor(resting, name):
    with pytest.raises(NotApplicable, match=SENTENCE):
        draw(name, resting)


def test_the_point_where_a_run_rests_is_found_once(resting):
    figure = draw("fixed_points_and_cycles", resting)
    marks = [line for line in figure.axes[0].lines if line.get_mec() == RECONSTRUCTION]
    assert len(marks) == 1
    np.testing.assert_allclose(marks[0].get_xydata()[0], REST, atol=0.4)
    assert "reconstruction: stable focus (1)" in texts(figure) and "truth: " in texts(figure)


def test_a_spike_does_not_flatten_the_density_of_the_truth(resting):
    axes = figures.marginals(resting.test, resting.generated).axes[0]
    truth, run = (p.get_data().values.max() for p in axes.patches if isinstance(p, StepPatch))
    assert run > 8 * truth and axes.get_ylim()[1] == pytest.approx(3 * truth)
    assert axes.get_xlabel() == f"x1, free run up to {run:.3g}"
    same = figures.marginals(resting.test, resting.test).axes[0]
    assert same.get_ylim()[1] > truth and same.get_xlabel() == "x1"


def test_fixed_points_of_one_kind_are_told_apart_by_their_unstable_directions():
    def of(place, kind, unstable):
        return PlacedOrbit(np.array([[place, 0.5]]), kind, unstable, np.zeros(3, complex))

    truth = [of(0.2, "saddle focus", 1), of(0.4, "saddle focus", 2), of(0.6, "saddle", 1)]
    cloud = RNG.random((100, 2))
    told = texts(figures.fixed_points_and_cycles(cloud, truth, [], labels=("x", "y"), unit="per s"))
    for words in ("saddle focus, 1 unstable (1)", "saddle focus, 2 unstable (1)", "truth: saddle (1)", ": none found"):
        assert words in told, words


def test_the_legend_of_fixed_points_stays_on_the_page():
    orbits = [
        PlacedOrbit(np.array([[0.5, 0.5]]), kind, unstable, np.zeros(3, complex))
        for kind in ("saddle focus", "unstable focus") for unstable in (1, 2, 3)
    ]  # fmt: skip
    figure = figures.fixed_points_and_cycles(RNG.random((100, 2)), orbits, orbits, labels=("x", "y"), unit="per s")
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1


def test_small_exponents_are_not_rounded_to_nothing():
    assert rounded(4.3e-5, 2.4e-5, digits=2) == f"4e{MINUS}5" and rounded(0.0, 0.001, digits=2) == "0"
    assert rounded(-0.0028, 0.031, digits=2) == f"{MINUS}0.003" and rounded(0.0675, 0.02, digits=2) == "0.068"
    assert rounded(0.00004, 1.0) == f"4e{MINUS}5" and rounded(14.5672, 0.0062, digits=2) == "14.57"


def test_both_slopes_of_correlation_sums_are_in_view():
    circle = np.exp(1j * RNG.uniform(0, 2 * np.pi, 2000))
    plane = correlation_dimension(RNG.random((2000, 4)), theiler=1)
    ring = correlation_dimension(0.1 * np.column_stack([circle.real, circle.imag]), theiler=1)
    lower = figures.correlation_sums(plane, ring).axes[1]
    assert plane.measure.value > 2.5 * ring.measure.value and lower.get_ylim()[1] > 1.2 * plane.measure.value


def test_two_panels_of_a_density_have_labels_that_fit():
    figure = figures.invariant_density(*(TimeSeries(RNG.standard_normal((500, 8)), 0.1) for _ in range(2)))
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["PC 1"] * 2
    assert figure.axes[0].get_ylabel() == "PC 2"


def test_axes_of_spectra_show_no_offset():
    close = figures.Spectrum([-14.570001, -14.57], [1e-6, 1e-6])
    figure = figures.lyapunov_spectra(close, {"a": figures.Spectrum([-14.570002, -14.57], [1e-6, 1e-6])}, unit="per s")
    figure.draw_without_rendering()
    assert [axes.xaxis.get_offset_text().get_text() for axes in figure.axes] == ["", ""]


def test_long_durations_are_written_out():
    words = texts(figures.attractor(TimeSeries(RNG.standard_normal((3000, 2)), 1.0), None))
    assert "2,999 time units" in words and "e+" not in words


def test_errors_of_rounding_and_countless_uncertainties_are_not_counted_out():
    exact = Measure("sum of exponents", -7.999999656, -7.99999967, -7.99999964, "per time unit").to_dict()
    assert quantity(exact) == f"{MINUS}8 per time unit"
    assert quantity({**exact, "low": -8.15, "high": -7.85}, unit=False).endswith("± 0.15")
    found = Measure("sum of exponents", -2.5, -2.51, -2.49, "per time unit").to_dict()
    told = reading({"name": "sum of exponents", "truth": exact, "reconstruction": found})
    assert told.level == "differs" and told.text.endswith(", more than 100 combined uncertainties")


def test_a_spectrum_has_a_number_on_every_bar():
    exponents, stderr = np.array([0.07, 4.3e-5, -5.4]), np.array([3e-4, 2.4e-5, 3e-4])
    spectrum = LyapunovSpectrum(
        exponents, stderr, np.diag(stderr**2), 0.1, 100, 4, 0, exponents[None], np.zeros(1), {"time_unit": "time units"}
    )
    words = texts(figures.lyapunov_bars(spectrum, None)).split("\n")
    assert f"4e{MINUS}5" in words and "0.0700" in words
