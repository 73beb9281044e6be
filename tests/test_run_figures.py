"""The verb `dsr figures`: every figure that applies to a run is written, the others are named with their reasons."""

from __future__ import annotations

import importlib
import io
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.patches import Circle

from dsr.errors import SpecError, StoreError
from dsr.models import ShallowPLRNN
from dsr.runs.drawing import KINDS, NotApplicable, RunMaterial
from dsr.runs.drawing.command import figures, figures_to_files, lines
from dsr.runs.drawing.kinds import draw
from dsr.runs.execute import _history_csv, execute
from dsr.runs.export import export
from dsr.runs.figures.style import RECONSTRUCTION, TRUTH
from dsr.runs.report import history_summary
from dsr.runs.spec import parse
from dsr.runs.store import RunFolder, RunStore
from dsr.runs.weights import load_model
from dsr.series import TimeSeries
from dsr.systems import get_system
from dsr.training.history import Check, History

DATA = {"system": "lorenz63", "train": 1500, "validation": 300, "test": 2500, "floor_trajectories": 1}
HENON = """[system]
time = "map"
[parameters]
a = 1.4
b = 0.3
[equations]
x = "1 - a*x**2 + y"
y = "b*x"
"""
ANALYSIS = {"lyapunov_steps": 50, "lyapunov_members": 2, "starts": 5}


@pytest.fixture(scope="module")
def polynomial(tmp_path_factory) -> RunMaterial:
    """A small run from end to end."""
    spec = parse({"data": DATA, "analysis": ANALYSIS, "model": {"name": "ngrc"}})
    return RunMaterial(execute(spec, RunStore(tmp_path_factory.mktemp("store"))).folder)


@pytest.fixture(scope="module")
def lozi() -> RunMaterial:
    """The Lozi map x' = 1 - 1.7 |x| + y, y' = 0.5 x as a piecewise-linear model, and a record of its own."""
    model = ShallowPLRNN(obs_dim=2, hidden_dim=4)
    with torch.no_grad():
        model.A.zero_()
        model.W2.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        model.W1.copy_(torch.tensor([[-1.7, -1.7, 1.0, -1.0], [0.5, -0.5, 0.0, 0.0]]))
        model.h1.copy_(torch.tensor([1.0, 0.0]))
        model.h2.zero_()
    run = object.__new__(RunMaterial)
    found = model.free_run(model.initial_state(np.zeros((1, 1, 2))), 3000).observations[0]
    run.model, run.system = model, None
    run.test = run.generated = TimeSeries(found[1000:], 1.0, "iterations")
    run.measures = {"outcome": {"name": "chaotic", "step": None}, "rows": []}
    return run


def texts(figure) -> str:
    from matplotlib.text import Text

    return "\n".join(t.get_text() for t in figure.findobj(Text))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("parroting", "the model has no exponents"),
        ("climatology", "all \N{MINUS SIGN}∞, every direction is annihilated"),
    ],
)
def test_missing_exponents_of_a_stored_run_are_said_to_be_what_they_are(tmp_path, model, told):
    spec = parse({"data": {**DATA, "system": "henon"}, "analysis": ANALYSIS, "model": {"name": model}})
    run = RunMaterial(execute(spec, RunStore(tmp_path)).folder)
    for name in ("lyapunov_bars", "summary"):
        words = texts(draw(name, run))
        assert f"reconstruction: {told}" in words and "diverged" not in words
    if run.spectrum is not None:
        assert run.spectrum.to_dict() == run.measures["spectrum"] and "annihilates" in run.spectrum.measure(1).note


def test_material_holds_what_the_run_computed(polynomial):
    stored = json.loads((polynomial.folder / "measures.json").read_text())
    assert [row.to_dict() for row in polynomial.rows] == stored["rows"]
    assert polynomial.truth_spectrum.to_dict() == stored["truth_spectrum"]
    with np.load(polynomial.folder / "generated.npz") as file:
        np.testing.assert_array_equal(polynomial.generated.values, file["values"])
    assert polynomial.generated.names == polynomial.test.names == ("x", "y", "z")
    context = polynomial.test.values[None, : polynomial.model.min_context]
    again = polynomial.model.free_run(polynomial.model.initial_state(context), 250 + 2500).observations[0, 250:]
    np.testing.assert_array_equal(again, polynomial.generated.values)  # data and weights are those of the run


def test_history_is_read_back_as_it_was_written(tmp_path):
    checks = (
        Check(10, (0.5, math.inf), (0.9, math.nan), ("chaotic", "diverged")),
        Check(20, (0.4, 0.7), (0.8, 0.1), ("chaotic", "cycle")),
    )
    loss = np.array([[1.0, 2.0], [0.5, 1e-17], [0.25, 0.1]])
    written = History(20, np.array([5, 10, 20]), loss, checks, 20, 0, (), "finished", "torch", 1.5)
    folder = RunFolder(tmp_path)
    folder.write("history.csv", _history_csv(written))
    folder.write_json("course.json", {"training": history_summary(written)})
    run = object.__new__(RunMaterial)
    run.folder = folder
    found = run.history
    np.testing.assert_array_equal(found.loss, loss)
    assert found.loss_steps.tolist() == [5, 10, 20] and repr(found.checks) == repr(checks)
    assert (found.selected_step, found.selected_member, found.backend) == (20, 0, "torch")
    assert "selected: step 20, score 0.4" in texts(draw("training_history", run))


def test_every_figure_is_written_or_named_with_its_reason(polynomial, tmp_path):
    told = figures_to_files(polynomial.folder, out=str(tmp_path))
    drawn = {p.rsplit("/", 1)[-1].rsplit(".", 1)[0] for p in told["written"]}
    assert drawn | set(told["left out"]) == set(KINDS) and not drawn & set(told["left out"])
    assert {p.name for p in tmp_path.iterdir()} == {f"{n}.pdf" for n in drawn}
    assert set(told["left out"]) == {"space_time", "region_attractor", "transition_graph", "training_history"}
    assert told["left out"]["region_attractor"] == "NextGenerationReservoir is not piecewise linear"
    assert (tmp_path / "attractor.pdf").read_bytes().startswith(b"%PDF")
    assert any(line.startswith("left out: space_time (3 columns") for line in lines(told))


def test_figures_of_one_run_are_the_same_bytes_twice(polynomial, tmp_path):
    names = "error_growth,poincare_sections"
    for folder in ("a", "b"):
        figures_to_files(polynomial.folder, only=names, out=str(tmp_path / folder), formats="pdf,svg,png")
    first, second = (sorted((tmp_path / f).iterdir()) for f in ("a", "b"))
    assert len(first) == 6 and [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_fixed_points_of_lorenz_are_drawn_where_the_equations_have_them(polynomial):
    figure = draw("fixed_points_and_cycles", polynomial)
    left, right = figure.axes
    rings = np.array(
        [line.get_xydata()[0] for line in left.lines if line.get_mec() == TRUTH and len(line.get_xdata()) == 1]
    )
    root = np.sqrt(8 / 3 * 27)
    expected = np.array([[-root, 27.0], [0.0, 0.0], [root, 27.0]])
    np.testing.assert_allclose(rings[np.argsort(rings[:, 0])], expected, atol=1e-6)
    rates = np.concatenate([line.get_xydata() for line in right.lines if line.get_mec() == TRUTH])
    assert any(np.allclose(r, (0.0939556, 10.1945), atol=1e-4) for r in rates)  # of C+ and C-, textbook values
    assert any(np.allclose(r, (11.8277, 0.0), atol=1e-3) for r in rates)  # of the origin


def test_regions_of_a_map_are_those_it_visits(lozi):
    signs = {tuple(row) for row in lozi.generated.values > 0}
    graph, attractor = draw("transition_graph", lozi), draw("region_attractor", lozi)
    nodes = [p for p in graph.axes[0].patches if isinstance(p, Circle) and p.get_fill()]
    assert len(nodes) == len(signs) == 4
    assert attractor.axes[0].get_title(loc="left").startswith("4 linear regions")
    assert sum(len(line.get_xdata()) for line in attractor.axes[0].lines) == 20_000  # every row once


def test_a_graph_that_would_hide_most_of_the_time_is_left_out_with_the_reason(lozi, monkeypatch):
    module = importlib.import_module("dsr.runs.figures.transition_graph")
    monkeypatch.setattr(module, "MOST_NODES", 1)
    with pytest.raises(NotApplicable, match=r"the 1 regions visited longest, of 4, hold \d+% of the time"):
        draw("transition_graph", lozi)


def test_the_summary_names_the_valid_time_of_the_series(polynomial, monkeypatch):
    forecast = polynomial.test.values[polynomial.model.min_context :][:600].copy()
    forecast[200:, 1] += 100.0  # only a column that the summary does not show
    monkeypatch.setitem(polynomial.__dict__, "forecast", forecast)

    def valid(name):
        return re.search(r"valid for .*", texts(draw(name, polynomial)))[0]

    assert valid("summary") == valid("series") and "at least" not in valid("series")


def test_fixed_points_and_cycles_of_a_map_lie_where_algebra_says(lozi):
    figure = draw("fixed_points_and_cycles", lozi)
    left = figure.axes[0]
    marks = [line for line in left.lines if line.get_mec() == RECONSTRUCTION and len(line.get_xdata()) == 1]
    drawn = sorted(line.get_xydata()[0].tolist() for line in marks)
    x = np.array([1 / (1 - 1.7 - 0.5), 1 / (1 + 1.7 - 0.5)])  # the left one lies outside the attractor
    np.testing.assert_allclose(drawn, np.column_stack([x, 0.5 * x]), atol=1e-6)
    assert "the truth is a record without equations" in texts(figure)
    pairs = [
        line.get_xydata() for line in left.lines if line.get_color() == RECONSTRUCTION and len(line.get_xdata()) > 2
    ]
    for closed in pairs:
        orbit = closed[:-1]
        step = np.column_stack([1 - 1.7 * np.abs(orbit[:, 0]) + orbit[:, 1], 0.5 * orbit[:, 0]])
        np.testing.assert_allclose(step, closed[1:], atol=1e-6)
    assert pairs


def test_a_map_has_no_return_map_of_maxima_and_no_section(lozi):
    for name in ("return_maps", "poincare_sections"):
        with pytest.raises(NotApplicable, match="map"):
            draw(name, lozi)


def test_a_lost_run_diverged_at_the_step_that_its_report_says():
    """A free run that starts elsewhere diverges at another step."""
    run, model = object.__new__(RunMaterial), ShallowPLRNN(obs_dim=1, hidden_dim=2)
    with torch.no_grad():
        model.A.fill_(2.0)
    run.model, run.test = model, TimeSeries(np.ones((9, 1)), 1.0, "iterations")
    run.measures = {"outcome": {"name": "diverged", "step": 1102}}
    with pytest.raises(NotApplicable, match=r"diverged at step 1,102$"):
        _ = run.latent
    run.measures = {"outcome": {"name": "chaotic", "step": None}}
    with pytest.raises(NotApplicable, match=r"diverged at step \d{1,3}$"):
        _ = run.latent


def test_wrong_names_formats_and_runs_are_told_with_the_nearest_match(polynomial, tmp_path):
    with pytest.raises(SpecError, match="error_growth"):
        figures_to_files(polynomial.folder, only="eror_growth")
    with pytest.raises(SpecError, match="pdf"):
        figures_to_files(polynomial.folder, formats="pdff")
    with pytest.raises(SpecError, match="no field"):
        figures_to_files(polynomial.folder, only="space_time", out=str(tmp_path))
    with pytest.raises(StoreError, match="no results"):
        RunMaterial(RunFolder(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("weights.safetensors", lambda path: RunMaterial(RunFolder(path)).model),
        ("weights.safetensors", lambda path: export(path, "numpy")),
        ("generated.npz", lambda path: export(path, "numpy")),
        ("generated.npz", lambda path: RunMaterial(RunFolder(path))),
        ("status.json", lambda path: export(path, "numpy")),
        ("status.json", lambda path: RunMaterial(RunFolder(path))),
        ("members.safetensors", lambda path: load_model(path, member=0)),
    ],
)
def test_files_that_are_not_what_was_sealed_are_refused(polynomial, tmp_path, monkeypatch, name, read):
    monkeypatch.chdir(tmp_path)
    path = shutil.copytree(polynomial.folder.path, tmp_path / "run")
    whole = (path / name).read_bytes()
    flipped = bytes([whole[-20] ^ 1])
    (path / name).write_bytes(whole[:-20] + flipped + whole[-19:] if name != "status.json" else b"{")
    with pytest.raises(StoreError, match=rf"is damaged \({name}\); accepted: .*; next: .*dsr run"):
        read(path)
    (path / "status.json").write_text('{"state": "finished"}')  # of a run that was never sealed
    (path / name).write_bytes(whole)
    read(path)


@pytest.mark.parametrize("grown", ["x.csv", "truth.toml"])
def test_figures_are_refused_once_the_data_are_others(tmp_path, monkeypatch, grown):
    monkeypatch.chdir(tmp_path)
    values = get_system("henon").simulate(600, 1.0, transient=100, seed=1).values
    np.savetxt("x.csv", values, delimiter=",", header="x,y", comments="")
    Path("truth.toml").write_text(HENON)
    data = {"file": "x.csv", "dt": 1.0, "truth": "truth.toml", "floor_trajectories": 1}
    run = execute(parse({"data": data, "analysis": ANALYSIS, "model": {"name": "dmd"}}), RunStore("s"), report=False)
    assert len(RunMaterial(run.folder).test) == 120
    with open(grown, "a") as file:
        file.write("1,1\n" if grown == "x.csv" else "# again\n")
    with pytest.raises(
        StoreError, match=rf"^{grown} changed since .*; accepted: .*; next: put them back, or .* dsr run"
    ):
        figures_to_files(run.folder, only="attractor")


def test_without_a_run_all_figures_are_listed():
    told = figures([], None)
    assert set(told) == set(KINDS) and len(lines(told)) == len(KINDS)


def test_the_verb_writes_into_the_run_and_speaks_json(polynomial, capsys):
    from typer.testing import CliRunner

    from dsr.runs.cli import app

    store = str(polynomial.folder.path.parent.parent)
    command = ["figures", polynomial.folder.path.name[:12], "--only", "marginals", "--format", "png", "--json"]
    told = json.loads(CliRunner().invoke(app, [*command, "--store", store]).stdout)
    assert told["written"] == [str(polynomial.folder / "figures/marginals.png")]
    assert io.BytesIO((polynomial.folder / "figures/marginals.png").read_bytes()).read(4) == b"\x89PNG"
