"""Distance of two persistence diagrams: the cheapest matching of their features, or of features to nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError


def diagram_distance(first: Any, second: Any, *, order: float = 2.0) -> float:
    """Wasserstein distance of order `order` of two diagrams; the bottleneck distance for `order` = inf.

    Parameters
    ----------
    first, second : (features, 2), births and deaths, also without any feature.
    order : 1 or more. Features are as far apart as the larger of the differences of birth and death, and a feature
        is half its life from the diagonal, onto which it may be matched.

    Returns
    -------
    The distance, 0 for equal diagrams. Raises `DataError` for other shapes or numbers that are not finite,
    `SpecError` for an order below 1. Source: Edelsbrunner & Harer, Computational Topology, AMS 2010.
    """
    from scipy.optimize import linear_sum_assignment

    if not order >= 1:
        raise SpecError(f"order = {order}", "a number >= 1, or inf", "use the default 2")
    a, b = _checked(first, "first"), _checked(second, "second")
    cost = np.zeros((len(a) + len(b),) * 2)
    cost[: len(a), : len(b)] = np.abs(a[:, None] - b).max(2)
    cost[: len(a), len(b) :] = np.diff(a, axis=1) / 2
    cost[len(a) :, : len(b)] = np.diff(b, axis=1).T / 2
    top = float(cost.max(initial=0.0))
    if top == 0.0:
        return 0.0
    if np.isinf(order):
        return _bottleneck(cost)
    rows, columns = linear_sum_assignment((cost / top) ** order)
    return top * float(((cost[rows, columns] / top) ** order).sum() ** (1 / order))


def _bottleneck(cost: np.ndarray) -> float:
    """The least largest entry of a perfect matching."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    values = np.unique(cost)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        matched = maximum_bipartite_matching(csr_array(cost <= values[middle]), perm_type="column")
        low, high = (low, middle) if (matched >= 0).all() else (middle + 1, high)
    return float(values[low])


def _checked(pairs: Any, name: str) -> np.ndarray:
    found = np.asarray(pairs, dtype=np.float64)
    if found.size == 0:
        return np.zeros((0, 2))
    if found.ndim != 2 or found.shape[1] != 2 or not np.isfinite(found).all():
        raise DataError(
            f"the {name} diagram of shape {found.shape}", "finite (features, 2)", "leave out features that never die"
        )
    return found
