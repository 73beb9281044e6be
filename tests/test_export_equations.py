"""Exported equations are the model: executed where there is an interpreter, parsed or read where there is none."""

import functools
import importlib.util
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from typeset import compiles, needs_latex

from dsr.errors import SpecError, StoreError
from dsr.models import MODELS
from dsr.runs.export import TARGETS, equations_of, export
from dsr.runs.export.families import exportable
from dsr.runs.export.files import Reference
from dsr.runs.export.python_source import class_name
from dsr.runs.export.reference_orbit import orbit_of
from dsr.runs.weights import save_model
from dsr.systems import get_system
from dsr.training import fit

SMALL = {
    "alrnn": {"latent_dim": 6, "relu_units": 2},
    "shplrnn": {"hidden_dim": 7},
    "clipped": {"hidden_dim": 7, "clipped": True, "bounded": True, "observation": "affine", "latent_dim": 4},
    "nonlinear": {"hidden_dim": 5, "observation": "nonlinear", "latent_dim": 2},
    "plrnn": {"latent_dim": 5},
    "mcplrnn": {"latent_dim": 5},
    "dendplrnn": {"latent_dim": 5, "bases": 3},
    "dendritic clipped": {"latent_dim": 4, "bases": 3, "clipped": True},
    "vplrnn": {"hidden_dim": 4},
    "esn": {"units": 8, "spin_up": 20, "ridge": 1e-6},
    "parallel_esn": {"units": 3, "spin_up": 20, "overlap": 1, "ridge": 1e-6},
    "ngrc": {"degree": 2, "lags": 3, "stride": 2, "ridge": 1e-4},
    "edmd": {"degree": 2, "ridge": 1e-6},
    "dmd": {},
    "var": {"lags": 2},
    "sindy": {"degree": 2},
}
FAMILY = {"clipped": "shplrnn", "nonlinear": "shplrnn", "dendritic clipped": "dendplrnn"}


@pytest.fixture(scope="module")
def series():
    return get_system("lorenz63").simulate(1500, 0.02, transient=20, seed=1)


@pytest.fixture(scope="module")
def models(series):
    """One small model of each family: solved where that takes no training, else random and not far from the data."""
    found = {}
    for label, options in SMALL.items():
        model = MODELS.build(FAMILY.get(label, label), options).build(3, 3)
        if model.closed_form:
            fit(model, series)
        else:
            model.data_mean.copy_(torch.from_numpy(series.values.mean(0)))
            model.data_std.copy_(torch.from_numpy(series.values.std(0)))
            with torch.no_grad():
                for name in ("W", "h", "h1", "h2"):
                    if hasattr(model, name):
                        getattr(model, name).uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(1))
        found[label] = model
    return found


def module_at(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exported(model, to, folder):
    return export(save_model(model, folder / "a.safetensors"), to, folder / f"a{TARGETS[to].suffix}")


def test_every_short_family_is_covered():
    assert {FAMILY.get(label, label) for label in SMALL} == set(exportable())


@pytest.mark.parametrize("label", SMALL)
def test_numpy_runs_free_as_the_model_does(models, series, label, tmp_path):
    model = models[label]
    program = module_at(exported(model, "numpy", tmp_path)[0])
    equations = equations_of(model)
    start = model.initial_state(series.values[None, :30]).double().numpy()  # before a random model comes to rest
    truth = model.free_run(start, 50)
    states, observations = program.free_run(equations.offset + equations.scale * start[0], 50)
    assert truth.diverged_at[0] < 0 and np.ptp(truth.observations, axis=1).min() > 0
    np.testing.assert_allclose(states, equations.offset + equations.scale * truth.states[0], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(observations, truth.observations[0], rtol=1e-10, atol=1e-10)
    assert program.check() < 1e-12


@pytest.mark.parametrize("label", SMALL)
def test_sympy_expressions_step_as_the_model_does(models, label, tmp_path):
    model = models[label]
    program = module_at(exported(model, "sympy", tmp_path)[0])
    assert program.check(rows=5) < 1e-11
    right = program.NEXT if equations_of(model).time == "map" else program.SLOPE
    assert right.free_symbols <= set(program.STATE) and len(right) == len(program.STATE) == model.state_dim


def test_the_check_notices_a_wrong_number(models, tmp_path):
    path = exported(models["shplrnn"], "numpy", tmp_path)[0]
    assert subprocess.run([sys.executable, path], capture_output=True).returncode == 0
    first = repr(float(models["shplrnn"].A.detach()[0]))
    assert first in path.read_text()
    path.write_text(path.read_text().replace(first, repr(float(first) + 1e-6)))
    assert subprocess.run([sys.executable, path], capture_output=True).returncode == 1


def test_dysts_takes_maps_and_flows(models, tmp_path):
    step = module_at(exported(models["shplrnn"], "dysts", tmp_path)[0])
    system = step.ASystem()
    orbit = system.make_trajectory(20)
    states, seen = step.free_run(step.INITIAL_STATE, 20)
    np.testing.assert_allclose(orbit, states, rtol=1e-12)
    np.testing.assert_allclose(system.observe(orbit), seen, rtol=1e-12)
    several = system.make_trajectory(3, init_cond=np.stack([step.INITIAL_STATE, states[4]]))
    np.testing.assert_allclose(several[1], states[5:8], rtol=1e-9)
    flow = module_at(exported(models["sindy"], "dysts", tmp_path)[0])
    states = np.stack([flow.INITIAL_STATE, flow.step(flow.INITIAL_STATE)])
    system = flow.ASystem()
    np.testing.assert_allclose(system.rhs(states[0], 0.0), flow.slope(states[0]), rtol=1e-12)
    np.testing.assert_allclose(system(states, 0.0)[1], flow.slope(states[1]), rtol=1e-12)
    assert system.dt == flow.DT and system.dimension == 3


@pytest.mark.parametrize("label", ["alrnn", "dendritic clipped", "esn", "ngrc", "sindy"])
def test_many_parameters_lie_beside_the_program(models, label, tmp_path, monkeypatch):
    for room in ("files", "sympy_source"):
        monkeypatch.setattr(f"dsr.runs.export.{room}.INLINE", 5)
    files = exported(models[label], "numpy", tmp_path)
    assert [f.name for f in files] == ["a.py", "a_orbit.csv", "a_parameters.npz"]
    assert module_at(files[0]).check() < 1e-12
    with pytest.raises(SpecError, match=r"sympy expressions with \d+ parameters.*--to numpy"):
        exported(models[label], "sympy", tmp_path)
    column = np.loadtxt(exported(models[label], "julia", tmp_path)[2])
    arrays = equations_of(models[label]).arrays
    np.testing.assert_array_equal(column, np.concatenate([a.flatten(order="F") for a in arrays.values()]))


@pytest.fixture(scope="module")
def programs(models, tmp_path_factory):
    """A folder with every family in a language, under its own name; those that end in _beside keep their parameters
    in a file."""

    @functools.cache
    def written(to):
        folder = tmp_path_factory.mktemp(to)
        with pytest.MonkeyPatch.context() as patch:
            for beside in ("", "_beside"):
                if beside:
                    patch.setattr("dsr.runs.export.files.INLINE", 5)
                for label, model in models.items():
                    source = save_model(model, folder / "a.safetensors")
                    export(source, to, folder / f"{label.replace(' ', '_')}{beside}{TARGETS[to].suffix}")
        return folder

    return written


@pytest.mark.parametrize("to", ["julia", "matlab"])
def test_julia_and_matlab_hold_every_number(models, programs, to):
    """Each parameter with all digits, brackets that close."""
    for label, model in models.items():
        text = (programs(to) / f"{label.replace(' ', '_')}{TARGETS[to].suffix}").read_text()
        for array in equations_of(model).arrays.values():
            assert all(repr(v) in text for v in array.ravel().tolist())
        for pair in ("()", "[]"):
            assert text.count(pair[0]) == text.count(pair[1])
        code = "".join(line for line in text.splitlines() if line.strip()[:1] not in ("#", "%"))
        assert "np." not in code and "{" not in code.replace("Vector{Float64}", "")


@pytest.mark.skipif(shutil.which("julia") is None, reason="no julia here: its programs are parsed only")
def test_julia_agrees(programs):
    folder = programs("julia")
    code = "".join(f'include("{f.name}"); println("{f.stem} ", {class_name(f.stem)}Module.check()); '
                   for f in sorted(folder.glob("*.jl")))  # fmt: skip
    agrees(["julia", "--startup-file=no", "-e", code], folder)


@pytest.mark.skipif(shutil.which("octave-cli") is None, reason="no octave here: MATLAB programs are read as text only")
def test_matlab_agrees(programs):
    folder = programs("matlab")
    stems = sorted(f.stem.removesuffix("_check") for f in folder.glob("*_check.m"))
    code = "".join(f"{stem}_check; printf('{stem} %g\\n', found); " for stem in stems)
    agrees(["octave-cli", "--norc", "--eval", code], folder)


def agrees(command, folder):
    """The program prints a line "name error" for every family, with parameters inside and beside it."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    pairs = [line.split() for line in done.stdout.splitlines()]
    found = {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}
    assert set(found) == {label.replace(" ", "_") + beside for label in SMALL for beside in ("", "_beside")}
    assert max(found.values()) < 1e-12, found


def test_julia_programs_parse(programs):
    """By the grammar that editors use: no error and nothing missing."""
    tree_sitter, grammar = pytest.importorskip("tree_sitter"), pytest.importorskip("tree_sitter_julia")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    files = sorted(programs("julia").glob("*.jl"))
    assert len(files) == 2 * len(SMALL)
    for file in files:
        assert not parser.parse(file.read_bytes()).root_node.has_error, file.name
    assert parser.parse(files[0].read_bytes().replace(b"function", b"functoin", 1)).root_node.has_error


@needs_latex
def test_latex_compiles_and_stays_on_the_page(programs):
    folder = programs("latex")
    for file in sorted(f for f in folder.glob("*.tex") if "beside" not in f.name):
        compiles(file)


@needs_latex
def test_names_of_columns_may_hold_anything(models, tmp_path):
    compiles(named(models["edmd"], "latex", tmp_path))


def test_programs_do_not_stumble_over_names_of_columns(models, tmp_path):
    for to in ("numpy", "sympy", "dysts"):
        assert module_at(named(models["sindy"], to, tmp_path)).check() < 1e-11


def named(model, to, folder):
    """An export of a model whose columns have awkward names."""
    found = equations_of(model, ('a "quoted"\nname 1', "C:\\users\\N{x}", "\u03b8_%"))
    files = TARGETS[to].write(found, Reference(*orbit_in(found, model)), "named")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / f"named{TARGETS[to].suffix}"


def orbit_in(equations, model):
    states, seen = orbit_of(model, None)
    return equations.offset + equations.scale * states, seen


def test_latex_shows_the_terms_of_a_polynomial(models, tmp_path):
    path, table, _ = exported(models["sindy"], "latex", tmp_path)
    text = path.read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(r"\frac{\mathrm{d}x_{1}}{\mathrm{d}t}")]
    coefficients = equations_of(models["sindy"]).polynomial.coefficients[0]
    assert row.count("x_{") == 1 + np.count_nonzero(coefficients)
    assert text.count(r"\begin{pmatrix}") == text.count(r"\end{pmatrix}") > 0
    assert any(repr(float(v)) in table.read_text() for v in coefficients)
    assert r"\max(u + h_2, 0)" in exported(models["shplrnn"], "latex", tmp_path)[0].read_text()


READ = {
    "ngrc": {"degree": 2, "lags": 1, "ridge": 1e-4},
    "lagged ngrc": {"degree": 1, "lags": 2, "stride": 2, "ridge": 1e-4},
    "edmd": SMALL["edmd"],
    "dmd": {},
    "var": {"lags": 2},
    "sindy": {"degree": 2},
}


@pytest.mark.parametrize(("to", "rtol"), [("numpy", 1e-11), ("latex", 1e-4)])  # LaTeX has six digits
@pytest.mark.parametrize("label", READ)
def test_the_printed_lines_taken_at_their_word_are_one_step_of_the_model(series, label, to, rtol):
    model = MODELS.build(label.removeprefix("lagged "), READ[label]).build(3, 3)
    fit(model, series)
    equations = equations_of(model, ("x", "y", "z"))
    files = TARGETS[to].write(equations, Reference(*orbit_in(equations, model)), "a")
    text = files[f"a{TARGETS[to].suffix}"].decode()
    lead, lines = in_full(text if to == "numpy" else plain(text))
    rows = series.values[100:110]
    truth = model.free_run(model.initial_state(rows[None]).double().numpy(), 1).observations[0, 0]
    np.testing.assert_allclose(next_row(lead, lines, rows, model, equations.substeps), truth, rtol=rtol)


def in_full(text):
    """The sentence before the lines, and the lines as pairs of left and right side."""
    lead, body = re.search(r"^In full(.*?):\n(.*?)\n\n", text.replace("\n    ", " "), re.S | re.M).groups()
    return lead, [line.split(" = ") for line in body.splitlines()]


def plain(latex):
    """The lines of a LaTeX document as those of a program."""
    for pattern, by in (
        (r"\n\n\\begin{align\*}|\$", ""), (r" \\\\\n&\\quad", " "), (r" \\\\\n", "\n"), ("&=", "="), (r" \\, ", "*"),
        (r" \\times 10\^{(.*?)}", r"e\1"), (r"\^{(\d+)}", r"**\1"), (r"_{(\d+)}", r"\1"),
        (r"\\frac{\\mathrm{d}(\w)}{\\mathrm{d}t}", r"d\1/dt"), (r"(\w+)' - \1 =", r"change of \1 ="),
        (r"(\w+)' =", r"next \1 ="), (r"\n\\end{align\*}", "\n"),
    ):  # fmt: skip
        latex = re.sub(pattern, by, latex)
    return latex


def next_row(lead, lines, rows, model, substeps):
    """What a reader computes from rows of the data, the last of which is the present."""
    if "data units" in lead:
        assert [left for left, _ in lines] == ["dx/dt", "dy/dt", "dz/dt"]

        def slope(x):
            return np.array([eval(right, dict(zip("xyz", x, strict=True))) for _, right in lines])

        h, x = float(model.dt) / substeps, rows[-1]
        for _ in range(substeps):
            k1 = slope(x)
            k2 = slope(x + h / 2 * k1)
            k3 = slope(x + h / 2 * k2)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(x + h * k3))
        return x
    mean, std = model.data_mean.numpy(), model.data_std.numpy()
    symbols, columns = re.search(r"with (.*?) for (.*?) in standardised units", lead).groups()
    values = {}
    for symbol, column in zip(symbols.split(", "), columns.split(", "), strict=True):
        of, _, back = column.partition("(t - ")
        i = "xyz".index(of)
        values[symbol] = (rows[-1 - int(back.removesuffix(" dt)") or 0), i] - mean[i]) / std[i]
    following = [
        eval(right, dict(values)) + (values[left.split()[-1]] if left.startswith("change of") else 0)
        for left, right in lines
    ]
    return mean + std * following


def test_the_orbit_beside_a_graph_is_the_models_own(models, tmp_path):
    pytest.importorskip("onnx")
    path, orbit, check = exported(models["shplrnn"], "onnx", tmp_path)
    rows = np.loadtxt(orbit, delimiter=",", skiprows=1)
    np.testing.assert_allclose(models["shplrnn"].free_run(rows[:1, :3], 200).states[0], rows[1:, :3], rtol=1e-12)
    assert path.name in check.read_text()


def test_two_exports_are_the_same_bytes(models, tmp_path, monkeypatch):
    monkeypatch.setattr("dsr.runs.export.files.INLINE", 5)
    for to in ("numpy", "julia", "matlab", "latex"):
        first = [f.read_bytes() for f in exported(models["alrnn"], to, tmp_path)]
        assert first == [f.read_bytes() for f in exported(models["alrnn"], to, tmp_path)]


def test_what_makes_no_sense_is_refused_with_what_does(models, series, tmp_path):
    lstm = save_model(MODELS.build("lstm", {"hidden_dim": 4}).build(3, 0), tmp_path / "m.safetensors")
    with pytest.raises(SpecError, match=r"family 'lstm'.*alrnn, .*shplrnn.*--to onnx"):
        export(lstm, "numpy", tmp_path / "m.py")
    with pytest.raises(SpecError, match="did you mean 'numpy'"):
        export(lstm, "numpi")
    with pytest.raises(SpecError, match="neither --to nor -o"):
        export(lstm)
    with pytest.raises(SpecError, match=r"ends in .jl"):
        export(lstm, "julia", tmp_path / "m.py")
    shallow = save_model(models["shplrnn"], tmp_path / "a.safetensors")
    with pytest.raises(SpecError, match="letters, digits"):
        export(shallow, "matlab", tmp_path / "my-model.m")
    with_inputs = MODELS.build("shplrnn", {"hidden_dim": 4}).build(3, 0).add_inputs(1)
    with pytest.raises(SpecError, match="1 external inputs"):
        export(save_model(with_inputs, tmp_path / "i.safetensors"), "numpy", tmp_path / "i.py")
    (tmp_path / "run").mkdir()
    with pytest.raises(StoreError):
        export(tmp_path / "run", "numpy", tmp_path / "r.py")
    assert not list(tmp_path.glob("*.py")) and not list(tmp_path.glob("*.m"))
