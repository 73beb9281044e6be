"""What sets the vanilla, mean-centred and dendritic PLRNN apart: invariants, special cases of each other, regions."""

import pytest
import small_models
import torch

from dsr.models import ALRNN, DendriticPLRNN, MeanCentredPLRNN, ShallowPLRNN, VanillaPLRNN
from dsr.training.backends import choose_backend
from dsr.training.config import TrainingConfig


def generic(kind, latent=5, size=4):
    return small_models.members(kind, 2, latent, size, "identity", 1)[0]


def states(m, n=50, scale=1.0):
    return scale * torch.randn((n, m), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["plrnn", "mcplrnn", "dendplrnn", "bounded dendritic"])
def test_the_diagonal_of_the_connections_has_no_effect_and_no_gradient(kind):
    model, z = generic(kind), states(5)
    before = model.step(z)
    model.step(z).square().sum().backward()
    gradient = model.W.grad
    assert not gradient.diagonal().any()
    assert (gradient != 0).sum() == 20
    with torch.no_grad():
        model.W.diagonal().fill_(3.0)
    assert torch.equal(model.step(z), before)


@pytest.mark.parametrize("kind", ["plrnn", "mcplrnn", "dendplrnn"])
def test_the_linear_part_starts_positive_definite_with_largest_eigenvalue_one(kind):
    model = small_models.MAKE[kind](2, 8, 4, "identity", 3).double()
    linear = torch.diag(model.A) + model.W
    values = torch.linalg.eigvalsh(linear)
    torch.testing.assert_close(linear, linear.T)
    assert values.min() > 0 and values.max().item() == pytest.approx(1.0, abs=1e-6)


def test_a_plrnn_is_an_alrnn_with_all_units_rectified():
    model, other, z = generic("plrnn"), ALRNN(2, 5, 5).double(), states(5)
    with torch.no_grad():
        for name in ("A", "W", "h"):
            getattr(other, name).copy_(getattr(model, name))
        other.W.fill_diagonal_(0.0)
    torch.testing.assert_close(other.step(z), model.step(z))
    assert torch.equal(other.bits(z), model.bits(z))


def test_a_common_shift_passes_the_mean_centred_step_linearly():
    model, z = generic("mcplrnn"), states(5)
    for shift in (-3.0, 0.7):
        torch.testing.assert_close(model.step(z + shift) - model.step(z), (shift * model.A).expand_as(z))
        assert torch.equal(model.bits(z + shift), model.bits(z))
    torch.testing.assert_close(model.jacobian(z).sum(-1), model.A.expand_as(z))
    assert not model.bits(z).all(dim=1).any()


def test_the_mean_centred_plrnn_is_a_shallow_one_with_centring_as_hidden_layer():
    model, other, z = generic("mcplrnn"), ShallowPLRNN(2, 5, 5).double(), states(5)
    with torch.no_grad():
        other.A.copy_(model.A)
        other.W1.copy_(model.connections())
        other.W2.copy_(torch.eye(5) - 1 / 5)
        other.h1.copy_(model.h)
    torch.testing.assert_close(other.step(z), model.step(z))


def test_one_basis_at_zero_is_the_plrnn():
    model, other, z = generic("plrnn"), DendriticPLRNN(2, 5, 1).double(), states(5)
    with torch.no_grad():
        for name in ("A", "W", "h"):
            getattr(other, name).copy_(getattr(model, name))
        other.alpha.fill_(1.0)
        other.H.zero_()
    torch.testing.assert_close(other.step(z), model.step(z))
    assert torch.equal(other.bits(z), model.bits(z))


@pytest.mark.parametrize("kind", ["dendplrnn", "clipped dendritic"])
def test_what_a_unit_sends_is_a_spline_with_its_kinks_at_the_thresholds(kind):
    """Slopes to the left of all thresholds and to the right, and the jump of the slope at each, are known."""
    model, eps = generic(kind, latent=3), 1e-4
    clipped = kind != "dendplrnn"

    def slope(z):
        return (model.phi(z + eps) - model.phi(z - eps)) / (2 * eps)

    with torch.no_grad():
        left, right = (slope(torch.full((1, 3), s, dtype=torch.float64)) for s in (-50.0, 50.0))
        torch.testing.assert_close(left, torch.zeros_like(left))
        total = model.alpha.sum()
        torch.testing.assert_close(right, torch.full_like(right, 0.0 if clipped else total), atol=1e-9, rtol=1e-9)
        for b in range(model.bases):
            at = model.H[:, b][None]
            jump = slope(at + 2 * eps) - slope(at - 2 * eps)
            torch.testing.assert_close(jump, model.alpha[b].expand_as(jump), atol=1e-8, rtol=1e-8)


def test_regions_of_the_dendritic_plrnn_are_named_by_unit_and_basis():
    model = generic("clipped dendritic", latent=2, size=2)
    with torch.no_grad():
        model.H.copy_(torch.tensor([[-1.0, 0.5, 2.0], [1.0, -2.0, 0.0]]))
    bits = model.bits(torch.tensor([[1.0, -1.0]], dtype=torch.float64))[0].int().tolist()
    assert bits == [1, 1, 0, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("kind", ["plrnn", "mcplrnn", "dendplrnn", "bounded", "bounded dendritic"])
@pytest.mark.parametrize("seen", ["identity", "nonlinear"])
def test_training_takes_the_hand_written_gradient_and_no_kernel_of_another_family(kind, seen):
    model = small_models.members(kind, 2, 3, 3, seen, 1)[0]
    assert choose_backend(model, TrainingConfig()) == "torch"


def test_each_family_has_hand_written_gradients_of_its_own_class_only():
    class Other(VanillaPLRNN):
        pass

    class Recentred(MeanCentredPLRNN):
        pass

    for model in (Other(2, 3), Recentred(2, 3)):
        assert choose_backend(model, TrainingConfig()) == "autograd"
        assert model.compiled_orbit() is None
