"""PECUZAL and its two statistics."""

import numpy as np
import pytest

from dsr.analysis import delay_embed_columns, pecuzal
from dsr.analysis.embedding.continuity import _least_count, continuity_statistic
from dsr.analysis.embedding.noise_amplification import noise_amplification
from dsr.analysis.embedding.references import neighbourhoods
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def trajectory(name, rows, dt=None):
    system = get_system(name)
    return system.simulate(rows, dt, transient=50 * system.period, seed=0).values


def test_lorenz_x_gets_the_published_delays():
    """Delays 0, 18, 9 at a step of 0.01 are what the authors' implementation finds."""
    found = pecuzal(x := trajectory("lorenz63", 5000, 0.01)[:, 0])
    delays = [delay for _, delay in found.coordinates]
    assert np.abs(np.subtract(delays, [0, 18, 9])).max() <= 2 and not found.note
    np.testing.assert_array_equal(found.apply(x), delay_embed_columns(x, found.coordinates))
    assert len(found.falls) == 3 and max(found.falls[:2]) < -0.1 < found.falls[2]


@pytest.mark.parametrize("column", [0, 1])
def test_rossler_is_embedded_in_three_dimensions(column):
    assert pecuzal(trajectory("rossler", 4000, 0.1)[:, column]).dimension == 3


def test_henon_x_is_embedded_at_delay_one():
    assert pecuzal(trajectory("henon", 3000)[:, 0]).coordinates == ((0, 0), (0, 1))


def test_all_columns_of_lorenz_give_coordinates_of_different_columns():
    x = trajectory("lorenz63", 10_000, 0.02)
    found = pecuzal(x)
    assert found.dimension == 3 and len({column for column, _ in found.coordinates}) > 1
    assert pecuzal(x * [1e3, 1e-3, 1.0] + 5).coordinates == found.coordinates


def test_two_columns_of_a_map_of_two_dimensions_are_enough():
    """The second column of Hénon is the first one step earlier: which of its delays is taken is a matter of chance."""
    assert pecuzal(trajectory("henon", 3000)).dimension == 2


def test_a_column_of_noise_is_left_out():
    x = trajectory("rossler", 4000, 0.1)[:, 0]
    noisy = np.stack([np.random.default_rng(0).standard_normal(4000), x], axis=1)
    assert {column for column, _ in pecuzal(noisy).coordinates} == {1}


@pytest.mark.parametrize("columns", [1, 3])
def test_noise_has_no_embedding(columns):
    """A second coordinate doubles the spread that no neighbour predicts: L rises by log10(2) / 2."""
    x = np.random.default_rng(0).standard_normal((4000, columns))
    found = pecuzal(x)
    assert found.dimension == 0 and "noise" in found.note
    assert found.falls[0] == pytest.approx(np.log10(2) / 2, abs=0.03)
    with pytest.raises(DataError, match="no delayed column"):
        found.apply(x)


def test_the_search_ends_at_the_largest_dimension():
    found = pecuzal(trajectory("lorenz63", 3000, 0.02)[:, 0], max_dimension=2)
    assert found.dimension == 2 and "still falling" in found.note


def test_neighbourhoods_are_those_of_all_distances():
    rng = np.random.default_rng(0)
    points = np.cumsum(rng.standard_normal((400, 2)), axis=0)  # neighbours in time are neighbours in state
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    distance[np.abs(np.subtract.outer(np.arange(400), np.arange(400))) <= 30] = np.inf
    rows = np.arange(0, 400, 7)
    np.testing.assert_array_equal(
        neighbourhoods(points, rows, 30, 5), np.argsort(distance[rows], axis=1, kind="stable")[:, :5]
    )


def test_as_many_images_must_agree_as_in_the_published_table():
    assert [_least_count(k) for k in range(5, 14)] == [5, 6, 7, 7, 8, 9, 9, 10, 10]


def test_continuity_is_the_least_distance_that_holds_enough_images():
    rng = np.random.default_rng(0)
    columns, reference = rng.standard_normal((200, 2)), np.arange(0, 150, 3)
    near = rng.integers(0, 150, (50, 13))
    found = continuity_statistic(columns, 4, reference, near)
    for delay in range(5):
        for column in range(2):
            images = np.abs(columns[near + delay, column] - columns[reference + delay, column][:, None])
            enough = [np.sort(images[:, :k])[:, _least_count(k) - 1] for k in range(8, 14)]
            assert found[delay, column] == pytest.approx(np.min(enough, axis=0).mean())


def test_the_cost_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    points, reference = rng.standard_normal((120, 2)), np.arange(0, 100, 3)
    near = neighbourhoods(points[:110], reference, 2, 3)
    group = np.concatenate([reference[:, None], near], axis=1)
    pairs = points[group][:, :, None] - points[group][:, None]
    size = (pairs**2).sum((1, 2, 3)) / 12  # six pairs, counted twice
    spread = [points[group + t].var(axis=1).sum(1) / size for t in range(1, 11)]
    scale = 1 / np.mean(1 / size)
    found = noise_amplification(points, reference, 2, 10)
    used = np.mean(spread, axis=1)
    np.testing.assert_allclose(found.size, scale)
    np.testing.assert_allclose(found.cost()[-1], np.log10(np.sqrt(used[1:].mean() * scale)))
    np.testing.assert_allclose(found.cost({3})[1], np.log10(np.sqrt(used[[1, 3]].mean() * scale)))
    larger = noise_amplification(100 * points, reference, 2, 10)
    np.testing.assert_allclose(larger.cost(), found.cost() + 2)


def test_input_without_an_answer_is_refused():
    x = np.random.default_rng(0).standard_normal(300)
    with pytest.raises(DataError, match="at least"):
        pecuzal(x, max_delay=150)
    with pytest.raises(SpecError, match="max_delay"):
        pecuzal(x, max_delay=2)
    with pytest.raises(DataError, match="repeat others exactly"):
        pecuzal(np.round(x))
    with pytest.raises(DataError, match="constant"):
        pecuzal(np.ones(300))
