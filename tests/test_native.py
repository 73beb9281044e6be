"""The compiled engine takes the same steps as the one in Python, and stops when it is told to."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr.errors import DsrError
from dsr.models import ALRNN, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.training import AdaptiveForcing, AnnealedForcing, GeneralizedForcing, SparseForcing, fit, native
from dsr.training.backends import make_gradient
from dsr.training.engine import Stop
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.gradient import autograd_backend

pytestmark = pytest.mark.skipif(bool(native.unavailable()), reason=str(native.unavailable()))

WIDTHS = [] if native.unavailable() else [w for w in native.BUILDS if w <= native.supported_bytes()]
RNG = np.random.default_rng(0)
SERIES = [TimeSeries(np.cumsum(RNG.standard_normal((n, 3)), axis=0), 0.1) for n in (300, 200)]


MODELS = {
    "alrnn": lambda s: ALRNN(3, 6, 3, seed=s),
    "shallow": lambda s: ShallowPLRNN(3, 3, 7, seed=s),
    "clipped": lambda s: ShallowPLRNN(3, 4, 5, True, seed=s),
    "affine": lambda s: ShallowPLRNN(3, 2, 6, observation="affine", seed=s),
}
SETTINGS = {
    "plain": dict(forcing=SparseForcing(3)),
    "noise": dict(forcing=GeneralizedForcing(0.3), noise=0.1),
    "annealed": dict(forcing=AnnealedForcing(1.0, 0.1, tau=1, final_tau=4)),
    "adaptive": dict(forcing=AdaptiveForcing(alpha=0.5)),
    "members": dict(
        forcing=[SparseForcing(2), GeneralizedForcing(0.2)],
        vary={"learning_rate": [1e-2, 3e-3], "latent_regularisation": [0.0, 0.1]},
    ),
    "adam, cosine": dict(forcing=GeneralizedForcing(0.3), optimiser="adam", schedule="cosine"),
    "regularised": dict(
        forcing=GeneralizedForcing(0.3),
        latent_regularisation=1e-2,
        observation_regularisation=1e-3,
        manifold_attractor=1e-2,
        clip_norm=0.05,
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_training_run_equals_that_of_the_torch_backend(kind, case):
    """250 steps in double precision, sampling, schemes, clipping, penalties and optimiser included."""

    def train(backend):
        models = [MODELS[kind](s).double() for s in (1, 2)]
        common = dict(steps=250, window=9, batch_size=5, learning_rate=1e-2, noise=0.0, seed=4, restarts=models[1:])
        history = fit(models[0], SERIES, **{**common, **SETTINGS[case]}, backend=backend)
        assert history.backend == backend
        return history

    ours, theirs = train("native"), train("torch")
    for member, seed in zip(ours.members, (1, 2), strict=True):
        assert not torch.equal(member["A"], MODELS[kind](seed).double().A)
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-5)
    for member, other in zip(ours.members, theirs.members, strict=True):
        torch.testing.assert_close(member, other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("width", WIDTHS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(MODELS)),
    count=st.integers(1, 3),
    batch=st.sampled_from([1, 2, 15, 16, 17, 33, 70]),
    length=st.integers(1, 20),
    double=st.booleans(),
)
def test_every_vector_width_gives_the_gradient_of_the_plain_loop(width, kind, count, batch, length, double):
    models = [MODELS[kind](s).double() for s in range(count)]
    rng = torch.Generator().manual_seed(batch)
    windows = torch.randn((length + 1, count, batch, 3), generator=rng, dtype=torch.float64)
    strengths = torch.rand((length, count), generator=rng, dtype=torch.float64)
    reference = Ensemble(models)
    loss = autograd_backend(reference, windows, strengths)
    ensemble = Ensemble(models if double else [m.float() for m in models])
    found = native.native_gradient(ensemble, windows, strengths, vector_bytes=width)
    tolerance = 1e-12 if double else 1e-5
    torch.testing.assert_close(found.double(), loss, rtol=tolerance, atol=0)
    error = (ensemble.gradient.double() - reference.gradient).abs().max() / reference.gradient.abs().max()
    assert error < tolerance


def gradients_of(model, length, batch, strength):
    """Gradients of the kernel and of the plain loop, on random windows."""
    rng = torch.Generator().manual_seed(0)
    windows = torch.randn((length + 1, 1, batch, model.obs_dim), generator=rng, dtype=torch.float64)
    strengths = torch.full((length, 1), strength, dtype=torch.float64)
    reference, ensemble = Ensemble([model]), Ensemble([model])
    autograd_backend(reference, windows, strengths)
    make_gradient("native")(ensemble, windows, strengths)
    return ensemble.gradient, reference.gradient


def test_a_large_model_takes_every_kind_of_tile():
    found, expected = gradients_of(ShallowPLRNN(5, 29, 61, seed=0).double(), 7, 48, 0.2)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-15)


def test_a_rank_deficient_observation_matrix_has_torch_s_pseudo_inverse():
    model = ShallowPLRNN(3, 4, 5, observation="affine", seed=0).double()
    with torch.no_grad():
        model.observation.matrix[2] = 2 * model.observation.matrix[0]
    found, expected = gradients_of(model, 5, 4, 0.5)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_a_stop_ends_the_call_after_the_step_under_way():
    engine, stop, strengths = endless()
    before = engine.job.optimiser.count
    threading.Timer(1.5, stop.set).start()
    losses = engine.run(0, 10**6, 10**6, strengths, stop)
    assert 0 < len(losses) < 10**6 and engine.job.optimiser.count == before + len(losses)
    assert torch.isfinite(losses).all()


def endless():
    from dsr.training.config import TrainingConfig
    from dsr.training.job import make_job
    from dsr.training.windows import Windows

    windows = Windows(SERIES, np.zeros(3), np.full(3, 10.0), 30, seed=0, dtype=torch.float32)
    job = make_job(Ensemble([ShallowPLRNN(3, 3, 50)]), windows, TrainingConfig(noise=0.0), {})
    return native.NativeEngine(job), Stop(), torch.full((10**4, 30, 1), 0.2)


INTERRUPTED = """
import sys, numpy as np, torch
from dsr.models import ShallowPLRNN
from dsr.series import TimeSeries
from dsr.training import GeneralizedForcing, fit
x = np.cumsum(np.random.default_rng(0).standard_normal((2000, 64)), 0)
model = ShallowPLRNN(64, 100, 500)
kept = []
settings = dict(forcing=GeneralizedForcing(0.3), window=200, batch_size=64, backend="native")
fit(ShallowPLRNN(64, 100, 5), TimeSeries(x, 1.0), steps=1, **settings)  # all that is loaded on first use is there
print("started", flush=True)
try:
    fit(model, TimeSeries(x, 1.0), steps=10**6, on_checkpoint=kept.append, checkpoint_seconds=1e9, **settings)
except KeyboardInterrupt:
    row = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    print("interrupted", 0 < int(kept[0]["step"]) < 100, torch.equal(row, kept[0]["weights"][0]), flush=True)
"""


def test_ctrl_c_does_not_wait_for_the_block_under_way_and_keeps_the_weights_reached():
    """A large model, whose block of 100 steps takes half a minute: it must end within its first one."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "started\n"
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted True True\n"
    assert process.wait() == 0


def test_memory_does_not_grow():
    engine, stop, strengths = endless()
    engine.run(0, 2000, 10**6, strengths, stop)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for first in range(2000, 30_000, 100):
        engine.run(first, 100, 10**6, strengths[:1], stop)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2048


def test_a_fortran_ordered_series_is_read_right():
    """A kernel that is handed a column-major array would read other numbers without noticing."""
    values = SERIES[0].values
    losses = []
    for order in ("C", "F"):
        series = TimeSeries(np.asarray(values, order=order), 0.1)
        model = MODELS["shallow"](0)
        losses.append(fit(model, series, forcing=SparseForcing(3), steps=100, window=9, backend="native").loss)
    np.testing.assert_array_equal(*losses)


def mixed():
    model = ShallowPLRNN(3, 3, 7)
    model.W1 = torch.nn.Parameter(model.W1.detach().double())
    return model


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (lambda: ShallowPLRNN(3, 3, 7).half(), "torch.float16"),
        (lambda: ALRNN(3, 6, 3).bfloat16(), "torch.bfloat16"),
        (mixed, "torch.float32 and torch.float64"),
    ],
)
def test_weights_of_a_precision_that_the_kernel_would_misread_are_refused(model, found):
    for backend in ("native", "torch"):
        with pytest.raises(DsrError, match=f"weights of {found}; accepted: weights of torch.float32, or"):
            fit(model(), SERIES, forcing=SparseForcing(3), steps=10, window=9, backend=backend)
    with pytest.raises(DsrError, match=f"weights of {found}"):
        native.native_gradient(Ensemble([model()]), torch.zeros((3, 1, 2, 3)), torch.zeros((2, 1)))


def test_arrays_of_another_type_than_the_kernel_reads_are_refused():
    engine, stop, strengths = endless()
    optimiser, windows = engine.job.optimiser, engine.job.windows
    for place, name in ((optimiser, "mean"), (windows, "normals"), (windows, "firsts")):
        right = getattr(place, name)
        setattr(place, name, right.astype(np.int32) if name == "firsts" else right.double())
        with pytest.raises(ValueError, match=f"the array '{name}' is of .*; the kernel would misread it as"):
            engine.run(0, 1, 1, strengths, stop)
        setattr(place, name, right)
    assert len(engine.run(0, 1, 1, strengths, stop)) == 1


def test_a_missing_kernel_is_said_and_training_goes_on_without(monkeypatch):
    monkeypatch.setattr(native, "built", lambda module: None)
    native.library.cache_clear()
    try:
        assert "compiler" in native.unavailable()
        model, common = MODELS["shallow"](0), dict(forcing=SparseForcing(3), steps=100, window=9)
        assert fit(model, SERIES, **common).backend == "torch"
        with pytest.raises(DsrError, match="compiler"):
            fit(model, SERIES, **common, backend="native")
    finally:
        native.library.cache_clear()
