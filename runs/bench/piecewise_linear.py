"""Section on the exact analysis of piecewise-linear models: fixed points, cycles, and orbits of hundreds of steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from dsr.models import ALRNN

from ...analysis import cycles, fixed_points, region_tangent_map
from ...analysis.piecewise_linear.flow_orbits import closed_chains
from ...analysis.piecewise_linear.protocol import as_pieces
from ..markdown import paragraphs, table
from .goals import Goal, Section
from .timing import Effort, Say, Variant, measure, ratio, within

STATES = 20
MOST_MS = 20.0  # for all fixed points of 12 rectified units
LEAST_WORDS = 150_000.0  # cycle equations per second, the most that products of region matrices reach
PERIODS = {2: 8, 4: 4, 6: 3, 8: 2}  # rectified units: period, of the exhaustive enumeration
TANGENTS = 64


def piecewise_linear(effort: Effort, say: Say) -> Section:
    """Times of fixed points and cycles, against the plain loop over regions."""
    rows, goals = [], []
    for units in (8, 10, 12):
        model = random_model(units)
        variants = {
            "dsr": Variant(_repeated(partial(fixed_points, model))),
            "loop": Variant(_repeated(partial(solve_in_a_loop, model))),
        }
        seconds = measure(variants, effort, within(say, f"fixed points, P = {units}"))
        ours, loop = (1e3 * float(np.median(seconds[name])) for name in ("dsr", "loop"))
        rows.append((units, 2**units, f"{ours:.3g}", f"{loop:.3g}", ratio(seconds["loop"], seconds["dsr"])))
        if units == 12:
            goals.append(Goal("all fixed points", f"M = {STATES}, P = 12", MOST_MS, ours, most=True, unit=" ms"))
    words = []
    for units, period in PERIODS.items():
        model = random_model(units)
        seconds = measure(
            {"dsr": Variant(_repeated(partial(cycles, model, period)))},
            effort,
            within(say, f"{period}-cycles, P = {units}"),
        )
        found = cycles(model, period)
        per_second = found.examined / float(np.median(seconds["dsr"]))
        words.append((units, period, found.examined, len(found), f"{per_second:.3g}"))
        goals.append(Goal("words per second", f"P = {units}, k = {period}", LEAST_WORDS, per_second))
    text = paragraphs(
        f"AL-RNNs with random weights, {STATES} states, one thread. The loop solves {STATES} x {STATES} equations "
        "region by region and compares the signs.",
        table(("P", "regions", "dsr, ms", "loop, ms", "times as fast"), rows),
        "Cycles of exactly k steps, every primitive necklace of regions:",
        table(("P", "k", "words", "cycles", "words per second"), words),
        _long_orbits(effort, say),
    )
    return Section("Exact analysis of piecewise-linear models", text, goals)


def random_model(units: int, seed: int = 0) -> ALRNN:
    """Contracting on the whole, folding enough to have some cycles."""
    rng = torch.Generator().manual_seed(seed)
    model = ALRNN(1, STATES, units).double()
    with torch.no_grad():
        model.A.copy_(0.5 * torch.rand(STATES, generator=rng))
        model.W.copy_(1.6 / math.sqrt(STATES) * torch.randn((STATES, STATES), generator=rng))
        model.h.copy_(torch.randn(STATES, generator=rng))
    return model


def solve_in_a_loop(model: ALRNN) -> list[np.ndarray]:
    """Fixed points by a plain loop over regions."""
    units, eye, found = model.relu_units, np.eye(STATES), []
    A, W, h = (w.detach().numpy() for w in (model.A, model.W, model.h))
    for code in range(2**units):
        on = np.ones(STATES)
        on[STATES - units :] = code >> np.arange(units) & 1
        z = np.linalg.solve(eye - np.diag(A) - W * on, h)
        if ((z[STATES - units :] > 0) == (on[STATES - units :] > 0)).all():
            found.append(z)
    return found


def _long_orbits(effort: Effort, say: Say) -> str:
    """Milliseconds of one equation of 300 steps, as multiple shooting solves it; microseconds of a tangent step."""
    model = random_model(2)
    pieces, rng = as_pieces(model), np.random.default_rng(0)
    bits = rng.random((16, 300, 2)) < 0.5
    advance, x = region_tangent_map(model), rng.standard_normal((TANGENTS, STATES))
    q = np.tile(np.eye(STATES), (TANGENTS, 1, 1))
    variants = {
        "chains": Variant(_repeated(partial(closed_chains, pieces, bits)), models=len(bits)),
        "tangents": Variant(_repeated(partial(advance, x, q)), models=TANGENTS),
    }
    seconds = {name: float(np.median(s)) for name, s in measure(variants, effort, within(say, "long orbits")).items()}
    return (
        f"One Newton step of a 300-step orbit takes {1e3 * seconds['chains']:.3g} ms, sixteen solved together. A step "
        f"of {STATES} tangent vectors by region matrices takes {1e6 * seconds['tangents']:.3g} us, {TANGENTS} members "
        "together."
    )


def _repeated(work: Callable[[], object]) -> Callable[[int], None]:
    def run(n: int) -> None:
        for _ in range(n):
            work()

    return run
