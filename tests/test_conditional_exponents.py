"""Exponents of driven models with known contraction."""

import numpy as np
import pytest
import torch
from torch import nn

from dsr.analysis import conditional_exponents, lyapunov_spectrum
from dsr.errors import DataError, SpecError
from dsr.models import MemoryModel

RNG = np.random.default_rng(0)
DATA = RNG.standard_normal((3000, 2))


class LinearMemory(MemoryModel):
    """m' = A m + B x, x' = R m': driven, the memory is contracted by A alone; free, by A + B R."""

    def __init__(self, a, b, r):
        super().__init__(r.shape[0], a.shape[0])
        self.A, self.B, self.R = (nn.Parameter(torch.tensor(m)) for m in (a, b, r))

    def step(self, z):
        x, m = z[..., : self.obs_dim], z[..., self.obs_dim :]
        m = m @ self.A.T + x @ self.B.T
        return torch.cat([m @ self.R.T, m], dim=-1)


def linear_model(rates=(0.9, -0.6, 0.2)):
    basis = np.random.default_rng(3).standard_normal((3, 3))
    a = basis @ np.diag(rates) @ np.linalg.inv(basis)
    return LinearMemory(a, RNG.standard_normal((3, 2)), 0.5 * RNG.standard_normal((2, 3)))


def test_a_linear_memory_contracts_by_its_eigenvalues_whatever_the_readout():
    model = linear_model()
    s = conditional_exponents(model.driven_tangent_map(), np.zeros(5), DATA, k=None, transient=500, dt=0.5)
    assert s.exponents == pytest.approx(np.log([0.9, 0.6, 0.2]) / 0.5, abs=1e-6)
    free = lyapunov_spectrum(model.tangent_map(), np.zeros((1, 5)), steps=1000, transient=500, dt=0.5, k=3)
    closed = (model.A + model.B @ model.R).detach().numpy()
    expected = np.sort(np.log(np.abs(np.linalg.eigvals(closed))))[::-1] / 0.5
    assert free.exponents.sum() == pytest.approx(expected.sum(), abs=1e-6)
    assert free.exponents[0] > s.exponents[0] + 0.1  # the fed-back output is what the two differ by


def scalar(x, q, y):
    """x' = tanh(0.8 x + y): contracted by 0.8 (1 - x'^2)."""
    x = np.tanh(0.8 * x + y[:, :1])
    return x, 0.8 * (1 - x**2)[..., None] * q


@pytest.mark.parametrize("members", [1, 10])
def test_a_driven_tanh_unit(members):
    x, slopes = 0.0, []
    for y in DATA[:, 0]:
        x = np.tanh(0.8 * x + y)
        slopes.append(np.log(0.8 * (1 - x * x)))
    s = conditional_exponents(scalar, np.zeros(1), DATA, k=1, transient=50, dt=0.1, members=members)
    assert abs(s.exponents[0] - np.mean(slopes) / 0.1) < 3 * s.stderr[0]
    if members == 1:
        assert s.exponents[0] == pytest.approx(np.mean(slopes[50:]) / 0.1, rel=1e-12)
    spread = np.std(slopes) / np.sqrt(len(slopes)) / 0.1
    assert 0.5 * spread < s.stderr[0] < 2 * spread
    assert s.settings["driven"] and s.settings["members"] == members and s.settings["steps"] * members >= 2500


def fragile(x, q, y):
    """Leaves the finite numbers where the data say so; else contracts at a rate that the data give."""
    x = np.where(y[:, :1] > 8.5, np.inf, x)
    return x, q * np.exp(-y)[..., None]


def test_each_member_is_driven_by_its_own_stretch_when_others_are_lost():
    data = np.repeat([[1.0], [9.0], [3.0]], 100, axis=0)
    s = conditional_exponents(fragile, np.zeros(1), data, k=1, transient=0, dt=1.0, members=3)
    assert s.diverged == 1 and s.exponents[0] == pytest.approx(-2.0)
    lost = conditional_exponents(fragile, np.zeros(1), data[100:200], k=1, transient=0, dt=1.0)
    assert lost.diverged == 1 and np.isnan(lost.exponents[0])


def test_members_left_are_as_alone_when_another_is_lost_before_the_averaging():
    data, run = DATA[:300, :1].copy(), {"k": 1, "transient": 20, "dt": 1.0}
    data[10] = 9.0
    together = conditional_exponents(fragile, np.zeros(1), data, members=3, **run)
    second, third = (conditional_exponents(fragile, np.zeros(1), data[i : i + 100], **run) for i in (100, 200))
    expected = (second.exponents + third.exponents) / 2
    assert together.diverged == 1 and together.exponents == pytest.approx(expected, rel=1e-12)


def test_settings_and_data_that_do_not_fit_are_refused():
    driven = linear_model().driven_tangent_map()
    with pytest.raises(SpecError, match="k = 4; accepted: 1 to 3"):
        conditional_exponents(driven, np.zeros(5), DATA, k=4, transient=10, dt=1.0)
    with pytest.raises(DataError, match=r"30 rows.*2 members"):
        conditional_exponents(driven, np.zeros(5), DATA[:30], transient=20, dt=1.0, members=2)
    with pytest.raises(DataError, match="one finite state"):
        conditional_exponents(driven, np.zeros((1, 5)), DATA, transient=20, dt=1.0)
