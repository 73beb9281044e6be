"""Penalties on the weights, as the field uses them, in a form that costs every gradient backend one operation.

All but one are quadratic: sum of weight * (p - target)^2 over the flat parameters, so that the gradient only gains
2 * weight * (p - target). The penalty on the condition number of an affine observation matrix has its own gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import SpecError
from ..models import PLRNN, Model

LIFT = "observation.lift"


def quadratic_penalty(
    model: Model,
    *,
    latent: float = 0.0,
    observation: float = 0.0,
    manifold_attractor: float = 0.0,
    manifold_fraction: float = 0.5,
) -> tuple[Tensor, Tensor]:
    """(weight, target), each (n,) over the parameters in the order of `model.named_parameters()`.

    latent : weight of ||1 - A||^2 + ||W||^2 + ||h||^2, in shallow models with W1 and W2, h1 and h2, in dendritic ones
        with the weights of the bases, not their thresholds; what `PLRNN.penalised` lists. Bounded models, whose A does
        not reach 1, are drawn to 0.99 in its place, by the square of the distance in atanh.
    observation : weight of ||L||^2, L the map from the first observation to the unobserved states. An affine or
        nonlinear observation model has none; see `condition_penalty_gradient`.
    manifold_attractor : weight of the same sums as `latent` over the rows of the last `manifold_fraction` of the
        latent states (rounded down): they become slow, near-perfect integrators, and carry long memory (Schmidt,
        Koppe, Monfared, Beutelspacher, Durstewitz, ICLR 2021, arXiv:1910.03471). In shallow models W2 and h2 are free,
        in dendritic ones the bases.

    Raises `SpecError` for a negative weight, a fraction outside 0 to 1 or of less than one state, and a latent penalty
    on a family without these parameters.
    """
    _check(latent=latent, observation=observation, manifold_attractor=manifold_attractor)
    penalised, per_state = (model.penalised, model.per_state) if isinstance(model, PLRNN) else ({}, ())
    if (latent or manifold_attractor) and not penalised:
        raise SpecError(
            f"a penalty on the latent step of a {type(model).__name__}",
            "a model of the PLRNN family",
            "set the weight to 0",
        )
    first = _first_slow_state(model.state_dim, manifold_fraction) if manifold_attractor else model.state_dim
    weights, targets = [], []
    for name, p in model.named_parameters():
        weight, target = torch.zeros_like(p), torch.full_like(p, penalised.get(name, 0.0))
        if name in penalised:
            weight += latent
        if name in per_state:
            weight[first:] += manifold_attractor
        if name == LIFT:
            weight += observation
        weights.append(weight.flatten())
        targets.append(target.flatten())
    return torch.cat(weights).detach(), torch.cat(targets).detach()


def condition_penalty_gradient(matrix: Tensor, weight: float | Tensor) -> Tensor:
    """Gradient (members, N, M) of weight * (1 - s_max / (s_min + 1e-8))^2 at observation matrices (members, N, M), s
    their min(N, M) singular values; `weight` may differ between members (members,).

    The penalty draws the condition number to 1, because forcing through the pseudo-inverse of a badly conditioned
    matrix amplifies noise. Its gradient is steep for a nearly singular matrix (as s_min^-3), zero where all singular
    values are equal, and there and at a multiple largest or smallest one it is a subgradient. It is 0 for a member
    whose matrix is not finite.
    """
    usable = matrix.isfinite().all(-1).all(-1)[:, None, None]
    # a lost member must not stop the others: the decomposition refuses NaN
    u, s, vh = torch.linalg.svd(torch.where(usable, matrix, 0.0), full_matrices=False)
    floor = s[:, -1] + 1e-8
    condition = s[:, 0] / floor
    slope = 2 * torch.as_tensor(weight, dtype=s.dtype, device=s.device) * (condition - 1) / floor
    stretch = u[:, :, :1] * vh[:, :1]
    squeeze = u[:, :, -1:] * vh[:, -1:]
    gradient = slope[:, None, None] * (stretch - condition[:, None, None] * squeeze)
    return torch.where(usable, gradient, 0.0)


def _first_slow_state(states: int, fraction: float) -> int:
    slow = int(fraction * states) if 0 <= fraction <= 1 else 0
    if slow < 1:
        raise SpecError(
            f"manifold_fraction = {fraction} of {states} latent states",
            "a fraction from 0 to 1 that is at least one state",
            f"give {1 / states:.3g} or more",
        )
    return states - slow


def _check(**weights: float) -> None:
    for name, weight in weights.items():
        if not 0 <= weight < float("inf"):
            raise SpecError(f"{name} = {weight}", "a weight of 0 or more", f"give {name} >= 0")
