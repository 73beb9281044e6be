"""Bounded clipped models: the box that holds every orbit, and who may ask for it."""

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import DendriticPLRNN, ShallowPLRNN
from dsr.models.bounded import LIMIT, bounded_diagonal, raw_diagonal, trapping_box

FAMILIES = {
    "shallow": lambda **k: ShallowPLRNN(3, 4, 12, clipped=True, **k),
    "dendritic": lambda **k: DendriticPLRNN(3, 4, 5, clipped=True, **k),
}


def wild(build, seed, scale=4.0):
    """A bounded model with large random weights, self-connections of both signs among them."""
    model, rng = build(bounded=True).double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=rng, dtype=p.dtype))
        model.atanh_A.mul_(0.3 / scale)  # so that transients end soon
    return model


@pytest.mark.parametrize("build", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("seed", range(4))
def test_orbits_from_far_away_enter_the_box_at_the_promised_rate_and_stay(build, seed):
    model = wild(build, seed)
    with torch.no_grad():
        box, A = model.trapping_box().numpy(), model.self_connections().abs().numpy()
    start = np.random.default_rng(seed).choice([-1e6, 1e6], size=(8, 4)) * box
    states = np.concatenate([start[:, None], model.free_run(start, 500).states], axis=1)
    excess = np.maximum(np.abs(states) - box, 0.0)
    assert (excess[:, 1:] <= A * excess[:, :-1] + 1e-9 * np.abs(start).max()).all()
    assert (np.abs(states[:, -200:]) <= box * (1 + 1e-12)).all()
    inside = np.random.default_rng(seed).uniform(-1, 1, size=(50, 4)) * box
    assert (np.abs(model.free_run(inside, 300).states) <= box * (1 + 1e-12)).all()


@pytest.mark.parametrize("build", FAMILIES.values(), ids=FAMILIES)
def test_no_weights_can_break_the_bound(build):
    """Not even saturated ones, in single precision."""
    model = build(bounded=True)
    with torch.no_grad():
        model.atanh_A.fill_(1e9)
        assert float(model.self_connections().max()) < 1
        assert torch.isfinite(model.trapping_box()).all()
        box = model.double().trapping_box().numpy()
    far = model.free_run(1e3 * box[None], 40_000).states
    assert (np.abs(far[0, -1]) <= box * (1 + 1e-9)).all()


def test_the_box_is_reached_where_all_terms_add_up():
    """z' = A z + w |t| while the unit is on: the fixed point lies on the face of the box."""
    model = ShallowPLRNN(1, 1, 1, clipped=True).double()
    with torch.no_grad():
        for name, value in {"A": 0.8, "W1": 2.0, "W2": 1.0, "h1": 0.3, "h2": 1.5}.items():
            getattr(model, name).fill_(value)
        assert float(model.trapping_box()) == pytest.approx(3.3 / 0.2)
    assert model.free_run(np.array([[100.0]]), 400).states[0, -1, 0] == pytest.approx(3.3 / 0.2)


def test_self_connections_start_where_those_of_the_free_model_do():
    free, bounded = ShallowPLRNN(5, clipped=True, seed=3), ShallowPLRNN(5, clipped=True, bounded=True, seed=3)
    torch.testing.assert_close(bounded.self_connections(), free.A, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(bounded.W1, free.W1)
    A = torch.linspace(-0.98, 0.98, 9, dtype=torch.float64)
    torch.testing.assert_close(bounded_diagonal(raw_diagonal(A)), A)
    assert float(bounded_diagonal(torch.tensor(50.0))) == pytest.approx(LIMIT)


@pytest.mark.parametrize("family", [ShallowPLRNN, DendriticPLRNN])
def test_bounded_without_clipped_is_refused(family):
    with pytest.raises(DsrError, match="set clipped = true, or bounded = false"):
        family(3, 4, bounded=True)


def test_a_box_is_promised_only_where_there_is_one():
    with pytest.raises(DsrError, match="plain ReLUs"):
        ShallowPLRNN(3).trapping_box()
    with pytest.raises(DsrError, match=r"\|A\| up to 1\.2"):
        trapping_box(torch.tensor([0.5, -1.2]), torch.ones(2), clipped=True)
    free = ShallowPLRNN(3, clipped=True)
    assert torch.isfinite(free.trapping_box()).all()  # all |A| happen to be below 1 at the start
