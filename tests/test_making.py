"""Data making: sizes of noise, what is seen and when, seeds and records, independent sets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dsr.errors import DataError, SpecError
from dsr.series import TimeSeries
from dsr.systems import get_system
from dsr.systems.making import (
    OPERATIONS,
    AdditiveNoise,
    Columns,
    Formulas,
    Function,
    JitteredTimes,
    MissingStretches,
    MultiplicativeNoise,
    Quantise,
    RandomTimes,
    Subsample,
    independent_sets,
    make,
    pieces,
)

ALL = [
    AdditiveNoise(deviation=0.1), AdditiveNoise(relative=0.1), AdditiveNoise(snr_db=10.0), MultiplicativeNoise(0.1),
    Quantise(6), Columns(("y",)), Formulas(("x*y", "tanh(x)")), Function(np.tanh), Subsample(3),
    MissingStretches(2, 10), RandomTimes(0.5), JitteredTimes(5, 2),
]  # fmt: skip


def waves(rows=20_000, inputs=False):
    t = 0.01 * np.arange(rows)
    values = np.stack([3.0 * np.sin(t), 0.2 * np.cos(1.7 * t) + 5.0], axis=1)
    return TimeSeries(values, 0.01, "s", ("x", "y"), {"file": "waves"}, inputs=t[:, None] if inputs else None)


def decibels(clean, noisy):
    return 10 * np.log10(clean.values.var(axis=0) / (noisy.values - clean.values).var(axis=0))


@pytest.mark.parametrize("asked", [-5.0, 10.0, 30.0])
def test_the_measured_signal_to_noise_ratio_is_the_asked_one(asked):
    clean = waves()
    # the variance of 20,000 Gaussian numbers has a standard error of 1 %, 0.043 dB
    assert decibels(clean, make(clean, [AdditiveNoise(snr_db=asked)], seed=1)) == pytest.approx(asked, abs=0.15)


def test_three_ways_to_say_how_large_noise_is():
    clean = waves()
    errors = [make(clean, [n], seed=2).values - clean.values for n in ALL[:3]]
    assert errors[0].std(axis=0) == pytest.approx(0.1, rel=0.03)
    assert errors[1].std(axis=0) / clean.values.std(axis=0) == pytest.approx(0.1, rel=0.03)
    assert errors[2] == pytest.approx(errors[1] * np.sqrt(10), rel=1e-6)
    assert abs(np.corrcoef(errors[0].T)[0, 1]) < 0.03
    assert abs(np.corrcoef(errors[0][1:, 0], errors[0][:-1, 0])[0, 1]) < 0.03


def test_multiplicative_noise_grows_with_the_value():
    clean = waves()
    ratio = make(clean, [MultiplicativeNoise(0.05)], seed=0).values[1:] / clean.values[1:]
    assert (ratio - 1).std(axis=0) == pytest.approx(0.05, rel=0.03)


def test_a_converter_has_so_many_levels_and_errs_by_half_of_one_at_most():
    clean = waves()
    seen = make(clean, [Quantise(5)], seed=0)
    assert [len(np.unique(np.round(c, 9))) for c in seen.values.T] == [32, 32]
    level = np.ptp(clean.values, axis=0) / 31
    error = seen.values - clean.values
    assert (np.abs(error).max(axis=0) <= 0.5 * level * (1 + 1e-9)).all()
    assert make(clean, [Quantise(12)], seed=0).values == pytest.approx(clean.values, abs=1e-3)


def test_columns_and_formulas_of_columns():
    clean = waves(100)
    swapped = make(clean, [Columns(("y", "x"))], seed=0)
    assert (swapped.names, swapped.values.tolist()) == (("y", "x"), clean.values[:, ::-1].tolist())
    seen = make(clean, [Formulas(("tanh(x) + 0.1*y**2", "x*y"), ("u", "v"))], seed=0)
    x, y = clean.values.T
    assert seen.names == ("u", "v")
    assert seen.values == pytest.approx(np.stack([np.tanh(x) + 0.1 * y**2, x * y], axis=1), rel=1e-14)
    own = make(clean, [Function(lambda v: v[:, 0] ** 2)], seed=0)
    assert (own.names, own.values[:, 0].tolist()) == (("h1",), (x**2).tolist())


def test_subsampling_keeps_values_and_lengthens_the_step():
    clean = waves(100, inputs=True)
    seen = make(clean, [Subsample(7)], seed=0)
    assert seen.dt == pytest.approx(0.07)
    assert np.array_equal(seen.values, clean.values[::7])
    assert seen.inputs == pytest.approx(seen.times[:, None])


@pytest.mark.parametrize("operation", [MissingStretches(4, 25), RandomTimes(0.3), JitteredTimes(10, 4)])
def test_irregular_rows_are_true_rows_at_their_own_times(operation):
    clean = waves(2000, inputs=True)
    seen = make(clean, [operation], seed=3)
    rows = np.rint(seen.times / 0.01).astype(int)
    assert np.array_equal(seen.values, clean.values[rows])
    assert np.array_equal(seen.inputs, clean.inputs[rows])
    gaps = np.diff(rows)
    if isinstance(operation, MissingStretches):
        assert sorted(gaps[gaps > 1]) == [26] * 4
        assert (rows[0], rows[-1]) == (0, 1999)
    if isinstance(operation, RandomTimes):
        assert len(rows) == pytest.approx(600, abs=5 * np.sqrt(2000 * 0.3 * 0.7))
        assert gaps.var() == pytest.approx(0.7 / 0.09, rel=0.25)  # geometric waiting times
    if isinstance(operation, JitteredTimes):
        assert gaps.mean() == pytest.approx(10, abs=0.1)
        assert (gaps.min() >= 2, gaps.max() <= 18) == (True, True)


def test_a_record_with_gaps_is_cut_into_regular_pieces():
    clean = waves(1000)
    cut = pieces(make(clean, [MissingStretches(3, 50)], seed=5))
    assert len(cut) == 4
    assert sum(map(len, cut)) == 850
    for piece in cut:
        assert piece.stamps is None
        start = np.flatnonzero((clean.values == piece.values[0]).all(axis=1))[0]
        assert np.array_equal(piece.values, clean.values[start : start + len(piece)])


@pytest.mark.parametrize("operation", ALL, ids=lambda o: type(o).__name__)
def test_every_operation_is_reproduced_by_its_seed_and_leaves_the_series_alone(operation):
    clean = waves(500)
    before = clean.values.tobytes()
    once, again, other = (make(clean, [operation], seed=s) for s in (7, 7, 8))
    assert once.values.tobytes() == again.values.tobytes()
    assert clean.values.tobytes() == before
    drawn = isinstance(operation, AdditiveNoise | MultiplicativeNoise | MissingStretches | RandomTimes | JitteredTimes)
    same = once.values.tobytes() == other.values.tobytes() and np.array_equal(once.times, other.times)
    assert same != drawn
    assert once.origin["file"] == "waves"


def test_the_record_is_enough_to_make_the_series_again():
    clean = waves(400)
    chain = [Columns(("x",)), Subsample(2), AdditiveNoise(snr_db=15.0), RandomTimes(0.5)]
    seen = make(clean, chain, seed=11)
    names = {cls.__name__: name for name in OPERATIONS for cls in [OPERATIONS[name]]}
    recorded = [
        {"name": names[r["operation"]], **{k: v for k, v in r.items() if k not in ("operation", "seed", "place")}}
        for r in seen.origin["made"]
    ]
    again = make(clean, recorded, seed=seen.origin["made"][0]["seed"])
    assert (again.values.tobytes(), again.stamps.tobytes()) == (seen.values.tobytes(), seen.stamps.tobytes())
    assert again.origin == seen.origin
    one, two = (make(clean, [AdditiveNoise(relative=r), RandomTimes(0.5)], seed=1).stamps for r in (0.1, 0.3))
    assert np.array_equal(one, two)  # another noise level, the same times


def test_sets_are_independent_and_only_the_seen_ones_are_changed():
    henon = get_system("henon")
    train, validation, test = independent_sets(
        henon, 400, 300, 200, transient=100, seed=5, operations=[AdditiveNoise(snr_db=20.0)]
    )
    assert [len(s) for s in (train, validation, test)] == [400, 300, 200]
    step = lambda s: np.abs(henon.step(s.values[:-1]) - s.values[1:]).max()  # noqa: E731
    assert step(test) < 1e-12
    assert min(step(train), step(validation)) > 0.05
    assert np.abs(train.values[:200] - test.values).max() > 0.5
    longer = independent_sets(henon, 500, 300, 200, transient=100, seed=5)
    assert longer[2].values.tobytes() == test.values.tobytes()


def test_no_operation_draws_what_the_trajectory_with_that_seed_was_drawn_from():
    henon, error = get_system("henon"), AdditiveNoise(deviation=1.0)
    clean, noisy = (henon.simulate(2000, transient=10, seed=7, noise=n) for n in (0.0, 1.0))
    starting = np.random.SeedSequence(7).spawn(2)[0]
    draws = [noisy.values - clean.values, np.random.default_rng(starting).standard_normal(clean.values.shape)]
    made = [make(clean, [error] * count, seed=7).values for count in range(4)]
    assert largest_correlation([*draws, *np.diff(made, axis=0)]) < 0.08  # five standard errors
    rows, drawn = (2000, 100, 100), {"transient": 10, "seed": 5}
    plain, noisy, changed = (
        independent_sets(henon, *rows, **drawn, **more)[0].values
        for more in ({}, {"noise": 1.0}, {"operations": [Quantise(30), error]})
    )
    assert largest_correlation([noisy - plain, changed - plain]) < 0.08


def largest_correlation(draws):
    return np.abs(np.corrcoef([d.ravel() for d in draws]) - np.eye(len(draws))).max()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: AdditiveNoise(), "exactly one"),
        (lambda: AdditiveNoise(relative=0.1, snr_db=3.0), "relative and snr_db"),
        (lambda: AdditiveNoise(relative=-1.0), "0 or more"),
        (lambda: MultiplicativeNoise(-0.1), "share"),
        (lambda: Quantise(0), "bits"),
        (lambda: Columns(()), "different names"),
        (lambda: Subsample(0), "every"),
        (lambda: RandomTimes(1.5), "between 0 and 1"),
        (lambda: JitteredTimes(4, 2), "less than half"),
        (lambda: make(waves(50), [Columns(("z",))], seed=0), "there is no column 'z'"),
        (lambda: make(waves(50), [{"name": "additive_nois", "snr_db": 3.0}], seed=0), "additive_noise"),
        (lambda: make(waves(50), [{"name": "subsample", "evry": 3}], seed=0), "did you mean 'every'"),
        (lambda: make(waves(50), [3], seed=0), "the operation 3"),
        (lambda: make(waves(50), [Subsample(2)], seed=-1), "seed"),
        (lambda: make(waves(50), [Formulas(("sinn(x)",))], seed=0), "did you mean 'sin'"),
        (lambda: make(waves(50), [RandomTimes(1e-9)], seed=0), "at least two"),
    ],
)
def test_operations_say_what_is_wrong(build, said):
    with pytest.raises(SpecError, match=said):
        build()


def test_series_that_cannot_be_changed_that_way():
    for operation, said in (
        (Formulas(("log(x)",)), "not finite on row 0"),
        (MissingStretches(3, 20), "leave rows"),
        (Function(lambda v: v[:5]), "shape"),
    ):
        with pytest.raises(DataError, match=said):
            make(waves(50), [operation], seed=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Subsample(2).every = 3
