"""Which backend trains a model: chosen by what was built, what the model is and where it is to run.

native    the whole loop compiled, one CPU core; ALRNN and ShallowPLRNN
torch     hand-written backpropagation through time, any device; the whole PLRNN family
triton    the same recurrence in one GPU kernel per direction, for fleets of models
autograd  the plain loop differentiated by torch; any model
"""

from __future__ import annotations

import torch

from ..errors import SpecError, unknown
from ..models import Model
from . import native
from .config import TrainingConfig
from .engine import Engine, StepwiseEngine
from .gradients import cuda_graph, triton_gradient
from .gradients.adjoint import ADJOINTS, OBSERVATION_ADJOINTS
from .gradients.deer import DeerGradient
from .gradients.gradient import AutogradGradient, Backend, autograd_backend
from .gradients.segments import SegmentedGradient
from .job import Job

BACKENDS = ("native", "torch", "triton", "autograd")


def choose_backend(model: Model, config: TrainingConfig, *, special: str = "") -> str:
    """Name of the backend that `config` asks for, or the fastest that serves when it says "auto". `special` names what
    only the plain loop can do, such as "irregular time stamps".

    Raises `SpecError` when the one asked for cannot train this model on this machine.
    """
    name, device, known = config.backend, config.device, type(model) in ADJOINTS
    observed = type(getattr(model, "observation", None)) in OBSERVATION_ADJOINTS
    if known and not observed:
        special = special or "a nonlinear observation model"
    special = special or ("external inputs" if model.input_dim else "warm_up" if config.warm_up else "")
    known = known and not special
    if name not in ("auto", *BACKENDS):
        raise unknown("training backend", name, ("auto", *BACKENDS))
    _require_device(device)
    if config.solver == "deer":
        if name not in ("auto", "torch") or not (known and native.supports(model)):
            raise SpecError(
                f"training.solver = 'deer' for {type(model).__name__} with backend '{name}'",
                "plain ALRNN or ShallowPLRNN with the torch backend",
                "set training.backend = 'torch', or training.solver = 'sequential'",
            )
        return "torch"
    if name == "auto":
        if not known:
            return "autograd"
        if device.startswith("cuda"):
            return "triton" if triton_gradient.supports(model) and not triton_gradient.available() else "torch"
        return "native" if native.supports(model) and native.unavailable() is None else "torch"
    reason = _obstacle(name, model, device, known, special)
    if reason:
        raise SpecError(f"training.backend = '{name}', but {reason}", "a backend that serves", "say 'auto'")
    return name


def _require_device(device: str) -> None:
    if not device.startswith("cuda"):
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise SpecError(f"training.device = '{device}'", "cpu: torch finds no GPU here", "set training.device = 'cpu'")
    if int(device.partition(":")[2] or 0) >= count:
        accepted = f"cuda:0 to cuda:{count - 1}, the GPUs that torch finds"
        raise SpecError(f"training.device = '{device}'", accepted, "set training.device = 'cuda:0'")


def _obstacle(name: str, model: Model, device: str, known: bool, special: str) -> str | None:
    if name == "autograd":
        return None
    serves = {"native": native.supports, "triton": triton_gradient.supports}.get(name, lambda _: True)
    if not known or not serves(model):
        return f"it has no hand-written gradient for {special or type(model).__name__}"
    if name == "native":
        return "it runs on the CPU only" if device.startswith("cuda") else native.unavailable()
    return triton_gradient.available() if name == "triton" else None


def make_gradient(name: str, *, solver: str = "sequential", graphed: bool = False) -> Backend:
    """The gradient function of a backend."""
    if name == "native":
        return native.native_gradient
    if name == "autograd":
        return autograd_backend
    if name == "triton":
        return triton_gradient.TritonGradient()
    if name != "torch":
        raise unknown("training backend", name, BACKENDS)
    gradient: Backend = DeerGradient() if solver == "deer" else SegmentedGradient()
    return cuda_graph.GraphedGradient(gradient) if graphed else gradient


def make_engine(job: Job, name: str) -> Engine:
    """The engine that runs a job on a backend; on a GPU the torch backend is captured as a CUDA graph."""
    if name == "native":
        return native.NativeEngine(job)
    on_gpu = job.ensemble.flat.device.type == "cuda" and cuda_graph.supports(job.ensemble.model)
    graphed = on_gpu and name == "torch" and job.config.solver == "sequential"
    if name == "autograd":
        return StepwiseEngine(job, AutogradGradient(job.config.warm_up, job.losses))
    return StepwiseEngine(job, make_gradient(name, solver=job.config.solver, graphed=graphed))


def backend_report() -> dict[str, str]:
    """For each backend "available", or why not."""
    reasons = {"native": native.unavailable(), "torch": None, "triton": triton_gradient.available(), "autograd": None}
    found = {name: reason or "available" for name, reason in reasons.items()}
    if reasons["native"] is None:
        found["native"] += f", {native.supported_bytes()} bytes per vector"
    return found
