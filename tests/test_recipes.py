"""Every shipped recipe is a spec that resolves, and runs at tiny size to the end."""

import math

import numpy as np
import pytest

from dsr.errors import SpecError
from dsr.models import MODELS
from dsr.runs.execute import execute
from dsr.runs.recipes import YOURS, described, recipe, recipe_names, require_complete, require_files
from dsr.runs.resolve import resolve
from dsr.runs.spec import override, parse
from dsr.runs.store import RunStore
from dsr.runs.sweep import combinations as planned
from dsr.systems import get_system

TINY_SYSTEM = ["data.train=1500", "data.validation=500", "data.test=600", "data.floor_trajectories=1"]
TINY = ["training.steps=20", "training.members=1", "training.checks=1", "training.check_steps=200"]
TINY += ["training.window=12", "analysis.starts=2", "analysis.lyapunov_steps=20", "analysis.lyapunov_members=2"]
SINGLE = [name for name in recipe_names() if "sweep" not in recipe(name)]
SWEEPS = [name for name in recipe_names() if "sweep" in recipe(name)]


@pytest.fixture
def file(tmp_path):
    """Three columns where several are meant, one where it is to be embedded."""
    values = get_system("lorenz63").simulate(3000, 0.02, transient=20, seed=0).values

    def written(name):
        np.save(tmp_path / "mine.npy", values[:, :1] if name == "ecg" else values)
        return [f"data.file={tmp_path / 'mine.npy'}", "data.dt=0.02"]

    return written


def filled(name, file):
    tree = recipe(name)
    return override(tree, file(name) if tree["data"].get("file") == YOURS else [])


def test_the_protocols_are_there():
    assert {"quickstart", "lorenz63-noise", "rossler", "lorenz96", "ecg", "eeg"} <= set(SINGLE)
    protocols = {"gtf-lorenz63", "gtf-lorenz96", "gtf-ecg", "alrnn-lorenz63", "alrnn-rossler", "cns-lorenz63"}
    assert protocols | {"reservoirs", "ngrc-lorenz63", "invariants-matrix"} <= set(SWEEPS)
    assert all(len(described(name)) > 40 and "#" not in described(name) for name in recipe_names())


def test_the_families_have_the_same_settings_on_both_tasks():
    noisy, recorded = recipe("families-lorenz63"), recipe("families-ecg")
    assert {name for name in noisy if noisy[name] != recorded[name]} == {"experiment", "data"}


@pytest.mark.parametrize("name", SINGLE)
def test_every_recipe_resolves(name, file):
    tree = filled(name, file)
    require_complete(tree, name)
    spec = parse(tree)
    assert spec.experiment == name and resolve(spec).run_id


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.slow
def test_every_recipe_runs_at_tiny_size(name, file, tmp_path):
    tree = filled(name, file)
    tiny = TINY + (TINY_SYSTEM if "system" in tree["data"] else [])
    if name == "eeg":
        tiny.append("model.latent_dim=3")
    result = execute(parse(override(tree, tiny)), RunStore(tmp_path / "store"))
    assert result.folder.status["state"] == "finished" and "D_stsp" in result.table


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_plans_every_combination_once_and_all_of_seed_0_first(name, file):
    plan = [one.spec for one in planned(recipe(name), words(name, file))]
    some = plan[:: max(len(plan) // 60, 1)]
    assert len({resolve(spec).run_id for spec in some}) == len(some)
    assert len(plan) == combinations(recipe(name)["sweep"])
    assert {spec.experiment for spec in plan} == {name}
    seeds = [spec.seed for spec in plan]
    assert seeds == sorted(seeds) and len(set(seeds)) in (5, 20)


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.slow
def test_every_family_of_a_sweep_runs_at_tiny_size(name, file, tmp_path):
    plan = [one.spec for one in planned(recipe(name), words(name, file))]
    for family in sorted({spec.model["name"] for spec in plan}):
        spec = next(s for s in plan if (s.model["name"] == family and s.data != plan[0].data) or s is plan[-1])
        tree = spec.to_dict()
        tiny = TINY + (TINY_SYSTEM if "system" in tree["data"] else [])
        tiny += ["data.floor_trajectories=1"] if tree["data"].get("truth") else []
        closed = MODELS[family].family.closed_form
        tree["training"] = {key: value for key, value in tree.get("training", {}).items() if key == "members"}
        tiny = [word for word in tiny if not closed or not word.startswith("training.") or "check_steps" in word]
        result = execute(parse(override(tree, tiny)), RunStore(tmp_path / "store"))
        assert result.folder.status["state"] == "finished" and "D_stsp" in result.table


def words(name, file):
    """The axes that name the files, for a recipe that needs some."""
    if recipe(name)["data"].get("file") != YOURS:
        return []
    train, dt = file(name)
    return [train, train.replace("data.file", "data.test_file"), dt]


def combinations(axes):
    """Runs of a section [sweep]: keys of one family multiply nothing, for they have one value."""
    count = 1
    for key, value in axes.items():
        if key == "zip":
            count *= math.prod(len(next(iter(table.values()))) for table in value)
        elif key == "seed":
            count *= {"0..4": 5, "0..19": 20}[value]
        elif isinstance(value, dict):
            count *= math.prod(len(v) for v in value.values())
        elif ":" not in key:
            count *= len(value)
        else:
            assert len(value) == 1
    return count


def test_what_is_missing_is_said():
    with pytest.raises(SpecError, match=r"dsr run ecg data.file=my.csv"):
        require_complete(recipe("ecg"), "ecg")
    with pytest.raises(SpecError, match=r"dsr sweep gtf-ecg data.file=my.csv data.test_file=other.csv"):
        require_files(recipe("gtf-ecg"), "gtf-ecg", ["data.file=my.csv"])
    require_files(recipe("gtf-ecg"), "gtf-ecg", ["data.file=my.csv", "data.test_file=other.csv"])
    with pytest.raises(SpecError, match=r"dsr sweep invariants-matrix"):
        require_complete(recipe("invariants-matrix"), "invariants-matrix")
