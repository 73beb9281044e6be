"""Specs: TOML and overrides say the same, and every misspelt key is named with its nearest match."""

import tomllib

import pytest

from dsr.errors import DsrError
from dsr.runs import toml
from dsr.runs.resolve import resolve
from dsr.runs.spec import FileData, SystemData, data_section, override, parse, read

LORENZ = {"data": {"system": "lorenz63"}}


def test_a_spec_survives_toml():
    tree = override(
        LORENZ, ["training.steps=2_000", "model.name=alrnn", "model.relu_units=3", "seed=4", "data.dt=0.02"]
    )
    spec = parse(tree)
    again = parse(tomllib.loads(toml.dumps(spec.to_dict())))
    assert again == spec
    assert resolve(again).run_id == resolve(spec).run_id
    assert spec.training == {"steps": 2000} and spec.model == {"name": "alrnn", "relu_units": 3}


def test_texts_and_numbers_survive_toml():
    tree = {"a": 'quote " \\ \n é \x7f', "b": {"x": [1, 2.5, True, "s"], "y": {"k": 1e-7}}}
    assert tomllib.loads(toml.dumps(tree)) == tree


def test_any_key_survives_toml():
    tree = {"ä b": 1, "": 2, "dé": {"β": {"ß.1": 30.0, 'q"': 1, "\x7f": 2}}, "bare-Key_1": {"x": 0}}
    assert tomllib.loads(toml.dumps(tree)) == tree and "\n[bare-Key_1]\n" in toml.dumps(tree)
    spec = parse({"data": {"system": "own.toml", "parameters": {"β": 30}}})
    assert parse(tomllib.loads(toml.dumps(spec.to_dict()))) == spec


def test_the_run_id_depends_on_what_is_computed_and_on_nothing_else():
    base = resolve(parse(LORENZ)).run_id
    same = [{"experiment": "elsewhere"}, {"training": {"steps": 100_000}}]
    other = [{"seed": 1}, {"training": {"steps": 10}}, {"analysis": {"bins": 10}}, {"data": {"system": "rossler"}}]
    assert all(resolve(parse({**LORENZ, **tree})).run_id == base for tree in same)
    assert len({base, *(resolve(parse({**LORENZ, **tree})).run_id for tree in other)}) == 1 + len(other)
    assert base.startswith("lorenz63-shplrnn-s000-")


def test_the_same_numbers_written_differently_are_one_run():
    def ids(*sections):
        return {resolve(parse({"data": {"system": system, **s}})).run_id for s in sections}

    system = "lorenz63"
    assert len(ids({"parameters": {"rho": 35}}, {"parameters": {"rho": 35.0}})) == 1
    assert len(ids({}, {"parameters": {}}, {"noise": 0}, {"noise": -0.0})) == 1
    assert len(ids({"columns": ["0", 2]}, {"columns": [0, 2]})) == 1, "as the command line gives indices"
    system = "dysts:Halvorsen"
    assert len(ids({"parameters": {"b": 0}}, {"parameters": {"b": -0.0}}, {"parameters": {"b": 0.0}})) == 1
    lorenz96 = parse({"data": {"system": "lorenz96", "parameters": {"dim": 5, "forcing": 8}}}).data
    assert repr(lorenz96.parameters) == "{'dim': 5, 'forcing': 8.0}"


def test_columns_written_differently_are_one_run(tmp_path):
    (tmp_path / "a.csv").write_text("1.5,2\n2,3\n")
    for source in ({"file": str(tmp_path / "a.csv")}, {"system": "lorenz63"}):
        for same in (["0,1", [0, 1], ["0", "1"], ("0", 1)], ["x,y", ["x", "y"]], [0, "0", [0]], [None]):
            ids = {resolve(parse({"data": {**source, "columns": columns}})).run_id for columns in same}
            assert len(ids) == 1, (source, same)
    words = ["data.columns=x,y", "data.columns=['x','y']"]
    assert {parse(override(LORENZ, [word])).data.columns for word in words} == {("x", "y")}
    header = {"data": {"file": "a.csv", "columns": [7]}}
    assert parse(header).data.columns == ("7",), "a column may be named 7"


def test_a_bare_section_name_is_its_name():
    tree = override({**LORENZ, "model": {"name": "shplrnn", "hidden_dim": 7}}, ["model=alrnn", "forcing=generalized"])
    spec = parse(tree)
    assert spec.model == {"name": "alrnn"} and spec.forcing == {"name": "generalized"}


def test_a_family_recommends_what_a_spec_leaves_open():
    alrnn = {**LORENZ, "model": {"name": "alrnn"}}
    found = resolve(parse(alrnn))
    assert found.tree["forcing"]["name"] == "sparse" and found.training.window == 80
    own = resolve(parse({**alrnn, "forcing": {"name": "generalized"}, "training": {"window": 7}}))
    assert own.tree["forcing"]["name"] == "generalized" and own.training.window == 7 and own.training.batch_size == 32


def test_the_id_of_a_file_is_its_content(tmp_path):
    ids = []
    for folder, text in (("a", "1\n2\n"), ("b", "1\n2\n"), ("c", "1\n3\n")):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "x.csv"
        file.write_text(text)
        ids.append(resolve(parse({"data": {"file": str(file), "dt": 1.0}})).run_id)
    assert ids[0] == ids[1] != ids[2]


def test_a_source_is_a_file_when_it_looks_like_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lorenz").write_text("1")
    assert [next(iter(data_section(s))) for s in ("lorenz63", "dysts:Chua", "x.npy", "d/x", "lorenz")] == [
        "system", "system", "file", "file", "file",
    ]  # fmt: skip
    assert isinstance(parse({"data": {"file": "x.npy"}}).data, FileData)
    assert isinstance(parse(LORENZ).data, SystemData)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({**LORENZ, "trianing": {}}, "did you mean 'training'"),
        ({"data": {"system": "lorenz63", "nois": 0.1}}, "did you mean 'noise'"),
        ({"data": {"file": "a.npy", "noise": 0.1}}, "section \\[data\\] of a file, 'a.npy'.*for a system.*--noise"),
        ({"data": {"system": "henon", "transpose": True}}, "of a system, 'henon'.*for a file only.*--transpose"),
        ({"data": {"system": "henon", "time_unit": "s"}}, "for a file only.*--time-unit"),
        ({"data": {}}, "exactly one"),
        ({"data": {"file": "a", "system": "b"}}, "exactly one"),
        ({**LORENZ, "analysis": {"binns": 3}}, "did you mean 'bins'"),
        ({**LORENZ, "analysis": {"bins": "many"}}, "bins = 'many'"),
        ({**LORENZ, "analysis": {"bins": 1}}, "analysis.bins = 1"),
        ({**LORENZ, "analysis": {"smoothing": float("nan")}}, "smoothing = nan; accepted: a finite number, 0 or more"),
        ({**LORENZ, "analysis": {"smoothing": float("inf")}}, "smoothing = inf; accepted: a finite number, 0 or more"),
        ({"data": {"file": "a", "truth_std": [0, 1, 1]}}, "truth_std = .0, 1, 1.; accepted: positive, finite numbers"),
        ({"data": {"file": "a", "truth_std": ["a"]}}, "truth_std = .'a'.; accepted: positive, finite numbers"),
        ({"data": {"file": "a", "truth_mean": [float("nan")]}}, "truth_mean = .nan.; accepted: finite numbers"),
        ({**LORENZ, "analysis": {"free_steps": 19}}, "analysis.free_steps = 19"),
        ({"data": {"system": "lorenz63", "test": 19}}, "data.test = 19.*20 or more"),
        ({**LORENZ, "analysis": {"lyapunov_members": 0}}, "analysis.lyapunov_members = 0"),
        ({"data": {"system": "lorenz63", "floor_trajectories": 0}}, "data.floor_trajectories = 0"),
        ({**LORENZ, "seed": -1}, "seed = -1"),
        ({**LORENZ, "seed": 2**63}, "seed = 9223372036854775808.*below 2\\^63"),
        ({**LORENZ, "seed": "one"}, "seed = 'one'"),
        ({**LORENZ, "training": 5}, "a section \\[training\\]"),
        ({**LORENZ, "experiment": "../up"}, "without slashes"),
        ({"data": {"file": "a.npy", "train": 0.9, "validation": 0.2}}, "sum below 1"),
    ],
)
def test_wrong_specs_are_refused_at_parsing(tree, message):
    with pytest.raises(DsrError, match=message):
        parse(tree)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"model": {"name": "alrn"}}, "did you mean 'alrnn'"),
        ({"model": {"name": "alrnn", "relu": 3}}, "did you mean 'relu_units'"),
        ({"forcing": {"name": "generalised"}}, "did you mean 'generalized'"),
        ({"forcing": {"name": "generalized", "alpha": 2.0}}, "alpha = 2"),
        ({"training": {"step": 5}}, "did you mean 'steps'"),
        ({"training": {"steps": 0}}, "training: steps = 0"),
        ({"training": {"device": "gpu"}}, "device = 'gpu'; accepted: cpu, cuda or cuda:N"),
    ],
)
def test_wrong_names_are_refused_at_resolution(tree, message):
    with pytest.raises(DsrError, match=message):
        resolve(parse({**LORENZ, **tree}))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["data.floor_trajectories=40"],
            "data.floor_trajectories = 40 without data.truth; .* or add data.truth",
        ),
        (["data.truth_mean=[1, 2]"], "data.truth_mean = .1, 2. without data.truth"),
        (["data.truth_std=[1, 2]"], "data.truth_std = .1, 2. without data.truth"),
        (["training.search_seeds=2"], "training.search_seeds = 2 without training.search; .* or add training.search"),
        (["training.sampler=optuna"], "training.sampler = optuna without training.search"),
    ],
)
def test_a_setting_without_effect_makes_no_other_run(tmp_path, words, message):
    """It is refused, and written out as it is by default, as every spec of a run has it, it makes the same one."""
    path = tmp_path / "x.csv"
    path.write_text("1\n2\n")
    tree = {"data": {"file": str(path), "dt": 1.0}}
    with pytest.raises(DsrError, match=message):
        resolve(parse(override(tree, words)))
    assert resolve(parse(override(tree, [*words, "data.truth=henon", "training.search=8"]))).run_id
    default = ["data.floor_trajectories=20", "training.search_seeds=3", "training.sampler=random"]
    assert resolve(parse(override(tree, default))).run_id == resolve(parse(tree)).run_id


@pytest.mark.parametrize("text", ["steps", "=3", "a.b.c.d=1", "seed.x=1"])
def test_malformed_overrides_are_refused(text):
    with pytest.raises(DsrError, match="argument"):
        override({"seed": 0}, [text])


def test_unreadable_specs_are_refused(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("[data\n")
    with pytest.raises(DsrError, match="not TOML"):
        read(bad)
    with pytest.raises(DsrError, match="cannot be read"):
        read(tmp_path / "none.toml")


def test_the_missing_file_with_the_nearest_name_is_named(tmp_path):
    (tmp_path / "heart.csv").write_text("1\n")
    with pytest.raises(DsrError, match=r"did you mean '.*heart\.csv'"):
        resolve(parse({"data": {"file": str(tmp_path / "haert.csv")}}))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("lorenz63", "dsr reconstruct lorenz63.*recipes .*alrnn-lorenz63"),
        ("lorenz63-nois", "did you mean the recipe 'lorenz63-noise'"),
        ("dysts:Chua", "dsr reconstruct dysts:Chua"),
        ("nowhere/spec.toml", "check the path"),
    ],
)
def test_the_name_of_no_spec_is_answered_with_what_to_type(name, step):
    with pytest.raises(DsrError, match=f"cannot be read.*dsr recipes.*{step}"):
        read(name)


def test_a_series_in_place_of_a_spec_is_sent_to_reconstruct(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    with pytest.raises(DsrError, match=r"dsr reconstruct .*x\.csv"):
        read(tmp_path / "x.csv")
