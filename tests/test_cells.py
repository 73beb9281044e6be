import tracemalloc

import numpy as np
import pytest

from dsr.cells import cell_counts, hellinger_distance, kl_divergence
from dsr.errors import DataError


def dense_kl(true, gen, bins, padding, smoothing):
    """The same divergence over every cell of the grid, overflow layer included."""
    margin = padding * true.std(0, ddof=1)
    low, high = true.min(0) - margin, true.max(0) + margin
    edges = [np.concatenate([[-np.inf], np.linspace(a, b, bins + 1), [np.inf]]) for a, b in zip(low, high, strict=True)]
    p, q = (np.histogramdd(x, edges)[0] + smoothing for x in (true, gen))
    p, q = p / p.sum(), q / q.sum()
    return np.sum(p * np.log(p / q))


@pytest.mark.parametrize("dim, bins", [(1, 30), (2, 12), (3, 7), (5, 3)])
def test_sparse_equals_dense_with_points_outside(dim, bins):
    rng = np.random.default_rng(0)
    true, gen = rng.standard_normal((500, dim)), 1.5 * rng.standard_normal((700, dim))
    counts = cell_counts(true, gen, bins=bins)
    assert counts.outside_fraction > 0
    assert kl_divergence(counts) == pytest.approx(dense_kl(true, gen, bins, 0.1, 1e-5), rel=1e-10)


def test_many_dimensions_neither_overflow_nor_merge_cells():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 40))
    counts = cell_counts(x, x[::-1] + 0.0, bins=30)
    assert counts.cells == 32.0**40
    assert counts.true.size == 300 and counts.true.max() == 1  # 32^40 exceeds int64; random points share no cell
    assert hellinger_distance(counts) == 0.0


def test_order_in_time_does_not_matter_and_no_count_is_lost():
    x = np.random.default_rng(1).standard_normal((100_000, 2))
    counts = cell_counts(x, np.zeros((100_000, 2)), bins=8)
    assert counts.generated.max() == 100_000 and counts.true.sum() == 100_000
    shuffled = np.random.default_rng(2).permutation(x)
    assert kl_divergence(cell_counts(x, shuffled, bins=8)) == 0.0


def test_disjoint_visits_have_hellinger_distance_one():
    x = np.random.default_rng(0).uniform(0, 1, (1000, 2))
    counts = cell_counts(x, x + 100.0, bins=10)
    assert counts.outside_fraction == 1.0
    assert hellinger_distance(counts) == pytest.approx(1.0)


def test_the_box_without_padding_contains_the_true_extremes():
    x = np.linspace(0.0, 1.0, 11)
    assert cell_counts(x, x, bins=5, padding=0.0).outside_fraction == 0.0


@pytest.mark.parametrize("gen", [np.full((5, 2), np.nan), np.zeros((5, 3))])
def test_unusable_input_is_refused(gen):
    with pytest.raises(DataError):
        cell_counts(np.random.default_rng(0).standard_normal((20, 2)), gen, bins=4)


def test_memory_grows_with_the_points_and_not_with_the_cells():
    x = np.random.default_rng(0).standard_normal((1000, 6))
    tracemalloc.start()
    counts = cell_counts(x, x[::-1], bins=30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts.cells == 32.0**6 and peak < 5e6  # a dense grid: 8.6 GB
