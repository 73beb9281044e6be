"""What a step of the optimiser costs: torch's on a list of parameters, torch's on one flat vector, ours on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dsr.training.ensemble import Ensemble
from dsr.training.optimiser import Optimiser

from ..markdown import paragraphs, table
from .goals import Section
from .sizes import LEARNING_RATE, SIZES, Size
from .timing import Effort, Say, Variant, measure, ratio, within

OURS, THEIRS = "RAdam on the flat vector, as the torch backend steps", "torch.optim.RAdam, list of parameters"


def optimiser_cost(effort: Effort, say: Say) -> Section:
    """Microseconds per step, and how many times faster than torch's default."""
    cells: dict[str, list[str]] = {}
    for name, size in SIZES.items():
        variants = {key: Variant(run) for key, run in _steppers(size).items()}
        seconds = measure(variants, effort.scaled(0.25), within(say, name))
        for key, taken in seconds.items():
            times = f" ({ratio(seconds[THEIRS], taken).median:.2g}x)" if key != THEIRS else ""
            cells.setdefault(key, []).append(f"{np.median(taken) * 1e6:.3g}{times}")
    text = paragraphs(
        "CPU microseconds per step, and how many times as fast as torch's default:",
        table(("", *SIZES), [(key, *row) for key, row in cells.items()]),
    )
    return Section("Optimiser", text)


def _steppers(size: Size) -> dict[str, Callable[[int], None]]:
    parameters = [p for p in size.model(0).parameters() if p.numel()]
    flat = torch.nn.Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
    return {
        THEIRS: _torch_steps(torch.optim.RAdam(_with_gradients(parameters), lr=LEARNING_RATE)),
        "torch.optim.RAdam, list, foreach": _torch_steps(
            torch.optim.RAdam(_with_gradients(parameters), lr=LEARNING_RATE, foreach=True)
        ),
        "torch.optim.RAdam, flat vector": _torch_steps(torch.optim.RAdam(_with_gradients([flat]), lr=LEARNING_RATE)),
        OURS: _our_steps(Ensemble([size.model(0)])),
    }


def _with_gradients(parameters: list[torch.nn.Parameter]) -> list[torch.nn.Parameter]:
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    for p in copies:
        p.grad = torch.full_like(p, 1e-3)
    return copies


def _torch_steps(optimiser: torch.optim.Optimizer) -> Callable[[int], None]:
    def steps(count: int) -> None:
        for _ in range(count):
            optimiser.step()

    return steps


def _our_steps(ensemble: Ensemble) -> Callable[[int], None]:
    optimiser, rate = Optimiser(ensemble.flat), torch.full((1, 1), LEARNING_RATE)
    ensemble.gradient.fill_(1e-3)

    def steps(count: int) -> None:
        scale, eps = optimiser.scalars(count)
        for i in range(count):
            optimiser.step(ensemble.gradient, rate, float(scale[i]), float(eps[i]))

    return steps
