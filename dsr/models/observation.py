"""Observation models: how a latent state is seen (`decode`), forced (`encode`) and started (`initial`).

All in standardised units. `forced` is the number of leading state coordinates that teacher forcing reaches.
"""

from __future__ import annotations

import abc
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import SpecError, unknown
from .initialise import uniform

ITERATIONS = 6  # of Gauss-Newton
DAMPING = 1e-6  # relative; holds the steps where decode is nearly singular, and leaves the solution where it is


class Observation(nn.Module, abc.ABC):
    """The three maps of an observation model, in standardised units."""

    obs_dim: int
    forced: int

    @abc.abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """(..., latent) -> (..., obs)."""

    @abc.abstractmethod
    def encode(self, y: Tensor) -> Tensor:
        """(..., obs) -> (..., forced); carries no gradient to the observation model's own parameters."""

    @abc.abstractmethod
    def initial(self, y: Tensor) -> Tensor:
        """(batch, obs) -> (batch, latent)."""


class IdentityObservation(Observation):
    """The first `obs_dim` state coordinates are the observation. When there are more latent coordinates, the rest of
    the initial state is a learned linear map of the first observation."""

    def __init__(self, obs_dim: int, latent_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        if latent_dim < obs_dim:
            raise SpecError(
                f"latent_dim = {latent_dim} with {obs_dim} observed columns and an identity observation model",
                f"latent_dim >= {obs_dim}",
                "raise latent_dim, or set observation = 'affine'",
            )
        self.obs_dim, self.forced = obs_dim, obs_dim
        self.lift = nn.Parameter(uniform((latent_dim - obs_dim, obs_dim), obs_dim, rng))

    def decode(self, z: Tensor) -> Tensor:
        return z[..., : self.obs_dim]

    def encode(self, y: Tensor) -> Tensor:
        return y

    def initial(self, y: Tensor) -> Tensor:
        return torch.cat([y, y @ self.lift.T], dim=-1)


class AffineObservation(Observation):
    """y = B z + b; forcing and initial state by the pseudo-inverse of B, through which no gradient flows.

    Serves latent_dim below, at or above obs_dim. With a badly conditioned B the forcing signal is amplified noise.
    """

    def __init__(self, obs_dim: int, latent_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        self.obs_dim, self.forced = obs_dim, latent_dim
        self.matrix = nn.Parameter(torch.randn((obs_dim, latent_dim), generator=rng) * (2.0 / latent_dim) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(obs_dim))

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.matrix.T + self.bias

    def encode(self, y: Tensor) -> Tensor:
        return (y - self.bias.detach()) @ torch.linalg.pinv(self.matrix.detach()).T

    def initial(self, y: Tensor) -> Tensor:
        return self.encode(y)


class NonlinearObservation(AffineObservation):
    """y = B z + b + V tanh(U z + c); forcing and initial state by Gauss-Newton steps on |y - decode(z)|^2 from the
    pseudo-inverse of B, through which no gradient flows.

    For data that are a curved image of fewer latent states, such as many sensors of one slow process. V starts at
    zero, hence as the affine model. With at least as many latent states as observed columns the inverse reproduces
    y, otherwise it is the nearest point of the curve or surface that the model can show.

    It misleads where that surface folds over itself: the steps then find one of several preimages, or stop between
    them (`decode(encode(y))` is far from y), and teacher forcing pulls to the wrong one. With more latent states than
    columns all directions that the data do not show are set back to the least-norm solution at every forcing, as with
    the affine model.
    """

    def __init__(self, obs_dim: int, latent_dim: int, rng: torch.Generator) -> None:
        super().__init__(obs_dim, latent_dim, rng)
        hidden = max(16, 2 * obs_dim)
        self.inner = nn.Parameter(uniform((hidden, latent_dim), latent_dim, rng))
        self.shift = nn.Parameter(uniform((hidden,), latent_dim, rng))
        self.outer = nn.Parameter(torch.zeros((obs_dim, hidden)))

    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z) + torch.tanh(z @ self.inner.T + self.shift) @ self.outer.T

    def encode(self, y: Tensor) -> Tensor:
        weights = (self.matrix, self.bias, self.inner, self.shift, self.outer)
        rows = y.reshape(-1, self.obs_dim)
        return gauss_newton(rows, *(w.detach() for w in weights)).view(*y.shape[:-1], self.forced)


def gauss_newton(y: Tensor, B: Tensor, b: Tensor, U: Tensor, c: Tensor, V: Tensor) -> Tensor:
    """States (batch, latent) whose observations B z + b + V tanh(U z + c) come nearest to y (batch, obs).

    A step that leads further away is not taken, and the next one is shorter (Levenberg-Marquardt damping, row by row):
    the result is never worse than the affine inverse.
    """
    wide = B.shape[0] <= B.shape[1]
    z = (y - b) @ torch.linalg.pinv(B).T
    active = torch.tanh(z @ U.T + c)
    missing = y - b - z @ B.T - active @ V.T
    damping = torch.full_like(y[:, :1], DAMPING)
    for _ in range(ITERATIONS):
        J = B + (V * (1 - active * active)[:, None]) @ U
        gram = J @ J.mT if wide else J.mT @ J  # the smaller of the two forms of the same step
        ridge = damping * gram.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True)
        gram = gram + torch.diag_embed(ridge.expand(-1, gram.shape[-1]))
        if wide:
            step = J.mT @ torch.linalg.solve_ex(gram, missing[..., None])[0]
        else:
            step = torch.linalg.solve_ex(gram, J.mT @ missing[..., None])[0]
        trial = z + step[..., 0]
        trial_active = torch.tanh(trial @ U.T + c)
        trial_missing = y - b - trial @ B.T - trial_active @ V.T
        # rounding must not decide at the solution
        taken = trial_missing.square().sum(-1, keepdim=True) <= (1 + 1e-6) * missing.square().sum(-1, keepdim=True)
        z, active = torch.where(taken, trial, z), torch.where(taken, trial_active, active)
        missing = torch.where(taken, trial_missing, missing)
        damping = torch.where(taken, damping * 0.1, damping.clamp(min=1e-3) * 10)
    return z


OBSERVATIONS: dict[str, Callable[[int, int, torch.Generator], Observation]] = {
    "identity": IdentityObservation,
    "affine": AffineObservation,
    "nonlinear": NonlinearObservation,
}
OBSERVATION_HELP = "observation model: identity, affine or nonlinear"


def make_observation(name: str, obs_dim: int, latent_dim: int, rng: torch.Generator) -> Observation:
    if name not in OBSERVATIONS:
        raise unknown("observation model", name, OBSERVATIONS)
    return OBSERVATIONS[name](obs_dim, latent_dim, rng)
