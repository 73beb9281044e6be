"""What is done to a true trajectory (time, dim) to see which score notices, one function each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..surrogates import aaft_surrogate, gaussian_noise, phase_surrogate

Perturbation = Callable[[np.ndarray, np.random.Generator], np.ndarray]

PERIOD = 1000  # rows of the loop


def observation_noise(share: float) -> Perturbation:
    """White noise with `share` of the standard deviation of each column."""

    def add(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return x + share * x.std(0) * rng.standard_normal(x.shape)

    return add


def time_warp(factor: float) -> Perturbation:
    """Time runs `factor` times as fast: rows are interpolated, and the record is that much shorter."""

    def warp(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n = int((len(x) - 1) / factor)
        at = np.arange(n) * factor
        return np.stack([np.interp(at, np.arange(len(x)), column) for column in x.T], axis=1)

    return warp


def reversal(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Backwards in time."""
    return x[::-1].copy()


def shuffle(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows in random order: the density stays, all dynamics is lost."""
    return rng.permutation(x)


def phases_in_common(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Power and cross spectra stay."""
    return phase_surrogate(x, int(rng.integers(2**31)))


def phases_apart(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Power spectra stay, columns know nothing of each other."""
    return np.concatenate([phase_surrogate(c, int(rng.integers(2**31))) for c in x.T], axis=1)


def amplitude_adjusted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distribution of each column stays, and nearly its spectrum (AAFT)."""
    return aaft_surrogate(x, int(rng.integers(2**31)))


def gaussian(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Independent rows with the mean and covariance of the data."""
    return gaussian_noise(x, len(x), int(rng.integers(2**31)))


def loop(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The stretch of the record that comes back nearest to its start, repeated: a limit cycle on the attractor."""
    scaled = x / x.std(0)
    first = int(rng.integers(max(1, len(x) - 3 * PERIOD)))
    distance = np.linalg.norm(scaled[first + PERIOD // 10 : first + PERIOD] - scaled[first], axis=1)
    length = PERIOD // 10 + int(distance.argmin())
    return x[first + np.arange(len(x)) % length]


def one_side(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Only the rows above the median of the first column (one wing, one well), repeated to the old length."""
    rows = np.flatnonzero(x[:, 0] > np.median(x[:, 0]))
    return x[np.resize(rows, len(x))]


def rest(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fixed point: one row of the record, for ever."""
    return np.repeat(x[rng.integers(len(x))][None], len(x), axis=0)


PERTURBATIONS: dict[str, Perturbation] = {
    "time x 1.1": time_warp(1.1),
    "2 % noise": observation_noise(0.02),
    "10 % noise": observation_noise(0.1),
    "reversed": reversal,
    "shuffled": shuffle,
    "phase surrogate, common": phases_in_common,
    "phase surrogate, independent": phases_apart,
    "AAFT surrogate": amplitude_adjusted,
    "Gaussian": gaussian,
    "one side": one_side,
    "cycle": loop,
    "fixed point": rest,
}
