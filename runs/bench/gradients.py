"""Errors of every backend's gradient at the sizes of the benchmark, against the plain loop in float64 and autograd."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from dsr.training.backends import make_gradient
from dsr.training.ensemble import Ensemble
from dsr.training.gradients import triton_gradient
from dsr.training.gradients.gradient import Backend, autograd_backend
from dsr.training.native import native_gradient

from ..markdown import paragraphs, table
from .goals import ERRORS, Goal, Section
from .machine import WIDTHS, widths
from .plain import plain_model
from .sizes import SIZES, Size
from .timing import Effort, Say

MEMBERS = 2
PRECISIONS = {"float64": torch.float64, "float32": torch.float32}


def gradient_errors(effort: Effort, say: Say) -> Section:
    """Needs no repetition, so `effort` changes nothing."""
    errors: dict[tuple[str, str], dict[str, float]] = {}
    for name, size in SIZES.items():
        say(f"gradients at {name}")
        for key, error in size_errors(size).items():
            errors.setdefault(key, {})[name] = error
    rows = [(f"{what}, {p}", *(f"{e:.1e}" for e in row.values())) for (what, p), row in errors.items()]
    goals = [
        Goal(f"gradient of {what}, {p}", "all sizes", ERRORS[p], max(row.values()), most=True)
        for (what, p), row in errors.items()
        if what != "plain loop"
    ]
    text = paragraphs(
        "Largest error of a parameter's gradient over the largest entry of that gradient, worst parameter of "
        f"{MEMBERS} models, against the plain loop differentiated by torch in float64:",
        table(("", *SIZES), rows),
    )
    return Section("Errors of gradients", text, goals)


def size_errors(size: Size) -> dict[tuple[str, str], float]:
    """{(backend, precision): relative error}."""
    exact = Ensemble([size.model(seed).double() for seed in range(MEMBERS)])
    data = size.windows(dtype=torch.float64)
    picks, places = (torch.from_numpy(x[0]) for x in data.draws(0, 1, MEMBERS, size.batch))
    windows = data.gather(picks, places)
    strengths = torch.from_numpy(size.forcing.strengths(size.window))[:, None].expand(-1, MEMBERS)
    autograd_backend(exact, windows, strengths)
    expected = {name: g.clone() for name, g in exact.gradients.items() if g.numel()}
    errors = {}
    for what, (backend, device) in backends().items():
        for precision, dtype in PRECISIONS.items():
            ensemble = Ensemble([size.model(seed).to(dtype) for seed in range(MEMBERS)], device)
            ensemble.gradient.fill_(torch.nan)
            backend(ensemble, windows.to(device, dtype), strengths.to(device, dtype))
            errors[what, precision] = _error({n: ensemble.gradients[n] for n in expected}, expected)
    return errors | {("plain loop", p): _plain_error(size, windows, expected, d) for p, d in PRECISIONS.items()}


def backends() -> dict[str, tuple[Backend, str]]:
    """What runs on this machine: gradient function and device."""
    found: dict[str, tuple[Backend, str]] = {"torch": (make_gradient("torch"), "cpu")}
    for width in widths():
        found[f"native, {WIDTHS[width]}"] = (functools.partial(native_gradient, vector_bytes=width), "cpu")
    if torch.cuda.is_available():
        found["torch, CUDA graph"] = (make_gradient("torch", graphed=True), "cuda")
        if triton_gradient.available() is None:
            found["triton"] = (make_gradient("triton"), "cuda")
    return found


def _plain_error(size: Size, windows: Tensor, expected: dict[str, Tensor], dtype: torch.dtype) -> float:
    errors = []
    for k in range(MEMBERS):
        model = plain_model(size, size.model(k).to(dtype))
        single = windows[:, k].to(dtype)
        torch.nn.functional.mse_loss(model(single), single[1:]).backward()
        found = {n: model.get_parameter(n.rpartition(".")[2]).grad for n in expected}
        errors.append(_error({n: g for n, g in found.items() if g is not None}, {n: g[k] for n, g in expected.items()}))
    return max(errors)


def _error(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """NaN in a gradient is an infinite error."""
    worst = torch.stack([(found[name].double().cpu() - g).abs().max() / g.abs().max() for name, g in expected.items()])
    return math.inf if worst.isnan().any() else float(worst.max())
