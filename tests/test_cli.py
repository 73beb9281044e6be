"""The command line: each kind of bad input gives one sentence and exit status 2, and leaves nothing behind."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dsr import __version__
from dsr.errors import SpecError
from dsr.runs import catalogue
from dsr.runs.cli import main
from dsr.runs.tuning.objective import in_the_table, require_objective


def dsr(capsys, monkeypatch, *arguments):
    """(status, standard output, standard error) of one command."""
    monkeypatch.setattr(sys, "argv", ["dsr", *arguments])
    status = 0
    try:
        main()
    except SystemExit as stop:
        status = stop.code or 0
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    good = rng.normal(size=(400, 2))
    np.save(tmp_path / "good.npy", good)
    np.save(tmp_path / "wide.npy", good.T)
    np.save(tmp_path / "constant.npy", np.c_[good[:, 0], np.ones(400)])
    np.save(tmp_path / "short.npy", good[:110])
    np.save(tmp_path / "shorter.npy", good[:20])
    np.save(tmp_path / "nan.npy", np.where(np.arange(800).reshape(400, 2) == 11, np.nan, good))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "text.csv").write_text("a,b\n1,2\n3,oops\n5,6\n")
    (tmp_path / "spec.toml").write_text('[data]\nsystem = "lorenz63"\n[trianing]\nsteps = 3\n')
    return tmp_path


BAD = {
    "missing file": (["{d}/god.npy", "--dt", "1"], "did you mean", "good.npy"),
    "empty file": (["{d}/empty.csv", "--dt", "1"], "is empty", "export"),
    "text in a numeric column": (["{d}/text.csv", "--dt", "1"], "oops", "b"),
    "missing value": (["{d}/nan.npy", "--dt", "1"], "missing", "--missing interpolate"),
    "constant column": (["{d}/constant.npy", "--dt", "1"], "is constant", "--columns"),
    "shorter than a window": (
        ["{d}/short.npy", "--dt", "1", "training.window=90"],
        "more rows than one training window",
        "training.window",
    ),
    "too short to be judged": (["{d}/shorter.npy", "--dt", "1"], "4 rows to be judged on", "bring a longer series"),
    "wrong axis order": (["{d}/wide.npy", "--dt", "1"], "400 columns and only 2 rows", "--transpose"),
    "no dt": (["{d}/good.npy"], "dt", "--dt"),
    "negative dt": (["{d}/good.npy", "--dt", "-0.1"], "dt = -0.1", "a positive number"),
    "negative dt of a system": (["lorenz63", "--dt", "-0.1"], "dt = -0.1", "positive"),
    "unknown system": (["lorenz36"], "lorenz36", "did you mean 'lorenz63'"),
    "unknown dysts flow": (["dysts:Rosler"], "Rosler", "Rossler"),
    "unknown model": (["lorenz63", "--model", "alrn"], "no model 'alrn'", "did you mean 'alrnn'"),
    "unknown key": (["lorenz63", "training.stepps=3"], "stepps", "did you mean 'steps'"),
    "unknown column": (["{d}/text.csv", "--dt", "1", "--columns", "c"], "c", "a, b"),
    "embedding of several columns": (["{d}/good.npy", "--dt", "1", "--embed", "3x2"], "2 columns", "--columns"),
}


@pytest.mark.parametrize(("arguments", "said", "remedy"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_sentence_and_leaves_nothing(capsys, monkeypatch, files, arguments, said, remedy):
    store = files / "store"
    words = [a.format(d=files) for a in arguments]
    status, out, err = dsr(capsys, monkeypatch, "reconstruct", *words, "--store", str(store))
    assert status == 2 and out == ""
    assert err.startswith("dsr: ") and err.count("\n") == 1 and "Traceback" not in err
    assert said in err and remedy in err and "; accepted: " in err and "; next: " in err
    assert not store.exists()


def test_a_misspelt_section_is_named(capsys, monkeypatch, files):
    status, _, err = dsr(capsys, monkeypatch, "run", str(files / "spec.toml"), "--store", str(files / "store"))
    assert status == 2 and "did you mean 'training'" in err and not (files / "store").exists()


def test_a_name_that_is_not_unicode_is_refused(capsys, monkeypatch, tmp_path):
    status, _, said = dsr(capsys, monkeypatch, "analyse", str(tmp_path / os.fsdecode(b"caf\xe9.csv")), "--dt", "1")
    assert status == 2 and "caf\\xe9.csv' is not UTF-8; accepted: " in said


def test_an_unwritable_store_is_refused_before_training(capsys, monkeypatch, files):
    blocker = files / "blocker"
    blocker.write_text("x")
    status, _, err = dsr(
        capsys,
        monkeypatch,
        "reconstruct",
        "henon",
        "data.floor_trajectories=1",
        "data.test=500",
        "--store",
        str(blocker),
    )
    assert status == 2 and "cannot be written" in err and "--store" in err


@pytest.mark.parametrize(
    ("words", "said", "step"),
    [
        (["reconstruct"], "missing argument 'SYSTEM|FILE'; accepted: what `dsr reconstruct --help` lists", "--help"),
        (["reconstruct", "lorenz63", "--stepps", "3"], "no such option: --stepps", "did you mean '--steps'?"),
        (["reconstruct", "lorenz63", "--bogus"], "no such option: --bogus", "type dsr reconstruct --help."),
        (["reconstruct", "lorenz63", "--dt", "abc"], "invalid value for '--dt'", "type dsr reconstruct --help."),
        (["frobnicate"], "no such command 'frobnicate'", "type dsr --help."),
        (["reconstrct"], "no such command 'reconstrct'", "did you mean 'reconstruct'?"),
        (
            ["analyse", "lorenz63"],
            "the system 'lorenz63'; accepted: a data file",
            "dsr simulate lorenz63 -o lorenz63.csv",
        ),
        (["run", "lorenz63"], "the spec 'lorenz63'", "type dsr reconstruct lorenz63"),
    ],
)
def test_usage_errors_have_three_parts_and_exit_with_2(capsys, monkeypatch, words, said, step):
    status, out, err = dsr(capsys, monkeypatch, *words)
    assert status == 2 and out == "" and err.startswith("dsr: ") and err.count("\n") == 1
    assert said in err and "; accepted: " in err and step in err.partition("; next: ")[2]


def test_the_version_is_printed_and_no_words_at_all_show_the_help(capsys, monkeypatch):
    assert dsr(capsys, monkeypatch, "--version") == (0, f"dsr {__version__}\n", "")
    status, out, err = dsr(capsys, monkeypatch)
    assert status == 2 and "Usage:" in out + err and "reconstruct" in out + err


@pytest.mark.parametrize("out", ["blocker/x.csv", "folder.csv"])
@pytest.mark.parametrize("words", [["simulate", "lorenz63", "-n", "100"], ["orbit-diagram", "logistic", "r=3..4"]])
def test_a_file_that_cannot_be_written_is_named(capsys, monkeypatch, tmp_path, words, out):
    (tmp_path / "blocker").write_text("x")
    (tmp_path / "folder.csv").mkdir()
    status, _, err = dsr(capsys, monkeypatch, *words, "-o", str(tmp_path / out))
    assert status == 2 and f"the file '{tmp_path / out}' cannot be written" in err and "another name with -o" in err


def test_simulate_then_analyse(capsys, monkeypatch, tmp_path):
    file = tmp_path / "x.csv"
    words = ["simulate", "lorenz63", "-n", "8000", "--dt", "0.02", "--seed", "3", "-o", str(file), "rho=30"]
    status, out, err = dsr(capsys, monkeypatch, *words)
    assert status == 0 and err == "" and "8000 rows of x, y, z every 0.02" in out
    status, out, err = dsr(capsys, monkeypatch, "analyse", str(file), "--json")
    assert status == 0 and err == ""
    (found,) = json.loads(out)
    values = {m["name"]: m["value"] for m in found}
    assert values["lambda_1 from data"] == pytest.approx(0.95, abs=0.35)  # 0.95 at rho = 30, by QR
    status, _, err = dsr(capsys, monkeypatch, "simulate", "lorenz63", "-o", str(tmp_path / "x.xls"))
    assert status == 2 and ".csv" in err


def test_the_catalogue_lists_names_and_leaves_out_what_there_is_not(capsys, monkeypatch):
    found = json.loads(dsr(capsys, monkeypatch, "systems", "--json")[1])
    assert "Chua" in found["dysts flows (dysts:NAME)"]
    assert "()" not in dsr(capsys, monkeypatch, "systems", "dysts:Halvorsen")[1]


def test_the_measures_of_a_table_are_those_that_settings_are_searched_by():
    (table, others) = catalogue.measures().values()
    assert {name.partition(", ")[0] for name in table} == set(in_the_table())
    for name in ("energy distance", "D2", "permutation entropy"):
        assert name in others
        with pytest.raises(SpecError, match="a measure of these runs"):
            require_objective(name)


@pytest.mark.parametrize("verb", ["systems", "models", "measures", "doctor"])
def test_read_commands_speak_json_and_text(capsys, monkeypatch, tmp_path, verb):
    status, out, err = dsr(capsys, monkeypatch, verb, "--json")
    assert status == 0 and err == "" and json.loads(out)
    status, text, _ = dsr(capsys, monkeypatch, verb)
    expected = {"systems": "lorenz96", "models": "alrnn", "measures": "D_stsp", "doctor": "torch"}[verb]
    assert status == 0 and expected in text and "\x1b" not in text


def test_a_system_shows_its_published_invariants(capsys, monkeypatch):
    status, out, _ = dsr(capsys, monkeypatch, "systems", "rossler")
    assert status == 0 and "0.0714" in out and "-5.394" in out


def test_help_imports_nothing_heavy():
    """A start without torch takes some 0.2 s, with it some 3 s."""
    code = "import sys; from dsr.runs.cli import main\ntry: main()\nfinally:\n"
    code += " heavy = {'torch', 'scipy', 'matplotlib', 'pandas', 'numba', 'dysts'}\n"
    code += " print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "reconstruct" in done.stdout and done.stderr.strip() == "[]"


def test_the_library_is_silent(tmp_path):
    """Data, training, judgement: nothing on either stream, no file in the working directory."""
    code = """
from dsr.systems import get_system
from dsr.models import ShallowPLRNN
from dsr.training import GeneralizedForcing, fit
from dsr.analysis import judge
henon = get_system("henon")
train, validation, test = henon.simulate(3000, transient=50, seed=0).split(0.5, 0.2)
model = ShallowPLRNN(2, hidden_dim=5)
fit(model, train, validation=validation, forcing=GeneralizedForcing.from_data(train), steps=100, check_steps=200)
judge(test, model, lyapunov_steps=100, starts=5)
"""
    environment = {**os.environ, "PYTHONWARNINGS": "error::UserWarning"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_simulated_series_are_changed_in_order(capsys, monkeypatch, tmp_path):
    plain, changed = str(tmp_path / "plain.csv"), str(tmp_path / "changed.csv")
    words = ["simulate", "lorenz63", "-n", "400", "-o"]
    made = ["--make", "formulas formulas=['x + y'] names=['s']", "--make", "subsample every=4"]
    assert dsr(capsys, monkeypatch, *words, plain)[0] == dsr(capsys, monkeypatch, *words, changed, *made)[0] == 0
    rows, found = (np.loadtxt(path, delimiter=",", skiprows=1) for path in (plain, changed))
    assert (tmp_path / "changed.csv").read_text().startswith("t,s\n")
    assert np.allclose(found[:, 0], rows[::4, 0]) and np.allclose(found[:, 1], (rows[:, 1] + rows[:, 2])[::4])
    status, _, err = dsr(capsys, monkeypatch, *words, changed, "--make", "additve_noise snr_db=20")
    assert status == 2 and "additive_noise" in err
