"""Nearest rows by all distances are those that a tree finds."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dsr.analysis.temporal import nearest_rows as room
from dsr.analysis.temporal.nearest_rows import nearest_rows


@pytest.mark.parametrize("dim", [3, 12])
@pytest.mark.parametrize("cells", [1, 5000, 1 << 24])
def test_nearest_rows_are_those_of_a_tree(dim, cells, monkeypatch):
    monkeypatch.setattr(room, "CELLS", cells)
    rng = np.random.default_rng(dim)
    points, queries = rng.normal(1e4, 1.0, (700, dim)), rng.normal(1e4, 1.0, (40, dim))
    expected = cKDTree(points).query(queries, k=5)[1]
    np.testing.assert_array_equal(nearest_rows(points, queries, 5), expected)


def test_a_row_is_its_own_nearest():
    points = np.random.default_rng(1).normal(size=(300, 20))
    np.testing.assert_array_equal(nearest_rows(points, points[::7], 1)[:, 0], np.arange(0, 300, 7))
