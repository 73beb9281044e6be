"""The commands that write a page: what is refused before anything is computed, and how they end."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest

from dsr.runs.bench import __main__ as bench
from dsr.runs.gallery import __main__ as gallery
from dsr.runs.sensitivity import __main__ as sensitivity
from dsr.runs.short_horizon import __main__ as short_horizon
from dsr.runs.validation import __main__ as validation

# What each computes first, and words with which it begins to.
FIRST = {
    "bench": ("bench", ["--sections", "memory", "-o", "page.md"]),
    "sensitivity": ("compute", ["henon", "-o", "."]),
    "short_horizon": ("compute", ["--systems", "Lorenz", "-o", "page.md"]),
    "validation": ("compute", ["ngrc-lorenz63", "-o", "."]),
    "gallery": ("of_runs", ["-o", "."]),
    "ground_truth": ("page", ["-o", "page.md"]),
}
PAGES = ("page.md", "sensitivity.md", "validation.md", "gallery.md")


@pytest.fixture(autouse=True)
def old_pages(tmp_path, monkeypatch):
    """A folder with a page of every name, which no test may change."""
    monkeypatch.chdir(tmp_path)
    for name in PAGES:
        (tmp_path / name).write_text("old")
    yield
    assert {(tmp_path / name).read_text() for name in PAGES} == {"old"}


@pytest.fixture
def nothing_computed(monkeypatch):
    for module in (bench, sensitivity, short_horizon, validation, gallery):
        name = FIRST[module.__name__.split(".")[2]][0]
        if module is not bench:
            monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("it began to compute"))


@pytest.mark.parametrize("name", FIRST)
def test_ctrl_c_is_a_sentence_and_status_130(name, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    module, (first, words) = importlib.import_module(f"dsr.runs.{name}.__main__"), FIRST[name]
    monkeypatch.setattr(module, first, interrupted)
    assert module.main(words) == 130
    said = capsys.readouterr().err
    assert said.startswith("interrupted; ") and len(said.splitlines()) == 1


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--outptu", "x"], "did you mean '--out"),
        (["-o", "/dev/null/page"], "cannot be written"),
        (["-o"], "expected one argument; accepted: what `python -m dsr.runs."),
    ],
)
def test_what_is_refused_is_one_sentence_in_three_parts(name, words, said, nothing_computed, capsys):
    module = importlib.import_module(f"dsr.runs.{name}.__main__")
    assert module.main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and "; accepted: " in told and "; next: " in told and said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        (short_horizon, ["--systems", "Lorenz,Lorentz"], "no flow of dysts 'Lorentz'.*did you mean 'Lorenz'"),
        (short_horizon, ["--windows", "0"], "--windows 0; accepted: 1 or more"),
        (short_horizon, ["--seed", "-1"], "--seed -1; accepted: 0 or more"),
        (sensitivity, ["--seed", "-1"], "--seed -1; accepted: 0 or more"),
        (sensitivity, ["--rows", "10"], "--rows 10; accepted: 2000 or more"),
        (validation, ["ngrc-lorenz36"], "did you mean 'ngrc-lorenz63'"),
        (validation, ["--seeds", "0"], "--seeds 0; accepted: 1 or more"),
        (validation, ["--workers", "0"], "--workers 0; accepted: 1 or more"),
        (validation, ["--repeat", "-1"], "--repeat -1; accepted: 0 or more"),
    ],
)
def test_names_and_counts_are_seen_before_anything_is_computed(module, words, said, nothing_computed, capsys):
    output = ["-o", "." if module in (sensitivity, validation) else "page.md"]
    assert module.main([*words, *output]) == 2
    assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (short_horizon, ["--systems", "Lorenz", "-o", "page.md"]),
        (validation, ["--page", "-o", "."]),
    ],
)
def test_a_page_without_results_is_not_written(module, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "compute", lambda *_, **__: 0)
    assert module.main([*words, "--store", str(tmp_path / "empty")]) == 2
    assert "there is no result to write a page of" in capsys.readouterr().err
    assert not (tmp_path / "validation").exists()


def test_an_import_runs_nothing(tmp_path):
    code = "import sys; sys.argv = ['x', '-o', 'page.md']\n"
    code += "".join(f"import dsr.runs.{name}.__main__\n" for name in FIRST)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_of_the_systems_is_written(tmp_path, capsys):
    from dsr.runs.ground_truth.__main__ import main

    assert main(["-o", "systems.md"]) == 0 and capsys.readouterr().out == "systems.md\n"
    assert (tmp_path / "systems.md").read_text().startswith("# The systems and their invariants")
