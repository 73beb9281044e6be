"""Baselines that share the linear properties of a series and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.points import as_points


def phase_surrogate(x: Any, seed: int) -> np.ndarray:
    """A series with the same power and cross spectra as `x` (time, dim) and common random phases.

    A model that scores no better knows only the linear correlations. Ends that do not match (trend, slow
    drift) leak into all frequencies. Source: Prichard & Theiler, doi:10.1103/PhysRevLett.73.951.
    """
    points = as_points(x)
    spectrum = np.fft.rfft(points, axis=0)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(spectrum))
    phases[0] = 0.0  # the mean stays
    if len(points) % 2 == 0:
        phases[-1] = 0.0  # the highest frequency of an even length is real
    return np.fft.irfft(spectrum * np.exp(1j * phases)[:, None], n=len(points), axis=0)


def aaft_surrogate(x: Any, seed: int) -> np.ndarray:
    """Amplitude-adjusted phase surrogate of `x` (time, dim): each column keeps its values exactly, in another order,
    and its spectrum nearly; columns share the random phases.

    The ranks of a Gaussian series that follows the data are given random phases, and the data are sorted into their
    order. It stands for a linear process seen through a static nonlinearity. The spectrum is whitened a little.
    Source: Theiler et al., doi:10.1016/0167-2789(92)90102-S.
    """
    points = as_points(x)
    normal = np.sort(np.random.default_rng(seed).standard_normal(points.shape), axis=0)
    followed = np.take_along_axis(normal, _ranks(points), axis=0)
    return np.take_along_axis(np.sort(points, axis=0), _ranks(phase_surrogate(followed, seed + 1)), axis=0)


def _ranks(x: np.ndarray) -> np.ndarray:
    return x.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")


def gaussian_noise(x: Any, n: int, seed: int) -> np.ndarray:
    """`n` independent rows of Gaussian noise with the mean and covariance of `x` (time, dim): (n, dim)."""
    points = as_points(x)
    covariance = np.atleast_2d(np.cov(points, rowvar=False))
    return np.random.default_rng(seed).multivariate_normal(points.mean(0), covariance, size=n, method="eigh")
