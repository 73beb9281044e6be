"""Words and numbers of a figure stay on its page and do not run into each other."""

from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from dsr.runs.figures import attractor, marginals, training_history
from dsr.runs.figures.run_summary import HEIGHTS
from dsr.runs.figures.style import DOUBLE
from dsr.series import TimeSeries
from dsr.training.history import Check, History

RNG = np.random.default_rng(0)


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
