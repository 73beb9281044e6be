"""The data of a run: independent trajectories of a system, consecutive stretches of a file."""

import numpy as np
import pytest

from dsr.errors import DsrError
from dsr.runs.dataset import prepare, truth_spectrum
from dsr.runs.resolve import resolve
from dsr.runs.spec import parse
from dsr.systems import get_system

SYSTEM = {"system": "henon", "train": 900, "validation": 800, "test": 700, "floor_trajectories": 3, "noise": 0.1}


def test_trajectories_of_a_system_are_independent_and_only_the_observed_ones_noisy():
    data = prepare(parse({"data": SYSTEM}))
    series = [*data.train, *data.validation, data.test, *data.independent]
    assert [len(s) for s in series] == [900, 800, 700, 700, 700, 700]
    for i, a in enumerate(series):
        for b in series[:i]:
            assert abs(np.corrcoef(a.values[:700, 0], b.values[:700, 0])[0, 1]) < 0.2
    assert [s.origin["noise"] for s in series] == [0.1, 0.1, 0.0, 0.0, 0.0, 0.0]
    x, y = data.test.values.T  # a clean trajectory obeys the map
    np.testing.assert_allclose(y[1:], 0.3 * x[:-1], atol=1e-12)


def test_data_depend_on_the_seed_and_on_nothing_else():
    one, same, other = (prepare(parse({"data": SYSTEM, "seed": s})).train[0].values for s in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_the_truth_has_a_spectrum_where_there_are_equations(tmp_path):
    spectrum = truth_spectrum(parse({"data": SYSTEM, "analysis": {"lyapunov_steps": 2000}}))
    assert abs(spectrum.exponents[0] - 0.4192) < 3 * spectrum.stderr[0]
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(50, 2)))
    assert truth_spectrum(parse({"data": {"file": str(tmp_path / "x.npy"), "dt": 1.0}})) is None


def test_a_file_is_split_by_time_before_it_is_embedded(tmp_path):
    """No row of one stretch contains a value of the next."""
    values = np.random.default_rng(1).normal(size=1000)
    np.save(tmp_path / "x.npy", values)
    data = prepare(parse({"data": {"file": str(tmp_path / "x.npy"), "dt": 0.5, "embed": "3x7", "train": 0.5}}))
    stretches = [data.train[0], data.validation[0], data.test]
    assert [len(s) for s in stretches] == [500 - 14, 100 - 14, 400 - 14]
    for series, first in zip(stretches, (0, 500, 600), strict=True):
        rows = np.arange(first, first + len(series))
        np.testing.assert_array_equal(series.values, np.stack([values[rows + k] for k in (0, 7, 14)], axis=1))
        assert series.origin["embedding"] == {"dimension": 3, "delay": 7} and series.dt == 0.5
        assert series.names == ("x1", "x1(t+7)", "x1(t+14)")


def test_several_trajectories_are_split_one_by_one(tmp_path):
    long, short = np.random.default_rng(2).normal(size=(2, 300, 2))
    np.savez(tmp_path / "x.npz", a=short[:200], b=long)
    data = prepare(parse({"data": {"file": str(tmp_path / "x.npz"), "dt": 1.0}}))
    assert [len(s) for s in data.train] == [140, 210] and len(data.test) == 60
    assert "judged on the test stretch of the longest" in data.notes[0]


@pytest.mark.parametrize("choice", ["3", "x", "0x3", "3x", "threeXtwo"])
def test_malformed_embeddings_are_refused(tmp_path, choice):
    np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=100))
    with pytest.raises(DsrError, match="DIMENSIONxDELAY"):
        prepare(parse({"data": {"file": str(tmp_path / "x.npy"), "dt": 0.5, "embed": choice}}))


def file_of(tmp_path, columns):
    henon = get_system("henon")
    np.save(tmp_path / "x.npy", henon.simulate(3000, transient=50.0, seed=0).values[:, columns])
    return {"file": str(tmp_path / "x.npy"), "dt": 1.0}


@pytest.mark.parametrize(("choice", "columns"), [("auto", [0]), ("cao", [0]), ("pecuzal", [0]), ("pecuzal", [0, 1])])
def test_embeddings_chosen_from_the_data_are_written_down(tmp_path, choice, columns):
    """The x of Hénon needs itself one step later; x and y are the state already."""
    data = prepare(parse({"data": {**file_of(tmp_path, columns), "embed": choice}}))
    series, found = data.train[0], data.estimated["embedding"]
    if len(columns) == 2:
        assert series.dim == 2 == len(found["coordinates"]) and "PECUZAL" in data.notes[0]
        return
    assert series.names == ("x1", "x1(t+1)")
    np.testing.assert_array_equal(series.values[1:, 0], series.values[:-1, 1])
    expected = {"coordinates": [["x1", 0], ["x1", 1]]} if choice == "pecuzal" else {"dimension": 2, "delay": 1}
    assert found == expected == series.origin["embedding"]
    assert "invariants are those of the embedded series" in data.notes[0]


def test_noise_is_refused_by_pecuzal_and_named_by_cao(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=2000))
    data = {"file": str(tmp_path / "x.npy"), "dt": 0.5}
    with pytest.raises(DsrError, match=r"no embedding by PECUZAL .*noise"):
        prepare(parse({"data": {**data, "embed": "pecuzal"}}))
    assert "cannot be told from noise" in prepare(parse({"data": {**data, "embed": "cao"}})).notes[0]


def test_what_is_observed_of_a_system_is_embedded_for_all_its_series_alike():
    """The second column of the Hénon map is 0.3 of the first one step before."""
    whole = prepare(parse({"data": SYSTEM}))
    seen = prepare(parse({"data": {**SYSTEM, "columns": ["y"], "embed": "2x3"}}))
    for one, other in zip(
        [*whole.train, whole.test, *whole.independent], [*seen.train, seen.test, *seen.independent], strict=True
    ):
        np.testing.assert_array_equal(other.values, np.stack([one.values[:-3, 1], one.values[3:, 1]], axis=1))
    assert seen.estimated["embedding"] == {"dimension": 2, "delay": 3}
    by_index = prepare(parse({"data": {**SYSTEM, "columns": [1]}}))
    np.testing.assert_array_equal(by_index.test.values[:, 0], whole.test.values[:, 1])


@pytest.mark.parametrize("columns", [["z"], ["x", "x"], [], [2], [True]])
def test_columns_that_a_system_does_not_have_are_refused(columns):
    with pytest.raises(DsrError, match="column"):
        prepare(parse({"data": {**SYSTEM, "columns": columns}}))


def test_a_test_file_is_judged_whole_against_the_system_it_comes_from(tmp_path):
    """Scaled Hénon data: floors have the units of the test, exponents are those of the map."""
    henon = get_system("henon")
    for name, seed in (("train", 5), ("test", 6)):
        values = henon.simulate(2000, 1.0, transient=100, seed=seed).values
        np.save(tmp_path / f"{name}.npy", (values - [1, 2]) / [0.5, 0.25])
    files = {"file": str(tmp_path / "train.npy"), "test_file": str(tmp_path / "test.npy"), "dt": 1.0, "embed": "none"}
    scale = {"truth": "henon", "truth_mean": [1, 2], "truth_std": [0.5, 0.25], "floor_trajectories": 2}
    spec = parse({"data": {**files, "train": 0.8, "validation": 0.2, **scale}})
    data = prepare(spec)
    assert [len(s) for s in (*data.train, *data.validation, data.test)] == [1600, 400, 2000]
    np.testing.assert_array_equal(data.test.values, np.load(tmp_path / "test.npy"))
    assert len(data.independent) == 2 and "henon" in data.notes[0]
    for series in data.independent:
        x, y = (series.values * [0.5, 0.25] + [1, 2]).T
        np.testing.assert_allclose(y[1:], 0.3 * x[:-1], atol=1e-12)
        assert not np.array_equal(series.values, data.test.values)
    assert abs(truth_spectrum(spec).exponents[0] - 0.4192) < 0.002
    with pytest.raises(DsrError, match="truth_mean"):
        prepare(parse({"data": {**files, **scale, "truth_mean": [1, 2, 3]}}))


def test_equations_named_as_truth_decide_the_run_by_what_they_say(tmp_path):
    """The path of the file does not; the name of a system of the catalogue is all there is to say of it."""
    (tmp_path / "x.csv").write_text("x,y\n" + "1,2\n3,4\n" * 20)
    (tmp_path / "other").mkdir()

    def run(truth):
        return resolve(parse({"data": {"file": str(tmp_path / "x.csv"), "dt": 1.0, "truth": str(truth)}}))

    first, second = tmp_path / "henon.toml", tmp_path / "other/henon.toml"
    for path in (first, second):
        path.write_text("[parameters]\nr = 3.9\n[equations]\nx = 'r*x*(1 - x)'\n")
    before = run(first).run_id
    assert run(second).run_id == before
    first.write_text(first.read_text().replace("3.9", "3.7"))
    assert run(first).run_id != before
    assert "truth_sha256" not in run("henon").tree["data"]


def test_without_a_validation_stretch_the_training_data_serve(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(4).normal(size=(100, 2)))
    file = {"file": str(tmp_path / "x.npy"), "dt": 1.0, "train": 0.6, "validation": 0.0}
    data = prepare(parse({"data": file}))
    np.testing.assert_array_equal(data.validation[0].values, data.train[0].values)
    assert (len(data.train[0]), len(data.test)) == (60, 40)


def test_the_run_id_depends_on_the_test_file(tmp_path):
    rows = np.random.default_rng(3).normal(size=(2, 300, 2))
    for name, values in zip(("train", "test"), rows, strict=True):
        np.save(tmp_path / f"{name}.npy", values)
    files = {"file": str(tmp_path / "train.npy"), "dt": 1.0}
    alone = resolve(parse({"data": files})).run_id
    first = resolve(parse({"data": {**files, "test_file": str(tmp_path / "test.npy")}})).run_id
    np.save(tmp_path / "test.npy", rows[1] + 1)
    assert len({alone, first, resolve(parse({"data": {**files, "test_file": str(tmp_path / "test.npy")}})).run_id}) == 3


def test_fractions_may_use_all_of_a_file_only_where_the_test_is_another():
    whole = {"file": "x.npy", "train": 0.8, "validation": 0.2}
    assert parse({"data": {**whole, "test_file": "y.npy"}}).data.validation == 0.2
    with pytest.raises(DsrError, match="sum below 1"):
        parse({"data": whole})


def test_a_test_file_of_other_columns_or_another_step_is_named(tmp_path):
    values = np.random.default_rng(4).normal(size=(200, 2))
    np.save(tmp_path / "x.npy", values)
    np.save(tmp_path / "one.npy", values[:, 0])
    np.savetxt(tmp_path / "slow.csv", np.c_[np.arange(200) * 3.0, values], delimiter=",", header="t,a,b", comments="")
    spec = {"file": str(tmp_path / "x.npy"), "dt": 1.0}
    with pytest.raises(DsrError, match=r"test file '.*one\.npy' with 1 columns .*x\.npy' with 2"):
        prepare(parse({"data": {**spec, "test_file": str(tmp_path / "one.npy")}}))
    np.savetxt(tmp_path / "x.csv", np.c_[np.arange(200) * 2.0, values], delimiter=",", header="t,a,b", comments="")
    files = {"file": str(tmp_path / "x.csv"), "test_file": str(tmp_path / "slow.csv"), "time_column": "t"}
    with pytest.raises(DsrError, match=r"2 columns every 3 time units, .* with 2 every 2 "):
        prepare(parse({"data": files}))
    for name, header in (("x.csv", "t (s),a,b"), ("ms.csv", "t (ms),a,b")):
        np.savetxt(tmp_path / name, np.c_[np.arange(200) * 2.0, values], delimiter=",", header=header, comments="")
    with pytest.raises(DsrError, match=r"every 2 ms, .* every 2 s"):
        prepare(parse({"data": {"file": str(tmp_path / "x.csv"), "test_file": str(tmp_path / "ms.csv")}}))


def test_too_few_rows_to_be_judged_on_are_refused_with_the_data(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(4).normal(size=(90, 2)))
    with pytest.raises(DsrError, match=r"18 rows to be judged on; accepted: .* 20 rows"):
        prepare(parse({"data": {"file": str(tmp_path / "x.npy"), "dt": 1.0}}))
    with pytest.raises(DsrError, match=r"16 rows to be judged on, once embedded.*data.test"):
        prepare(parse({"data": {**SYSTEM, "test": 40, "columns": ["x"], "embed": "3x12"}}))
