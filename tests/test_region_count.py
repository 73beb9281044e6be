import math

import numpy as np
import pytest

from dsr.analysis import fit_partition, gate_elbow, occupancy_curve, word_divergence
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def test_occupancy_of_known_frequencies():
    symbols = np.random.default_rng(0).permutation(np.repeat([5, 1, 9, 3], [500, 300, 190, 10]))
    found = occupancy_curve(symbols, 0.95)
    assert found.names == ("5", "1", "9", "3")
    assert found.frequencies == pytest.approx([0.5, 0.3, 0.19, 0.01])
    assert found.measure.value == 3 and occupancy_curve(symbols, 1.0).measure.value == 4
    assert occupancy_curve(symbols, 0.5).measure.value == 1
    assert occupancy_curve(np.arange(64)).effective == pytest.approx(64)


def test_elbow_is_where_the_score_stops_falling():
    rng = np.random.default_rng(0)
    results = [(p, 2.0 / p**2 * (p < 4) + 0.05 + 0.01 * rng.random()) for p in range(1, 12) for _ in range(5)]
    found = gate_elbow(results)
    assert found.measure.value == 4 and found.measure.low == found.measure.high == 4
    assert found.P.tolist() == list(range(1, 12)) and found.runs.tolist() == [5] * 11
    single = gate_elbow([(2, 0.5), (1, 1.0), (3, 0.49)])
    assert single.measure.value == 2 and math.isnan(single.measure.low)
    assert "same for all" in gate_elbow([(1, 1.0), (2, 1.0)]).measure.note
    with pytest.raises(DataError, match="at least two different P"):
        gate_elbow([(1, 1.0), (1, 2.0)])


@pytest.mark.parametrize("kind", ["voronoi", "quantile"])
def test_common_partition_separates_another_attractor_from_the_truth(kind):
    def sample(seed, **parameters):
        series = get_system("lorenz63", **parameters).simulate(40_000, 0.01, transient=50.0, seed=seed)
        return series.values

    truth, other, hotter = sample(0), sample(1), sample(2, rho=35.0)
    partition = fit_partition(truth, 27, kind=kind, seed=0)
    a, b, c = (partition.symbols(x[::30]) for x in (truth, other, hotter))
    assert "outside" not in {a.alphabet[s] for s in a.visited}
    same, different = word_divergence(a, b, 1).value, word_divergence(a, c, 1).value
    assert different > 3 * same and word_divergence(a, b, 2).value < word_divergence(a, c, 2).value


def test_quantile_boxes_are_equally_filled_and_what_lies_elsewhere_is_outside():
    x = np.random.default_rng(0).normal(size=(40_000, 2))
    symbols = fit_partition(x, 16, kind="quantile").symbols(x)
    assert np.bincount(symbols.symbols)[:16] == pytest.approx(np.full(16, 2500), rel=0.1)
    ring = np.stack([np.cos(np.arange(400)), np.sin(np.arange(400))], 1)
    for kind in ("voronoi", "quantile"):
        partition = fit_partition(ring, 100, kind=kind)
        names = partition.names
        found = partition.symbols(np.array([[0.0, 0.0], [1e200, -1e200], [1.0, 0.0]]))
        assert names[found.symbols[0]] == "outside" and names[found.symbols[2]] != "outside"


def test_partition_depends_on_the_seed_only_and_ignores_units():
    x = np.random.default_rng(0).normal(size=(500, 3))
    first = fit_partition(x, 20, seed=3).symbols(x).symbols
    assert (first == fit_partition(x * [1.0, 1e3, 1e-3], 20, seed=3).symbols(x * [1.0, 1e3, 1e-3]).symbols).all()
    assert (first != fit_partition(x, 20, seed=4).symbols(x).symbols).any()
    with pytest.raises(SpecError, match="did you mean 'voronoi'"):
        fit_partition(x, kind="voronoy")
    with pytest.raises(DataError, match="different rows"):
        fit_partition(np.repeat(np.eye(2), 50, axis=0), 20)
