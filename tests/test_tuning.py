"""Tuning: trials are ordinary runs, the store is the memory, and what lags behind is stopped."""

import dataclasses
import math
import sys
from contextlib import ExitStack

import pytest

from dsr.errors import DataError, SpecError, StoreError
from dsr.models import Range
from dsr.runs.claim import RunClaimed, claimed
from dsr.runs.cli import main
from dsr.runs.execute import Pruned, RunResult, Silent, execute
from dsr.runs.resolve import resolve
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.tuning import study as room
from dsr.runs.tuning.command import lines, tune_command
from dsr.runs.tuning.objective import require_objective, require_truth, value_and_loss
from dsr.runs.tuning.pruning import Watch, best_so_far, history_scores, is_behind
from dsr.runs.tuning.space import section_words, split_words
from dsr.runs.tuning.study import tune

TREE = {"data": {"system": "henon"}, "model": {"name": "shplrnn"}, "training": {"steps": 100}}
SMALL = {
    "data": {"system": "henon", "train": 1200, "validation": 500, "test": 600, "floor_trajectories": 1},
    "model": {"name": "shplrnn", "hidden_dim": 5},
    "training": {"steps": 600, "window": 8, "checks": 6, "check_steps": 200, "members": 1, "backend": "torch"},
    "analysis": {"starts": 2, "lyapunov_steps": 20, "lyapunov_members": 2},
}


def measures(value, **more):
    row = {"name": "D_stsp", "reconstruction": {"value": value}, "truth": None}
    rows = [{"name": k, "reconstruction": {"value": v}, "truth": t and {"name": k, **t}} for k, (v, t) in more.items()]
    return {"rows": [row, *rows]}


@pytest.fixture
def fake(monkeypatch):
    """Runs that take no time: the loss is least at hidden_dim = 40; hidden_dim below 15 cannot be run."""
    computed = []

    def pretend(spec, store, *, progress, checkpoint_seconds):
        if spec.model["hidden_dim"] < 15:
            raise DataError("too few", "more", "raise it")
        folder = store.create(spec.experiment, resolve(spec).run_id)
        if folder.status["state"] != "finished":
            computed.append(spec)
            folder.set_status("finished")
        return RunResult(folder, measures((spec.model["hidden_dim"] - 40) ** 2 + spec.seed), "", False)

    monkeypatch.setattr(room, "execute", pretend)
    return computed


SPACE = {"model.hidden_dim": Range(10, 90), "training.learning_rate": Range(1e-4, 1e-2, log=True)}


def test_words_are_ranges_lists_and_settings():
    plain, ranges = split_words(["seed=3", "a.b=1..9", "c=1e-4..1.5", "d=2..50..log", "e=x,3,true", "f=[1,2]"])
    assert plain == ["seed=3", "f=[1,2]"]
    assert ranges["a.b"] == Range(1, 9) and isinstance(ranges["a.b"].low, int)
    assert ranges["c"] == Range(1e-4, 1.5) and ranges["d"] == Range(2, 50, log=True)
    assert ranges["e"].choices == ("x", 3, True)
    assert section_words({"training": {"alpha": "0.1..0.9"}, "model": ["esn", "var"]}) == [
        "training.alpha=0.1..0.9",
        "model=esn,var",
    ]
    for bad in ("a=3..1", "a=0..1..log", "a=x..y", "a=1..2..3"):
        with pytest.raises(SpecError, match=r"a="):
            split_words([bad])


def test_the_objective_is_made_small_whatever_its_kind():
    found = measures(0.5, **{"valid prediction time": (4.0, None), "lambda_1": (0.8, {"value": 0.9})})
    assert value_and_loss(found, "D_stsp") == (0.5, 0.5) and value_and_loss(found, "d-stsp") == (0.5, 0.5)
    assert value_and_loss(found, "valid_prediction_time") == (4.0, -4.0)
    assert value_and_loss(found, "lambda_1") == (0.8, pytest.approx(0.1))
    assert value_and_loss(measures(None), "D_stsp") == (None, math.inf)
    with pytest.raises(SpecError, match="did you mean 'D_stsp'"):
        value_and_loss(found, "D_stp")
    for truth in (None, {"name": "lambda_1 from data", "value": 0.7}, {"value": None}):
        with pytest.raises(SpecError, match="without a true value"):
            value_and_loss(measures(0.5, lambda_1=(0.8, truth)), "lambda_1")


def test_an_invariant_without_a_truth_is_refused_before_the_first_run(fake, tmp_path):
    (tmp_path / "x.csv").write_text("1\n2\n")
    file = {"file": str(tmp_path / "x.csv"), "dt": 1.0}
    for objective in ("lambda_1", "Kaplan-Yorke dimension", "sum-of-exponents"):
        with pytest.raises(SpecError, match="without a true value"):
            tune({**TREE, "data": file}, SPACE, RunStore(tmp_path), objective=objective, say=Silent())
        require_truth(objective, parse({"data": {**file, "truth": "henon"}}))
        require_truth(objective, parse(TREE))
    with pytest.raises(
        SpecError, match="exponents are known; accepted: the exponent itself; next: --objective lambda_1"
    ):
        tune(TREE, SPACE, RunStore(tmp_path), objective="lambda_1 from data", say=Silent())
    for objective in ("lambda_1 from data", "D_stsp", "valid prediction time"):
        require_truth(objective, parse({"data": file}))
    assert not fake and not (tmp_path / "default").exists(), "nothing was computed"


@pytest.mark.parametrize("sampler", ["optuna", "random"])
def test_a_study_is_deterministic_and_goes_on_from_the_store(fake, tmp_path, sampler):
    if sampler == "optuna":
        pytest.importorskip("optuna")
    store, settings = RunStore(tmp_path / "a"), {"sampler": sampler, "seed": 1, "say": Silent()}
    first = tune(TREE, SPACE, store, trials=6, **settings)
    done = len(fake)
    longer = tune(TREE, SPACE, store, trials=14, **settings)
    assert longer.trials[:6] == first.trials and len(fake) == sum(t.state == "finished" for t in longer.trials)
    assert 0 < done < len(fake)
    again = tune(TREE, SPACE, RunStore(tmp_path / "b"), trials=14, **settings)
    assert again.trials == longer.trials and again.best.loss == min(t.loss for t in again.trials)
    assert tune(TREE, SPACE, RunStore(tmp_path / "c"), trials=6, **{**settings, "seed": 2}).trials != first.trials
    a, b = (next((tmp_path / k / "default").glob("tuning-*.json")).read_bytes() for k in "ab")
    assert a == b


def test_optuna_follows_the_good_ones(fake, tmp_path):
    pytest.importorskip("optuna")
    found = tune(TREE, SPACE, RunStore(tmp_path), trials=30, say=Silent())
    assert abs(found.best.settings["model.hidden_dim"] - 40) <= 5
    late = [abs(t.settings["model.hidden_dim"] - 40) for t in found.trials[20:]]
    early = [abs(t.settings["model.hidden_dim"] - 40) for t in found.trials[:10]]
    assert sum(late) < sum(early)


def test_a_trial_of_several_seeds_has_the_median(fake, tmp_path):
    space = {"model.hidden_dim": Range(choices=(12, 43))}
    found = tune(TREE, space, RunStore(tmp_path), trials=6, seeds=3, sampler="random", say=Silent())
    failed = [t for t in found.trials if t.settings["model.hidden_dim"] == 12]
    assert failed and all(t.state == "failed" and t.reason and math.isinf(t.loss) for t in failed)
    assert found.best.loss == 9 + 1 and len(found.best.runs) == 3 and found.spec.seed == 0


def held_elsewhere(monkeypatch, folder, then=lambda: None):
    """Another study holds the claim on a run until this one has waited twice; it ends with what `then` does."""
    claim, waits = ExitStack(), []
    folder.path.mkdir(parents=True, exist_ok=True)
    claim.enter_context(claimed(folder.path))

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            then()
            claim.close()

    monkeypatch.setattr("time.sleep", wait)
    return waits


def test_a_run_that_another_study_computes_is_waited_for(fake, tmp_path, monkeypatch):
    alone = tune(TREE, SPACE, RunStore(tmp_path / "a"), trials=4, sampler="random", say=Silent())
    store = RunStore(tmp_path / "b")
    folder = store.folder("default", alone.trials[1].runs[0])
    waits = held_elsewhere(monkeypatch, folder)
    assert tune(TREE, SPACE, store, trials=4, sampler="random", say=Silent()).trials == alone.trials
    assert len(waits) == 2


def test_a_run_claimed_at_the_last_moment_is_waited_for(fake, tmp_path, monkeypatch):
    """The claim is seen when the run begins, after its data have been prepared."""
    compute, refused = room.execute, []

    def claimed_once(spec, store, **more):
        if not refused:
            refused.append(spec)
            raise RunClaimed("it is being computed", "one process per run", "wait")
        return compute(spec, store, **more)

    monkeypatch.setattr(room, "execute", claimed_once)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    (trial,) = tune(TREE, {"model.hidden_dim": Range(30, 40)}, RunStore(tmp_path), trials=1, say=Silent()).trials
    assert trial.state == "finished" and math.isfinite(trial.loss)


def test_a_run_that_another_study_pruned_meanwhile_stays_pruned(fake, tmp_path, monkeypatch):
    store, settings = RunStore(tmp_path), {"model.hidden_dim": 40}
    folder = store.create("default", resolve(room.spec_of(TREE, settings)).run_id)
    held_elsewhere(monkeypatch, folder, lambda: folder.set_status("pruned", scores=[3.0, math.inf]))
    trial = room._trial(TREE, settings, store, "D_stsp", 1, [], Silent())
    assert trial.state == "pruned" and trial.scores == (3.0, math.inf) and not fake


def test_a_store_that_cannot_be_written_ends_the_study(fake, tmp_path, monkeypatch):
    def full(spec, store, **more):
        raise StoreError("the store cannot be written (No space left on device)", "room", "make room")

    monkeypatch.setattr(room, "execute", full)
    with pytest.raises(StoreError, match="No space left"):
        tune(TREE, SPACE, RunStore(tmp_path), trials=2, say=Silent())


def test_what_cannot_be_tuned_is_refused(fake, tmp_path):
    with pytest.raises(SpecError, match="nothing to vary"):
        tune(TREE, {}, RunStore(tmp_path), say=Silent())
    with pytest.raises(SpecError, match="did you mean 'hidden_dim'"):
        tune(TREE, {"model.hiden_dim": Range(1, 2)}, RunStore(tmp_path), say=Silent())
    with pytest.raises(SpecError, match="accepted: a measure of these runs"):
        tune(TREE, {"model.hidden_dim": Range(20, 30)}, RunStore(tmp_path), objective="speed", say=Silent())
    assert not fake, "nothing was computed"


def test_behind_is_above_the_median_of_enough_others():
    earlier = [[3.0, 1.0], [3.0, 2.0], [math.inf, 3.0], [9.0], [1.0, 1.0]]
    assert is_behind([4.0], earlier) and not is_behind([3.0], earlier)
    assert is_behind([math.inf, 2.5], earlier) and not is_behind([5.0, 2.0], earlier)
    assert not is_behind([99.0, 99.0, 99.0], earlier) and not is_behind([99.0], earlier[:3])
    assert not is_behind([math.inf], [[math.inf]] * 5)
    assert best_so_far([[5.0, math.nan], [7.0, 2.0], [3.0, 3.0]]) == [5.0, 2.0, 2.0]


def test_a_run_behind_is_stopped_and_stays_stopped(tmp_path):
    store = RunStore(tmp_path)
    spec = parse(SMALL)
    folder = store.folder("default", resolve(spec).run_id)
    with pytest.raises(Pruned):
        execute(spec, store, progress=Watch(folder, [[-1.0] * 6] * 5, Silent()), checkpoint_seconds=0.0)
    study = [room._trial(SMALL, {"model.hidden_dim": 5}, store, "D_stsp", 1, [[-1.0] * 6] * 5, Silent()) for _ in "ab"]
    assert study[0].state == "pruned" and study[1] == study[0] and 1 <= len(study[0].scores) < 6
    assert folder.status["state"] == "pruned" and not (folder / "weights.safetensors").exists()
    finished = execute(spec, store)  # by hand it goes on from its checkpoint
    assert history_scores(finished.folder)[: len(study[0].scores)] == list(study[0].scores)
    assert len(history_scores(finished.folder)) == 6
    for row in finished.measures["rows"]:
        require_objective(row["name"])


def test_the_command_tells_and_writes_the_winner(fake, tmp_path):
    (tmp_path / "s.toml").write_text('[data]\nsystem = "henon"\n[tune]\nmodel.hidden_dim = "20..60"\n')
    files = [str(tmp_path / name) for name in ("s.toml", "store", "best.toml")]
    told = tune_command(files[0], ["seed=0"], *files[1:], trials=4, sampler="random")
    best = told["trials"][told["best"]]
    assert f"hidden_dim = {best['settings']['model.hidden_dim']}" in (tmp_path / "best.toml").read_text()
    text = "\n".join(lines(told))
    assert text.count("model.hidden_dim=") == 4
    assert "D_stsp of the winner was chosen for being the smallest, and" in text
    assert "the search has seen its test data: judge its settings with other seeds" in text


@pytest.mark.parametrize(
    "objective, middle, chosen",
    [("valid prediction time", "5.3", "largest"), ("lambda_1", "4.3", "nearest to the truth")],
)
def test_the_command_shows_values_and_no_losses(fake, tmp_path, monkeypatch, objective, middle, chosen):
    """Those of the run whose loss is the median of three seeds."""
    compute = room.execute

    def valued(spec, *arguments, **more):
        value = spec.model["hidden_dim"] / 10 + spec.seed
        row = {"name": objective, "reconstruction": {"value": value}, "truth": None}
        if objective == "lambda_1":
            row["truth"] = {"name": objective, "value": 5.0}
        return dataclasses.replace(compute(spec, *arguments, **more), measures={"rows": [row]})

    monkeypatch.setattr(room, "execute", valued)
    (tmp_path / "s.toml").write_text('[data]\nsystem = "henon"\n[tune]\nmodel.hidden_dim = [12, 43]\n')
    told = tune_command(
        str(tmp_path / "s.toml"), [], str(tmp_path), None, objective=objective, trials=4, seeds=3, sampler="random"
    )
    text = lines(told)
    for trial, line in zip(told["trials"], text, strict=False):
        hidden = trial["settings"]["model.hidden_dim"]
        assert line[5:].split()[0] == (middle if hidden == 43 else "failed")
    assert f"{objective} of the winner was chosen for being the {chosen}, and" in text[-1]


def test_of_a_recorded_file_the_winner_is_judged_on_another(fake, tmp_path):
    (tmp_path / "x.csv").write_text("1\n2\n")
    spec = tmp_path / "s.toml"
    spec.write_text(f'[data]\nfile = "{tmp_path}/x.csv"\ndt = 1.0\n[tune]\nmodel.hidden_dim = "20..60"\n')
    told = tune_command(str(spec), [], str(tmp_path / "store"), None, trials=2, sampler="random")
    assert lines(told)[-1].endswith("judge its settings on another record (data.test_file=FILE)")


def test_a_study_without_a_winner_fails_and_gives_the_reasons(fake, tmp_path, monkeypatch, capsys):
    (tmp_path / "s.toml").write_text('[data]\nsystem = "henon"\n[tune]\nmodel.hidden_dim = "5..9"\n')
    words = ["--trials", "3", "--sampler", "random", "--store", str(tmp_path), "-o", str(tmp_path / "best.toml")]
    monkeypatch.setattr(sys, "argv", ["dsr", "tune", str(tmp_path / "s.toml"), *words])
    with pytest.raises(SystemExit) as stop:
        main()
    text = capsys.readouterr().out
    assert stop.value.code == 1 and not (tmp_path / "best.toml").exists()
    assert "no trial has a number, and no spec was written" in text and text.count("too few; accepted: more") == 1
