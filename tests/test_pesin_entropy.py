import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum, pesin_entropy
from dsr.errors import DataError

A = 0.3


def test_errors_are_propagated_with_their_covariance():
    h = pesin_entropy([0.3, -2.0, 0.5], [0.03, 0.1, 0.04])
    assert h.value == pytest.approx(0.8) and h.high - h.value == pytest.approx(0.05) and h.unit == "per time unit"
    joint = np.array([[1.0, -0.5, 0.0], [-0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]) * 1e-4
    assert pesin_entropy([0.5, 0.3, -2.0], covariance=joint).high == pytest.approx(0.81)


def test_neutral_and_negative_exponents_create_no_information():
    assert pesin_entropy([0.9, 0.003, -14.0], [0.01, 0.002, 0.01]).value == pytest.approx(0.9)
    assert pesin_entropy([0.001, -1.0], [0.001, 0.01]).value == 0.0
    assert pesin_entropy([0.0, -np.inf]).value == 0.0
    assert "lower bound" in pesin_entropy([0.5, 0.2], [0.01, 0.01]).note
    assert pesin_entropy([np.nan, np.nan]).note == "no finite spectrum"


def test_of_the_skew_tent_it_is_the_entropy_of_its_coin():
    def skew_tent(x, q):
        left = x < A
        return np.where(left, x / A, (1 - x) / (1 - A)), np.where(left, 1 / A, -1 / (1 - A))[..., None] * q

    x0 = np.random.default_rng(0).random((64, 1))
    h = lyapunov_spectrum(skew_tent, x0, steps=2000, transient=20, dt=1.0, kick=0.0).pesin_entropy
    coin = -A * np.log(A) - (1 - A) * np.log(1 - A)
    assert abs(h.value - coin) < 3 * (h.high - h.value) and h.high - h.value < 0.003


def test_errors_of_another_shape_are_refused():
    with pytest.raises(DataError, match="one spectrum"):
        pesin_entropy([0.5, -1.0], [0.1])
