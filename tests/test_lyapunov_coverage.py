"""Standard errors of lambda_1 mean what they say: over many repetitions they hold the truth as often as they should."""

import dataclasses

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
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
