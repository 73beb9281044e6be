"""The scan equals the loop, forwards and from the end, for every shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr.training.gradients.scan import ELEMENTWISE_DIM, SHORTEST, affine_scan


def recurrence(length, rows, dim, norm=0.5, seed=0):
    rng = torch.Generator().manual_seed(seed)
    shapes = (length, *rows, dim, dim), (length, *rows, dim), (*rows, dim)
    matrices, offsets, start = (torch.randn(s, generator=rng, dtype=torch.float64) for s in shapes)
    return norm * matrices / dim**0.5, offsets, start


def loop(matrices, offsets, start):
    states, z = torch.empty_like(offsets), start
    for t in range(len(offsets)):
        z = states[t] = torch.einsum("...ij,...j->...i", matrices[t], z) + offsets[t]
    return states


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    length=st.integers(0, 6 * SHORTEST),
    rows=st.sampled_from([(1,), (3,), (2, 1), (2, 3)]),
    dim=st.integers(1, ELEMENTWISE_DIM + 3),
    norm=st.sampled_from([0.0, 0.5, 1.1]),
)
def test_scan_equals_the_loop(length, rows, dim, norm):
    matrices, offsets, start = recurrence(length, rows, dim, norm, seed=length)
    states = loop(matrices, offsets, start)
    torch.testing.assert_close(affine_scan(matrices, offsets, start), states, rtol=1e-11, atol=1e-11)
    from_the_end = affine_scan(matrices.flip(0), offsets.flip(0), start, reverse=True)
    torch.testing.assert_close(from_the_end.flip(0), states, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dim", [3, 9])
def test_reversed_scan_of_the_transposes_is_the_gradient(dim):
    """d sum(w_t . z_t) / d b_t is g_t = J_{t+1}^T g_{t+1} + w_t."""
    matrices, offsets, start = recurrence(37, (4,), dim)
    weights = recurrence(37, (4,), dim, seed=1)[1]
    offsets.requires_grad_()
    expected = torch.autograd.grad((weights * loop(matrices, offsets, start)).sum(), offsets)[0]
    following = torch.cat([matrices[1:], torch.zeros_like(matrices[:1])])
    got = affine_scan(following.mT, weights, torch.zeros_like(start), reverse=True)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_rotation_keeps_its_radius_over_many_steps():
    """z_t = R z_{t-1}: a conserved quantity, and the angle after T steps is T times the angle of R."""
    angle = torch.tensor(0.01, dtype=torch.float64)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    states = affine_scan(
        turn.expand(5000, 1, 2, 2), torch.zeros(5000, 1, 2, dtype=torch.float64), torch.tensor([[1.0, 0.0]]).double()
    )
    time = torch.arange(1, 5001, dtype=torch.float64)
    torch.testing.assert_close(states.norm(dim=-1)[:, 0], torch.ones_like(time), rtol=0, atol=1e-13)
    torch.testing.assert_close(states[:, 0, 0], (angle * time).cos(), rtol=0, atol=1e-12)


def test_inputs_are_left_alone():
    given = recurrence(50, (2,), 3)
    copies = [x.clone() for x in given]
    affine_scan(*given)
    affine_scan(*given, reverse=True)
    assert all(torch.equal(a, b) for a, b in zip(given, copies, strict=True))
