"""Standard errors of lambda_1 mean what they say: over many repetitions they hold the truth as often as they should."""

import dataclasses

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
from dsr.analysis.lyapunov.spectrum import spectrum_of
from dsr.systems import get_system

REPETITIONS = 200


def scores(system, truth, dt, **settings):
    """(estimate - truth) / standard error, for repetitions from independent trajectories."""
    found = []
    for seed in range(REPETITIONS):
        x0 = system.attractor_points(32, transient=100 * system.period, seed=1000 + seed)
        s = lyapunov_spectrum(system.tangent_map(dt), x0, dt=dt, seed=seed, **settings)
        found.append((s.exponents[0] - truth) / s.stderr[0])
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, truth, dt, settings",
    [
        ("lorenz63", 0.90563, 0.01, {"steps": 2000, "transient": 1500, "qr_every": 10}),
        ("rossler", 0.0714, 0.1, {"steps": 6000, "transient": 1000, "qr_every": 10}),
        ("henon", 0.41922, 1.0, {"steps": 1000, "transient": 100}),
    ],
)
def test_one_and_two_standard_errors_cover_68_and_95_percent(name, truth, dt, settings):
    system = get_system(name)
    if name == "lorenz63":
        system = dataclasses.replace(system, max_step=0.01)
    z = np.abs(scores(system, truth, dt, **settings))
    one, two = (z < 1).mean(), (z < 2).mean()
    # 32 blocks have the quantiles of Student's t, 67.5 and 94.6 %; three binomial standard deviations around them
    assert 0.575 < one < 0.775, one
    assert 0.898 < two, two


@pytest.mark.parametrize("members", [4, 8, 16, 32])
def test_errors_of_few_members_reckon_with_what_cancels_between_blocks(members):
    """Stretching that is white (exponent 1) or only the change of a bounded quantity (exponent 0), as along a flow:
    blocks of one member share their ends, and counting them as independent makes errors up to 2.8 times too large."""
    rng, rounds, found = np.random.default_rng(0), 320, []
    for _ in range(300):
        bounded = rng.normal(size=(rounds + 1, members, 1))
        white = 1.0 + 0.1 * rng.normal(size=(rounds, members, 1)) + np.diff(bounded, axis=0)
        growth = np.concatenate([white, np.diff(rng.normal(size=bounded.shape), axis=0)], axis=-1)
        spectrum = spectrum_of(growth, members=members, qr_every=1, dt=1.0, settings={})
        found.append([spectrum.exponents, spectrum.stderr])
    exponents, stderr = np.moveaxis(np.array(found), 1, 0)
    ratio = np.sqrt((stderr**2).mean(0)) / exponents.std(0)
    assert (0.85 < ratio).all() and ratio[0] < 1.25 and ratio[1] < 1.6, ratio
