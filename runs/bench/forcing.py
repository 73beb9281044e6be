"""What the forcing scheme costs, and what it costs to adapt its strength to the model."""

from __future__ import annotations

from dsr.training import (
    AdaptiveForcing,
    AnnealedForcing,
    Forcing,
    FullForcing,
    GeneralizedForcing,
    NoForcing,
    SparseForcing,
)
from dsr.training.engine import BLOCK
from dsr.training.jacobian_norms import ESTIMATORS
from dsr.training.run import TrainingRun

from ..markdown import paragraphs, table
from .goals import Section
from .machine import widths
from .plain import PlainTraining
from .sizes import SIZES, training_run
from .timing import Effort, Ratio, Say, Variant, measure, ratio, within
from .training import variant

# scheme: forcing, and the strength and interval that the plain loop is given; an annealed one stays at its start here
SCHEMES: dict[str, tuple[Forcing, float, int]] = {
    "none": (NoForcing(), 0.0, 1),
    "full": (FullForcing(), 1.0, 1),
    "sparse, tau = 16": (SparseForcing(16), 1.0, 16),
    "generalized, alpha = 0.1": (GeneralizedForcing(0.1), 0.1, 1),
    "annealed, alpha = 0.5": (AnnealedForcing(0.5, 0.1), 0.5, 1),
}
SCHEME_SIZES = ("S1", "S2")
ADAPTIVE_SIZE = "S2"


def forcings(effort: Effort, say: Say) -> Section:
    """Each scheme against the plain loop with the same one, and the overhead of every estimator of adaptive forcing."""
    text = paragraphs(
        "Times as fast as the plain loop with the same forcing, one model:",
        _schemes(effort.scaled(0.5), say),
        f"Adaptive forcing at {ADAPTIVE_SIZE}, strengths anew every {BLOCK} steps: training time as a multiple of that "
        "with generalized forcing, by estimator of the Jacobian-product norm:",
        _adaptive(effort, say),
    )
    return Section("Forcing schemes", text)


def _schemes(effort: Effort, say: Say) -> str:
    backends = ("torch", "native") if widths() else ("torch",)
    rows = []
    for scheme, (forcing, alpha, tau) in SCHEMES.items():
        cells: list[Ratio] = []
        for name in SCHEME_SIZES:
            size = SIZES[name]
            variants = {"plain": Variant(PlainTraining(size, alpha=alpha, tau=tau).run)}
            variants |= {b: variant(training_run(size, b, forcing=forcing)) for b in backends}
            seconds = measure(variants, effort, within(say, f"{scheme}, {name}"))
            cells += [ratio(seconds["plain"], seconds[b]) for b in backends]
        rows.append((scheme, *cells))
    return table(("forcing", *(f"{name} {b}" for name in SCHEME_SIZES for b in backends)), rows)


def _adaptive(effort: Effort, say: Say) -> str:
    size, backend = SIZES[ADAPTIVE_SIZE], "native" if widths() else "torch"
    schemes = {"generalized": GeneralizedForcing(0.1)} | {e: AdaptiveForcing(estimator=e) for e in _estimators()}
    variants = {k: _by_blocks(training_run(size, backend, forcing=f)) for k, f in schemes.items()}
    seconds = measure(variants, effort, say)
    rows = [(name, ratio(seconds[name], seconds["generalized"])) for name in _estimators()]
    return table(("estimator", f"{backend} backend"), rows)


def _estimators() -> list[str]:
    return [e for e in ESTIMATORS if e != "jacobian_upper_bound" or SIZES[ADAPTIVE_SIZE].family == "shplrnn"]


def _by_blocks(run: TrainingRun) -> Variant:
    def blocks(count: int) -> None:
        for _ in range(count):
            run.advance(BLOCK)

    return Variant(blocks)
