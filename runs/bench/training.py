"""Speed of a training step, alone and in ensembles, as ratios to the plain loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsr.training.native import unavailable
from dsr.training.run import TrainingRun

from ..markdown import paragraphs, table
from .goals import NATIVE, TORCH, TORCH_32, Section, speed_goals
from .machine import WIDTHS, widths
from .plain import PlainTraining
from .sizes import SIZES, Size, training_run
from .timing import Effort, Ratio, Say, Variant, measure, ratio, within

MEMBERS = (8, 32)
PLAIN, TORCH_BACKEND, NATIVE_BACKEND = "plain loop", "torch backend", "native backend"

Table = dict[str, dict[str, Ratio]]  # variant, size: ratio to the plain loop
Speeds = dict[str, dict[str, float]]  # variant, size: steps of one model per second


def single_models(effort: Effort, say: Say) -> Section:
    """One model: torch backend, native backend, and the narrower builds of the native kernel."""
    ratios, speeds = _over_sizes(_single_variants, effort, say)
    missing = unavailable()
    goals = speed_goals("torch backend, one model", TORCH, ratios[TORCH_BACKEND])
    goals += speed_goals("native backend, whole loop", NATIVE, ratios.get(NATIVE_BACKEND, {}), missing or "")
    text = paragraphs(
        "Times as fast as the plain loop, with the least and the largest ratio of a round:",
        _ratio_table(ratios),
        "Training steps per second, medians:",
        _speed_table(speeds),
        f"The native backend was not measured: {missing}." if missing else "",
    )
    return Section("One model", text, goals)


def ensembles(effort: Effort, say: Say) -> Section:
    """Several models trained at once, per model."""
    ratios, speeds = _over_sizes(_ensemble_variants, effort, say)
    torch_32 = _name(TORCH_BACKEND, 32)
    goals = speed_goals("torch backend, 32 models, per model", TORCH_32, ratios[torch_32])
    text = paragraphs(
        "Times as fast per model as the plain loop, which trains one model after the other:",
        _ratio_table(ratios),
        "Training steps of single models per second, medians:",
        _speed_table(speeds),
    )
    return Section("Ensembles on one core", text, goals)


def variant(run: TrainingRun) -> Variant:
    """A training run as something to be timed."""
    return Variant(run.advance, run.job.ensemble.members)


def _single_variants(size: Size) -> dict[str, Variant]:
    found = {PLAIN: Variant(PlainTraining(size).run), TORCH_BACKEND: variant(training_run(size, "torch"))}
    for i, width in enumerate(widths()):
        name = NATIVE_BACKEND if i == 0 else f"{NATIVE_BACKEND}, {WIDTHS[width]} build"
        found[name] = variant(training_run(size, "native", vector_bytes=width))
    return found


def _ensemble_variants(size: Size) -> dict[str, Variant]:
    found = {PLAIN: Variant(PlainTraining(size).run)}
    for backend, name in (("torch", TORCH_BACKEND), ("native", NATIVE_BACKEND)):
        for members in MEMBERS if backend == "torch" or widths() else ():
            found[_name(name, members)] = variant(training_run(size, backend, members))
    return found


def _name(backend: str, members: int) -> str:
    return f"{backend}, K = {members}"


def _over_sizes(variants: Callable[[Size], dict[str, Variant]], effort: Effort, say: Say) -> tuple[Table, Speeds]:
    ratios: Table = {}
    speeds: Speeds = {}
    for name, size in SIZES.items():
        seconds = measure(variants(size), effort, within(say, name))
        for key, taken in seconds.items():
            ratios.setdefault(key, {})[name] = ratio(seconds[PLAIN], taken)
            speeds.setdefault(key, {})[name] = 1 / float(np.median(taken))
    return ratios, speeds


def _ratio_table(ratios: Table) -> str:
    return table(("", *SIZES), [(key, *row.values()) for key, row in ratios.items() if key != PLAIN])


def _speed_table(speeds: Speeds) -> str:
    return table(
        ("", *SIZES),
        [(key, *(f"{x:,.3g}" if x < 100 else f"{x:,.0f}" for x in row.values())) for key, row in speeds.items()],
    )
