"""Every command of the README runs, and the eight lines work as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dsr.runs import toml
from dsr.runs.cli import main
from dsr.systems import get_system

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
SHELL = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
TABLE = [c for row in re.findall(r"^\|.*\|(.*)\|$", README, flags=re.MULTILINE) for c in re.findall(r"`([^`]+)`", row)]
COMMANDS = list(dict.fromkeys(c for c in [*SHELL, *TABLE] if c.startswith("dsr ")))

# the same command at toy size: settings that follow on the command line win
TINY = "training.steps=100 training.checks=1 training.check_steps=200 analysis.starts=3 analysis.lyapunov_steps=40"
TINY_SYSTEM = "data.train=2000 data.validation=500 data.test=1000 data.floor_trajectories=2"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with the files that the README's commands take for granted."""
    folder = tmp_path_factory.mktemp("readme")
    series = get_system("lorenz63").simulate(4000, 0.01, transient=20, seed=0)
    rows = "\n".join(",".join(map(repr, row)) for row in series.values.tolist())
    (folder / "my.csv").write_text(f"x,y,z\n{rows}\n")
    equations = {"x": "-y - z", "y": "x + 0.2*y", "z": "0.2 + z*(x - 5.7)"}
    own = {"system": {"variables": ["x", "y", "z"], "initial": [0.0, -5.0, 0.03]}, "equations": equations}
    (folder / "other.csv").write_text(f"x,y,z\n{rows}\n")
    (folder / "mysystem.toml").write_text(toml.dumps(own))
    data = {"system": "lorenz63", "train": 2000, "validation": 500, "test": 1000, "floor_trajectories": 2}
    (folder / "spec.toml").write_text(toml.dumps({"data": data}))
    return folder


def test_the_commands_were_found():
    assert len(COMMANDS) >= 14 and "dsr reconstruct my.csv --dt 0.01" in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(command, workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    words = shlex.split(command)
    if words[1] in ("reconstruct", "run"):
        words += _small(words)
    if words[1] == "orbit-diagram":
        words += ["--points", "6"]
    if words[1] == "sweep":  # tested at length elsewhere
        words += ["--dry-run", "--store", "sweeps"]
    if words[1] == "tune":
        words += [*TINY.split(), "--trials", "2", "--store", "tuned"]
    if words[1] in ("report", "export", "figures", "runs", "compare"):  # needs exactly one run of that name
        run = ["dsr", "run", "spec.toml", *TINY.split(), "seed=7", "--store", "reports"]
        monkeypatch.setattr(sys, "argv", run)
        _main()
        words += ["--store", "reports"]
    monkeypatch.setattr(sys, "argv", words)
    assert _main() == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def _small(words):
    """Settings that make a command quick, but for those that its model would refuse."""
    closed = {"esn", "ngrc"} & set(words)
    settings = [w for w in TINY.split() if not closed or w.split("=")[0] not in ("training.steps", "training.checks")]
    if "esn" in words:
        settings.append("model.units=50")
    if "training.search=8" in words:
        settings += ["training.search=2", "training.search_seeds=1"]
    return settings if {"my.csv", "spec.toml"} & set(words) else settings + TINY_SYSTEM.split()


def _main():
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    return 0


def test_the_eight_lines_of_python(workplace, monkeypatch, capsys):
    code, *_ = (text for kind, text in BLOCKS if kind == "python")
    assert len([line for line in code.splitlines() if line.strip()]) == 8
    monkeypatch.chdir(workplace)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("the library asked a question"))
    exec(compile(code.replace("100_000", "200"), "README.md", "exec"), {})
    table = capsys.readouterr().out
    assert all(name in table for name in ("D_stsp", "D_H", "lambda_1", "floor", "surrogate", "Gaussian"))


def test_the_query_of_the_index_runs(workplace, monkeypatch):
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    (code,) = (text for kind, text in BLOCKS if kind == "python" and "duckdb" in text)
    monkeypatch.chdir(workplace)
    for words in (["run", "spec.toml", *TINY.split(), "seed=7"], ["runs"]):
        monkeypatch.setattr(sys, "argv", ["dsr", *words, "--store", "reports"])
        assert _main() == 0
    asked = code.replace("dsr-runs", "reports").replace("duckdb.sql(", "found = duckdb.sql(")
    names: dict = {}
    exec(compile(asked, "README.md", "exec"), names)
    ((system, model, runs, divergence),) = names["found"].fetchall()
    assert (system, model, runs) == ("lorenz63", "shplrnn", 1) and divergence > 0


def test_make_and_pip_do_the_same():
    """What `make demo` runs is what the README tells people without make."""
    demo = subprocess.run(["make", "-n", "demo", "VENV=.fresh"], cwd=ROOT, capture_output=True, text=True, check=True)
    for word in ("pip install -q -e .", "dsr reconstruct lorenz63"):
        assert word in demo.stdout
    assert {".venv/bin/pip install -e .", ".venv/bin/dsr reconstruct lorenz63", "make demo", "make test"} <= set(SHELL)
    for target in ("demo", "test", "slow", "validate", "bench"):
        assert subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True).returncode == 0


def test_the_picture_is_there():
    (picture,) = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
