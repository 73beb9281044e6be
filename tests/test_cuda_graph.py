"""A recorded CUDA graph gives the numbers of the backend it recorded."""

import pytest
import torch

from dsr.errors import SpecError
from dsr.models import ALRNN, ShallowPLRNN
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.bptt import BackpropagationThroughTime
from dsr.training.gradients.cuda_graph import GraphedGradient
from dsr.training.gradients.gradient import autograd_backend
from dsr.training.gradients.triton_gradient import TritonGradient, available

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def ensemble_on(device, make, count=3):
    return Ensemble([make(seed).double() for seed in range(count)], device)


def windows_on(device, length, batch, members=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn((length + 1, members, batch, 2), generator=rng, dtype=torch.float64).to(device)


def strengths_on(device, length, members=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand((length, members), generator=rng, dtype=torch.float64).to(device)


def test_data_on_the_processor_are_refused():
    backend = GraphedGradient(BackpropagationThroughTime())
    with pytest.raises(SpecError, match="data on cpu; accepted: data on a CUDA device"):
        backend(ensemble_on("cpu", lambda s: ALRNN(2, 4, 2, seed=s)), windows_on("cpu", 5, 4), strengths_on("cpu", 5))


@pytest.mark.gpu
@needs_gpu
def test_an_affine_observation_model_is_refused():
    backend = GraphedGradient(BackpropagationThroughTime())
    affine = ensemble_on("cuda", lambda s: ALRNN(2, 4, 2, "affine", s))
    with pytest.raises(SpecError, match="accepted: observation = identity"):
        backend(affine, windows_on("cuda", 5, 4), strengths_on("cuda", 5))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("make_backend", [BackpropagationThroughTime, TritonGradient])
@pytest.mark.parametrize(
    "make", [lambda s: ALRNN(2, 5, 3, seed=s), lambda s: ShallowPLRNN(2, 3, 7, clipped=True, seed=s)]
)
def test_a_replay_sees_new_data_strengths_weights_and_shapes(make_backend, make):
    if make_backend is TritonGradient and available() is not None:
        pytest.skip(available())
    reference, ensemble = ensemble_on("cpu", make), ensemble_on("cuda", make)
    backend = GraphedGradient(make_backend())
    for seed, (length, batch) in enumerate([(6, 4), (6, 4), (9, 2), (6, 4)]):
        strengths = strengths_on("cpu", length, seed=seed)
        strengths[seed] = 0.0  # a step that is not forced now, but was or will be
        windows = windows_on("cpu", length, batch, seed=seed)
        expected = autograd_backend(reference, windows, strengths)
        loss = backend(ensemble, windows.cuda(), strengths.cuda())
        torch.testing.assert_close(loss.cpu(), expected, rtol=1e-12, atol=0)
        difference = (ensemble.gradient.cpu() - reference.gradient).abs().max()
        assert difference < 1e-12 * reference.gradient.abs().max()
        reference.flat.sub_(0.01 * reference.gradient)
        ensemble.flat.copy_(reference.flat)
