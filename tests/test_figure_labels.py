"""Words and numbers of a figure stay on its page and do not run into each other."""

from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from dsr.analysis import correlation_dimension, poincare_section, return_map
from dsr.runs.figures import (
    attractor,
    correlation_sums,
    marginals,
    poincare_sections,
    return_maps,
    series,
    training_history,
)
from dsr.runs.figures.run_summary import HEIGHTS
from dsr.runs.figures.style import DOUBLE
from dsr.series import TimeSeries
from dsr.systems import get_system
from dsr.training.history import Check, History

RNG = np.random.default_rng(0)
LONG = ("temperature_of_the_outlet_1", "pressure_in_the_second_vessel", "dissolved_oxygen_mg_l")


def tidy(figure: Figure) -> None:
    """All texts that are drawn lie on the page, and none over another."""
    figure.draw_without_rendering()
    beyond = set()  # tick labels out of view, which matplotlib keeps but does not draw
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = axis.get_view_interval()
        beyond |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text() and t not in beyond]
    boxes = {t: t.get_window_extent() for t in texts}
    for text, box in boxes.items():
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
    for one, other in combinations(texts, 2):
        assert not boxes[one].overlaps(boxes[other]), (one, other)


def in_summary(part: int):
    """A page as wide as the summary and as high as one of its parts, and the whole of it as a part."""
    page = Figure(figsize=(DOUBLE, HEIGHTS[part]), layout="constrained")
    return page, page.subfigures(1, 1)


def test_planes_of_principal_components_have_labels_that_fit_into_a_summary():
    page, part = in_summary(0)
    attractor(*(TimeSeries(RNG.standard_normal((500, 8)), 0.1) for _ in range(2)), into=part)
    tidy(page)
    assert page.axes[0].get_xlabel().endswith("of variance)") and page.axes[0].get_ylabel().startswith("PC 2 (1")


def test_densities_of_a_run_that_left_have_labels_that_fit():
    truth = TimeSeries(0.3 * RNG.standard_normal((2000, 3)) ** 3, 0.1)
    lost = TimeSeries(truth.values + 50 * (np.arange(2000) > 400)[:, None], 0.1)
    page, part = in_summary(2)
    marginals(truth, lost, into=part.subfigures(1, 2)[0])
    tidy(page)
    assert page.axes[0].get_xlabel() == "x1, free run 80% outside"


def test_densities_of_many_columns_have_labels_that_fit():
    truth = TimeSeries(RNG.standard_normal((2000, 6)), 0.1)
    tidy(marginals(truth, TimeSeries(truth.values + 50, 0.1)))


def test_a_long_outcome_of_a_training_is_told_whole():
    outcome = (
        "finished; no check had a usable free run (fixed point, transient chaos at the last), so the last weights "
        "were kept"
    )
    check = Check(100, (np.inf,), (0.9,), ("transient chaos",))
    for checks in ((check,), ()):
        history = History(
            200, np.array([100, 200]), np.array([[1.0], [0.5]]), checks, 200, 0, (), outcome, "native", 1.0
        )
        figure = training_history(history)
        tidy(figure)
        title = figure.axes[0].get_title(loc="left").replace("\n", " ")
        assert title.startswith(outcome) and ("no validation data" in title) == (not checks)


def lorenz(rows: int, scale: float) -> TimeSeries:
    found = get_system("lorenz63").simulate(rows, 0.02, transient=20, seed=0)
    return TimeSeries(scale * found.values, 0.02, names=LONG)


def test_long_names_and_large_numbers_of_a_series_fit():
    truth = lorenz(3000, 1e5)
    page, part = in_summary(1)
    series(truth, truth, lyapunov_time=1.1, most=1, into=part)
    tidy(page)
    tidy(series(truth, truth, truth.values[1:300], 1.1))


def test_long_names_and_large_numbers_of_a_return_map_fit():
    maps = return_map(lorenz(6000, 1e5).values[:, 2], dt=0.02)
    tidy(return_maps(maps, maps, name=LONG[0]))
    page, part = in_summary(2)
    return_maps(maps, maps, name=LONG[0], into=part.subfigures(1, 2)[1])
    tidy(page)


def test_the_plane_of_a_section_and_small_numbers_fit():
    section = poincare_section(lorenz(3000, 1e-4).values, dt=0.02, normal=2, offset=0.0025)
    names = [f"{name} [mV](t+16)" for name in LONG]
    figure = poincare_sections(section, section, names=names, columns=(0, 1))
    tidy(figure)
    assert figure.axes[0].get_title(loc="left").replace("\n", " ").endswith("= 0.0025, upwards")


def test_radii_of_little_more_than_a_decade_have_labels_that_fit():
    """Of few rows: no closer pairs are known."""
    x = get_system("lorenz63").simulate(600, 0.1, transient=20, seed=0).values
    tidy(correlation_sums(correlation_dimension(x), None))
