"""The Triton kernels give the gradients of automatic differentiation: on a GPU where there is one, else interpreted."""

import importlib.util
import math
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr.errors import SpecError
from dsr.models import ALRNN, ShallowPLRNN
from dsr.training.ensemble import Ensemble
from dsr.training.gradients import triton_gradient
from dsr.training.gradients.gradient import autograd_backend
from dsr.training.gradients.triton_tiling import Tiling

if importlib.util.find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"
with pytest.MonkeyPatch.context() as patch:
    if not ON_GPU:
        patch.setenv("TRITON_INTERPRET", "1")  # triton reads it when it is first imported and whenever a kernel runs
    if not ON_GPU and not triton_gradient.interpreted():
        pytest.skip("triton was imported before its interpreter was switched on", allow_module_level=True)

STRENGTHS = {
    "none": lambda n, k: torch.zeros(n, k),
    "full": lambda n, k: torch.ones(n, k),
    "sparse": lambda n, k: (torch.arange(1, n + 1) % 3 == 0)[:, None].expand(n, k),
    "mixed": lambda n, k: torch.rand((n, k), generator=torch.Generator().manual_seed(n)),
}


@pytest.fixture(autouse=True, scope="module")
def interpreter():
    with pytest.MonkeyPatch.context() as patch:
        if not ON_GPU:
            patch.setenv("TRITON_INTERPRET", "1")
        yield


def ensemble_of(make, count, dtype=torch.float64, device=DEVICE):
    """Members with weights that nothing happens to be zero in."""
    models = [make(seed).to(dtype) for seed in range(count)]
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in (p for m in models for p in m.parameters()):
            p.add_(0.2 / math.sqrt(p.shape[-1]) * torch.randn(p.shape, generator=rng, dtype=torch.float64))
    return Ensemble(models, device)


def data(length, members, batch, obs_dim):
    """Windows (T + 1, members, batch, obs) whose memory is laid out by member, as a sampler may leave it."""
    rng = torch.Generator().manual_seed(length)
    return torch.randn((members, batch, length + 1, obs_dim), generator=rng, dtype=torch.float64).permute(2, 0, 1, 3)


def errors(make, windows, strengths, dtype=torch.float64):
    """Largest relative error of loss and of each gradient of the kernels in `dtype`, against float64 autograd at the
    same weights and data."""
    ensemble = ensemble_of(make, windows.shape[1], dtype)
    reference = ensemble_of(make, windows.shape[1], device="cpu")
    reference.flat.copy_(ensemble.flat)
    windows, strengths = windows.to(dtype), strengths.to(dtype)
    expected_loss = autograd_backend(reference, windows.double(), strengths.double())
    ensemble.gradient.fill_(torch.nan)
    loss = triton_gradient.TritonGradient()(ensemble, windows.to(DEVICE), strengths.to(DEVICE))
    scale = 1e-2 * reference.gradient.abs().max() + 1e-12
    worst = {"loss": ((loss.cpu() - expected_loss) / expected_loss).abs().max().item()}
    for name, expected in reference.gradients.items():
        if expected.numel():
            difference = (ensemble.gradients[name].cpu() - expected).abs().max()
            worst[name] = (difference / torch.maximum(expected.abs().max(), scale)).item()
    return worst


def family(kind, obs_dim, latent, hidden, observation="identity"):
    if kind == "alrnn":
        return lambda seed: ALRNN(obs_dim, latent, min(hidden, latent), observation, seed)
    return lambda seed: ShallowPLRNN(obs_dim, latent, hidden + 1, kind == "clipped", observation, seed=seed)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["alrnn", "plain", "clipped"]),
    observation=st.sampled_from(["identity", "affine"]),
    forcing=st.sampled_from(sorted(STRENGTHS)),
    obs_dim=st.integers(1, 4),
    extra=st.integers(0, 3),
    hidden=st.integers(0, 5),
    members=st.integers(1, 3),
    batch=st.integers(1, 4),
    length=st.integers(1, 9),
)
def test_gradients_equal_autograd(kind, observation, forcing, obs_dim, extra, hidden, members, batch, length):
    latent = obs_dim + extra if observation == "identity" else max(obs_dim + extra - 2, 1)
    make = family(kind, obs_dim, latent, hidden, observation)
    worst = errors(make, data(length, members, batch, obs_dim), STRENGTHS[forcing](length, members))
    assert max(worst.values()) < 1e-12, worst


@pytest.mark.parametrize("dtype, bound", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize(
    "make, batch",
    [
        pytest.param(family("alrnn", 3, 20, 2), 16, id="the size of published AL-RNNs"),
        pytest.param(family("alrnn", 3, 20, 20), 17, id="all units rectified, one window in the last tile"),
        pytest.param(family("alrnn", 3, 3, 0), 1, id="linear, one window"),
        pytest.param(family("plain", 3, 3, 49), 9, id="shallow, small"),
        pytest.param(family("clipped", 20, 20, 29), 3, id="shallow, by matrix products"),
        pytest.param(family("plain", 5, 40, 299), 2, id="hidden layer in blocks"),
        pytest.param(family("clipped", 6, 4, 20, "affine"), 5, id="more columns than states"),
    ],
)
def test_both_precisions_at_the_sizes_that_differ_in_tiling(make, batch, dtype, bound):
    windows = data(7, 2, batch, make(0).obs_dim)
    worst = errors(make, windows, STRENGTHS["mixed"](7, 2), dtype)
    assert max(worst.values()) < bound, worst


def test_the_tilings_reach_every_branch_of_the_kernels():
    assert Tiling.choose(16, 20, None, torch.float32).dot
    assert not Tiling.choose(16, 20, None, torch.float64).dot
    assert Tiling.choose(9, 3, 50, torch.float32).resident
    assert not Tiling.choose(2, 40, 300, torch.float32).resident
    assert not Tiling.choose(2, 40, 300, torch.float64).resident
    assert Tiling.choose(17, 20, None, torch.float32).grid(3, 17) == (6,)


def test_a_diverged_member_is_seen_and_harms_no_other():
    make = family("alrnn", 2, 5, 5)
    windows, strengths = data(4, 2, 3, 2).to(DEVICE), torch.zeros(4, 2, dtype=torch.float64, device=DEVICE)
    ensemble = ensemble_of(make, 2)
    backend = triton_gradient.TritonGradient()
    healthy = backend(ensemble, windows, strengths)
    expected = ensemble.gradient[1].clone()
    ensemble.parameters["h"][0, 4] = torch.nan  # a unit that is rectified and not observed
    loss = backend(ensemble, windows, strengths)
    assert torch.isnan(loss[0]) and loss[1] == healthy[1]
    assert torch.equal(ensemble.gradient[1], expected)


def test_buffers_are_reused_without_leaking_between_calls():
    ensemble = ensemble_of(family("plain", 3, 3, 8), 2)
    backend = triton_gradient.TritonGradient()
    weak, strong = (torch.full((5, 2), a, dtype=torch.float64, device=DEVICE) for a in (0.1, 0.9))
    first, longer = data(5, 2, 4, 3).to(DEVICE), data(8, 2, 4, 3).to(DEVICE)
    backend(ensemble, first, weak)
    expected = ensemble.gradient.clone()
    backend(ensemble, first.flip(0), strong)
    backend(ensemble, longer, torch.ones((8, 2), dtype=torch.float64, device=DEVICE))
    backend(ensemble, first, weak)
    assert torch.equal(ensemble.gradient, expected)


def test_refusals_name_the_way_out(monkeypatch):
    windows, strengths = data(2, 1, 1, 1).to(DEVICE), torch.zeros((2, 1), dtype=torch.float64, device=DEVICE)
    with pytest.raises(SpecError, match="129 states; accepted: up to 128"):
        triton_gradient.TritonGradient()(Ensemble([ALRNN(1, 129, 1).double()]), windows, strengths)

    class Other(ALRNN):
        pass

    with pytest.raises(SpecError, match="Other; accepted: one of ALRNN, ShallowPLRNN"):
        triton_gradient.TritonGradient()(Ensemble([Other(1, 2, 1).double()]), windows, strengths)
    monkeypatch.setattr(triton_gradient, "interpreted", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert triton_gradient.available() == "no CUDA device"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match="triton is not installed"):
        triton_gradient.TritonGradient()


COMPILE = """
import inspect, sys, torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from dsr.training.gradients import triton_kernels
from dsr.training.gradients.triton_tiling import Tiling

TYPES = {torch.float32: "*fp32", torch.float64: "*fp64"}
for dtype, states, hidden in [(torch.float32, 20, None), (torch.float32, 3, 20), (torch.float64, 3, 50)]:
    tiling = Tiling.choose(16, states, hidden, dtype)
    constants = tiling.dense | {"STEPS": 200} if hidden is None else tiling.layered | {
        "STEPS": 200, "HIDDEN": hidden, "CLIPPED": True}
    warps = constants.pop("num_warps")
    for direction in ("forward", "backward"):
        kernel = getattr(triton_kernels, ("alrnn_" if hidden is None else "shallow_") + direction)
        sizes = ("batch", "states", "linear", "forced", "member_stride")
        signature = {
            name: "constexpr" if name in constants
            else "i32" if name in sizes or name[-2:] in ("_k", "_t", "_b", "_n") else TYPES[dtype]
            for name in inspect.signature(kernel.fn).parameters
        }
        source = ASTSource(kernel, signature, constexprs=constants)
        compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps})
        rounded = "tf32" in compiled.asm["ttir"] or "mma" in compiled.asm["ptx"]
        print(kernel.__name__, compiled.metadata.shared, int(rounded))
"""


def test_kernels_compile_for_a_gpu_and_stay_out_of_tf32(tmp_path):
    pytest.importorskip("triton.backends.nvidia")
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    script = tmp_path / "compile.py"  # a file keeps the command line short
    script.write_text(COMPILE)
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == [
        "alrnn_forward", "alrnn_backward", "shallow_forward", "shallow_backward", "shallow_forward", "shallow_backward"
    ]  # fmt: skip
    assert all(int(shared) <= 99 * 1024 for _, shared, _ in rows)  # what any GPU since 2020 gives a program
    assert all(rounded == "0" for *_, rounded in rows)
