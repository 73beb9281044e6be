"""Generalised dimensions of measures whose D_q are known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis.geometry.generalised_dimensions import generalised_dimensions
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def cascade(rows: int, shares: list[float], base: int, digits: list[int], seed: int = 0) -> np.ndarray:
    """Numbers with random digits: a multiplicative measure on the unit interval."""
    chosen = np.random.default_rng(seed).choice(len(shares), size=(rows, 40), p=shares)
    return np.asarray(digits)[chosen] @ (1.0 / base) ** np.arange(1, 41)


def test_binomial_measure() -> None:
    """D_q = ln(p^q + (1 - p)^q) / ((1 - q) ln 2); D_1 is its entropy."""
    p, orders = 0.3, np.array([0.0, 1.0, 2.0, 3.0])
    moment = np.log(p**orders + (1 - p) ** orders)
    exact = moment / np.where(orders == 1, 1.0, (1 - orders) * math.log(2))
    exact[1] = -(p * math.log2(p) + (1 - p) * math.log2(1 - p))
    found = generalised_dimensions(cascade(20_000, [p, 1 - p], 2, [0, 1]), orders=orders, theiler=0)
    assert found.values == pytest.approx(exact, abs=0.02)
    assert (np.diff(found.values) < 0).all()  # D_q falls with q
    assert found.measure.name == "D_1" and (np.abs(found.values - exact) < 3 * found.errors).all()


def test_cantor_set_has_one_dimension_at_any_scale() -> None:
    x = cascade(10_000, [0.5, 0.5], 3, [0, 2])
    exact = math.log(2) / math.log(3)
    found = generalised_dimensions(x, theiler=0)
    assert found.values == pytest.approx(exact, abs=0.02)
    huge = generalised_dimensions(1e150 * x, theiler=0, blocks=0)
    assert huge.values == pytest.approx(found.values, abs=1e-5)
    assert huge.mean_log_radius - found.mean_log_radius == pytest.approx(150 * math.log(10))


def test_lorenz_information_dimension() -> None:
    """The Kaplan-Yorke dimension 2.062 is the information dimension."""
    x = get_system("lorenz63").simulate(40_000, 0.05, transient=50, seed=0).values
    found = generalised_dimensions(x, orders=[1.0])
    assert found.values[0] == pytest.approx(2.062, abs=0.05)


def test_errors_are_at_least_the_scatter_between_samples() -> None:
    found = [
        generalised_dimensions(
            cascade(8000, [0.3, 0.7], 2, [0, 1], seed), orders=[1.0, 2.0], theiler=0, references=1500
        )
        for seed in range(25)
    ]
    scatter = np.std([f.values for f in found], axis=0, ddof=1)
    stated = np.sqrt(np.mean([f.errors**2 for f in found], axis=0))
    assert (0.8 < stated / scatter).all() and (stated / scatter < 2.7).all()


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(DataError, match="coincide"):
        generalised_dimensions(np.tile([0.0, 1.0], 500), theiler=0)
    with pytest.raises(DataError):
        generalised_dimensions(np.arange(400.0))
    for settings in ({"orders": [9.0]}, {"orders": []}, {"share": 0.0}, {"references": 2}):
        with pytest.raises(SpecError):
            generalised_dimensions(np.random.default_rng(0).standard_normal(500), **settings)
