"""The validation page: which runs belong to it, in which order they come, and that its numbers are the store's."""

import json
import math
import shlex
import warnings
from dataclasses import replace

import numpy as np
import pytest

from dsr.errors import SpecError
from dsr.runs.compare.index import read_index
from dsr.runs.execute import execute
from dsr.runs.figures import Line, family_sweep, render, score_matrix
from dsr.runs.recipes import recipe
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.sweep.plan import combinations
from dsr.runs.validation.__main__ import chosen
from dsr.runs.validation.compute import planned
from dsr.runs.validation.figures import _fullest_first, along, best_first, matrix
from dsr.runs.validation.goals import _of_count, goals
from dsr.runs.validation.page import command, comparison, comparisons, overview, page
from dsr.runs.validation.section import Goal, Published, Section
from dsr.runs.validation.sections import SECTIONS
from dsr.runs.validation.tables import every_seed, in_order, reached

DATA = {"system": "henon", "train": 1500, "validation": 400, "test": 2000, "floor_trajectories": 3}
ANALYSIS = {"starts": 5, "lyapunov_steps": 400, "lyapunov_members": 2}
SECTION = Section(
    "proof", "A proof", "Three models.", swept="data.noise", measures=("D_stsp", "lambda_1", "D_H"),
    goals=(
        Goal("lambda_1", 0.1, "relative error", "ngrc"),
        Goal("D_stsp", 1e-9, contestant="ngrc"),
        Goal("", 3, "not lost", "var", of=3),
        Goal("", 5, "not lost", "ngrc", of=6),
    ),
    published=(Published("D_stsp", "0.5", "notebook", "nobody"),),
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A polynomial and a linear model of the Hénon map, three seeds each."""
    found = RunStore(tmp_path_factory.mktemp("validation"))
    for model in ({"name": "ngrc", "lags": 1, "degree": 2}, {"name": "var"}):
        for seed in range(3):
            tree = {"data": DATA, "model": model, "analysis": ANALYSIS, "seed": seed, "experiment": "proof"}
            execute(parse(tree), found, report=False)
    return found


@pytest.fixture(scope="module")
def found(store):
    return comparison(read_index(store), SECTION)


def values(store, model, measure):
    rows = []
    for path in sorted(store.root.glob(f"proof/henon-{model}-*/measures.json")):
        rows += [r for r in json.loads(path.read_text())["rows"] if r["name"] == measure]
    return [r["reconstruction"]["value"] for r in rows]


def test_every_recipe_of_the_page_is_shipped_and_judges_what_it_names():
    for section in SECTIONS:
        tree = recipe(section.recipe)
        assert tree is not None and "sweep" in tree and tree["experiment"] == section.recipe
        assert {f"data.{key}" for key, _ in section.files} == {
            f"data.{key}" for key, value in tree["data"].items() if value == "YOUR FILE"
        }
    assert len({section.recipe for section in SECTIONS}) == len(SECTIONS)
    with pytest.raises(SpecError, match="gtf-lorenz63"):
        chosen(["gtf-lorenz64"])


def test_seed_0_of_everything_comes_first_and_sections_without_files_are_left_out(tmp_path, capsys):
    names = ["gtf-ecg", "reservoirs", "gtf-lorenz96"]
    jobs = planned(chosen(names), RunStore(tmp_path), None, None)
    assert [job.spec.seed for job in jobs] == sorted(job.spec.seed for job in jobs)
    assert {job.spec.experiment for job in jobs} == {"reservoirs", "gtf-lorenz96"} and len(jobs) == 3 * 5 + 5
    assert "gtf-ecg: left out" in capsys.readouterr().err
    assert {job.spec.seed for job in planned(chosen(names), RunStore(tmp_path), None, 2)} == {0, 1}


def test_headline_seeds_are_spread_over_the_others(tmp_path):
    """Twenty seeds of one recipe advance as five of another."""
    jobs = planned(chosen(["ngrc-lorenz63", "reservoirs"]), RunStore(tmp_path), None, None)
    first = [job for job in jobs[: len(jobs) // 5]]
    assert {j.spec.seed for j in first if j.spec.experiment == "ngrc-lorenz63"} == {0, 1, 2, 3}
    assert {j.spec.seed for j in first if j.spec.experiment == "reservoirs"} == {0}


def test_the_table_holds_the_medians_of_the_store(store, found):
    text = reached(found, SECTION)
    row = next(line for line in text.splitlines() if line.startswith("| ngrc"))
    exponents = values(store, "ngrc", "lambda_1")
    assert f"{np.median(exponents):.3g} [" in row and f"{np.median(values(store, 'ngrc', 'D_stsp')):.3g} [" in row
    truth = next(c.truth for c in found.cells if c.measure == "lambda_1")
    assert f"{100 * np.median(np.abs(np.array(exponents) - truth)) / truth:.1f} % off" in row
    assert "| 3 | 0 |" in row and "lambda_1 0.419 ± 0.00" in text and "D_stsp floor" in text
    forecasts = reached(found, replace(SECTION, measures=("valid prediction time",)))
    assert "valid prediction time by chance" in forecasts and "floor" not in forecasts


def test_linear_models_are_counted_as_lost_and_enter_no_error(found):
    counts = {c.contestant: c.lost for c in found.counts}
    assert counts == {"ngrc": 0, "var": 3}
    line = next(line for line in reached(found, SECTION).splitlines() if line.startswith("| var"))
    assert "| 3 | 3 |" in line


def test_goals_are_met_or_missed_by_what_was_found(found):
    exponent, density, kept, unfinished = goals(found, SECTION).splitlines()[2:]
    assert exponent.endswith("| met |") and "at most 10 %" in exponent
    assert density.endswith("| missed |") and kept.endswith("| missed |") and "| 0 | 3 |" in kept
    assert unfinished.endswith("| 3 | 3 | open |") and "at least 5 of 6" in unfinished


def test_a_goal_names_whole_parts_of_a_contestant(found):
    """One rectified unit is not ten."""
    names = {"ngrc": "alrnn, relu_units=1", "var": "alrnn, relu_units=10"}
    named = replace(
        found,
        counts=tuple(replace(c, contestant=names[c.contestant]) for c in found.counts),
        cells=tuple(replace(c, contestant=names[c.contestant]) for c in found.cells),
    )
    section = replace(SECTION, goals=(Goal("lambda_1", 0.1, "relative error", "relu_units=1"),))
    row = goals(named, section).splitlines()[2]
    assert "| 3 | met |" in row and row.split(" | ")[1:] == goals(found, SECTION).splitlines()[2].split(" | ")[1:]


def test_a_goal_over_several_tasks_is_missed_where_one_of_them_was_lost_altogether(found):
    section = replace(SECTION, goals=(Goal("D_stsp", 100.0, contestant="ngrc"),))
    lost = [replace(c, task="another", losses=dict.fromkeys(c.losses, math.inf)) for c in found.cells]
    both = replace(found, cells=(*found.cells, *lost))
    assert "| met |" in goals(found, section) and "| inf [inf, inf] | 3 | missed |" in goals(both, section)


def test_a_goal_on_a_median_counts_lost_runs_as_worse_than_any_number(found):
    section = replace(SECTION, goals=(Goal("D_stsp", 100.0, contestant="ngrc"),))
    one, two = (
        replace(found, cells=tuple(replace(c, losses=c.losses | dict.fromkeys(gone, math.inf)) for c in found.cells))
        for gone in ([0], [0, 1])
    )
    assert "inf] | 3 | met |" in goals(one, section) and "inf] | 3 | missed |" in goals(two, section)


def test_what_was_found_has_its_interval(found):
    cell = next(c for c in found.cells if (c.contestant, c.measure) == ("ngrc", "D_stsp"))
    density = goals(found, SECTION).splitlines()[3]
    assert f"| {cell.median:.3g} [{cell.low:.3g}, {cell.high:.3g}] | 3 |" in density


def test_a_median_is_told_beside_how_many_runs_stand_at_the_truth_the_floor_or_noise(found):
    """Of lost runs none counts; what noise cannot be told from is not said to be at the floor."""
    cell = next(c for c in found.cells if (c.contestant, c.measure) == ("ngrc", "D_stsp"))
    pairs = {"floor_pairs": 20, "within_floor": 2, "noisy": 1}

    def told(**more):
        cells = tuple(replace(c, **more) if c == cell else c for c in found.cells)
        return next(r for r in reached(replace(found, cells=cells), SECTION).splitlines() if r.startswith("| ngrc"))

    assert "2 of 3 at the floor, 1 of 3 no better than noise |" in told(**pairs)
    assert "at the floor" not in told(**pairs, surrogate=0.0, gaussian=0.0)
    assert "≥ " in told(capped=2) and "≥" not in told(capped=1)
    exponent = next(c for c in found.cells if (c.contestant, c.measure) == ("ngrc", "lambda_1"))
    assert f"{exponent.agree} of 3 at truth" in told() and exponent.agree > 0
    assert next(c for c in found.cells if (c.contestant, c.measure) == ("var", "lambda_1")).agree == 0


def test_the_overview_counts_noise_only_where_densities_tell_it(found):
    """Baselines a billionth above the floor are within it."""
    cells = [replace(c, surrogate=c.floor_high * (1 + 1e-9), gaussian=0.0, noisy=None) for c in found.cells]
    assert all(c.noise_within_floor for c in cells if c.measure == "D_stsp")
    before, after = (overview([(SECTION, one, 6)]) for one in (found, replace(found, cells=tuple(cells))))
    assert "| 6 of 6 | 3 |  | " in after and "| 6 of 6 | 3 | 0 | " in before


def test_every_seed_stands_on_the_page(store, found):
    index = {name: read_index(store)[name].to_pylist() for name in ("seed", "value", "outcome")}
    lines = every_seed(found, index, SECTION).splitlines()[2:]
    assert len(lines) == 6
    for line, value in zip(lines[:3], values(store, "ngrc", "D_stsp"), strict=True):
        assert f"| {value:.3g} |" in line and "| chaotic |" in line
    assert "| fixed point |" in lines[3]
    failed = [replace(c, losses={**c.losses, 7: math.inf}) if c.contestant == "ngrc" else c for c in found.cells]
    more = every_seed(replace(found, cells=tuple(failed)), index, SECTION).splitlines()[2:]
    assert len(more) == len(lines) + 1 and "| ngrc | 7 | failed |" in "\n".join(more)


def test_the_page_says_what_is_missing_and_is_the_same_twice(store, monkeypatch):
    monkeypatch.setattr("dsr.runs.validation.page.recipe", lambda name: {"data": DATA, "sweep": {"seed": "0..9"}})
    other = Section("not-there", "Nothing", "No run.")
    index, sections = read_index(store), [SECTION, other]
    text, again = (
        page(index, sections, comparisons(index, sections), "Some machine.", {"proof": "validation/proof.png"})
        for _ in range(2)
    )
    assert text == again
    assert "6 of 10 runs have ended." in text and "`dsr sweep proof seed=0`" in text
    (row,) = (line for line in text.splitlines() if line.startswith("| [A proof](#a-proof) | 6 of 10 | 3 |"))
    assert row.count(", met") == 1 and row.count(", missed") == 2 and row.count(", open") == 1
    assert "Not computed yet: not-there." in text and "dsr sweep proof" in text
    assert "![A proof](validation/proof.png)" in text and "| D_stsp | 0.5 | notebook | nobody |" in text


def test_a_count_of_runs_is_open_while_the_runs_that_are_left_decide():
    goal = Goal("", 3, "not lost", "var", of=6)
    assert [_of_count(goal, 0, runs) for runs in (2, 3, 4)] == ["open", "open", "missed"]
    assert _of_count(goal, 3, 6) == "met"


def test_the_matrix_places_each_system_and_marks_the_lost(found):
    figure = matrix(found)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 4
    names = [label.get_text() for label in panels[2].get_xticklabels()]
    assert names == ["ngrc", "var"]  # the one at the floor comes first
    exponents = panels[2].images[0].get_array()
    assert exponents[0, 0] == pytest.approx(0.01, abs=0.05)


@pytest.mark.parametrize(("losses", "crossed"), [((0.1, math.inf), True), ((0.1, 0.1, math.inf), False)])
def test_a_cross_stands_where_half_of_the_runs_were_lost(found, losses, crossed):
    cells = [replace(c, losses=dict(enumerate(losses))) for c in found.cells]
    axes = matrix(replace(found, cells=tuple(cells))).axes[0]
    assert len(axes.texts) == (2 if crossed else 0)


def test_a_cross_stands_for_the_lost_and_nothing_for_the_unknown():
    scores = {("a", "s", "D_stsp"): 0.5, ("b", "s", "D_stsp"): np.inf, ("a", "s", "lambda_1"): 0.1}
    first = score_matrix(["b", "a"], ["s"], scores).axes[0]
    assert [t.get_text() for t in first.texts] == ["\N{MULTIPLICATION SIGN}"] and first.texts[0].get_position() == (
        1,
        0,
    )
    assert first.images[0].get_array().mask.tolist() == [[False, True]]


def test_lines_of_families_stand_at_their_values(found):
    figure = along(found, SECTION)
    assert render(figure)[:4] == b"\x89PNG"


def test_a_logarithmic_axis_for_decades_words_apart_and_hollow_markers_for_losses():
    nan = float("nan")
    line = Line([10, 100, 1000], [1.0, 2.0, nan], [0.5, 1, nan], [2, 3, nan], [0, 2, 5], [None] * 3, [nan] * 3)
    axes = family_sweep({"D_H": {"m": line}}, swept_name="rows").axes[0]
    assert axes.get_xticks().tolist() == [1, 2, 3] and [t.get_text() for t in axes.get_xticklabels()][2] == "1,000"
    faces = [m.get_markerfacecolor() for m in axes.lines if m.get_marker() == "o" and len(m.get_xdata())]
    assert faces == ["#0072B2", "white", "white"]
    words = line._replace(at=["x", "xy", "xyz"])
    axes = family_sweep({"D_H": {"m": words}}, swept_name="seen").axes[0]
    assert axes.get_xticks().tolist() == [0, 1, 2]


def test_what_is_seen_goes_from_the_whole_to_the_least():
    assert sorted(["x", "x 3x10", "xyz", "xy"], key=_fullest_first) == ["xyz", "xy", "x 3x10", "x"]


def test_close_numbers_stand_apart():
    nan = float("nan")
    line = Line([0.0, 0.01, 0.02, 0.2], [1.0] * 4, [1.0] * 4, [1.0] * 4, [0] * 4, [None] * 4, [nan] * 4)
    axes = family_sweep({"D_H": {"m": line}}, swept_name="noise").axes[0]
    assert axes.get_xticks().tolist() == [0, 1, 2, 3] and axes.get_xticklabels()[1].get_text() == "0.01"


def test_densities_of_parts_of_an_observation_are_drawn_in_units_of_their_floors(found):
    axes = along(found, replace(SECTION, swept="data.columns")).axes[0]
    cell = next(c for c in found.cells if (c.contestant, c.measure) == ("ngrc", "D_stsp"))
    heights = [y for line in axes.lines for y in np.atleast_1d(line.get_ydata())]
    assert cell.median / cell.floor_high in heights and cell.median not in heights
    assert axes.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(1.0)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.recipe)
def test_the_command_for_one_run_computes_one_run(section):
    """What the page says of how to repeat a run is understood by the command, quotes and brackets too."""
    first = combinations(recipe(section.recipe))[0]
    words = [w for w in shlex.split(command(section, first))[3:] if not w.startswith(("data.file", "data.test_file"))]
    (one,) = combinations(recipe(section.recipe), words)
    assert one.spec == first.spec


def test_numbers_in_names_are_sorted_as_numbers(found):
    count = found.counts[0]
    names = ["alrnn, units=10", "alrnn, units=2", "alrnn"]
    shown = in_order([replace(count, contestant=name) for name in names])
    assert [c.contestant for c in shown] == ["alrnn", "alrnn, units=2", "alrnn, units=10"]
    assert in_order([replace(count, runs=2, unfinished=2)]) == []


def test_runs_that_collapsed_have_hollow_markers(found):
    """All linear models are lost, with numbers; no polynomial is."""
    axes = along(found, SECTION).axes[0]
    drawn = [m for m in axes.lines if m.get_marker() in "os" and len(m.get_xdata())]
    faces = {m.get_color(): m.get_markerfacecolor() for m in drawn}
    assert faces == {"#0072B2": "#0072B2", "#D55E00": "white"}


def test_five_panels_with_long_labels_fit_and_a_single_place_has_its_band():
    from dsr.measure import Floor

    one = Line([2], [3.0], [2.5], [3.5], [0], [Floor(0.03, 0.05, 0.08, 20, "true")], [float("nan")])
    names = ["D_stsp (nats)", "D_H", "lambda_1 (per time unit)", "Kaplan-Yorke dimension",
             "valid prediction time (Lyapunov times)"]  # fmt: skip
    figure = family_sweep({name: {"m": one} for name in names}, swept_name="rectified units")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    axes, below = figure.axes[0], figure.axes[2]
    assert axes.xaxis.label.get_window_extent().y0 > below.get_window_extent().y1
    band = axes.collections[0].get_datalim(axes.transData)
    assert band.width >= 1 and (band.y0, band.y1) == pytest.approx((0.03, 0.08))


def test_the_page_says_where_a_score_within_its_floor_tells_nothing(found):
    """Where phase surrogates and Gaussian noise lie within the floor."""
    assert "tells nothing" not in reached(found, SECTION)
    cells = tuple(replace(c, surrogate=0.0, gaussian=0.0) if c.measure == "D_stsp" else c for c in found.cells)
    assert "(a score within this floor tells nothing)" in reached(replace(found, cells=cells), SECTION)


def test_a_family_that_failed_everywhere_at_a_value_stands_at_the_upper_edge(found):
    def without(cell):
        return replace(cell, values=0, median=math.nan, q1=math.nan, q3=math.nan, rows=())

    failed = replace(found, cells=tuple(without(c) if c.contestant == "ngrc" else c for c in found.cells))
    before, after = (along(one, SECTION).legends[0].get_texts() for one in (found, failed))
    assert [t.get_text() for t in before] == [t.get_text() for t in after] == ["ngrc", "var"]


def test_the_best_family_is_drawn_at_the_top_and_those_without_a_number_at_the_bottom(found):
    cells = [c for c in found.cells if c.measure == "D_stsp"]
    (ngrc, var) = sorted({c.contestant for c in cells})
    lost = replace(found, cells=[replace(c, median=math.nan) if c.contestant == ngrc else c for c in cells])
    names = [label.get_text() for label in best_first(found, SECTION).axes[0].get_yticklabels()]
    medians = {c.contestant: c.median for c in cells}
    assert names == sorted(medians, key=medians.get)
    assert [t.get_text() for t in best_first(lost, SECTION).axes[0].get_yticklabels()] == [var, ngrc]
