import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from dsr.analysis import describe, judge, lyapunov_spectrum
from dsr.analysis.scorecard.describe import dominant_period
from dsr.analysis.scorecard.exponents import model_spectrum
from dsr.analysis.scorecard.floor import stretches
from dsr.analysis.scorecard.forecasts import prediction_rows
from dsr.analysis.scorecard.rows import HEADER
from dsr.errors import DataError, SpecError
from dsr.series import TimeSeries
from dsr.systems import get_system


@dataclass
class Run:
    observations: np.ndarray
    states: np.ndarray
    diverged_at: np.ndarray


class Map:
    """Any tangent map as a model that observes the first `obs_dim` states."""

    min_context = 1

    def __init__(self, tangent_map, state_dim, dt, obs_dim=None):
        self.map, self.state_dim, self.obs_dim, self.dt = tangent_map, state_dim, obs_dim or state_dim, dt

    def initial_state(self, context):
        last = context[:, -1]
        return np.concatenate([last, np.zeros((len(last), self.state_dim - self.obs_dim))], axis=1)

    def free_run(self, z0, n):
        states, q = np.empty((len(z0), n, self.state_dim)), np.zeros((len(z0), self.state_dim, 1))
        z = z0
        with np.errstate(all="ignore"):
            for i in range(n):
                z, _ = self.map(z, q)
                states[:, i] = z
        bad = ~np.isfinite(states).all(2)
        return Run(states[..., : self.obs_dim], states, np.where(bad.any(1), bad.argmax(1), -1))

    def tangent_map(self):
        return self.map


def henon(x, q, a=1.4):
    jacobian = np.zeros((len(x), 2, 2))
    jacobian[:, 0, 0], jacobian[:, 0, 1], jacobian[:, 1, 0] = -2 * a * x[:, 0], 1.0, 0.3
    return np.stack([1 - a * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], 1), jacobian @ q


def rounded_henon(x, q):
    """The true map but for an error of 1e-6: it leaves the true orbit after a while."""
    x, q = henon(x, q)
    return x + 1e-6, q


SETTINGS = {"lyapunov_steps": 1000, "lyapunov_members": 32}


@pytest.fixture(scope="module")
def runs():
    return get_system("henon").simulate_many(5000, count=12, transient=100.0, seed=0)


@pytest.fixture(scope="module")
def spectrum(runs):
    states = np.concatenate([run.values[::1000] for run in runs])
    return lyapunov_spectrum(henon, states, steps=4000, transient=100, dt=1.0, time_unit="iterations")


@pytest.fixture(scope="module")
def good(runs, spectrum):
    return judge(runs[0], Map(rounded_henon, 2, 1.0), independent=runs[1:], truth_spectrum=spectrum, **SETTINGS)


def test_the_true_map_is_within_the_floor(good):
    assert good.outcome.name == "chaotic"
    for name in ("D_stsp", "D_H"):
        row = good[name]
        floor = row.reconstruction.floor
        assert floor.pairs == 11 and floor.kind == "independent trajectories"
        assert row.reconstruction.value <= 1.2 * floor.high
        assert row.gaussian.value > 3 * floor.high
    assert good["D_stsp"].surrogate.value > 5 * good["D_stsp"].reconstruction.floor.high
    assert good["D_H"].surrogate.value < 1e-6


def test_exponents_stand_beside_the_truth(good, spectrum):
    for i in (1, 2):
        row = good[f"lambda_{i}"]
        assert row.truth == spectrum.measure(i)
        assert abs(row.reconstruction.value - row.truth.value) < 3 * (row.truth.high - row.truth.low)
    assert good["sum of exponents"].reconstruction.value == pytest.approx(math.log(0.3), abs=1e-9)
    assert good["Kaplan-Yorke dimension"].reconstruction.value == pytest.approx(1.258, abs=0.01)
    assert good["lambda_1"].truth.unit == "per iteration"


def test_prediction_ends_where_the_error_has_grown(good):
    time = good["valid prediction time"]
    assert time.reconstruction.value == pytest.approx(math.log(0.4 / 1e-6), abs=3.0)
    assert time.reconstruction.floor.kind.startswith("chance") and time.reconstruction.floor.high < 1.0
    error = good["prediction error"]
    assert error.reconstruction.value < 0.05 and error.reconstruction.floor.median == pytest.approx(1.4, abs=0.1)
    assert error.gaussian.value > 1.2 and error.surrogate.value > 1.2


def test_forecasts_hold_few_states_at_once_and_come_out_the_same(good, runs, spectrum, monkeypatch):
    """Models of many units over long horizons would not fit into memory."""
    sizes = []

    class Counted(Map):
        def free_run(self, z0, n):
            sizes.append(len(z0) * n * self.state_dim)
            return super().free_run(z0, n)

    monkeypatch.setattr("dsr.analysis.scorecard.forecasts.MOST_STATES", 1000)
    found = judge(runs[0], Counted(rounded_henon, 2, 1.0), independent=runs[1:], truth_spectrum=spectrum, **SETTINGS)
    assert len(sizes) > 5 and max(sizes[1:]) <= 1000  # the first is the free run
    for name in ("valid prediction time", "prediction error"):
        assert found[name].reconstruction == good[name].reconstruction


def test_without_equations_like_is_compared_with_like(runs):
    found = judge(runs[0], Map(rounded_henon, 2, 1.0), **SETTINGS)
    row = found["lambda_1 from data"]
    assert row.truth.settings["stop"] == row.reconstruction.settings["stop"]
    assert row.reconstruction.value == pytest.approx(row.truth.value, rel=0.05)
    assert found["lambda_1"].truth == row.truth
    assert any("puts both through one estimator" in note for note in found.notes)
    assert found["D_stsp"].reconstruction.floor.kind == "halves of the record (length 2500)"
    with pytest.raises(SpecError, match="did you mean 'D_stsp'"):
        found["D_stp"]


def test_stretches_of_the_training_record_are_the_floor_where_nothing_else_is(runs):
    """As long as the test series each, and what a model that repeats them would score."""
    test, model = runs[0], Map(rounded_henon, 2, 1.0)
    record = TimeSeries(np.concatenate([s.values for s in runs[1:3]] + [runs[3].values[:70]]), 1.0)
    found = judge(test, model, training=[record], **SETTINGS)
    floor = found["D_stsp"].reconstruction.floor
    assert floor.kind == f"stretches of the training record (length {len(test)})" and floor.pairs == 2
    by_hand = judge(test, model, independent=runs[1:3], **SETTINGS)["D_stsp"].reconstruction.floor
    assert (floor.low, floor.median, floor.high) == (by_hand.low, by_hand.median, by_hand.high)
    assert found["D_stsp"].reconstruction.value < 2 * floor.high
    assert f"floor: between the test series and 2 {floor.kind}" in found.notes
    short = judge(test, model, training=[runs[1][: len(test) - 1]], **SETTINGS)
    assert short["D_stsp"].reconstruction.floor.kind.startswith("halves of the record")


def test_twenty_stretches_at_most_spread_over_the_record():
    record = [np.arange(1000.0)[:, None], np.arange(5.0)[:, None]]
    found = stretches(record, 10)
    assert len(found) == 20 and found[0][0, 0] == 0 and found[-1][-1, 0] == 999
    assert len(stretches(record, 300)) == 3 and stretches(record, 1001) == []


def test_a_wrong_map_exceeds_the_floor(runs, spectrum):
    wrong = Map(lambda x, q: henon(x, q, a=1.3), 2, 1.0)
    found = judge(runs[0], wrong, independent=runs[1:], truth_spectrum=spectrum, **SETTINGS)
    measure = found["D_stsp"].reconstruction
    assert measure.value > 3 * measure.floor.high
    assert found["prediction error"].reconstruction.value > 1.0


def test_a_diverging_model_is_named_and_never_averaged(runs, spectrum):
    def growing(x, q):
        return 1.5 * x, 1.5 * q

    found = judge(runs[0], Map(growing, 2, 1.0), independent=runs[1:], truth_spectrum=spectrum, **SETTINGS)
    assert found.outcome.name == "diverged" and 10 < found.outcome.step < 30  # 1.5^n reaches a thousand sd
    for name in ("D_stsp", "D_H", "lambda_1", "sum of exponents", "Kaplan-Yorke dimension"):
        measure = found[name].reconstruction
        assert math.isnan(measure.value) and measure.note == f"diverged at step {found.outcome.step}"
    assert found["D_stsp"].reconstruction.floor is not None and found.spectrum is None
    assert len(found.generated) == found.outcome.step
    assert json.loads(json.dumps(found.to_dict()))["rows"][0]["reconstruction"]["value"] is None


def test_fixed_points_and_cycles_are_named(runs):
    still = judge(runs[0], Map(lambda x, q: (0.9 * x, 0.9 * q), 2, 1.0), **SETTINGS)
    assert still.outcome.name == "fixed point"
    assert still["D_stsp"].reconstruction.value > still["D_stsp"].surrogate.value
    assert still["D_H"].reconstruction.value > 0.8
    assert still["Kaplan-Yorke dimension"].reconstruction.value == 0.0
    cycle = judge(runs[0], Map(lambda x, q: henon(x, q, a=0.9), 2, 1.0), **SETTINGS)  # period two
    assert cycle.outcome.name == "cycle" and cycle["lambda_1"].reconstruction.value < 0


def test_extra_states_get_a_gap_check(runs):
    def with_extra(rate):
        def step(x, q):
            y, p = henon(x[:, :2], q[:, :2])
            return np.concatenate([y, rate * x[:, 2:]], 1), np.concatenate([p, rate * q[:, 2:]], 1)

        return Map(step, 3, 1.0, obs_dim=2)

    clear = judge(runs[0], with_extra(0.01), **SETTINGS)
    assert any("is clearly below lambda_2" in note for note in clear.notes)
    hidden = judge(runs[0], with_extra(math.exp(-1.6231)), **SETTINGS)  # coincides with lambda_2
    assert any("NOT clearly below lambda_2" in note for note in hidden.notes)
    assert "lambda_3" not in [row.name for row in hidden.rows] and len(hidden.spectrum) == 3


def test_the_table_is_aligned_and_holds_every_row(good):
    lines = str(good).splitlines()
    header = next(line for line in lines if line.startswith("measure"))
    assert header.split() == [*HEADER]
    body = lines[lines.index(header) + 2 :][: len(good.rows)]
    start = header.index("reconstruction")
    assert [line[: header.index("truth")].strip() for line in body] == [row.name for row in good.rows]
    assert all(line[start - 1] == " " and line[start] != " " for line in body)


def test_a_model_of_other_columns_is_refused(runs):
    with pytest.raises(DataError, match="equal columns"):
        judge(runs[0], Map(henon, 2, 0.5))


def test_arrays_classes_and_swapped_arguments_are_refused(runs):
    test, model = runs[0], Map(henon, 2, 1.0)
    for arguments, message in (
        ((test.values, model), "test of type ndarray"),
        ((model, test), r"test of type Map.*judge\(test, model\)"),
        ((test, Map), "the class Map as model"),
        ((test, test.values), "a ndarray as model"),
    ):
        with pytest.raises(DataError, match=message):
            judge(*arguments)
    with pytest.raises(DataError, match="training of type ndarray"):
        judge(test, model, training=[test.values])
    with pytest.raises(DataError, match="independent of type ndarray"):
        judge(test, model, independent=test.values)


def test_one_training_series_needs_no_list(runs):
    test, model = runs[0][:2000], Map(henon, 2, 1.0)
    quick = dict(lyapunov_steps=50, lyapunov_members=2, starts=5)
    one, listed = (judge(test, model, training=given, **quick) for given in (runs[1], [runs[1]]))
    assert one.to_dict() == listed.to_dict()


def test_describe_knows_lorenz_and_sees_drift():
    series = get_system("lorenz63").simulate(20_000, 0.01, transient=20.0, seed=0)
    found = {measure.name: measure for measure in describe(series)}
    assert found["embedding dimension"].value == 3
    assert found["dominant period"].value == pytest.approx(0.75, abs=0.05)  # of z
    assert found["lambda_1 from data"].value == pytest.approx(0.9, rel=0.2)
    assert found["D2"].value == pytest.approx(2.05, abs=0.1)
    assert found["0-1 test K"].value > 0.95
    assert 0.5 < found["permutation entropy"].value < 0.9
    assert found["D_stsp"].value < 0.3 * found["D_stsp"].settings["surrogate"]
    drift = series.values + np.linspace(0, 5, len(series))[:, None] * series.values.std(0)
    drifting = {measure.name: measure for measure in describe(TimeSeries(drift, 0.01))}
    assert drifting["D_stsp"].value > drifting["D_stsp"].settings["surrogate"]


@pytest.mark.parametrize("columns", [1, 3])
def test_describe_does_not_depend_on_the_units_of_the_columns(columns):
    lorenz = get_system("lorenz63").simulate(4000, 0.02, transient=20.0, seed=0).values[:, :columns]
    found, scaled = (describe(TimeSeries(lorenz * units, 0.02)) for units in (1.0, [1e-9, 30.0, 1000.0][:columns]))
    for one, other in zip(found, scaled, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-4), one.name


def test_describe_refuses_a_constant_and_notes_what_is_too_short():
    with pytest.raises(DataError, match="constant"):
        describe(TimeSeries(np.ones((100, 1)), 1.0))
    short = describe(TimeSeries(np.random.default_rng(0).standard_normal(20), 1.0))
    assert {m.name for m in short if math.isnan(m.value)} >= {"embedding dimension", "lambda_1 from data"}
    assert all(m.note.startswith("not computed: ") for m in short if math.isnan(m.value))


def test_describe_names_every_measure_of_a_short_series_and_needs_no_embedding_of_three_columns():
    lorenz = get_system("lorenz63").simulate(2000, 0.01, transient=20.0, seed=0)
    whole = {m.name: m for m in describe(lorenz)}
    assert "too few to trust" not in whole["dominant period"].note
    short = {m.name: m for m in describe(lorenz[:10])}
    assert short.keys() == whole.keys() and short["dominant period"].note.startswith("1 in the record: too few")
    assert math.isnan(short["embedding dimension"].value) and math.isfinite(short["D_stsp"].value)
    assert short["D2"].note != short["embedding dimension"].note


@pytest.mark.parametrize(("states", "columns", "exponents"), [(20, 3, 20), (21, 3, 5), (21, 20, 21), (40, 40, 40)])
def test_as_many_exponents_as_there_are_states_at_most(states, columns, exponents):
    """Of a linear map, exactly: two more than columns of models with many states, all where there are no more."""
    factors = np.linspace(1.2, 0.1, states)
    model = Map(lambda x, q: (x, factors[:, None] * q), states, 0.5, columns)
    test = TimeSeries(np.random.default_rng(0).standard_normal((50, columns)), dt=0.5)
    found = model_spectrum(model, np.ones((50, states)), test, steps=20, members=2, seed=0)
    np.testing.assert_allclose(found.exponents, np.log(factors)[:exponents] / 0.5, atol=1e-6)


def test_a_short_test_series_has_as_many_starts_as_rows():
    """40 rows leave 21 starts; to count each of them five times would make the error 2.2 times too small."""
    test = get_system("henon").simulate(40, 1.0, transient=100, seed=3)
    other = get_system("henon").simulate(40, 1.0, transient=100, seed=4).values
    given = {"independent": [other], "surrogate": other, "noise": other, "lyapunov_time": None, "steps": 5}
    few, many = (prediction_rows(test, Map(henon, 2, 1.0), starts=n, **given)[0].reconstruction for n in (21, 100))
    assert many.settings["starts"] == 21
    assert (many.value, many.low, many.high) == (few.value, few.low, few.high)


def test_without_other_trajectories_chance_is_half_the_record_away():
    """Of a slow process: what lies few rows away would still be a good forecast."""
    noise, x = np.random.default_rng(0).standard_normal((4000, 2)), np.zeros((4000, 2))
    for i in range(1, len(x)):
        x[i] = 0.95 * x[i - 1] + noise[i]
    persistence = Map(lambda x, q: (x, q), 2, 1.0)
    given = {"surrogate": x, "noise": x, "lyapunov_time": None, "starts": 100, "steps": 5}
    floor = prediction_rows(TimeSeries(x, 1.0), persistence, independent=[], **given)[0].reconstruction.floor
    assert floor.median == pytest.approx(math.sqrt(2), abs=0.3) and "the same record" in floor.kind


def test_the_dominant_period_is_the_length_over_its_turns():
    x = np.sin(2 * np.pi * 25 * np.arange(2000) / 2000)[:, None]
    found = dominant_period(x, 1.0, "s")
    assert found.value == 80.0 and found.unit == "s"
