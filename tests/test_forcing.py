"""Forcing schemes: their strengths over a window and over the training, and what is estimated from data."""

import math

import numpy as np
import pytest

from dsr.errors import DsrError
from dsr.series import TimeSeries
from dsr.training.forcing import (
    FORCINGS,
    AdaptiveForcing,
    AnnealedForcing,
    FullForcing,
    GeneralizedForcing,
    NoForcing,
    RandomSparseForcing,
    SparseForcing,
)


@pytest.fixture(scope="module")
def tent() -> TimeSeries:
    """Tent map: its derivative is 1.8 in size everywhere."""
    x = np.empty(6_000)
    x[0] = 0.3
    for i in range(1, x.size):
        x[i] = 1.8 * min(x[i - 1], 1 - x[i - 1])
    return TimeSeries(x[1000:, None], 1.0)


@pytest.fixture(scope="module")
def slow_and_round() -> TimeSeries:
    """An autoregressive column with autocorrelation time 19.5 and a noisy sine of period 40.3, twice."""
    rng = np.random.default_rng(0)
    noise, x = rng.standard_normal(100_000), np.zeros(100_000)
    for i in range(1, x.size):
        x[i] = 0.95 * x[i - 1] + noise[i]
    sine = np.sin(2 * np.pi * np.arange(x.size) / 40.3) + 0.05 * rng.standard_normal(x.size)
    return TimeSeries(np.c_[x, sine, sine], 1.0)


def test_strengths_of_each_scheme():
    np.testing.assert_array_equal(NoForcing().strengths(3), [0, 0, 0])
    np.testing.assert_array_equal(FullForcing().strengths(3), [1, 1, 1])
    np.testing.assert_array_equal(SparseForcing(3).strengths(7), [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(GeneralizedForcing(0.2).strengths(3, progress=0.7), [0.2, 0.2, 0.2])


def test_the_geometric_schedule_moves_by_equal_factors():
    forcing = AnnealedForcing(alpha=1.0, final_alpha=0.01, tau=4, final_tau=16)
    for progress, alpha, tau in ((0.0, 1.0, 4), (0.5, 0.1, 8), (1.0, 0.01, 16)):
        expected = np.zeros(20)
        expected[tau - 1 :: tau] = alpha
        np.testing.assert_allclose(forcing.strengths(20, progress), expected)


def test_the_linear_schedule_moves_by_equal_amounts():
    forcing = AnnealedForcing(alpha=0.8, final_alpha=0.0, tau=2, final_tau=5, schedule="linear")
    np.testing.assert_allclose(forcing.strengths(8, 1 / 3), 0.8 * 2 / 3 * np.array([0, 0, 1, 0, 0, 1, 0, 0]))
    assert not forcing.strengths(8, 1.0).any()


def test_random_intervals_are_uniform_between_their_ends_and_drawn_anew_for_every_block():
    forcing = RandomSparseForcing(tau_min=3, tau_max=7, alpha=1.0, final_alpha=0.25)
    gaps, firsts = [], []
    for block in range(300):
        steps = np.flatnonzero(forcing.strengths(400, block / 300)) + 1
        firsts.append(steps[0])
        gaps.extend(np.diff(steps))
        assert 400 - steps[-1] < 7  # forced up to the end of the window
    counts = np.bincount(gaps, minlength=8)
    assert counts[:3].sum() == 0 and len(counts) == 8
    np.testing.assert_allclose(counts[3:] / len(gaps), 0.2, atol=0.015)
    assert set(firsts) == set(range(1, 8))


def test_random_forcing_is_a_function_of_seed_and_progress_and_its_strength_moves_by_equal_factors():
    forcing = RandomSparseForcing(tau_min=3, tau_max=7, final_alpha=0.25)
    np.testing.assert_array_equal(forcing.strengths(200, 0.4), forcing.strengths(200, 0.4))
    assert (forcing.strengths(200, 0.4) != forcing.strengths(200, 0.4001)).any()
    assert (forcing.strengths(200) != RandomSparseForcing(3, 7, seed=1).strengths(200)).any()
    for progress, alpha in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.25)):
        assert forcing.strengths(200, progress).max() == pytest.approx(alpha)


def test_random_intervals_are_estimated_around_that_of_sparse_forcing(slow_and_round):
    tau = SparseForcing().estimated(slow_and_round).tau
    found = RandomSparseForcing().estimated(slow_and_round)
    assert (found.tau_min, found.tau_max) == (round(0.5 * tau), round(1.5 * tau))
    above = RandomSparseForcing(tau_min=90).estimated(slow_and_round)
    assert (above.tau_min, above.tau_max) == (90, 90)


def test_an_open_end_value_is_the_start_value():
    lengthened = AnnealedForcing(alpha=0.9, tau=2, final_tau=4)
    np.testing.assert_allclose(lengthened.strengths(4, 1.0), [0, 0, 0, 0.9])
    softened = AnnealedForcing(alpha=0.9, final_alpha=0.5, tau=2)
    np.testing.assert_allclose(softened.strengths(4, 1.0), [0, 0.5, 0, 0.5])


def test_alpha_is_one_minus_the_inverse_stretching(tent):
    expected = pytest.approx(1 - 1 / 1.8, abs=0.03)
    assert GeneralizedForcing.from_data(tent).alpha == expected
    annealed = AnnealedForcing(alpha=0.9, schedule="linear").estimated(tent)
    assert annealed.final_alpha == expected and (annealed.alpha, annealed.schedule) == (0.9, "linear")


def test_the_stretching_is_a_geometric_mean():
    """The skew tent map stretches by 10 in a tenth of all rows and by 10/9 in the others: exp of its entropy."""
    x = np.empty(20_000)
    x[0] = 0.3
    for i in range(1, x.size):
        x[i] = x[i - 1] / 0.1 if x[i - 1] < 0.1 else (1 - x[i - 1]) / 0.9
    entropy = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert GeneralizedForcing.from_data(TimeSeries(x, 1.0)).alpha == pytest.approx(1 - math.exp(-entropy), abs=0.05)


def test_tau_rules_find_the_known_times(slow_and_round):
    """Medians over the columns: autocorrelation of the sine falls to 1/e after 1.19 / 2 pi of a period = 7.7 steps,
    its mutual information is least after a quarter."""
    for rule, low, high in (("autocorrelation", 7, 9), ("mutual_information", 9, 11), ("earliest", 7, 9)):
        found = SparseForcing(tau_rule=rule).estimated(slow_and_round)
        assert low <= found.tau <= high and found.tau_rule == rule
    alone = TimeSeries(slow_and_round.values[:, :1], 1.0)
    assert SparseForcing(tau_rule="autocorrelation").estimated(alone).tau == pytest.approx(19.5, abs=1.5)


def test_tau_is_the_doubling_time_of_errors(tent):
    """The Henon map with lambda_1 = 0.42, and the tent map with ln 1.8: errors double in 1.65 and 1.18 steps; sampled
    in units of time of 0.1, the number of steps stays."""
    henon = np.empty((20_000, 2))
    henon[0] = 0.1
    for i in range(1, len(henon)):
        henon[i] = 1 - 1.4 * henon[i - 1, 0] ** 2 + henon[i - 1, 1], 0.3 * henon[i - 1, 0]
    for dt in (1.0, 0.1):
        assert SparseForcing(tau_rule="predictability").estimated(TimeSeries(henon[100:], dt)).tau == 2
    assert SparseForcing(tau_rule="predictability").estimated(tent).tau == 1


def test_tau_of_lorenz(shared_data):
    """ln 2 / 0.906 at dt 0.01 is 77 steps; the published protocol forces every 16 steps."""
    clean = TimeSeries(np.load(shared_data / "lorenz63_test.npy", allow_pickle=False), 0.01)
    assert SparseForcing(tau_rule="predictability").estimated(clean).tau == pytest.approx(77, abs=12)
    assert SparseForcing(tau_rule="earliest").estimated(clean).tau == pytest.approx(16, abs=2)


def test_a_cycle_has_no_doubling_time():
    t = 0.1 * np.arange(4_000)
    cycle = TimeSeries(np.c_[np.cos(t), np.sin(t)], 0.1)
    with pytest.raises(DsrError, match="tau_rule = 'earliest'"):
        SparseForcing(tau_rule="predictability").estimated(cycle)


def test_what_the_user_set_is_kept(tent):
    for forcing in (SparseForcing(5), GeneralizedForcing(0.3), AnnealedForcing(final_tau=3), AnnealedForcing(0.5, 0.1)):
        assert forcing.estimated(tent) == forcing


@pytest.mark.parametrize("name", list(FORCINGS))
def test_every_scheme_is_usable_after_seeing_data(name, tent):
    forcing = FORCINGS[name].from_data(tent)
    for progress in (0.0, 0.3, 1.0):
        found = forcing.strengths(100, progress)
        assert found.shape == (100,) and (found >= 0).all() and (found <= 1).all()
        assert found.any() == (name != "none")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sparse", {"tau": 0}, "tau = 0"),
        ("sparse", {"tau_rule": "autocorelation"}, "did you mean 'autocorrelation'"),
        ("random_sparse", {"tau_min": 9, "tau_max": 8}, "tau_min = 9 above tau_max = 8"),
        ("random_sparse", {"final_alpha": 0.0}, "final_alpha = 0.0"),
        ("random_sparse", {"seed": -1}, "seed = -1"),
        ("generalized", {"alpha": 1.5}, "alpha = 1.5"),
        ("annealed", {"final_tau": 0}, "final_tau = 0"),
        ("annealed", {"final_alpha": 0.0}, "schedule = 'linear'"),
        ("annealed", {"schedule": "linaer"}, "did you mean 'linear'"),
        ("adaptive", {"estimator": "arithmetic"}, "did you mean 'arithmetic_mean'"),
        ("adaptive", {"decay": 1.2}, "decay = 1.2"),
        ("adaptive", {"interval": 0}, "interval = 0"),
        ("none", {"alpha": 0.1}, "no keys at all"),
    ],
)
def test_bad_settings_are_refused(name, options, message):
    with pytest.raises(DsrError, match=message):
        FORCINGS.build(name, options)


def test_what_is_no_number_is_refused_in_python_too():
    for make, message in (
        (lambda: GeneralizedForcing(alpha="a"), "alpha = 'a'"),
        (lambda: SparseForcing("16"), "tau = '16'"),
        (lambda: SparseForcing(15.3), "tau = 15.3; accepted: a whole number"),
        (lambda: SparseForcing(math.inf), "tau = inf"),
        (lambda: RandomSparseForcing(tau_min=1.5), "tau_min = 1.5"),
        (lambda: RandomSparseForcing(tau_max=math.nan), "tau_max = nan"),
        (lambda: AnnealedForcing(tau=math.inf), "tau = inf"),
        (lambda: AnnealedForcing(final_tau=2.5), "final_tau = 2.5"),
        (lambda: RandomSparseForcing(seed=1.5), "seed = 1.5; accepted: an integer"),
        (lambda: RandomSparseForcing(alpha=None), "alpha = None"),
        (lambda: RandomSparseForcing(seed="a"), "seed = 'a'"),
        (lambda: AdaptiveForcing(decay="a"), "decay = 'a'"),
        (lambda: AdaptiveForcing(interval=None), "interval = None"),
    ):
        with pytest.raises(DsrError, match=message):
            make()
    assert GeneralizedForcing(np.float32(0.5)).alpha == 0.5
    np.testing.assert_array_equal(SparseForcing(2.0).strengths(5), SparseForcing(2).strengths(5))


@pytest.mark.parametrize("scheme", [GeneralizedForcing, SparseForcing, RandomSparseForcing])
def test_estimates_refuse_arrays_and_a_few_rows(scheme, tent):
    with pytest.raises(DsrError, match="type ndarray as data to estimate a forcing from; accepted: a TimeSeries"):
        scheme.from_data(tent.values)
    with pytest.raises(DsrError, match="3 rows to estimate a forcing from"):
        scheme.from_data(tent[:3])


def test_the_strength_refuses_a_constant_column(tent):
    with pytest.raises(DsrError, match="column x2 is constant"):
        GeneralizedForcing.from_data(TimeSeries(np.c_[tent.values, np.ones(len(tent))], 1.0))


@pytest.mark.filterwarnings("error")
def test_on_a_cycle_that_repeats_exactly_nothing_grows():
    """The logistic map at 3.5: four values, around which every neighbour is the row itself."""
    x = np.full(3000, 0.3)
    for i in range(1, x.size):
        x[i] = 3.5 * x[i - 1] * (1 - x[i - 1])
    assert GeneralizedForcing.from_data(TimeSeries(x[1000:], 1.0, "iterations")).alpha == 0.02


def test_open_fields_are_named():
    for forcing, name in (
        (SparseForcing(), "tau"),
        (RandomSparseForcing(), "tau_min"),
        (GeneralizedForcing(), "alpha"),
        (AnnealedForcing(), "final_alpha"),
    ):
        with pytest.raises(DsrError, match=f"^{name} is not set"):
            forcing.strengths(5)
