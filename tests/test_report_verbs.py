"""`dsr report` and `dsr figures` of several runs: the page and the figures of their comparison; what is refused."""

from __future__ import annotations

import itertools

import pytest
from run_folders import write_run

from dsr.errors import SpecError, StoreError
from dsr.runs.compare.comparison import OF_COMPARISON, compare
from dsr.runs.compare.index import read_index
from dsr.runs.compare.pictures import INTERVAL, pictures, sweep_pictures, task_pictures
from dsr.runs.compare.sweeps import sweeps
from dsr.runs.drawing.command import figures
from dsr.runs.manifest import seal
from dsr.runs.reporting import report
from dsr.runs.store import RunStore

UNITS = (1, 2, 4, 8)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> RunStore:
    """ALRNNs with more and more ReLU units, one of them diverged, and an esn; two seeds each."""
    store = RunStore(tmp_path_factory.mktemp("store"))
    truths = {"lambda_1": 0.9, "lambda_2": 0.0}
    for seed in (0, 1):
        for units in UNITS:
            values = {"D_stsp": 1.0 / units + 0.1 * seed, "lambda_1": 0.9 - 0.1 / units, "lambda_2": -0.01}
            write_run(store, "lorenz63", "alrnn", seed, values, truths=truths, model={"relu_units": units})
        write_run(store, "lorenz63", "esn", seed, {"D_stsp": 0.3, "lambda_1": 0.91, "lambda_2": 0.0}, truths=truths)
    lost = {"D_stsp": float("nan"), "lambda_1": float("nan"), "lambda_2": float("nan")}
    write_run(store, "lorenz63", "alrnn", 2, lost, truths=truths, outcome="diverged", model={"relu_units": 8})
    return store


@pytest.fixture(scope="module")
def found(store):
    return compare(read_index(store, OF_COMPARISON))


def test_a_setting_that_alone_takes_several_values_is_a_sweep(found):
    (sweep,) = sweeps(found.counts)
    assert (sweep.key, sweep.values, sweep.fixed) == ("model.relu_units", UNITS, "lorenz63, alrnn")
    assert [name.rpartition("=")[2] for _, name in sweep.places] == [str(u) for u in UNITS]


def test_two_settings_that_change_together_are_no_sweep(tmp_path):
    store = RunStore(tmp_path)
    for units in UNITS:
        both = {"model": {"relu_units": units}, "training": {"steps": 100 * units}}
        write_run(store, "lorenz63", "alrnn", 0, {"D_stsp": 1.0}, **both)
    assert sweeps(compare(read_index(store, OF_COMPARISON)).counts) == []


def test_a_sweep_over_the_length_of_the_data_runs_across_tasks(tmp_path):
    store = RunStore(tmp_path)
    for rows in (500, 1000, 2000):
        write_run(store, "rossler", "esn", 0, {"D_stsp": 1.0}, data={"system": "rossler", "train": rows})
    counts = compare(read_index(store, OF_COMPARISON)).counts
    (sweep,) = sweeps(counts)
    assert (sweep.key, sweep.values) == ("data.train", (500, 1000, 2000)) and len({c.task for c in counts}) == 3


def test_two_settings_of_one_word_make_sweeps_with_names_of_their_own(tmp_path):
    store, noises = RunStore(tmp_path), (0.0, 0.05, 0.1)
    for data, training in itertools.product(noises, noises):
        noise = {"data": {"noise": data}, "training": {"noise": training}}
        write_run(store, "lorenz63", "alrnn", 0, {"D_stsp": 1.0}, **noise)
    found = compare(read_index(store, OF_COMPARISON))
    assert [(s.key, s.fixed) for s in sweeps(found.counts)] == [
        *(("data.noise", f"lorenz63, alrnn, noise={x:g}") for x in noises),
        *(("training.noise", f"lorenz63, noise={x:g}, alrnn") for x in noises),
    ]
    told = figures(["model=alrnn"], str(store.root), out=str(tmp_path / "figures"), formats="svg")
    assert len(told["written"]) == len(list(pictures(found))) == len(list((tmp_path / "figures").iterdir()))


def test_sweeps_that_no_word_tells_apart_are_told_by_their_range(tmp_path):
    """Here a number of rows is a part of no name, as every noise stands with one of them."""
    store = RunStore(tmp_path)
    for rows, noises in ((500, (0.0, 0.1, 0.2)), (1000, (0.3, 0.4, 0.5))):
        for noise in noises:
            write_run(store, "lorenz63", "alrnn", 0, {"D_stsp": 1.0}, data={"noise": noise, "train": rows})
    found = sweeps(compare(read_index(store, OF_COMPARISON)).counts)
    assert [s.fixed for s in found] == ["lorenz63, alrnn, 0 to 0.2", "lorenz63, alrnn, 0.3 to 0.5"]


def test_a_parameter_of_the_system_is_swept_with_the_others_in_its_name(tmp_path):
    store = RunStore(tmp_path)
    for rho in (25.0, 28.0, 31.0):
        given = {"parameters": {"beta": 2.0, "rho": rho, "sigma": 10.0}}
        write_run(store, "lorenz63", "alrnn", 0, {"D_stsp": 1.0}, data=given)
    (sweep,) = sweeps(compare(read_index(store, OF_COMPARISON)).counts)
    assert (sweep.key, sweep.fixed) == ("data.parameters.rho", "lorenz63, beta=2, sigma=10, alrnn")


def test_the_sweep_is_drawn_with_its_medians_its_floor_and_what_was_lost(found):
    (picture,) = sweep_pictures(found)
    (axes,) = picture.figure.axes
    x, y = axes.containers[0].lines[0].get_data()
    assert x.tolist() == list(UNITS) and y == pytest.approx([1.0 / u + 0.05 for u in UNITS])
    assert [t.get_text() for t in axes.texts] == ["1 lost"]
    assert "8: 0.175 (1 lost)" in picture.alt and "grey: floor" in picture.caption


def test_collapsed_runs_of_a_sweep_are_lost_though_they_have_a_number(tmp_path):
    store, outcomes = RunStore(tmp_path), ("chaotic", "cycle", "fixed point")
    for noise, outcome in zip((0.0, 0.1, 0.2), outcomes, strict=True):
        for seed in range(3):
            fate = outcome if seed or noise == 0.2 else "chaotic"
            write_run(store, "lorenz63", "esn", seed, {"D_stsp": 1.0 + noise}, outcome=fate, data={"noise": noise})
    write_run(store, "lorenz63", "esn", 3, {}, state="failed", data={"noise": 0.1})
    (picture,) = sweep_pictures(compare(read_index(store, OF_COMPARISON)))
    (axes,) = picture.figure.axes
    assert [t.get_text() for t in axes.texts] == ["3 lost", "3 lost"]
    (hollow,) = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert hollow.get_xydata().tolist() == [[0.1, 1.1], [0.2, 1.2]]
    assert "Hollow: runs were lost there" in picture.caption and "0.2: 1.2 (3 lost)" in picture.alt


def test_several_runs_give_the_page_of_their_comparison(store, tmp_path):
    page = report(["model=alrnn,esn"], str(store.root), out=None)
    assert page == store.root / "comparison.html"
    html = page.read_text()
    names = ("lorenz63-D-stsp", "lorenz63-lambda-1", "lorenz63-lyapunov-spectra", "sweep-model-relu-units")
    assert all(f'<figure id="figure-{name}' in html for name in names)
    runs = [f.path.name for f in store.runs()]
    other = report(runs[:2], str(store.root), out=str(tmp_path / "two.html"))
    assert other.read_text().startswith("<!DOCTYPE html>")


def test_figures_of_several_runs_are_written_for_print(store, tmp_path):
    told = figures(["seed=0..2"], str(store.root), out=str(tmp_path), formats="pdf,svg")
    names = {path.rsplit("/", 1)[-1] for path in told["written"]}
    assert {"lorenz63-lyapunov-spectra.pdf", "lorenz63-D_stsp.svg"} <= names and len(names) == len(
        list(tmp_path.iterdir())
    )
    assert any(name.startswith("sweep-model.relu_units") for name in names)
    with pytest.raises(SpecError, match="lorenz63-D_stsp"):
        figures(["seed=0..2"], str(store.root), only="lorenz63-D_stp")


def test_figures_are_refused_where_one_would_overwrite_another(tmp_path):
    store = RunStore(tmp_path)
    for name in ("my data", "my-data"):
        write_run(store, name, "esn", 0, {"D_stsp": 1.0})
    with pytest.raises(SpecError, match=r"'my-data-D_stsp'; accepted: .*; next: .*system=NAME"):
        figures(["model=esn"], str(store.root), out=str(tmp_path / "figures"))
    assert len(figures(["system=my-data"], str(store.root), out=str(tmp_path / "figures"))["written"]) == 1


def test_what_does_not_go_together_is_refused_with_what_to_type(store):
    run, root = store.runs()[0].path.name, str(store.root)
    with pytest.raises(SpecError, match="copy report"):
        report([run], root, out="x.html")
    with pytest.raises(StoreError, match="match 'lorenz63-'"):
        report(["lorenz63-"], root, out=None)


@pytest.mark.parametrize("status", ["junk", "[1]", '{"failures": 1}'])
def test_a_report_of_a_run_whose_state_cannot_be_read_is_refused(tmp_path, status):
    folder = write_run(RunStore(tmp_path), "lorenz63", "esn", 0, {"D_stsp": 1.0})
    folder.write("status.json", status)
    with pytest.raises(StoreError, match=r"is damaged \(status.json\); accepted: .*; next: .*: dsr run .*spec.toml"):
        report([str(folder.path)], str(tmp_path), out=None)


def test_a_report_of_results_that_were_changed_is_refused(tmp_path):
    folder = write_run(RunStore(tmp_path), "lorenz63", "esn", 0, {"D_stsp": 1.0})
    seal(folder)
    folder.write("measures.json", "{}")
    with pytest.raises(StoreError, match=r"is damaged \(measures.json\)"):
        report([folder.path.name], str(tmp_path), out=None)


@pytest.mark.parametrize("count", [2, 7])
def test_spectra_have_the_intervals_of_the_medians(tmp_path, count):
    """One of five seeds far below makes them lopsided."""
    store, moves = RunStore(tmp_path), (0.0, 0.1, 0.2, 0.3, -3.0)
    truths = {f"lambda_{i}": 1.0 - i for i in range(1, 1 + count)}
    for seed, move in enumerate(moves):
        write_run(store, "big", "esn", seed, {name: x + move for name, x in truths.items()}, truths=truths)
    cells = {c.measure: c for c in compare(read_index(store, OF_COMPARISON)).cells}
    assert (cells["lambda_1"].median, cells["lambda_1"].low, cells["lambda_1"].high) == (0.1, -3.0, 0.3)
    picture = next(p for p in task_pictures(compare(read_index(store, OF_COMPARISON)), "big") if "spectra" in p.name)
    assert f"median over seeds with its {INTERVAL} interval" in picture.caption
    if count == 2:
        lines = [line for axes in picture.figure.axes for line in axes.lines]
        bars = [line.get_xdata() for line in lines if line.get_lw() == 1.2 and len(line.get_xdata()) == 2]
    else:
        (axes,) = picture.figure.axes
        bars = [segment[:, 1] for segment in axes.containers[0].lines[2][0].get_segments()]
    expected = [(cells[name].low, cells[name].high) for name in truths]
    assert len(bars) == count and all(tuple(bar) == pytest.approx(e) for bar, e in zip(bars, expected, strict=True))


def test_a_page_of_many_counts_tasks_and_contestants(tmp_path):
    store = RunStore(tmp_path)
    for i in range(7):
        write_run(store, "lorenz63", "esn", 0, {"D_stsp": 1.0}, data={"noise": 0.1 * i})
    report([], str(tmp_path), out=str(tmp_path / "c.html"))
    html = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "<h1>Comparison of esn on 7 tasks</h1>" in html and "7 runs: 1 contestant on 7 tasks" in html


def test_a_forest_says_how_many_runs_its_dots_stand_for_and_how_many_of_them_were_lost(tmp_path):
    store = RunStore(tmp_path)
    for seed in range(3):
        fate = "fixed point" if seed == 2 else "chaotic"
        write_run(store, "big", "esn", seed, {"D_stsp": 0.1 + seed}, outcome=fate)
    write_run(store, "big", "alrnn", 0, {"D_stsp": 0.3})
    found = compare(read_index(store, OF_COMPARISON))
    picture = next(p for p in task_pictures(found, "big") if p.name == "big-D_stsp")
    assert {t.get_text() for t in picture.figure.axes[0].texts} == {"1 run", "1 lost"}
    assert "(1 to 3 runs each)" in picture.caption and "Lost: diverged, at rest" in picture.caption
