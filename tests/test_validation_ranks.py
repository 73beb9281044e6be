"""Ranks over systems on the validation page: who is first, who stands at the floor, who is not told apart."""

from dataclasses import replace

import numpy as np
import pytest

from dsr.runs.compare.index import read_index
from dsr.runs.execute import execute
from dsr.runs.figures import render
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.sweep.plan import combinations
from dsr.runs.validation.figures import draw, matrix
from dsr.runs.validation.page import comparison, comparisons, page, status
from dsr.runs.validation.ranks import diagrams, summary
from dsr.runs.validation.section import Section

DATA = {"train": 1500, "validation": 400, "test": 2000, "floor_trajectories": 3}
ANALYSIS = {"starts": 5, "lyapunov_steps": 400, "lyapunov_members": 2}
SECTION = Section(
    "ranked", "Ranked", "Two models of two maps.", measures=("D_stsp", "lambda_1"), figure="matrix", details=False
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A polynomial, which is exact for both maps, and a linear model."""
    found = RunStore(tmp_path_factory.mktemp("ranks"))
    for model in ({"name": "ngrc", "lags": 1, "degree": 2}, {"name": "var"}):
        for system in ("henon", "tinkerbell"):
            data = DATA | {"system": system}
            tree = {"data": data, "model": model, "analysis": ANALYSIS, "seed": 0, "experiment": "ranked"}
            execute(parse(tree), found, report=False)
    return found


@pytest.fixture(scope="module")
def found(store):
    return comparison(read_index(store), SECTION)


def test_the_better_model_of_every_system_has_rank_one(found):
    lines = [line for line in summary(found, SECTION).splitlines() if line.startswith("| ")][2:]
    first, second = (line.strip("| ").split(" | ") for line in lines)
    assert first[0] == "ngrc" and second[0] == "var"
    assert first[-2].startswith("1.00") and first[-1].startswith("1.00")
    assert second[-2].startswith("2.00") and second[-1].startswith("2.00")
    assert first[1:4] == ["2", "2", "0"] and second[1:4] == ["2", "2", "2"]


def test_the_floor_is_that_of_each_system(found):
    """The exact model is at the floor; the linear one is nowhere."""
    cells = {(c.contestant, c.task): c for c in found.cells if c.measure == "D_stsp"}
    at = [c.median <= c.floor_high for (name, _), c in sorted(cells.items()) if name == "ngrc"]
    lines = summary(found, SECTION).splitlines()
    assert f"| {sum(at)} of 2 |" in next(line for line in lines if line.startswith("| ngrc"))
    assert "| 0 of 2 |" in next(line for line in lines if line.startswith("| var"))
    assert sum(at) > 0


def test_a_run_without_an_exponent_counts_among_all(found):
    """Of the two systems one has no number now: it is still one of two."""
    lost = [replace(c, values=0, agree=None) if c.task == "henon" else c for c in found.cells]
    left = next(c for c in found.cells if (c.contestant, c.task, c.measure) == ("ngrc", "tinkerbell", "lambda_1"))
    row = next(r for r in summary(replace(found, cells=tuple(lost)), SECTION).splitlines() if r.startswith("| ngrc"))
    assert row.split(" | ")[-3] == f"{left.agree} of 2"


def test_two_systems_tell_nobody_apart(found):
    """Two signs can give no p below 1/2: both models share a letter and a bar."""
    text = summary(found, SECTION)
    assert text.count("1.00 a") == 2 and text.count("2.00 a") == 2
    drawn = diagrams(found, SECTION)
    assert set(drawn) == {"D_stsp", "lambda_1"}
    bars = [line for line in drawn["D_stsp"].axes[0].lines if line.get_gid() == "group"]
    assert len(bars) == 1 and render(drawn["D_stsp"])[:4] == b"\x89PNG"


def test_the_page_shows_ranks_first_and_opens_the_systems(store, monkeypatch):
    sweep = {"model": ["ngrc", "var", "climatology"], "system": ["henon", "tinkerbell"]}
    monkeypatch.setattr("dsr.runs.validation.page.recipe", lambda name: {"data": DATA, "sweep": sweep})
    index = read_index(store)
    there = comparisons(index, [SECTION])
    pictures = {name: f"validation/{name}.png" for name in draw(there)}
    assert set(pictures) == {"ranked", "ranked-ranks-D_stsp", "ranked-ranks-lambda_1"}
    text = page(index, [SECTION], there, "Some machine.", pictures)
    assert text.index("at the floor**") < text.index("<summary>every system</summary>") < text.index("| tinkerbell")
    assert "![Mean ranks by lambda_1](validation/ranked-ranks-lambda_1.png)" in text
    assert "4 of 6 runs have ended" in text and "until they have run on every system: climatology." in text


def test_a_model_that_has_not_run_on_every_system_is_not_ranked(store, found, tmp_path):
    """One run of a third model on one system would leave a single system to rank over."""
    index = read_index(store)
    assert comparison(index, SECTION).rankings["D_stsp"].systems == found.rankings["D_stsp"].systems
    tree = {"data": DATA | {"system": "henon"}, "model": {"name": "climatology"}, "analysis": ANALYSIS, "seed": 0}
    execute(parse(tree | {"experiment": "ranked"}), store, report=False)
    ranking = comparison(read_index(store), SECTION).rankings["D_stsp"]
    assert ranking.names == found.rankings["D_stsp"].names and len(ranking.systems) == 2


def test_seeds_that_not_all_have_wait(store, found):
    """Of two runs one lost is half of them, of one it is all: unequal numbers of seeds are no equal chances."""
    tree = {"data": DATA | {"system": "henon"}, "model": {"name": "var"}, "analysis": ANALYSIS, "seed": 1}
    execute(parse(tree | {"experiment": "ranked"}), store, report=False)
    more = comparison(read_index(store), SECTION)
    assert {seed for c in more.counts for seed in c.seeds} == {0}
    sweep = {"model": ["ngrc", "var"], "system": ["henon", "tinkerbell"], "seed": "0..1"}
    planned = combinations({"data": DATA, "experiment": "ranked", "sweep": sweep})
    text = status(more, planned, {"ngrc": 2, "var": 3}, SECTION)
    assert "1 of these runs have seeds that not every model has" in text and "**Seed 0 alone" in text


def test_a_system_whose_baselines_lie_on_the_floor_counts_for_nobody(found):
    """The density of such a system is left out of the counts, and blank in the figure where it is within the floor."""
    kept = [replace(c, losses={0: c.median}) for c in found.cells]  # as if no run were lost
    cells = [replace(c, gaussian=0.0, surrogate=0.0) if c.task == "henon" else c for c in kept]
    told = {(c.task, c.measure): c.tells_nothing for c in cells if c.contestant == "ngrc"}
    assert told["henon", "D_stsp"] and not told["tinkerbell", "D_stsp"]
    lines = summary(replace(found, cells=tuple(cells)), SECTION).splitlines()
    assert " of 1 |" in next(line for line in lines if line.startswith("| ngrc"))
    axes = matrix(replace(found, cells=tuple(cells))).axes[0]
    shown = axes.images[0].get_array()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert np.ma.getmaskarray(shown)[names.index("henon")].tolist() == [True, False]  # one within the floor, one far
    assert not np.ma.getmaskarray(shown)[names.index("tinkerbell")].any()
    unsure = replace(found, cells=tuple(replace(c, error=np.nan) for c in cells))  # scores such as D_H have no error
    blank = np.ma.getmaskarray(matrix(unsure).axes[0].images[0].get_array())
    assert blank[names.index("henon")].tolist() == [True, False]
