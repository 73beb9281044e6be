"""Exported steps compute what the model computes, in programs that know nothing of it."""

import io
import subprocess
import sys

import numpy as np
import pytest
import torch

from dsr.errors import SpecError, StoreError
from dsr.models import ALRNN, MODELS, Model, ShallowPLRNN
from dsr.runs.export import export, step_bytes
from dsr.runs.export.graph import reason
from dsr.runs.store import RunStore
from dsr.runs.weights import save_model


@pytest.fixture
def model():
    found = ShallowPLRNN(3, hidden_dim=6, clipped=True, seed=2)
    found.data_mean.copy_(torch.tensor([1.0, -2.0, 30.0]))
    found.data_std.copy_(torch.tensor([8.0, 9.0, 0.5]))
    return found


def expected(model, z):
    model = model.in_float64()
    following = model.step(torch.from_numpy(z))
    return following.numpy(), model.observe(following).numpy()


def test_onnx(model, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    path, *_ = export(save_model(model, tmp_path / "m.safetensors"), out=tmp_path / "m.onnx")
    z = np.random.default_rng(0).standard_normal((5, 3))
    found = ReferenceEvaluator(onnx.load(path)).run(["next_state", "observation"], {"state": z})
    for a, b in zip(found, expected(model, z), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("family", "settings"), [("esn", {"units": 9, "leak": 0.6}), ("elman", {"hidden_dim": 4})])
def test_numbers_in_a_step_keep_double_precision(family, settings):
    """The leak of a reservoir; the share of the output that a recurrent network adds."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    model = MODELS.build(family, settings).build(3, 0)
    z = np.random.default_rng(0).standard_normal((5, model.state_dim))
    graph = onnx.load_from_string(step_bytes(model, ".onnx"))
    for a, b in zip(ReferenceEvaluator(graph).run(None, {"state": z}), expected(model, z), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


RUNTIME_FAMILIES = {
    "shplrnn": {"hidden_dim": 6},
    "lstm": {"hidden_dim": 4},
    "calrnn": {"latent_dim": 4, "relu_units": 2},
}
RUNTIME = 1e-8  # it approximates tanh and sigmoid


@pytest.mark.parametrize("family", RUNTIME_FAMILIES)
def test_the_runtime_runs_free_as_the_model_does(family, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = MODELS.build(family, RUNTIME_FAMILIES[family]).build(3, 0)
    model.data_mean.copy_(torch.tensor([1.0, -2.0, 30.0]))
    path, _, check = export(save_model(model, tmp_path / "m.safetensors"), out=tmp_path / "m.onnx")
    session, start = runtime.InferenceSession(str(path)), np.full((1, model.state_dim), 0.4)
    truth, state = model.free_run(start, 50), start
    for t in range(50):
        state, seen = session.run(["next_state", "observation"], {"state": state})
        np.testing.assert_allclose(state[0], truth.states[0, t], rtol=RUNTIME, atol=RUNTIME)
        np.testing.assert_allclose(seen[0], truth.observations[0, t], rtol=RUNTIME, atol=RUNTIME)
    done = subprocess.run([sys.executable, check.name], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_torch_export(model):
    program = torch.export.load(io.BytesIO(step_bytes(model, ".pt2"))).module()
    z = np.random.default_rng(0).standard_normal((4, 3))
    for a, b in zip(program(torch.from_numpy(z)), expected(model, z), strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-13, atol=1e-13)


def test_what_cannot_be_exported_is_refused(tmp_path):
    class Branching(ALRNN):
        def step(self, z):
            return -z if float(z.sum()) > 0 else z

    with pytest.raises(SpecError, match=r"step of a Branching, which cannot be written as \.pt2 "):
        step_bytes(Branching(2, 3, 1), ".pt2")
    with pytest.raises(SpecError, match="ends in"):
        export("run", out=tmp_path / "model.h5")
    assert issubclass(Branching, Model) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("family", "settings", "missing"),
    [
        ("lru", {"features": 3, "order": 4}, "exp of complex numbers"),
        ("lssl", {"features": 3, "order": 4}, "linalg_matrix_exp"),
    ],
)
def test_a_step_beyond_onnx_is_refused_in_three_parts_and_torch_takes_it(family, settings, missing):
    pytest.importorskip("onnxscript")
    model = MODELS.build(family, settings).build(2, 0)
    with pytest.raises(SpecError) as refusal:
        step_bytes(model, ".onnx")
    assert str(refusal.value) == (
        f"the step of a {family.upper()}, which cannot be written as .onnx (ONNX has no operator for {missing}); "
        "accepted: a model whose step is plain tensor operations; "
        "next: use --to torch, or load_model of dsr.runs.weights in Python."
    )
    state = np.random.default_rng(0).standard_normal((3, model.state_dim))
    program = torch.export.load(io.BytesIO(step_bytes(model, ".pt2"))).module()
    for a, b in zip(program(torch.from_numpy(state)), expected(model, state), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-12, atol=1e-12)


def test_a_run_without_a_model_is_refused_with_its_state_and_reason(tmp_path):
    run = RunStore(tmp_path / "store").create("default", "henon-esn-s000-0123456789")
    run.set_failed("DataError: a series of 12 rows; accepted: more; next: bring more")
    with pytest.raises(StoreError, match=r"is failed: DataError: a series of 12 rows; accepted: .*: dsr run .*toml"):
        export(run.path, to="numpy", out=tmp_path / "m.py")
    run.set_status("interrupted", failures=0)
    with pytest.raises(StoreError, match="its state is interrupted; accepted: a finished run"):
        export(run.path, to="numpy", out=tmp_path / "m.py")
    assert not (tmp_path / "m.py").exists()


def test_the_reason_is_the_first_cause_without_colours():
    try:
        try:
            raise ValueError("\x1b[31mcomplex\x1b[0m\nand more")
        except ValueError as first:
            raise RuntimeError("step 3/3") from first
    except RuntimeError as problem:
        assert reason(problem) == "complex"
    assert reason(KeyError()) == "KeyError"
