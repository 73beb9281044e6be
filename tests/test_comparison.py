"""Comparisons: what is pooled, how lost runs count, statistics against independent computations, tables, the page."""

import json
import math
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from run_folders import write_run

from dsr.errors import SpecError, StoreError
from dsr.runs.cli import main
from dsr.runs.compare.command import compare_runs, list_runs
from dsr.runs.compare.comparison import compare
from dsr.runs.compare.index import FILE, read_index
from dsr.runs.compare.median_interval import median_interval, reachable_coverage
from dsr.runs.store import RunStore

NAN = math.nan
TRUTHS = {"lambda_1": 0.9}


def fill(store, systems=("a", "b", "c"), models=("esn", "ngrc", "var"), seeds=5):
    """Scores that grow with the place of the model in the list; the last model diverges at seed 0 of each system."""
    for i, system in enumerate(systems):
        for j, model in enumerate(models):
            for seed in range(seeds):
                lost = j == len(models) - 1 and seed == 0
                d = (0.06 + 0.1 * j) * (1 + 0.1 * seed) * 2**i
                values = {"D_stsp": d, "valid prediction time": 9.0 - 2 * j - 0.1 * seed, "lambda_1": 0.9 + 0.05 * j}
                values = dict.fromkeys(values, NAN) if lost else values
                outcome = "diverged" if lost else "cycle" if j == 1 and seed == 4 else "chaotic"
                write_run(store, system, model, seed, values, truths=TRUTHS, outcome=outcome)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("store"))
    fill(store)
    write_run(store, "a", "esn", 7, {}, state="failed")
    write_run(store, "a", "esn", 8, {}, state="running")
    return store


@pytest.fixture(scope="module")
def found(full):
    return compare(read_index(full))


def cell(found, task, contestant, measure):
    (hit,) = [c for c in found.cells if (c.task, c.contestant, c.measure) == (task, contestant, measure)]
    return hit


def output(store, form, **more):
    options = {"by": "model", "measures": None, "out": None, "baseline": None, "table": "measures", **more}
    return compare_runs(str(store.root), [], form=form, **options)


# The index


def test_the_index_has_one_row_for_each_run_and_measure(full):
    table = read_index(full)
    assert len(table) == 45 * 3 + 2
    row = next(r for r in table.to_pylist() if r["run"].startswith("b-ngrc-s003") and r["measure"] == "D_stsp")
    assert row["value"] == pytest.approx(0.16 * 1.3 * 2) and row["seed"] == 3 and row["floor_high"] == 0.08
    assert row["normalised"] == pytest.approx((row["value"] - 0.05) / (2.0 - 0.05))
    assert (row["system"], row["model"], row["forcing"], row["outcome"], row["surrogate"]) == (
        "b", "ngrc", "sparse", "chaotic", 2.0,
    )  # fmt: skip
    assert (full.root / FILE).exists()


def test_only_what_is_new_or_has_changed_is_read_again(tmp_path, monkeypatch):
    from dsr.runs.compare import index

    store = RunStore(tmp_path)
    first = write_run(store, "a", "esn", 0, {"D_stsp": 1.0})
    write_run(store, "a", "esn", 1, {"D_stsp": 2.0})
    read_index(store)
    opened = []
    rows_of = index.rows_of
    monkeypatch.setattr(index, "rows_of", lambda folder: opened.append(folder.path.name) or rows_of(folder))
    assert read_index(store)["value"].to_pylist() == [1.0, 2.0] and opened == []
    changed = first.read_json("measures.json")
    changed["rows"][0]["reconstruction"]["value"] = 31.5
    first.write_json("measures.json", changed)
    write_run(store, "a", "esn", 2, {"D_stsp": 3.0})
    assert sorted(read_index(store)["value"].to_pylist()) == [2.0, 3.0, 31.5] and len(opened) == 2
    shutil.rmtree(first.path)
    assert read_index(store)["value"].to_pylist() == [2.0, 3.0] and len(opened) == 2


def test_an_index_can_be_lost_damaged_or_stale_and_is_the_same_again(tmp_path):
    store = RunStore(tmp_path)
    fill(store, seeds=2)
    whole = read_index(store)
    content = (tmp_path / FILE).read_bytes()
    for damage in (b"no parquet", content[:200], None):
        (tmp_path / FILE).unlink() if damage is None else (tmp_path / FILE).write_bytes(damage)
        assert read_index(store).equals(whole)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_damaged_folder_is_listed_with_its_reason_and_hides_no_other(tmp_path):
    store = RunStore(tmp_path)
    write_run(store, "a", "esn", 0, {"D_stsp": 1.0})
    bad = write_run(store, "a", "esn", 1, {"D_stsp": 2.0})
    bad.write("measures.json", '{"rows": [')
    (write_run(store, "a", "esn", 2, {"D_stsp": 2.0}) / "measures.json").unlink()
    states = {r["seed"]: (r["state"], r["reason"]) for r in read_index(store).to_pylist()}
    assert states[0][0] == "finished" and states[1][0] == "damaged" and "is damaged" in states[1][1]
    assert states[2] == ("damaged", "measures.json is missing")
    (write_run(store, "a", "esn", 3, {"D_stsp": 2.0}) / "resolved.json").write_text("{")
    found = compare(read_index(store))
    (count,) = found.counts
    assert (count.runs, count.failed) == (3, 2) and any("without readable settings" in n for n in found.notes)


def test_a_failed_run_without_settings_counts_among_its_kind(tmp_path):
    from dsr.runs.resolve import resolve
    from dsr.runs.spec import parse
    from dsr.runs.toml import dumps

    store, records = RunStore(tmp_path), []
    for seed in (0, 1):
        spec = parse({"data": {"system": "lorenz63"}, "model": {"name": "ngrc"}, "seed": seed})
        folder = store.folder("default", resolve(spec).run_id)
        folder.write("spec.toml", dumps(spec.to_dict()))
        if seed == 0:
            folder.write_json("resolved.json", dict(resolve(spec).tree) | {"obs_dim": 3, "estimated": {"dt": 0.01}})
        folder.set_status("failed", reason="of its own")
        records.append(folder)
    assert len(set(read_index(store)["settings_hash"].to_pylist())) == 1


# What is pooled


def test_runs_with_different_settings_are_never_pooled(tmp_path):
    store = RunStore(tmp_path)
    for alpha in (0.1, 0.2):
        for seed in range(3):
            write_run(store, "a", "esn", seed, {"D_stsp": alpha}, training={"alpha": alpha})
            write_run(store, "a", "var", seed, {"D_stsp": 1.0}, data={"noise": alpha})
    table = read_index(store)
    found = compare(table, ["model=esn"])
    assert found.contestants == ("esn, alpha=0.1", "esn, alpha=0.2") and found.tasks == ("a",)
    assert [c.runs for c in found.counts] == [3, 3]
    assert compare(table, ["model=var"]).tasks == ("a, noise=0.1", "a, noise=0.2")
    assert compare(table, ["model=esn"], by=["training.alpha"]).contestants == ("alpha=0.1", "alpha=0.2")


def test_settings_that_only_differ_between_systems_stay_one_contestant(tmp_path):
    store = RunStore(tmp_path)
    for system, units in (("a", 100), ("b", 200)):
        write_run(store, system, "esn", 0, {"D_stsp": 1.0}, forcing={"tau": units})
    assert compare(read_index(store)).contestants == ("esn",)


def test_a_copied_run_counts_once(tmp_path):
    store = RunStore(tmp_path)
    for experiment in ("default", "copy"):
        write_run(store, "a", "esn", 0, {"D_stsp": 1.0}, experiment=experiment)
    found = compare(read_index(store))
    assert found.counts[0].runs == 1 and any("counted once" in note for note in found.notes)


def test_values_of_another_definition_are_not_pooled(tmp_path):
    store = RunStore(tmp_path)
    for seed in range(3):
        folder = write_run(store, "a", "esn", seed, {"D_stsp": float(seed)})
        if seed:
            tree = folder.read_json("measures.json")
            tree["rows"][0]["reconstruction"]["version"] = 2
            folder.write_json("measures.json", tree)
    only = cell(compare(read_index(store)), "a", "esn", "D_stsp")
    assert (only.version, only.values, only.median) == (2, 2, 1.5)


def test_filters_choose_and_misspelt_ones_name_the_nearest(full):
    table = read_index(full)
    chosen = compare(table, ["model=esn,var", "seed=1..3", "system=a"])
    assert [(c.contestant, c.seeds) for c in chosen.counts] == [("esn", (1, 2, 3)), ("var", (1, 2, 3))]
    assert compare(table, ["training.steps=100", "outcome=diverged"]).counts[0].diverged == 1
    assert len(compare(table, ["b-esn"]).counts[0].seeds) == 5
    for words, error, said in (
        (["model=ens"], SpecError, "esn"), (["modle=esn"], SpecError, "model"), (["a-esm"], StoreError, "no run is"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            compare(table, words)
    with pytest.raises(SpecError, match="D_stsp"):
        compare(table, measures=["D_stp"])
    with pytest.raises(SpecError, match="contestant named 'parroting'"):
        compare(table, baseline="parroting")
    with pytest.raises(StoreError, match="no runs to compare"):
        compare(table, ["model=esn", "outcome=diverged"])


# Lost runs


def test_lost_runs_have_columns_of_their_own_and_leave_medians_alone(found):
    fates = {(c.task, c.contestant): c for c in found.counts}
    assert [fates["b", m].diverged for m in ("esn", "ngrc", "var")] == [0, 0, 1]
    assert (fates["a", "ngrc"].collapsed, fates["a", "esn"].failed, fates["a", "esn"].unfinished) == (1, 1, 1)
    lost = cell(found, "a", "var", "D_stsp")
    assert (lost.values, lost.runs) == (4, 5) and lost.median == pytest.approx(0.26 * 1.25)
    assert lost.losses[0] == math.inf and cell(found, "a", "esn", "D_stsp").losses[7] == math.inf
    assert 8 not in cell(found, "a", "esn", "D_stsp").losses
    assert any("worse than any number" in note for note in found.notes)


def test_a_diverged_run_ranks_worst(tmp_path):
    store = RunStore(tmp_path)
    for system in ("a", "b"):
        for seed in range(3):
            write_run(store, system, "esn", seed, {"D_stsp": 9.0})
            value = {"D_stsp": 0.1 if seed == 0 else NAN}
            write_run(store, system, "var", seed, value, outcome="chaotic" if seed == 0 else "diverged")
    ranking = compare(read_index(store)).rankings["D_stsp"]
    assert ranking.names == ("esn", "var") and ranking.mean_ranks == (1.0, 2.0)


@pytest.mark.parametrize(("outcome", "gone"), [("fixed point", True), ("transient chaos", True), ("cycle", False)])
def test_a_run_without_an_attractor_ranks_worst_but_for_its_forecasts(tmp_path, outcome, gone):
    store = RunStore(tmp_path)
    for system in ("a", "b"):
        write_run(store, system, "esn", 0, {"D_stsp": 9.0, "valid prediction time": 1.0})
        write_run(store, system, "var", 0, {"D_stsp": 0.1, "valid prediction time": 2.0}, outcome=outcome)
    found = compare(read_index(store))
    assert found.rankings["D_stsp"].names[0] == ("esn" if gone else "var")
    assert found.rankings["valid prediction time"].names[0] == "var"
    assert cell(found, "a", "var", "D_stsp").median == 0.1
    assert any("worse than any number" in note for note in found.notes)


def test_runs_at_the_truth_at_the_floor_and_no_better_than_noise_are_counted(tmp_path):
    """Noise scores 1.5, the better of two; a lost run stands nowhere, and without an error nothing is at the truth."""
    store = RunStore(tmp_path)
    for seed, (d, exponent, outcome) in enumerate([
        (0.05, 0.9, "chaotic"), (1.4, 0.94, "chaotic"), (1.5, 0.95, "chaotic"), (1.6, 0.9, "cycle"),
        (0.05, 0.9, "fixed point"),
    ]):  # fmt: skip
        values = {"D_stsp": d, "lambda_1": exponent}
        write_run(store, "a", "esn", seed, values, truths=TRUTHS, outcome=outcome, error=0.02)
        write_run(store, "a", "var", seed, values, truths=TRUTHS, outcome=outcome)
    found = compare(read_index(store))
    density, exponent = (cell(found, "a", "esn", name) for name in ("D_stsp", "lambda_1"))
    assert (density.within_floor, density.noisy, density.agree) == (1, 1, None)
    assert (exponent.agree, exponent.noisy) == (2, None) and exponent.error == pytest.approx(0.02)
    assert cell(found, "a", "var", "lambda_1").agree is None


def test_invariants_are_ranked_by_their_distance_from_truth_and_longer_forecasts_are_better(found):
    assert cell(found, "a", "ngrc", "lambda_1").losses[2] == pytest.approx(0.05)
    assert cell(found, "a", "ngrc", "lambda_1").truth == 0.9
    assert found.rankings["valid prediction time"].names[0] == "esn"
    assert cell(found, "a", "esn", "valid prediction time").losses[0] == -9.0


def test_a_contestant_without_the_number_is_not_ranked(tmp_path):
    store = RunStore(tmp_path)
    for system in ("a", "b"):
        for model, value in (("esn", 0.8), ("ngrc", 0.7), ("parroting", NAN)):
            write_run(store, system, model, 0, {"lambda_1": value}, truths=TRUTHS)
    found = compare(read_index(store))
    assert set(found.rankings["lambda_1"].names) == {"esn", "ngrc"}
    assert "For want of a number, parroting is not ranked in lambda_1." in found.notes


# Statistics


def test_an_interval_of_five_seeds_is_their_range_and_says_what_it_covers(found):
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    assert median_interval(values) == (1.0, 9.0) and reachable_coverage(5) == 0.9375
    assert any("With 5 seeds" in note and "at most 93.8 %" in note for note in found.notes)
    assert any("5 shared seeds cannot give a p value below 0.0625" in note for note in found.notes)


@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "json", "rich"])
def test_the_same_comparison_gives_the_same_text(full, form):
    first = output(full, form)
    (full.root / FILE).unlink()
    assert output(full, form) == first


@pytest.mark.parametrize("name", ["c.parquet", "c.html"])
def test_the_same_comparison_gives_the_same_bytes(full, tmp_path, name):
    for folder in ("one", "two"):
        output(full, None, out=str(tmp_path / folder / name))
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_tables_are_complete_in_every_format(full, found, tmp_path):
    markdown, latex, plain = (output(full, form) for form in ("markdown", "latex", "rich"))
    for text in (markdown, latex, plain):
        for word in ("diverged", "ngrc", "0.325", "4/5", "Friedman", "Holm"):
            assert word in text, word
    assert "10.2307/3001968" in markdown and r"$\lambda_{1}$" in latex and r"$D_{\mathrm{stsp}}$" in latex
    body = [line for line in latex.splitlines() if line.endswith((r"\\", r"\\[2pt]")) and "&" in line]
    assert len({line.count(" & ") for line in body}) == 4 and "toprule" in latex
    assert not re.search(r"(?<!\\)[%_#](?!\s)", latex.split("% -")[0].split("longtable}", 1)[1].replace("_{", ""))
    rows = output(full, "csv").splitlines()
    assert len(rows) == 1 + len(found.cells) and "nan" not in rows[1].lower()
    tree = json.loads(output(full, "json"))
    assert len(tree["cells"]) == len(found.cells) and tree["counts"][2]["diverged"] == 1
    for table, first in (("tests", "measure"), ("ranks", "measure"), ("runs", "task")):
        assert output(full, "csv", table=table).startswith(f'"{first}"')


def test_a_baseline_is_tested_against_all_others(full):
    tests = compare(read_index(full), baseline="var").tests
    assert {(t.a, t.b) for t in tests} == {("esn", "var"), ("ngrc", "var")}
    across = [t for t in tests if t.scope == "all systems" and t.measure == "D_stsp"]
    assert [(t.pairs, t.effect) for t in across] == [(3, -1.0), (3, -1.0)]


def test_the_list_of_runs_has_scores_and_reasons(full):
    text = list_runs(str(full.root), ["system=a"], {"model": "var", "state": None}, as_json=False)
    assert len(text.splitlines()) == 2 + 5 and "diverged" in text and "12.5" in text
    entries = json.loads(list_runs(str(full.root), [], {"state": "failed"}, as_json=True))
    assert [(e["model"], e["seed"], e["reason"]) for e in entries] == [("esn", 7, "ValueError: of its own")]


def test_the_verbs_answer_and_refuse(full, monkeypatch, capsys, tmp_path):
    def dsr(*words):
        monkeypatch.setattr(sys, "argv", ["dsr", *words])
        try:
            main()
        except SystemExit as stop:
            assert stop.code == 2 or not stop.code
        return capsys.readouterr()

    assert "a-esn-s000" in dsr("runs", "--store", str(full.root)).out
    assert "Paired tests" in dsr("compare", "--store", str(full.root), "--measures", "D_stsp").out
    for words, said in (
        (("compare", "--store", str(tmp_path / "no")), "there is no store"),
        (("compare", "--store", str(tmp_path)), "a store without runs"),
        (("compare", "--store", str(full.root), "-o", "c.doc"), "a name that ends in .md"),
        (("compare", "--store", str(full.root), "--format", "latx"), "did you mean 'latex'"),
        (("compare", "--store", str(full.root), "--format", "parquet"), "-o comparison.parquet"),
        (("compare", "--store", str(full.root), "--table", "rank"), "did you mean 'ranks'"),
        (("compare", "--store", str(full.root), "--table", "ranks"), "add --format csv"),
        (("compare", "--store", str(full.root), "-o", str(full.root / FILE / "c.md")), "another name with -o"),
    ):
        err = dsr(*words).err
        assert said in err and "; next: " in err and "Traceback" not in err


def test_duckdb_reads_the_index(full):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    read_index(full)
    query = (
        "SELECT system, model, count(value) n, median(value) D_stsp, count(*) FILTER (outcome = 'diverged') lost "
        f"FROM '{full.root / FILE}' WHERE measure = 'D_stsp' GROUP BY ALL ORDER BY ALL"
    )
    rows = duckdb.sql(query).fetchall()
    assert rows[2] == ("a", "var", 4, pytest.approx(0.325), 1)


# The page


@pytest.fixture(scope="module")
def page(full, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "c.html"
    output(full, "html", out=str(path))
    return path


def test_the_page_needs_nothing_else_and_every_number_opens(page, found):
    html = page.read_text(encoding="utf-8")
    for forbidden in ("<script", "<link", "http-equiv", "url(", "@import"):
        assert forbidden not in html
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    images = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]+)"', html)
    assert len(images) == html.count("<img") == 3 * 2 + 2 and all(len(alt) > 40 for alt in images)
    assert html.count('<details class="number">') > 3 * len(found.cells)
    assert "version 1" in html and ">seed 3<" in html and "smallest p possible" in html
    medians = re.findall(r"<summary>(0\.325 \[[^<]+)</summary><div>(.*?)</div>", html, re.S)
    assert medians and "bins" in medians[0][1] and "30" in medians[0][1]
    assert html.count("<h1>") == 1 and 'lang="en"' in html


def test_a_real_browser_renders_the_page_offline(page, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    common = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    shot = tmp_path / "page.png"
    command = [*common, offline, "--window-size=1200,2400", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    assert shot.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and shot.stat().st_size > 50_000
