"""The compiled engine: sampling, gradients, clipping and optimiser in one call of C++ (kernel.cpp), without the
interpreter and without its lock."""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError
from ..models import ALRNN, Model, ShallowPLRNN
from ..models.observation import AffineObservation, IdentityObservation
from .arguments import require_precision
from .engine import BLOCK, Stop
from .ensemble import Ensemble
from .job import Job
from .optimiser import BETAS
from .windows import TABLE

BUILDS = {64: "_kernel_avx512", 32: "_kernel_avx2", 16: "_kernel_portable"}  # vector bytes: extension module

_FIELDS = (
    "family affine N M H linear K B T n A W1 h1 W2 h2 C c rows firsts choices normals table noise key windows first "
    "steps block strengths rate scale eps beta1 beta2 clip condition weight target parameters mean square gradient "
    "losses stop update"
).split()
_DOUBLES = {"noise", "beta1", "beta2", "clip"}
# of the arrays; all others hold numbers of the precision of the weights
_ELEMENTS = {**dict.fromkeys(("rate", "scale", "eps", "condition"), "float64"), "firsts": "int64", "stop": "int64"}


class _Problem(ctypes.Structure):
    """`struct Problem` of kernel.cpp; every field is eight bytes wide, pointers travel as integers."""

    _fields_ = [
        (name, ctypes.c_double if name in _DOUBLES else ctypes.c_uint64 if name == "key" else ctypes.c_int64)
        for name in _FIELDS
    ]


@functools.cache
def library(vector_bytes: int | None = None) -> ctypes.CDLL:
    """The build for vectors of so many bytes, by default the widest that was built and that the processor runs.

    Raises `OSError` when there is none: no compiler was found at installation.
    """
    found = {size: path for size, name in BUILDS.items() if (path := built(name)) is not None}
    if 16 not in found:
        raise OSError("no C++ compiler was found when dsr was installed")
    if vector_bytes is None:
        vector_bytes = max(size for size in found if size <= _load(found[16]).dsr_supported_bytes())
    if vector_bytes not in found:
        raise OSError(f"there is no build for vectors of {vector_bytes} bytes")
    return _load(found[vector_bytes])


def supported_bytes() -> int:
    """Width of the vectors that `library()` uses on this processor."""
    return int(library().dsr_vector_bytes())


def unavailable() -> str | None:
    """Why the compiled engine cannot be used on this installation; None when it can."""
    try:
        library()
    except OSError as problem:
        return str(problem)
    return None


def supports(model: Model) -> bool:
    """Whether the kernel knows this model family with this observation model."""
    if getattr(model, "bounded", False):
        return False
    observation = getattr(model, "observation", None)
    return type(model) in (ALRNN, ShallowPLRNN) and type(observation) in (IdentityObservation, AffineObservation)


class NativeEngine:
    """Runs a job in compiled code; the same steps as `StepwiseEngine`, to rounding."""

    def __init__(self, job: Job, vector_bytes: int | None = None) -> None:
        if not supports(job.ensemble.model) or job.ensemble.flat.device.type != "cpu":
            raise SpecError(
                f"training.backend = 'native' for {type(job.ensemble.model).__name__} on {job.ensemble.flat.device}",
                "ALRNN or ShallowPLRNN on the CPU",
                "set training.backend = 'auto'",
            )
        self.job, self._vector_bytes = job, vector_bytes

    def run(self, first: int, count: int, steps: int, strengths: Tensor, stop: Stop) -> Tensor:
        job, windows, optimiser = self.job, self.job.windows, self.job.optimiser
        scale, eps = optimiser.scalars(count)
        rate = np.ascontiguousarray(job.rates(first, count, steps))
        losses = torch.empty((count, job.ensemble.members), dtype=job.ensemble.flat.dtype)
        done = _call(
            job.ensemble,
            self._vector_bytes,
            stop,
            B=job.config.batch_size,
            T=windows.length,
            rows=windows.rows,
            firsts=windows.firsts,
            choices=len(windows.firsts),
            normals=windows.normals,
            table=TABLE,
            noise=windows.noise,
            key=windows.key,
            first=first,
            steps=count,
            block=BLOCK,
            strengths=strengths.to(job.ensemble.flat).contiguous(),
            rate=rate,
            scale=scale,
            eps=eps,
            beta1=BETAS[0],
            beta2=BETAS[1],
            clip=job.config.clip_norm,
            condition=job.condition,
            weight=job.weight,
            target=job.target,
            mean=optimiser.mean,
            square=optimiser.square,
            losses=losses,
            update=1,
        )
        optimiser.count += done
        return losses[:done]


def native_gradient(
    ensemble: Ensemble, windows: Tensor, strengths: Tensor, *, vector_bytes: int | None = None
) -> Tensor:
    """The kernel as a gradient backend (see gradient.py), for one step."""
    losses = torch.empty((1, ensemble.members), dtype=ensemble.flat.dtype)
    one = np.zeros((1, ensemble.members))
    _call(
        ensemble,
        vector_bytes,
        Stop(),
        B=windows.shape[2],
        T=windows.shape[0] - 1,
        windows=windows.to(ensemble.flat).contiguous(),
        steps=1,
        block=1,
        strengths=strengths.to(ensemble.flat).contiguous(),
        rate=one,
        scale=one,
        eps=one,
        losses=losses,
    )
    return losses[0]


def _call(ensemble: Ensemble, vector_bytes: int | None, stop: Stop, **fields: Any) -> int:
    """Fill the structure and run; what `fields` points to stays alive until the call has returned."""
    require_precision(ensemble.model, ensemble.flat)
    try:
        kernel = library(vector_bytes)
    except OSError as problem:
        raise SpecError(
            f"training.backend = 'native', but {problem}",
            "an installation with the compiled kernel",
            "install a C++ compiler and install dsr again, or set training.backend = 'torch'",
        ) from None
    values = {
        **_shape(ensemble),
        "parameters": ensemble.flat,
        "gradient": ensemble.gradient,
        "stop": stop.flag,
        **fields,
    }
    real = _element(ensemble.flat)
    task = _Problem(**{name: _as_field(name, value, real) for name, value in values.items() if value is not None})
    train = kernel.dsr_train_float64 if ensemble.flat.dtype == torch.float64 else kernel.dsr_train_float32
    done = int(train(ctypes.byref(task)))
    if done < 0:
        raise MemoryError("the training kernel could not allocate its buffers")
    return done


def _shape(ensemble: Ensemble) -> dict[str, int]:
    model, offsets = cast(ALRNN | ShallowPLRNN, ensemble.model), ensemble.offsets
    sizes = {"N": model.obs_dim, "M": model.state_dim, "K": ensemble.members, "n": ensemble.flat.shape[1]}
    affine = isinstance(model.observation, AffineObservation)
    places = {"A": offsets["A"], "C": offsets["observation.matrix" if affine else "observation.lift"]}
    if affine:
        places["c"] = offsets["observation.bias"]
    if isinstance(model, ALRNN):
        family = {"family": 0, "linear": model.state_dim - model.relu_units, "W1": offsets["W"], "h1": offsets["h"]}
    else:
        family = {"family": 2 if model.clipped else 1, "H": model.hidden_dim}
        family |= {name: offsets[name] for name in ("W1", "h1", "W2", "h2")}
    return {**sizes, **places, **family, "affine": int(affine)}


def _as_field(name: str, value: Any, real: str) -> int | float:
    """A number as it is, an array as the address of its first element, which is `real` where `_ELEMENTS` is silent."""
    if isinstance(value, Tensor):
        _require_readable(name, value.is_contiguous(), _element(value), real)
        return value.data_ptr()
    if isinstance(value, np.ndarray):
        _require_readable(name, value.flags.c_contiguous, _element(value), real)
        return value.ctypes.data
    return value


def _element(array: Tensor | np.ndarray) -> str:
    return str(array.dtype).removeprefix("torch.")


def _require_readable(name: str, contiguous: bool, found: str, real: str) -> None:
    expected = _ELEMENTS.get(name, real)
    if not contiguous:
        raise ValueError(f"the array '{name}' is not contiguous; the kernel would misread it")
    if found != expected:
        raise ValueError(f"the array '{name}' is of {found}; the kernel would misread it as {expected}")


def built(module: str) -> Path | None:
    """File of a build, None when it was left out at installation."""
    folder = Path(__file__).parent
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        if (folder / (module + suffix)).exists():
            return folder / (module + suffix)
    return None


def _load(path: Path) -> ctypes.CDLL:
    kernel = ctypes.CDLL(str(path))
    for function in (kernel.dsr_train_float32, kernel.dsr_train_float64):
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_int64
    for function in (kernel.dsr_problem_bytes, kernel.dsr_supported_bytes, kernel.dsr_vector_bytes):
        function.argtypes, function.restype = [], ctypes.c_int64
    if kernel.dsr_problem_bytes() != ctypes.sizeof(_Problem):
        raise OSError(f"{path.name} belongs to another version of dsr; install again")
    return kernel
