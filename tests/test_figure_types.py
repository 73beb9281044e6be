"""Figures of analyses and comparisons: what is drawn equals what was given, and nothing is drawn that was not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.patches import Circle, FancyArrowPatch, StepPatch
from matplotlib.text import Text

from dsr.analysis import (
    SymbolSequence,
    correlation_dimension,
    embedded_chain,
    error_growth,
    poincare_section,
    return_map,
)
from dsr.errors import DataError
from dsr.measure import Floor, Measure
from dsr.runs import figures
from dsr.runs.figures import PlacedOrbit, Spectrum, render
from dsr.runs.figures.style import FORECAST, RECONSTRUCTION, SINGLE, TRUTH
from dsr.series import TimeSeries

RNG = np.random.default_rng(0)
FLOOR = Floor(0.03, 0.05, 0.09, 20, "independent trajectories")
TIME = 0.05 * np.arange(4000)
TURN = TimeSeries(np.column_stack([np.cos(TIME), np.sin(TIME), np.sin(0.3 * TIME)]), 0.05, names=("x", "y", "z"))
OTHER = TimeSeries(1.3 * TURN.values[::-1], 0.05, names=("x", "y", "z"))


def texts(figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def lines(axes, colour):
    return [line for line in axes.lines if line.get_color() == colour]


def growing(rate: float, noise: float = 0.05):
    truth = np.zeros((20, 300, 1))
    start = 1e-4 * np.exp(noise * RNG.standard_normal((20, 1)))
    return truth, (start * np.exp(rate * 0.05 * np.arange(1, 301)))[..., None].clip(-1.4, 1.4)


def test_the_dashed_line_of_error_growth_has_the_slope_lambda_1():
    truth, forecast = growing(0.8)
    growth = error_growth(truth, forecast, dt=0.05, lyapunov_exponent=0.5, sd=np.ones(1))
    (axes,) = figures.error_growth(growth).axes
    (line,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    t, y = line.get_data()
    assert (np.diff(np.log(y)) / np.diff(t))[0] == pytest.approx(0.5)
    assert r"$\lambda_1$ = 0.5 per time unit" in line.get_label()
    (median,) = lines(axes, RECONSTRUCTION)
    np.testing.assert_array_equal(median.get_ydata(), growth.median)
    assert "fitted rate 0.8" in median.get_label()
    assert median.get_label().endswith("per time unit") and line.get_label().startswith("truth")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (time units)", "forecast error (sd)")


def test_rates_of_error_growth_have_their_errors_in_one_notation():
    truth, forecast = growing(0.8)
    growth = error_growth(truth, forecast, dt=0.05, lyapunov_exponent=0.5, sd=np.ones(1))
    growth = dataclasses.replace(growth, measure=Measure("rate", 0.0009, 0.00087, 0.00093, "per s"))
    said = texts(figures.error_growth(growth, exponent=Measure("lambda_1", 0.5, 0.4, 0.7)))
    assert "fitted rate 0.000900 ± 0.000030 per s" in said and "= 0.50 [0.40, 0.70] per time unit" in said


def test_a_fitted_rate_above_lambda_1_is_explained():
    truth, forecast = growing(0.8)
    for exponent, explained in ((0.5, True), (1.0, False), (np.nan, False)):
        growth = error_growth(truth, forecast, dt=0.05, lyapunov_exponent=exponent, sd=np.ones(1), time_unit="s")
        figure = figures.error_growth(growth, time_unit="s")
        assert ("errs anew at every step" in texts(figure)) == explained
        assert figure.axes[0].get_xlabel() == "time (s)" and "per s" in texts(figure)


def test_error_growth_that_only_diverges_says_so():
    truth = np.zeros((4, 20, 1))
    growth = error_growth(truth, np.full((4, 20, 1), np.nan), dt=0.05, sd=np.ones(1))
    assert "no forecast stayed finite" in texts(figures.error_growth(growth))


def test_marginals_have_area_one_and_stand_on_the_same_bins():
    figure = figures.marginals(TURN, OTHER, bins=40)
    assert len(figure.axes) == 3
    for axes in figure.axes:
        data = [p.get_data() for p in axes.patches if isinstance(p, StepPatch)]
        assert len(data) == 2
        for values, edges, _ in data:
            assert (values * np.diff(edges)).sum() == pytest.approx(1.0)
            np.testing.assert_array_equal(edges, data[0][1])


def test_marginals_count_what_lies_far_outside():
    lost = TURN.values.copy()
    lost[:400, 0] = 50.0
    axes = figures.marginals(TURN, TimeSeries(lost, 0.05)).axes[0]
    assert axes.get_xlabel() == "x, free run 10% outside"
    values, edges, _ = axes.patches[1].get_data()
    assert (values * np.diff(edges)).sum() == pytest.approx(0.9)


def test_the_invariant_density_integrates_to_one_on_one_scale():
    figure = figures.invariant_density(TURN, OTHER, bins=30)
    meshes = [mesh for axes in figure.axes[:2] for mesh in axes.collections if isinstance(mesh, QuadMesh)]
    corners = meshes[0].get_coordinates()
    area = np.diff(corners[0, :2, 0])[0] * np.diff(corners[:2, 0, 1])[0]
    assert (meshes[0].get_array().filled(0) * area).sum() == pytest.approx(1.0)
    assert meshes[0].norm is meshes[1].norm and "outside" in figure.axes[1].get_title(loc="left")
    assert "per unit area" in texts(figure)


def test_return_maps_and_sections_draw_the_points_of_the_analysis():
    maps = [return_map(s.values[:, 0], dt=0.05) for s in (TURN, OTHER)]
    axes = figures.return_maps(*maps, name="x").axes[0]
    for found, drawn in zip(maps, axes.lines, strict=False):
        np.testing.assert_array_equal(drawn.get_xydata(), found.pairs)
    assert axes.get_xlabel() == "maximum of x" and axes.get_aspect() == 1.0
    sections = [poincare_section(s.values, dt=0.05, normal=2) for s in (TURN, OTHER)]
    axes = figures.poincare_sections(*sections, names=("x", "y", "z"), columns=(0, 1)).axes[0]
    for found, drawn in zip(sections, axes.lines, strict=True):
        np.testing.assert_array_equal(drawn.get_xydata(), found.points[:, :2])
    assert axes.get_title(loc="left") == "section z = 0, upwards"


def test_crossings_of_a_free_run_beyond_the_truth_are_shown_or_counted():
    section = poincare_section(TURN.values, dt=0.05, normal=2)
    for scale, told in ((1.5, ""), (50.0, f", {len(section.points)} outside")):
        found = dataclasses.replace(section, points=scale * section.points)
        axes = figures.poincare_sections(section, found, names=("x", "y", "z"), columns=(0, 1)).axes[0]
        assert axes.lines[1].get_label() == f"free run, {len(section.points)} crossings{told}"
        low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
        assert (told == "") == ((found.points[:, :2] > low) & (found.points[:, :2] < high)).all()


def test_a_dimension_that_is_not_known_is_no_number():
    few = correlation_dimension(RNG.integers(0, 4, (900, 2)).cumsum(0) % 20, theiler=0)
    assert np.isnan(few.measure.value)
    assert figures.correlation_sums(few, None).axes[0].lines[0].get_label() == "truth, no $D_2$"


def test_correlation_sums_show_their_slopes_and_the_dimension_of_a_line():
    line = np.column_stack([RNG.random(3000), np.zeros(3000)])
    line[:, 1] = 2 * line[:, 0]
    found = correlation_dimension(line, theiler=1)
    upper, lower = figures.correlation_sums(found, None, unit="mm").axes
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), found.correlation_sum.local_slopes)
    y = upper.lines[0].get_ydata()
    known = found.correlation_sum.counts > 0
    np.testing.assert_array_equal(y, found.correlation_sum.values[known])
    assert (
        f"$D_2$ = {found.measure.value:.3f}" in upper.lines[0].get_label() and lower.get_xlabel() == "radius $r$ (mm)"
    )


def itinerary() -> SymbolSequence:
    symbols = np.array([0, 0, 0, 1, 1, 2, 0, 0, 1, 2, 2, 0] * 50)
    return SymbolSequence(symbols, ("00", "01", "10", "11"), np.arange(600.0))


def test_the_graph_has_a_node_for_each_region_visited_and_an_arrow_for_each_transition():
    symbols = itinerary()
    chain = embedded_chain(symbols, blocks=None)
    axes = figures.transition_graph(chain, symbols).axes[0]
    nodes = [p for p in axes.patches if isinstance(p, Circle)]
    arrows = {p.get_gid(): p.get_linewidth() for p in axes.patches if isinstance(p, FancyArrowPatch)}
    assert len(nodes) == 3  # "11" is never visited
    assert set(arrows) == {"0>1", "1>2", "2>0"} and len(set(arrows.values())) == 1  # all certain
    assert "3 regions" in texts(axes.figure)


@pytest.mark.parametrize(("visits", "drawn"), [(1, False), (5, True)])
def test_a_graph_of_less_than_half_of_the_time_is_refused(visits, drawn):
    """40 regions of one visit each, and 16 of them with more."""
    names = tuple(f"{i:06b}" for i in range(40))
    visited = np.tile(np.r_[np.arange(40), np.tile(np.arange(16), visits - 1)], 20)
    symbols = SymbolSequence(visited, names, np.arange(float(visited.size)))
    chain = embedded_chain(symbols, blocks=None)
    if drawn:
        assert "40 regions" in texts(figures.transition_graph(chain, symbols))
    else:
        with pytest.raises(DataError, match="16 regions visited longest, of 40, hold 40% of the time"):
            figures.transition_graph(chain, symbols)


def test_regions_are_coloured_by_their_share_of_time():
    symbols = itinerary()
    orbit = RNG.standard_normal((600, 2))
    figure = figures.region_attractor(orbit, symbols, labels=("x", "y"))
    for line in figure.axes[0].lines:
        rank, share = line.get_label().split(": ")
        inside = orbit[symbols.symbols == int(rank) - 1]  # 0 is visited longest, then 1, then 2
        np.testing.assert_array_equal(line.get_xydata(), inside)
        assert share == f"{len(inside) / 600:.1%}"
    assert len(figure.axes[0].lines) == 3


def test_fixed_points_lie_where_they_are_and_far_ones_are_counted():
    rates = np.array([0.1 + 2j, 0.1 - 2j, -1.0])
    truth = [PlacedOrbit(np.array([[0.5, 0.5]]), "saddle focus", 2, rates)]
    found = [
        PlacedOrbit(np.array([[0.4, 0.6]]), "saddle focus", 2, rates - 0.05),
        PlacedOrbit(np.array([[90.0, 0.0]]), "stable node", 0, np.array([-0.5, -np.inf])),
    ]
    figure = figures.fixed_points_and_cycles(RNG.random((500, 2)), truth, found, labels=("x", "y"), unit="per s")
    left, right = figure.axes
    (ring,) = [line for line in left.lines if line.get_mec() == TRUTH]
    np.testing.assert_array_equal(ring.get_xydata(), truth[0].points)
    assert ring.get_mfc() == "none" and left.get_xlim()[1] < 2
    assert "1 outside the left panel; 1 contracting faster" in texts(figure)
    drawn = np.concatenate([line.get_xydata() for line in right.lines if line.get_mec() == RECONSTRUCTION])
    assert any(np.allclose(point, (0.05, 2.0)) for point in drawn)
    assert (right.get_xlabel(), right.get_ylabel()) == ("growth rate (per s)", "rotation (rad per s)")


@pytest.mark.parametrize("unstable", range(4))
def test_points_that_turn_have_other_marks_than_those_that_do_not(unstable):
    orbits = [PlacedOrbit(np.full((1, 2), 0.1), kind, unstable, np.ones(1)) for kind in ("saddle", "saddle focus")]
    figure = figures.fixed_points_and_cycles(RNG.random((50, 2)), orbits, orbits, labels=("x", "y"), unit="per s")
    for axes in figure.axes:
        for colour in (TRUTH, RECONSTRUCTION):
            marks = [line.get_marker() for line in axes.lines if line.get_mec() == colour]
            assert len(set(marks)) == 2
    assert len({line.get_marker() for line in figure.legends[0].legend_handles}) == 2


def test_the_floor_of_a_forest_spans_its_quantiles_and_lost_models_keep_their_line():
    figure = figures.forest(
        ["a", "b"], [0.06, np.nan], [0.04, np.nan], [0.1, np.nan], label="D (nats)", floor=FLOOR, remarks=["", "lost"]
    )
    axes = figure.axes[0]
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((0.03, 0.09))
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [0.06]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"] and "lost" in texts(figure)


def test_a_single_run_is_a_hollow_dot_of_a_forest():
    drawn = figures.forest(["one", "several"], [0.05, 0.06], [np.nan, 0.0599], [np.nan, 0.0601], label="D")
    faces = [line.get_markerfacecolor() for line in drawn.axes[0].lines if line.get_marker() == "o"]
    assert faces == ["white", RECONSTRUCTION]


def test_a_sweep_has_its_floor_as_a_band_in_the_order_of_the_swept_values():
    drawn = figures.score_sweep(
        [100, 10], [0.1, 0.4], [0.08, 0.3], [0.2, 0.6], swept_name="rows", label="D (nats)", floor=FLOOR, lost=[0, 3]
    )
    axes = drawn.axes[0]
    band = next(c for c in axes.collections if isinstance(c, PolyCollection)).get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.03, 0.09)
    line, hollow = [line for line in lines(axes, RECONSTRUCTION) if line.get_marker() == "o"]
    np.testing.assert_array_equal(line.get_xydata(), [[10, 0.4], [100, 0.1]])
    np.testing.assert_array_equal(hollow.get_xydata(), [[10, 0.4]])
    assert hollow.get_markerfacecolor() == "white" and hollow.get_zorder() > line.get_zorder()
    (note,) = [t for t in axes.texts if t.get_color() == FORECAST]
    assert note.get_text() == "3 lost" and note.xy[0] == 10


@pytest.mark.parametrize("count", [3, 10])
def test_spectra_of_truth_and_all_models_are_drawn(count):
    truth = Spectrum(np.linspace(1, -3, count).tolist(), [0.01] * count)
    models = {"a": Spectrum([0.9, 0.1, -2.0], [0.1, 0.1, 0.1]), "diverged": Spectrum([], [])}
    figure = figures.lyapunov_spectra(truth, models, unit="per s")
    found = [v for axes in figure.axes for line in axes.lines for v in np.atleast_1d(line.get_xydata()).ravel()]
    for value in (*truth.exponents, 0.9, 0.1, -2.0):
        assert any(np.isclose(value, found))
    assert "per s" in texts(figure) and "diverged" in texts(figure)


def test_a_model_far_off_is_an_arrow_with_its_value():
    models = {name: Spectrum([x], [0.01]) for name, x in (("a", 0.8), ("b", 1.1), ("c", 0.9), ("lost", 200.0))}
    (axes,) = figures.lyapunov_spectra(Spectrum([1.0], [0.01]), models, unit="per s").axes
    assert axes.get_xlim()[1] < 3 and "200" in texts(axes.figure)
    (arrow,) = [line for line in axes.lines if line.get_marker() == ">"]
    assert arrow.get_ydata()[0] == 3 and axes.get_xlim()[0] < 0.8


def test_groups_of_a_critical_difference_diagram_span_their_ranks():
    figure = figures.critical_difference(["a", "b", "c"], [2.5, 1.2, 2.3], [(0, 2), (1,)], difference=0.7)
    axes = figure.axes[0]
    (bar,) = [line for line in axes.lines if line.get_gid() == "group"]
    assert bar.get_xdata()[0] < 2.3 and bar.get_xdata()[1] > 2.5 and np.ptp(bar.get_xdata()) < 0.5
    (bracket,) = [line for line in axes.lines if line.get_gid() == "difference"]
    assert np.ptp(bracket.get_xdata()) == pytest.approx(0.7)
    marks = sorted(line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o")
    assert marks == [1.2, 2.3, 2.5] and "b (1.20)" in texts(figure)


def test_a_field_is_drawn_over_space_and_lyapunov_times():
    field = TimeSeries(RNG.standard_normal((600, 12)), 0.1)
    figure = figures.space_time(field, field, lyapunov_time=2.0)
    top = figure.axes[0]
    (mesh,) = [c for c in top.collections if isinstance(c, QuadMesh)]
    np.testing.assert_array_equal(mesh.get_array(), field.values[:201].T)
    assert top.get_xlim() == (0.0, 10.0) and figure.axes[1].get_xlabel() == "time (Lyapunov times)"


def test_every_figure_fits_a_column_and_dense_dots_are_pixels_in_vector_files():
    orbit = RNG.standard_normal((600, 2))
    figure, again = (figures.region_attractor(orbit, itinerary(), labels=("x", "y")) for _ in range(2))
    assert figure.get_size_inches()[0] == SINGLE and SINGLE * 2.54 < 8.7
    assert all(line.get_rasterized() for line in figure.axes[0].lines)
    assert render(figure, "svg") == render(again, "svg")
