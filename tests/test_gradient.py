"""The hand-written gradients equal automatic differentiation of the plain loop."""

import numpy as np
import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr.errors import DsrError
from dsr.models import ALRNN
from dsr.training import SparseForcing
from dsr.training.backends import choose_backend, make_gradient
from dsr.training.config import TrainingConfig
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.bptt import BackpropagationThroughTime
from dsr.training.native import unavailable
from dsr.training.optimiser import Optimiser, clip_norm_, learning_rates

STRENGTHS = {
    "none": lambda n, k: torch.zeros(n, k),
    "full": lambda n, k: torch.ones(n, k),
    "sparse": lambda n, k: (torch.arange(1, n + 1) % 3 == 0)[:, None].expand(n, k).double(),
    "generalized": lambda n, k: torch.full((n, k), 0.2),
    "mixed": lambda n, k: torch.rand((n, k), generator=torch.Generator().manual_seed(n)),
}


def members(kind, obs_dim, extra, hidden, observation, count):
    latent = obs_dim + extra if observation == "identity" else max(obs_dim + extra - 2, 1)
    return small_models.members(kind, obs_dim, latent, hidden, observation, count)


FLOAT32 = 1e-5
NATIVE = ("alrnn", "shplrnn", "clipped")
BACKENDS = ["torch", pytest.param("native", marks=pytest.mark.skipif(bool(unavailable()), reason=str(unavailable())))]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(list(small_models.MAKE)),
    observation=st.sampled_from(["identity", "affine"]),
    forcing=st.sampled_from(sorted(STRENGTHS)),
    obs_dim=st.integers(1, 4),
    extra=st.integers(0, 3),
    hidden=st.integers(0, 5),
    count=st.integers(1, 3),
    batch=st.integers(1, 4),
    length=st.integers(1, 9),
)
def test_the_gradient_equals_autograd(
    backend, kind, observation, forcing, obs_dim, extra, hidden, count, batch, length
):
    if backend == "native" and kind not in NATIVE:
        kind = NATIVE[hidden % 3]
    models = members(kind, obs_dim, extra, hidden, observation, count)
    ensemble = Ensemble(models)
    rng = torch.Generator().manual_seed(length)
    windows = torch.randn((length + 1, count, batch, obs_dim), generator=rng, dtype=torch.float64)
    strengths = STRENGTHS[forcing](length, count).double()
    expected_loss = make_gradient("autograd")(ensemble, windows, strengths)
    expected = ensemble.gradient.clone()
    ensemble.gradient.fill_(torch.nan)
    loss = make_gradient(backend)(ensemble, windows, strengths)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=1e-14)
    scale = expected.abs().max() + 1e-12
    assert (ensemble.gradient - expected).abs().max() / scale < 1e-12
    single = Ensemble([m.float() for m in models])
    make_gradient(backend)(single, windows.float(), strengths.float())
    assert (single.gradient.double() - expected).abs().max() / scale < FLOAT32


@pytest.mark.parametrize("kind", ["shplrnn", "bounded dendritic"])
@pytest.mark.parametrize(("obs_dim", "latent"), [(3, 3), (2, 5), (6, 2)])
@pytest.mark.parametrize("forcing", ["sparse", "mixed"])
def test_the_gradient_through_a_nonlinear_observation_equals_autograd(kind, obs_dim, latent, forcing):
    models = small_models.members(kind, obs_dim, latent, 3, "nonlinear", 2)
    with torch.no_grad():
        for m in models:
            m.observation.outer.mul_(0.5)
    ensemble = Ensemble(models)
    rng = torch.Generator().manual_seed(0)
    windows = torch.randn((8, 2, 4, obs_dim), generator=rng, dtype=torch.float64)
    strengths = STRENGTHS[forcing](7, 2).double()
    expected_loss = make_gradient("autograd")(ensemble, windows, strengths)
    expected = ensemble.gradient.clone()
    loss = make_gradient("torch")(ensemble, windows, strengths)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=1e-14)
    assert (ensemble.gradient - expected).abs().max() / expected.abs().max() < 1e-12
    assert all((g != 0).any() for name, g in ensemble.gradients.items() if name.startswith("observation"))


@pytest.mark.parametrize("observation", ["identity", "affine"])
@pytest.mark.parametrize(("tau", "length"), [(1, 4), (3, 9), (3, 11), (4, 4), (5, 3)])
def test_windows_are_cut_exactly_at_full_forcings(observation, tau, length, monkeypatch):
    """Segments of tau steps, and a shorter one at the end, have the loss and the gradients of the whole window."""
    ensemble = Ensemble(members("clipped", 3, 0, 4, observation, 2))
    rng = torch.Generator().manual_seed(length)
    windows = torch.randn((length + 1, 2, 5, 3), generator=rng, dtype=torch.float64)
    strengths = torch.from_numpy(SparseForcing(tau).strengths(length))[:, None].expand(-1, 2)
    expected_loss = make_gradient("autograd")(ensemble, windows, strengths)
    expected = ensemble.gradient.clone()
    lengths = []
    whole = BackpropagationThroughTime.__call__
    monkeypatch.setattr(
        BackpropagationThroughTime, "__call__", lambda *a: (lengths.append(len(a[2]) - 1), whole(*a))[1]
    )
    loss = make_gradient("torch")(ensemble, windows, strengths)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(ensemble.gradient, expected, rtol=1e-10, atol=1e-14)
    assert lengths == ([length] if length <= tau else [tau] + [length % tau] * (length % tau > 0))


def test_windows_stay_whole_where_a_cut_would_not_be_exact():
    free = Ensemble(members("alrnn", 2, 3, 2, "identity", 2))  # unobserved states carry over
    shared = Ensemble(members("shplrnn", 2, 0, 2, "identity", 2))
    rng = torch.Generator().manual_seed(0)
    windows = torch.randn((7, 2, 4, 2), generator=rng, dtype=torch.float64)
    sparse = torch.from_numpy(SparseForcing(2).strengths(6))[:, None].expand(-1, 2)
    uneven = torch.stack([sparse[:, 0], torch.zeros(6, dtype=torch.float64)], 1)
    for ensemble, strengths in ((free, sparse), (shared, uneven), (shared, 0.5 * sparse)):
        make_gradient("autograd")(ensemble, windows, strengths)
        expected = ensemble.gradient.clone()
        make_gradient("torch")(ensemble, windows, strengths)
        torch.testing.assert_close(ensemble.gradient, expected, rtol=1e-10, atol=1e-14)


def test_buffers_are_reused_without_leaking_between_calls():
    ensemble = Ensemble(members("shplrnn", 3, 0, 8, "identity", 2))
    backend = make_gradient("torch")
    rng = torch.Generator().manual_seed(0)
    first, second = (torch.randn((6, 2, 4, 3), generator=rng, dtype=torch.float64) for _ in range(2))
    backend(ensemble, first, torch.full((5, 2), 0.1, dtype=torch.float64))
    expected = ensemble.gradient.clone()
    backend(ensemble, second, torch.full((5, 2), 0.9, dtype=torch.float64))
    backend(ensemble, first, torch.full((5, 2), 0.1, dtype=torch.float64))
    assert torch.equal(ensemble.gradient, expected)


@pytest.mark.parametrize("name", ["radam", "adam"])
def test_optimisers_equal_torch(name):
    rng = torch.Generator().manual_seed(1)
    start = torch.randn((1, 12), generator=rng, dtype=torch.float64)
    theirs, ours = start.clone().requires_grad_(), start.clone()
    reference = {"radam": torch.optim.RAdam, "adam": torch.optim.Adam}[name]([theirs], lr=1e-2)
    optimiser = Optimiser(ours, name)
    scale, eps = optimiser.scalars(200)
    for i in range(200):
        theirs.grad = 2 * theirs.detach() + torch.randn((1, 12), generator=rng, dtype=torch.float64)
        gradient = theirs.grad.clone()
        reference.step()
        optimiser.step(gradient, torch.full((1, 1), 1e-2, dtype=torch.float64), scale[i], eps[i])
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-10, atol=1e-12)
    fresh = Optimiser(ours, name).scalars(201)
    assert [float(x[0]) for x in optimiser.scalars(1)] == [float(x[-1]) for x in fresh]


def test_clipping_acts_on_each_member_alone():
    gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    clip_norm_(gradient, 1.0)
    torch.testing.assert_close(gradient, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))
    clip_norm_(gradient, 0.0)
    torch.testing.assert_close(gradient, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))


def test_learning_rates_of_members_follow_the_schedule():
    def rates(schedule, first=0):
        return learning_rates(schedule, first, 5 - first, 5, [1e-2, 1.0], [1e-6, 0.0625])

    np.testing.assert_allclose(rates("exponential")[:, 0], [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
    np.testing.assert_allclose(rates("exponential")[:, 1], [1, 0.5, 0.25, 0.125, 0.0625])
    np.testing.assert_allclose(rates("cosine")[[0, 2, 4], 0], [1e-2, (1e-2 + 1e-6) / 2, 1e-6])
    np.testing.assert_array_equal(rates("constant"), [[1e-2, 1.0]] * 5)
    np.testing.assert_array_equal(rates("exponential")[3:], rates("exponential", first=3))


def test_a_backend_that_cannot_serve_is_named_with_one_that_can():
    with pytest.raises(DsrError, match="did you mean 'torch'"):
        choose_backend(ALRNN(1, 2, 1), TrainingConfig(backend="troch"))
    other = type("Other", (ALRNN,), {})(1, 2, 1)
    assert choose_backend(other, TrainingConfig()) == "autograd"
    with pytest.raises(DsrError, match="no hand-written gradient for Other"):
        choose_backend(other, TrainingConfig(backend="torch"))
    if not torch.cuda.is_available():
        with pytest.raises(DsrError, match="torch finds no GPU"):
            choose_backend(ALRNN(1, 2, 1), TrainingConfig(device="cuda"))


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device in ("cuda", "cuda:1"):
        assert choose_backend(ALRNN(1, 2, 1), TrainingConfig(device=device, backend="autograd")) == "autograd"
    with pytest.raises(DsrError, match="'cuda:2'; accepted: cuda:0 to cuda:1"):
        choose_backend(ALRNN(1, 2, 1), TrainingConfig(device="cuda:2"))
