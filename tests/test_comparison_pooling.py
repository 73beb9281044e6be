"""Comparisons: contestants that failed altogether, what counts as the same setting, and what the notes say of both."""

import math
import re
from dataclasses import replace

import pytest
from run_folders import write_run

from dsr.runs.compare.command import compare_runs, list_runs
from dsr.runs.compare.comparison import compare
from dsr.runs.compare.grids import cell_texts
from dsr.runs.compare.index import read_index
from dsr.runs.compare.page_tables import task_table
from dsr.runs.compare.pictures import task_pictures
from dsr.runs.store import RunStore
from dsr.runs.validation.section import Section
from dsr.runs.validation.tables import reached

SYSTEMS = "abcd"
TRUTHS = {"lambda_1": 0.9}
VALUES = {"D_stsp": 0.1, "lambda_1": 0.91, "D2": 2.0}  # of D2 there is no truth


def fill(store, failing, models=("esn", "var")):
    """The esn scores better, but `failing` of its two seeds fail on the last system."""
    for system in SYSTEMS:
        for seed in range(2):
            lost = system == SYSTEMS[-1] and seed < failing
            state = {"state": "failed"} if lost else {}
            write_run(store, system, "esn", seed, {} if lost else VALUES, truths=TRUTHS, **state)
            for model in models[1:]:
                worse = {"D_stsp": 0.5, "lambda_1": 0.8 if model == "var" else math.nan, "D2": 1.5}
                write_run(store, system, model, seed, worse, truths=TRUTHS)


def compared(root, failing, **more):
    store = RunStore(root / str(failing))
    fill(store, failing, **more)
    return compare(read_index(store))


def test_failing_altogether_ranks_no_better_than_failing_once(tmp_path):
    once, altogether = compared(tmp_path, 1), compared(tmp_path, 2)
    for found in (once, altogether):
        ranking = found.rankings["D_stsp"]
        assert ranking.systems == tuple(SYSTEMS)
        assert dict(zip(ranking.names, ranking.mean_ranks, strict=True)) == {"esn": 1.25, "var": 1.75}
        (across,) = [t for t in found.tests if (t.measure, t.scope) == ("D_stsp", "all systems")]
        assert across.pairs == len(SYSTEMS)
    (cell,) = [c for c in altogether.cells if (c.task, c.contestant, c.measure) == ("d", "esn", "D_stsp")]
    assert cell.losses == {0: math.inf, 1: math.inf} and (cell.values, cell.runs) == (0, 2)
    assert math.isnan(cell.median) and (cell.floor_median, cell.surrogate) == (0.05, 2.0)
    assert not any("leave out" in note for note in altogether.notes)


def test_what_failed_has_no_loss_where_nothing_is_compared(tmp_path):
    """D2 has no truth here; and a parrot has no exponents anywhere, so its failures lose none."""
    store = RunStore(tmp_path)
    fill(store, 2, models=("esn", "parrot"))
    for seed in range(2):
        write_run(store, "e", "esn", seed, VALUES, truths=TRUTHS)
        write_run(store, "e", "parrot", seed, {}, state="failed")
    cells = {(c.task, c.contestant, c.measure): c for c in compare(read_index(store)).cells}
    assert cells["d", "esn", "D2"].losses == {} and cells["d", "esn", "D_stsp"].losses
    assert cells["e", "parrot", "lambda_1"].losses == {} and cells["e", "parrot", "D_stsp"].losses


def test_who_has_failed_on_all_systems_is_last(tmp_path):
    store = RunStore(tmp_path)
    fill(store, 0)
    for system in SYSTEMS:
        write_run(store, system, "broken", 0, {}, state="failed")
        write_run(store, system, "waiting", 0, {}, state="running")
    found = compare(read_index(store))
    assert found.rankings["D_stsp"].names == ("esn", "var", "broken")
    assert not any(c.contestant == "waiting" for c in found.cells)


def test_tables_page_and_figures_show_what_has_failed_without_a_number(tmp_path):
    found = compared(tmp_path, 2)
    (cell,) = [c for c in found.cells if (c.task, c.contestant, c.measure) == ("d", "esn", "lambda_1")]
    assert cell_texts(cell)[:6] == ("esn", "0/2", "none", "", "", "0.900")
    options = {"by": "model", "measures": None, "out": None, "baseline": None, "table": "measures"}
    for form in ("markdown", "latex", "csv", "json", "rich", "html"):
        text = compare_runs(str(tmp_path / "2"), [], form=form, **options)
        assert "nan" not in re.sub('base64,[^"]*', "", text).lower(), form
    assert '<td class="lost">0/2</td>' in text
    pictures = task_pictures(found, "d")
    assert len(pictures) == 2 and all("esn none" in p.alt and "nan" not in p.alt for p in pictures)


def test_values_that_agree_in_six_digits_are_told_apart(tmp_path):
    store = RunStore(tmp_path)
    for alpha in (0.1, 0.1 + 1e-9, 1 / 3):
        write_run(store, "a", "esn", 0, {"D_stsp": 1.0}, training={"alpha": alpha})
        for by in ("model", "training.alpha"):
            counts = compare(read_index(store), by=[by]).counts
            assert [c.runs for c in counts] == [1] * len(counts) and len(counts) == len(store.runs())
    assert [c.contestant.partition("=")[2] for c in counts] == ["0.1", "0.100000001", "0.333333333"]


def test_labels_have_six_digits_where_these_suffice(tmp_path):
    store = RunStore(tmp_path)
    for alpha in (1 / 3, 2 / 3, 1):
        write_run(store, "a", "esn", 0, {"D_stsp": 1.0}, training={"alpha": alpha})
    names = compare(read_index(store)).contestants
    assert names == ("esn, alpha=0.333333", "esn, alpha=0.666667", "esn, alpha=1")


def test_parameters_of_a_system_that_agree_in_six_digits_make_two_tasks(tmp_path):
    store = RunStore(tmp_path)
    for a in (1.4, 1.4000001, 28.0):
        write_run(store, "henon", "esn", 0, {"D_stsp": 1.0}, data={"parameters": {"a": a}})
    assert compare(read_index(store)).tasks == ("henon (a=1.4)", "henon (a=1.4000001)", "henon (a=28)")


def test_a_setting_written_as_35_and_as_35_0_is_not_two_seeds(tmp_path):
    store = RunStore(tmp_path)
    for seed, rho, state in ((0, 35.0, "finished"), (0, 35, "failed"), (1, 35, "finished"), (1, 35.0, "running")):
        write_run(store, "lorenz63", "esn", seed, {"D_stsp": 1.0}, data={"parameters": {"rho": rho}}, state=state)
    found = compare(read_index(store))
    (count,), (cell,) = found.counts, found.cells
    assert (count.runs, count.failed, count.unfinished, count.seeds) == (2, 0, 0, (0, 1)) and cell.values == 2
    assert sum(note.startswith("2 runs with seed and settings of another") for note in found.notes) == 1


MIXED = "Settings that differ between systems under one name: "


def mixed(store):
    return [note.removeprefix(MIXED) for note in compare(read_index(store)).notes if note.startswith(MIXED)]


def test_settings_that_differ_between_systems_under_one_name_are_named(tmp_path):
    store = RunStore(tmp_path)
    for system, units in (("a", 50), ("b", 60)):
        write_run(store, system, "esn", 0, {"D_stsp": 1.0}, model={"units": units}, data={"dt": units, "train": units})
        write_run(store, system, "var", 0, {"D_stsp": 1.0}, analysis={"bins": units})
        assert mixed(store) == ([] if units == 50 else ["units of esn."])


def test_many_settings_that_differ_make_one_short_sentence(tmp_path):
    store = RunStore(tmp_path)
    for i, system in enumerate("ab"):
        for j in range(9):
            write_run(store, system, f"m{j}", 0, {"D_stsp": 1.0}, model={f"s{k}": i for k in range(9)})
    assert mixed(store) == ["s0, s1, s2, s3, 5 more of m0, m1, m2, m3, 5 more."]
    for i, system in enumerate("ab"):
        for j in range(9):
            write_run(store, system, f"n{j}", 0, {"D_stsp": 1.0}, model={f"t{j}": i})
    (told,) = mixed(store)
    assert told.endswith("; t0 of n0; t1 of n1; t2 of n2; 6 more.")


def test_a_killed_run_has_the_same_name_in_lists_and_comparisons(tmp_path):
    """Nobody holds a claim on what a killed process left running."""
    store = RunStore(tmp_path)
    write_run(store, "a", "esn", 0, VALUES, truths=TRUTHS)
    write_run(store, "a", "esn", 1, {}, state="running")
    assert "interrupted" in list_runs(str(tmp_path), ["seed=1"], {}, as_json=False)
    options = {"by": "model", "measures": None, "out": None, "baseline": None, "table": "measures"}
    text = compare_runs(str(tmp_path), [], form="markdown", **options)
    assert "- 1 unfinished run is left out: 1 interrupted." in text


def test_a_run_that_came_to_rest_ranks_last_without_a_number_too(tmp_path):
    """A map that contracts to a point at once has exponents of minus infinity, stored as none."""
    store = RunStore(tmp_path)
    fill(store, 0)
    for seed in range(2):
        values = {"D_stsp": 0.3, "lambda_1": math.nan, "valid prediction time": math.nan}
        for system in SYSTEMS:
            write_run(store, system, "climatology", seed, values, truths=TRUTHS, outcome="fixed point")
            write_run(store, system, "parrot", seed, values, truths=TRUTHS)
    cells = {(c.contestant, c.measure): c for c in compare(read_index(store)).cells if c.task == "a"}
    assert cells["climatology", "lambda_1"].losses == {0: math.inf, 1: math.inf}
    assert cells["climatology", "valid prediction time"].losses == {}  # forecasts are compared as they are
    assert cells["parrot", "lambda_1"].losses == {}


@pytest.mark.parametrize("states", [("finished", "failed"), ("finished", "running"), ("failed", "running")])
@pytest.mark.parametrize("experiments", ["ab", "ba"])
def test_of_a_run_in_two_experiments_the_one_that_got_furthest_counts(tmp_path, states, experiments):
    store = RunStore(tmp_path)
    write_run(store, "a", "esn", 1, {"D_stsp": 0.3})
    for state, experiment in zip(states, experiments, strict=True):
        write_run(store, "a", "esn", 0, {"D_stsp": 0.1}, state=state, experiment=experiment)
    found = compare(read_index(store))
    ((count,), (cell,)) = found.counts, found.cells
    finished = states[0] == "finished"
    assert (count.runs, count.failed, count.unfinished) == (2, 0 if finished else 1, 0)
    assert cell.losses == {0: 0.1 if finished else math.inf, 1: 0.3}
    assert not any("unfinished" in note for note in found.notes)


def test_what_cannot_be_ranked_or_tested_is_said(tmp_path):
    """One stray run of a third contestant takes the ranks; two that share no seed have no test."""
    store = RunStore(tmp_path)
    for system in "abcd":
        for seed in range(3):
            write_run(store, system, "esn", seed, {"D_stsp": 0.1, "D_H": 0.1})
            write_run(store, system, "ngrc", seed, {"D_stsp": 0.2, "D_H": 0.1})
    write_run(store, "a", "var", 0, {"D_stsp": 0.3})
    write_run(store, "d", "esn", 9, {"lambda_1": 0.8}, truths=TRUTHS)
    found, said = compare(read_index(store)), "No test within a system, for want of two shared seeds: "
    assert set(found.rankings) == {"D_H"}
    assert [note for note in found.notes if note.startswith("No ")] == [
        f"{said}esn and var on a; ngrc and var on a.",
        "No ranks in D_stsp, as fewer than two systems have runs of all contestants: var has runs to compare on 1 of "
        "4.",
    ]
    against = compare(read_index(store), ["system=a"], baseline="esn")
    assert not against.rankings and [n for n in against.notes if n.startswith("No ")] == [f"{said}esn and var on a."]


def test_measures_of_several_definitions_are_named(tmp_path):
    store = RunStore(tmp_path)
    for model in ("esn", "var"):
        folder = write_run(store, "a", model, 0, VALUES, truths=TRUTHS)
        assert not any("definitions" in note for note in compare(read_index(store)).notes)
    tree = folder.read_json("measures.json")
    tree["rows"][0]["reconstruction"]["version"] = 2
    folder.write_json("measures.json", tree)
    (note,) = [note for note in compare(read_index(store)).notes if "definitions" in note]
    assert note.startswith("Measures of several definitions: D_stsp in versions 1, 2. Of one")
    assert not any("definitions" in note for note in compare(read_index(store), measures=["lambda_1"]).notes)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("independent trajectories", "3 pairs of true trajectories .* needs 20: data.floor_trajectories=20."),
        ("stretches of the training record (length 600)", "3 pairs of stretches .* or data.truth."),
        ("chance: stretches of the same record used as forecasts", None),
    ],
)
def test_what_gives_more_pairs_is_said_of_the_pairs_there_are(tmp_path, kind, said):
    store = RunStore(tmp_path)
    folder = write_run(store, "a", "esn", 0, {"D_stsp": 0.06})
    tree = folder.read_json("measures.json")
    tree["rows"][0]["reconstruction"]["floor"] |= {"pairs": 3, "kind": kind}
    folder.write_json("measures.json", tree)
    found = [note for note in compare(read_index(store)).notes if note.startswith("Floors come from")]
    assert len(found) == (said is not None)
    assert said is None or re.fullmatch(f"Floors come from {said}", found[0])


# Scores that noise reaches, too


def test_a_score_tells_nothing_only_within_a_floor_that_noise_lies_within(tmp_path):
    """Neither a forecast, whose floor is a level of chance, nor a score far above its floor is marked; runs below the
    floor are counted among all, with the one that failed."""
    store, section = RunStore(tmp_path), Section("x", "X", "Two runs.", measures=("D_stsp",))
    for seed in range(2):
        write_run(store, "a", "esn", seed, {"D_stsp": 0.06})
    write_run(store, "a", "esn", 2, {}, state="failed")
    index = read_index(store)
    found = compare(index)
    near = replace(found.cells[0], surrogate=0.07, gaussian=0.06)
    far = replace(near, median=15.9, within_floor=0)
    chance = replace(near, median=2.28, floor_high=0.0, surrogate=0.0, gaussian=0.0, floor_kind="chance: of forecasts")
    told = {"near": (True, True), "far": (True, False), "chance": (False, False)}
    for cell, (noise, nothing) in zip((near, far, chance), told.values(), strict=True):
        alone = replace(found, cells=(cell,))
        assert (cell.noise_within_floor, cell.tells_nothing) == (noise, nothing)
        assert ("such a score tells nothing" in task_table(alone, "a", index)) == nothing
        assert ("a score within this floor tells nothing" in reached(alone, section)) == noise
        assert ("at the floor" in reached(alone, section)) != nothing
        assert f"{cell.within_floor} of 3" in task_table(alone, "a", index)
