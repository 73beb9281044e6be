"""Names that the scorecard gives to a free run."""

from dataclasses import dataclass

import numpy as np
import pytest

from dsr.analysis.scorecard.outcome import classify
from dsr.systems import get_system


@dataclass
class Spectrum:
    """What `classify` reads of a spectrum."""

    value: float
    error: float = 0.01
    diverged: int = 0
    members: int = 8

    @property
    def exponents(self):
        return np.array([self.value])

    @property
    def stderr(self):
        return np.array([self.error])

    def measure(self, i):
        return self.value


@pytest.fixture(scope="module")
def truth():
    return get_system("lorenz63").simulate(10_000, 0.01, transient=20.0, seed=0).values


def test_settled_ends_are_named_even_when_the_members_still_stretch(truth):
    loop = np.repeat(np.sin(2 * np.pi * np.arange(4000.0) / 75.37)[:, None], 3, axis=1)
    dies, cycles = np.concatenate([truth[:6000], np.zeros((4000, 3))]), np.concatenate([truth[:6000], loop])
    for run, value, name in (
        (truth, 0.9, "chaotic"),
        (truth, 0.01, "not chaotic"),
        (dies, 0.5, "transient chaos"),
        (dies, -0.5, "fixed point"),
        (cycles, 0.5, "transient chaos"),
        (cycles, 0.0, "cycle"),
    ):
        assert classify(run, truth, Spectrum(value)).name == name
    assert "comes to rest" in classify(dies, truth, Spectrum(0.5)).sentence
    assert classify(truth, truth, Spectrum(np.nan, diverged=8)).name == "diverged"
