"""What the checks of a Lyapunov spectrum allow, by hand."""

import math

import numpy as np
import pytest

from dsr.analysis import LyapunovSpectrum, check_spectrum

ERRORS = np.array([0.02, 0.01, 0.02])
SPECTRUM = LyapunovSpectrum(
    np.array([1.0, 0.0, -3.0]), ERRORS, np.diag(ERRORS**2), 1.0, 100, 4, 0, np.empty((0, 3)), np.empty(0),
    {"time_unit": "time units", "states": 3},
)  # fmt: skip


def test_the_sum_may_differ_by_three_errors_and_the_tolerance():
    """Twenty blocks of four states whose means lie 0.2 above and below -2.1; what varies within a block is no error."""
    local = -2.1 + np.repeat(np.tile([0.2, -0.2], 10), 4) + np.tile([0.7, -0.7], 40)
    (check,) = check_spectrum(SPECTRUM, divergence=lambda x: x[:, 0], states=local[:, None], tolerance=0.01)
    error = math.hypot(0.2 / math.sqrt(19), 0.03)
    assert check.difference.value == pytest.approx(0.1)
    assert check.difference.high - check.difference.value == pytest.approx(error)
    assert check.allowed == pytest.approx(3 * error + 0.01 * 3.0)


def test_the_exponent_nearest_to_zero_may_differ_by_three_of_its_own_errors_and_the_tolerance():
    (check,) = check_spectrum(SPECTRUM, flow=True, tolerance=0.01)
    assert check.difference.value == 0.0 and check.allowed == pytest.approx(3 * 0.01 + 0.01 * 3.0)
