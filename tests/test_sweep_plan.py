"""The words of a sweep, the plan they make, and what is refused before anything starts."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from dsr.errors import DsrError, SpecError
from dsr.runs.cli import main
from dsr.runs.manifest import seal
from dsr.runs.resolve import resolve
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.sweep import combinations
from dsr.runs.sweep.cluster import require_address, require_memory
from dsr.runs.sweep.command import lines, planned, summarised, sweep
from dsr.runs.sweep.engine import Summary
from dsr.runs.sweep.jobs import jobs_of
from dsr.runs.sweep.watch import described

BASE = {"data": {"system": "henon"}, "model": {"name": "ngrc"}}


def specs_of(tree, words=()):
    return [one.spec for one in combinations(tree, words)]


def labels(*words, tree=BASE):
    return [one.label for one in combinations(tree, words)]


def test_lists_and_ranges_make_a_grid_in_the_order_of_the_words():
    specs = specs_of(BASE, ["system=henon,lorenz63", "seed=0..2,7", "data.noise=0.1"])
    assert [(s.data.system, s.seed) for s in specs] == [(n, k) for n in ("henon", "lorenz63") for k in (0, 1, 2, 7)]
    assert {s.data.noise for s in specs} == {0.1}
    assert [s.seed for s in specs_of(BASE, ["seed=0..20..10"])] == [0, 10, 20]


def test_a_zip_moves_keys_together():
    specs = specs_of(BASE, ["zip(data.noise=0,0.05 data.train=1000,2000)", "seed=0,1"])
    assert [(s.data.noise, s.data.train, s.seed) for s in specs] == [
        (0, 1000, 0), (0, 1000, 1), (0.05, 2000, 0), (0.05, 2000, 1),
    ]  # fmt: skip
    with pytest.raises(DsrError, match=r"different number \(seed: 2, data.noise: 1\)"):
        specs_of(BASE, ["zip(seed=1,2 data.noise=0)"])


def test_commas_in_quotes_and_brackets_belong_to_the_value():
    specs = specs_of({"data": {"file": "a.npy", "dt": 1.0}}, ["data.columns=[0,1],[2]", "file='a,b.csv',c.csv"])
    assert [(s.data.columns, s.data.file) for s in specs] == [
        (("0", "1"), "a,b.csv"), (("0", "1"), "c.csv"), (("2",), "a,b.csv"), (("2",), "c.csv"),
    ]  # fmt: skip
    (spec,) = specs_of(BASE, ["data.parameters={'a': 1.3, 'b': 0.3}"])
    assert spec.data.parameters == {"a": 1.3, "b": 0.3}


def test_a_section_is_the_same_as_words_and_words_replace_its_axes():
    text = """
    [data]
    system = "henon"
    [sweep]
    seed = "0..1"
    model = ["ngrc", "esn"]
    data.noise = [0.0, 0.1]
    "esn:model.units" = [50, 60]
    [[sweep.zip]]
    data.train = [1000, 2000]
    data.test = [500, 700]
    """
    words = ["seed=0..1", "model=ngrc,esn", "data.noise=0,0.1", "esn:model.units=50,60"]
    words += ["zip(data.train=1000,2000 data.test=500,700)"]
    assert specs_of(tomllib.loads(text)) == specs_of({"data": {"system": "henon"}}, words)
    assert {s.seed for s in specs_of(tomllib.loads(text), ["seed=9"])} == {9}


def test_texts_in_a_section_stay_texts():
    specs = specs_of({"data": {"system": "x"}, "sweep": {"experiment": ["a b", "c,d", "1"], "system": "e,f"}})
    assert [(s.experiment, s.data.system) for s in specs[::2]] == [("a b", "e"), ("c,d", "e"), ("1", "e")]


def test_the_settings_of_a_section_belong_to_the_model_it_names():
    tree = {**BASE, "model": {"name": "esn", "units": 77}}
    found = {s.model["name"]: dict(s.model) for s in specs_of(tree, ["model=esn,ngrc"])}
    assert found == {"esn": {"name": "esn", "units": 77}, "ngrc": {"name": "ngrc"}}


def test_an_axis_for_one_family_leaves_the_others_alone():
    assert labels("model=ngrc,esn", "esn:model.units=50,60", "seed=0,1") == [
        "model=ngrc seed=0", "model=ngrc seed=1", "model=esn seed=0 model.units=50", "model=esn seed=1 model.units=50",
        "model=esn seed=0 model.units=60", "model=esn seed=1 model.units=60",
    ]  # fmt: skip


def test_words_may_leave_out_a_model_that_the_section_has_an_axis_for():
    tree = {**BASE, "sweep": {"model": ["ngrc", "esn"], "esn:model.units": [50, 60]}}
    assert labels(tree=tree) == ["model=ngrc", "model=esn model.units=50", "model=esn model.units=60"]
    assert labels("model=ngrc", tree=tree) == [""] and len(labels("model=var,esn", tree=tree)) == 3
    with pytest.raises(DsrError, match="'esm:model"):
        labels(tree={**BASE, "sweep": {"model": ["ngrc", "esn"], "esm:model.units": [50, 60]}})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seed"], "the word 'seed'"),
        (["seed=3..1"], "write 1..3"),
        (["seed=1..3..0"], "steps of 0; accepted: steps of 1"),
        (["seed=0..9999999"], "of 10000000 values; accepted: at most 1000000; next: write 0..999999,"),
        (["seed=0,1", "seed=2"], "'seed' is set by two axes"),
        (["data.columns=[0,1"], r"without a closing \]"),
        (["data.nois=0,1", "seed=3,4"], "named 'nois' in the combination data.nois=0 seed=3.*did you mean 'noise'"),
        (["seed=0..9999", "data.train=1..9999"], "a sweep of 99990000 runs"),
        (["model=esn,ngrc", "ngrx:model.ridge=1e-6,1e-4"], "'ngrx:model.ridge'.*before the colon: esn, ngrc.*'ngrc:mo"),
        (["model=esn,ngrc", "var:model.lags=1,2"], "no combination with model=var.*add var to model=..."),
        (["esn:model.units=50,60"], "no combination with model=esn; accepted: .*: ngrc; next: add esn"),
        (["zip(model=esn,ngrc seed=1,2)", "var:model.lags=1"], "before the colon: esn, ngrc"),
    ],
)
def test_words_that_make_no_plan_are_refused(words, said):
    with pytest.raises(DsrError, match=said):
        specs_of(BASE, words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["model=shplrnn,ngrc", "forcing.alpha=0.1,0.2"],
            "closed form in the combination model=ngrc forcing.alpha=0.1",
        ),
        (
            ["model=shplrnn,ngrc,alrnn", "training.steps=100"],
            "closed form in the combination model=ngrc; .*; next: write shplrnn:training.steps=... "
            "alrnn:training.steps=... in its place.",
        ),
        (["model=esn,ngrc", "training.steps=100"], "next: leave training.steps out"),
        (["system=henon,lorens63"], "'lorens63' in the combination system=lorens63.*did you mean 'lorenz63'"),
        (["model=esn,alrn"], "no model 'alrn' in the combination model=alrn"),
    ],
)
def test_what_a_family_refuses_names_the_combination(tmp_path, words, said):
    with pytest.raises(DsrError, match=said):
        jobs_of(combinations({"data": {"system": "henon"}, "forcing": {"name": "generalized"}} if "forcing" in words[-1]
                             else {"data": {"system": "henon"}}, words), RunStore(tmp_path))  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_plan_needs_no_torch():
    code = "import sys; from dsr.runs.sweep import combinations\n"
    code += "combinations({'data': {'system': 'henon'}}, ['seed=0..9'])\n"
    code += "sys.exit(' '.join(m for m in ('torch', 'scipy', 'pandas', 'distributed') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 or done.stderr.strip() == "", done.stderr


def finished(spec, store, **status):
    resolved = resolve(spec)
    folder = store.create(spec.experiment, resolved.run_id)
    folder.write_json("measures.json", {})
    folder.write_json("resolved.json", resolved.tree)
    seal(folder, failures=0, **status)
    return folder


def test_the_plan_knows_what_the_store_has_and_what_the_rest_will_cost(tmp_path):
    store, words = RunStore(tmp_path), ["model=shplrnn,esn,ngrc", "seed=0..4", "shplrnn:training.steps=1000"]
    jobs = jobs_of(combinations({"data": {"system": "henon"}}, words), store)
    finished(jobs[0].spec, store, cpu_seconds=30.0, seconds=20.0, steps=1000)
    esn = finished(jobs[5].spec, store, cpu_seconds=5.0, seconds=1.0, steps=1)
    finished(jobs[6].spec, store, cpu_seconds=7.0, seconds=1.0, steps=1)
    (esn / "measures.json").write_text("[]")
    for _ in range(3):
        store.create("default", jobs[7].run_id).set_failed("RuntimeError: no")
    store.create("default", jobs[8].run_id).set_failed("RuntimeError: once")
    told = planned(jobs, store, 2, 2)
    assert [told[k] for k in ("runs", "finished", "damaged", "failed before", "given up", "to compute")] == [
        15, 2, 1, 2, 1, 12,
    ]  # fmt: skip
    assert told["cost"]["shplrnn"] == {"runs": 4, "cpu_seconds": 120.0, "basis": 1}
    assert told["cost"]["ngrc"] == {"runs": 5, "cpu_seconds": None, "basis": 0} and told["seconds"] is None
    assert any("ngrc: 5 runs, no basis" in line for line in lines(told))
    twice = jobs_of(combinations({"data": {"system": "henon"}}, [*words[:2], "shplrnn:training.steps=2000"]), store)
    assert planned(twice, store, 2, 2)["cost"]["shplrnn"]["cpu_seconds"] == 5 * (10 + 2 * 20)


def test_combinations_that_come_to_the_same_run_are_one_job(tmp_path):
    jobs = jobs_of(combinations(BASE, ["seed=0,1", "data.noise=0,0.0"]), RunStore(tmp_path))
    assert [job.spec.seed for job in jobs] == [0, 1]


def test_a_worker_is_told_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a\n1\n2\n")
    (tmp_path / "x.toml").write_text("[equations]\n")
    data = {"file": "x.csv", "test_file": "x.csv", "truth": "x.toml", "dt": 1.0}
    (job,) = jobs_of(combinations({"data": data, "model": {"name": "ngrc"}}), RunStore("s"))
    told = parse(tomllib.loads(job.task[0]))
    assert told.data.file == told.data.test_file == str(tmp_path / "x.csv") and resolve(told).run_id == job.run_id
    assert told.data.truth == str(tmp_path / "x.toml")


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path, monkeypatch, capsys):
    words = ["system=henon", "model=ngrc", "seed=0..2", "--dry-run", "--json", "--store", str(tmp_path / "s")]
    monkeypatch.setattr(sys, "argv", ["dsr", "sweep", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    told = json.loads(capsys.readouterr().out)
    assert not stopped.value.code and told["runs"] == 3 and not (tmp_path / "s").exists()
    assert [entry["combination"] for entry in told["plan"]] == ["seed=0", "seed=1", "seed=2"]


def test_the_summary_names_failures_with_reason_and_folder(tmp_path):
    jobs = jobs_of(combinations(BASE, ["seed=0..2"]), RunStore(tmp_path))
    done = Summary(finished=jobs[:1], reused=jobs[1:2], failed=[(jobs[2], "ValueError: no")])
    text = "\n".join(lines(summarised(done, RunStore(tmp_path))))
    assert "3 runs in" in text and "1 computed, 1 found finished, 1 failed" in text
    assert (
        f"failed: {jobs[2].run_id} (seed=2)" in text and "ValueError: no" in text and str(jobs[2].folder.path) in text
    )


def test_the_end_is_estimated_from_what_was_computed_and_not_from_what_was_found():
    assert described(100, 2, 0, 200, 100, 0.0, 50.0) == "100 of 200 done, 2 running, 0 failed"
    day = 86_400.0
    assert "ends about" in described(110, 2, 1, 200, 100, 0.0, 10.0)
    late = described(110, 2, 1, 200, 100, 0.0, 10 * day)
    assert any(month in late for month in ("Mar", "Apr")), "90 days after 10 January 1970"


@pytest.mark.parametrize("memory", ["foo", "1MB", "900MB", "-4GB"])
def test_a_limit_of_memory_that_no_run_can_live_with_is_refused(tmp_path, memory):
    with pytest.raises(SpecError, match=f"--memory {memory}; accepted: auto, or 1GB"):
        sweep(["system=henon", "seed=0"], str(tmp_path), dry_run=True, workers=1, scheduler=None, slurm=None,
              memory=memory, retries=0)  # fmt: skip
    for good in ("auto", "1GB", "4 GiB"):
        require_memory(good)


@pytest.mark.parametrize("address", ["foo", "tcp://foo", "foo:", "tcp://foo:bar", ":8786", "a b:1"])
def test_what_is_no_address_is_refused_before_anything_is_planned(tmp_path, address):
    with pytest.raises(SpecError, match=f"--scheduler {address}; accepted: .* such as tcp://127.0.0.1:8786; next: "):
        sweep(["system=nosuch", "seed=0"], str(tmp_path), dry_run=False, workers=1, scheduler=address, slurm=None,
              memory="auto", retries=0)  # fmt: skip
    for good in ("tcp://127.0.0.1:8786", "node7:8786", "tls://head.cluster.org:1", "tcp://[::1]:8786"):
        require_address(good)
