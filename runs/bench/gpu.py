"""Fleets of small models on a GPU against one CPU core."""

from __future__ import annotations

import time

import numpy as np
import torch

from dsr.training.gradients import triton_gradient

from ..markdown import paragraphs, table
from .goals import FLEET, Goal, Section
from .machine import widths
from .sizes import SIZES, Size, training_run
from .timing import Effort, Say, Variant, measure, within
from .training import variant

SIZE = "S1"
FLEETS = (1, 132, 1024, 8192)
JUDGED = 1024
NAMES = {"triton": "triton", "torch": "torch as a CUDA graph"}


def fleets(effort: Effort, say: Say) -> Section:
    """Steps of single models per second of wall time, sampling and optimiser included."""
    title, what = "Fleets on a GPU", f"GPU over one CPU core, fleet of {JUDGED}"
    if not torch.cuda.is_available():
        reason = "no GPU in this machine"
        goal = Goal(what, SIZE, FLEET, None, reason=reason, unit="x")
        return Section(title, f"Not measured: {reason}.", [goal])
    size = SIZES[SIZE]
    core_backend = "native" if widths() else "torch"
    core = fleet_speed(size, core_backend, 1, "cpu", effort, say)
    backends = [b for b in NAMES if b != "triton" or triton_gradient.available() is None]
    speeds = {(b, k): _speed_or_none(size, b, k, effort, say) for b in backends for k in FLEETS}
    rows = [(NAMES[b], *(_cell(speeds[b, k], core) for k in FLEETS)) for b in backends]
    judged = [s for (_, k), s in speeds.items() if k == JUDGED and s is not None]
    text = paragraphs(
        f"{SIZE} on {torch.cuda.get_device_name(0)}: training steps of single models per second of wall time, and "
        f"times one core of the processor with the {core_backend} backend ({core:,.0f} per CPU second):",
        table(("backend", *(f"K = {k}" for k in FLEETS)), rows),
    )
    best = max(judged) / core if judged else None
    return Section(title, text, [Goal(what, SIZE, FLEET, best, reason="out of memory", unit="x")])


def fleet_speed(size: Size, backend: str, members: int, device: str, effort: Effort, say: Say) -> float:
    """Steps of single models per second, median over the rounds; each call ends with the losses on the CPU, so that
    nothing is left running."""
    name = f"{backend}, K = {members}"
    found: dict[str, Variant] = {name: variant(training_run(size, backend, members, device=device))}
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds = measure(found, effort, within(say, name), clock=clock)
    return 1 / float(np.median(seconds[name]))


def _speed_or_none(size: Size, backend: str, members: int, effort: Effort, say: Say) -> float | None:
    """None where the GPU's memory does not hold the fleet."""
    try:
        return fleet_speed(size, backend, members, "cuda", effort, say)
    except torch.cuda.OutOfMemoryError:
        return None
    finally:
        torch.cuda.empty_cache()


def _cell(speed: float | None, core: float) -> str:
    return "out of memory" if speed is None else f"{speed:,.0f} ({speed / core:.3g}x)"
