"""Finite windows of contractive models: errors fall as fast as the conditional exponent says."""

import numpy as np
import pytest
import torch
from torch import nn

from dsr.analysis import conditional_exponents
from dsr.errors import DataError, SpecError
from dsr.models import MemoryModel
from dsr.models.state_space.truncation import FiniteWindow, finite_window_error

T = np.arange(1500)
DATA = np.stack([np.sin(0.21 * T) + 0.3 * np.cos(0.057 * T), np.cos(0.13 * T)], 1) * [2.0, 0.5] + [1.0, -3.0]


class TanhMemory(MemoryModel):
    """m' = tanh(W m + U x), x' = R m'."""

    def __init__(self, radius, memory=12, seed=0):
        super().__init__(2, memory)
        rng = torch.Generator().manual_seed(seed)
        w, u, r = (
            torch.randn(s, generator=rng, dtype=torch.float64) for s in ((memory,) * 2, (memory, 2), (2, memory))
        )
        w = w * radius / torch.linalg.eigvals(w).abs().max()
        self.W, self.U, self.R = nn.Parameter(w), nn.Parameter(0.3 * u), nn.Parameter(0.2 * r)
        self.data_mean.copy_(torch.from_numpy(DATA.mean(0)))
        self.data_std.copy_(torch.from_numpy(DATA.std(0)))
        self.dt.fill_(0.1)

    def step(self, z):
        x, m = z[..., :2], z[..., 2:]
        m = torch.tanh(m @ self.W.T + x @ self.U.T)
        return torch.cat([m @ self.R.T, m], dim=-1)


@pytest.mark.parametrize("radius", [0.7, 0.95])
def test_the_error_falls_as_the_largest_conditional_exponent(radius):
    model = TanhMemory(radius)
    exponent = conditional_exponents(
        model.driven_tangent_map(), np.zeros(14), DATA, transient=200, dt=0.1, qr_every=1
    ).exponents[0]
    windows = (np.array([4, 8, 12, 16, 20]) / abs(exponent) / 0.1).astype(int)
    found = finite_window_error(model, DATA, windows)
    assert exponent < 0 and found.errors.shape == (20, 5)
    assert found.rate == pytest.approx(exponent, rel=0.1)
    other = np.random.default_rng(0).uniform(-1, 1, 14)
    assert finite_window_error(model, DATA, windows, start=other).rate == pytest.approx(exponent, rel=0.1)


def test_windows_are_counted_in_rows_of_data():
    """By hand, for one window."""
    model = TanhMemory(0.9).double()
    found = finite_window_error(model, DATA[:101], [3, 40], ends=2)
    y = model.standardise(torch.tensor(DATA[:101]))
    for i, end in enumerate((50, 100)):
        states = []
        for first in (0, end - 2):
            z = torch.zeros(1, 14, dtype=torch.float64)
            for t in range(first, end + 1):
                z = model.pull(model.step(z), y[t : t + 1], 1.0)
            states.append(z)
        assert found.errors[i, 0] == pytest.approx(float((states[1] - states[0]).norm().detach()), rel=1e-12)
    assert found.errors[:, 1].max() < found.errors[:, 0].min()


def test_a_model_that_does_not_forget():
    model = TanhMemory(3.0)
    found = finite_window_error(model, DATA, [20, 100, 300])
    assert found.errors.mean(0).min() > 0.1 * found.size
    assert conditional_exponents(model.driven_tangent_map(), np.zeros(14), DATA, transient=200, dt=0.1).exponents[0] > 0


def test_a_model_cut_to_a_window_predicts_as_the_whole_does():
    model = TanhMemory(0.7)
    context, errors = DATA[None, :400], []
    for rows in (5, 20, 60):
        cut = FiniteWindow(model, rows)
        assert cut.min_context == rows
        errors.append(np.abs(cut.predict_next(context) - model.predict_next(context)).max())
    assert errors[0] > 1e-5 and errors[1] < 0.1 * errors[0] and errors[2] < 1e-8
    start = cut.initial_state(context)
    short, long = cut.free_run(start, 20), model.free_run(model.initial_state(context), 20)
    assert short.observations == pytest.approx(long.observations, abs=1e-6)


def test_the_jacobian_of_a_cut_model():
    cut = FiniteWindow(TanhMemory(0.9), 4)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.stack([torch.autograd.functional.jacobian(cut.step, one) for one in z])
    assert torch.allclose(cut.jacobian(z), expected, atol=1e-12)


def test_what_cannot_be_asked_is_refused():
    model = TanhMemory(0.7)
    with pytest.raises(DataError, match="window of 60 rows"):
        finite_window_error(model, DATA[:100], [60])
    with pytest.raises(SpecError, match="windows"):
        finite_window_error(model, DATA, [0, 5])
    with pytest.raises(SpecError, match="shorter windows"):
        _ = finite_window_error(model, DATA, [5, 600, 700]).rate
