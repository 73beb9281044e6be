"""Exact fixed points of a piecewise-linear model, real and virtual, beside those of the equations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ....analysis import fixed_points
from ....analysis.piecewise_linear.protocol import as_pieces
from ....analysis.piecewise_linear.stability import sorted_multipliers, stability_type, unstable_directions
from ...drawing.truth_points import Found, rates_of

NEAR = 0.2  # standard deviations, root mean square over the columns
ALIKE = 0.25  # relative difference of two frequencies
MOST_REGIONS = 1e5


def model_points(model: Any, regions: Iterable[str], dt: float) -> list[dict[str, Any]]:
    """All real fixed points, and those of `regions` (bit strings) that lie outside their region (virtual).

    Each with its region, the point as observed, whether it is real, its kind, number of unstable directions, and rates
    ln(multiplier) / dt as [real, imaginary] per unit of time. A region whose map has a multiplier 1 has no single one.
    """
    import torch

    pieces = as_pieces(model)
    real = fixed_points(model, most=MOST_REGIONS) if pieces.gates else ()
    found = [(orbit.bits[0], orbit.points[0], True) for orbit in real]
    known = {_name(bits) for bits, *_ in found}
    for region in regions:
        if region in known:
            continue
        bits = np.array([letter == "1" for letter in region])
        W, b = pieces.affine(bits[None])
        try:
            alone = np.linalg.solve(np.eye(pieces.states) - W[0], b[0])
        except np.linalg.LinAlgError:
            continue
        found.append((bits, alone, not pieces.gates))  # without gates all states are one region
    twin, tree = model.in_float64(), []
    for bits, point, is_real in found:
        multipliers = sorted_multipliers(pieces.affine(bits[None])[0][0])
        rates = rates_of(multipliers, dt)
        tree.append({
            "region": _name(bits), "real": is_real, "point": twin.observe(torch.from_numpy(point)).numpy().tolist(),
            "kind": stability_type(multipliers), "unstable": unstable_directions(multipliers),
            "rates": [[r.real, r.imag] for r in rates],
        })  # fmt: skip
    return tree


def beside_truth(truth: Sequence[Found], found: Sequence[dict[str, Any]], scale: np.ndarray) -> list[dict[str, Any]]:
    """For each fixed point of the truth the nearest one of the model, a real one of the same type if there is one near.

    Plain values: `match` (position in `found`, None without any), `distance` in standard deviations (root mean square
    over the columns, `scale` (dim,)), and `same`: real, within 0.2, and as many unstable directions, the fastest of
    which has the frequency of the truth's within a quarter.
    """
    rows = []
    for point, _, unstable, rates in truth:
        candidates = []
        for i, model in enumerate(found):
            distance = float(np.sqrt(np.mean(((np.array(model["point"]) - point[0]) / scale) ** 2)))
            growing = np.array([complex(*r) for r in model["rates"]])[: model["unstable"]]
            same = (
                model["real"] and distance <= NEAR and model["unstable"] == unstable
                and _turns_alike(growing, rates[rates.real > 0])
            )  # fmt: skip
            candidates.append((not same, distance, i))
        worse, distance, i = min(candidates, default=(True, float("inf"), -1))
        rows.append({"match": None if i < 0 else i, "distance": distance, "same": not worse})
    return rows


def _turns_alike(model: np.ndarray, truth: np.ndarray) -> bool:
    """Whether the fastest growing of these rates have the same frequency, none where the truth's has none: an
    oscillation of hidden units can take the place of the spiral that is observed."""
    if not (model.size and truth.size):
        return not (model.size or truth.size)
    mine, theirs = (abs(float(rates[rates.real.argmax()].imag)) for rates in (model, truth))
    return abs(mine - theirs) <= ALIKE * theirs


def _name(bits: np.ndarray) -> str:
    return "".join("1" if bit else "0" for bit in bits)
