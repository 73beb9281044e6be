"""Variational PLRNN: a shallow PLRNN with process and observation noise, both learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import SpecError
from ...registry import option
from ..base import FreeRun, Model
from ..initialise import generator
from ..orbits import Orbit, compiled_orbit, shallow_loop
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from ..shallow_plrnn import ShallowPLRNN
from ..states import require_states, require_steps
from .recognition import Recognition

START_STD = 0.1  # of both noises before training, in standard deviations of the data


class Path(NamedTuple):
    """The posterior along a path of states, each (batch, time, state): mean of z_t given z_t-1 and the data, its
    variance; prediction F(z_t-1) and the standard deviation of its noise."""

    mean: Tensor
    variance: Tensor
    predicted: Tensor
    scale: Tensor


class VariationalPLRNN(ShallowPLRNN):
    """z' = F(z) + N(0, Q), y = decode(z) + N(0, R): F a shallow PLRNN, Q and R diagonal and learned.

    Training maximises a lower bound of the likelihood (`elbo`) over F, Q, R and a posterior q(z_t | z_t-1, y)
    proportional to N(z_t; F(z_t-1), Q) N(z_t; e_t, S_t), e_t and S_t the evidence from the rows from t on, as the true
    one is. Its mean is F(z_t-1) + G (e_t - F(z_t-1)) with G = Q / (Q + S_t): teacher forcing whose strength is learned,
    for every state and time, from how noisy dynamics and data are.

    `step` is the mean map F: exponents and `free_run` are those of the deterministic skeleton, `ensemble_run` follows
    the process noise. With much process noise the skeleton's attractor and that of the noisy system differ.

    It misleads on clean data, whose likelihood has no maximum: the noise levels then only say how far training got.
    Sources: PLRNN as a state-space model: Durstewitz 2017, doi:10.1371/journal.pcbi.1005542; Koppe et al. 2019,
    doi:10.1371/journal.pcbi.1007263; posterior: Krishnan, Shalit, Sontag, AAAI 2017, arXiv:1609.09869.
    """

    min_context = 20

    def __init__(
        self,
        obs_dim: int,
        latent_dim: int | None = None,
        hidden_dim: int = 50,
        clipped: bool = False,
        observation: str = "identity",
        ahead: int = 4,
        seed: int = 0,
    ) -> None:
        require(ahead >= 0, f"ahead = {ahead}", "0 or more rows")
        if observation not in ("identity", "affine"):
            got = f"observation = '{observation}' for a variational PLRNN"
            raise SpecError(got, "identity or affine, for which the bound is known", "set observation = 'affine'")
        super().__init__(obs_dim, latent_dim, hidden_dim, clipped, observation, seed=seed)
        m, log_std = self.state_dim, math.log(START_STD)
        self.log_process_std = nn.Parameter(torch.full((m,), log_std))
        self.log_observation_std = nn.Parameter(torch.full((obs_dim,), log_std))
        self.start_mean = nn.Parameter(torch.zeros(m))
        self.log_start_std = nn.Parameter(torch.zeros(m))
        # what is observed is known as well as it is measured; of the rest nothing is known yet
        log_variance = torch.where(torch.arange(m) < self.observation.forced, 2 * log_std, 0.0)
        self.recognition = Recognition(obs_dim, log_variance, ahead, generator(seed + 1))

    @property
    def process_noise(self) -> np.ndarray:
        """Standard deviation of the process noise per step, (state,), in standardised units."""
        return self.log_process_std.detach().double().exp().numpy()

    @property
    def observation_noise(self) -> np.ndarray:
        """Standard deviation of the observation noise, (obs,), in data units."""
        return (self.log_observation_std.detach().double().exp() * self.data_std).numpy()

    def initial(self, y: Tensor) -> Tensor:
        """Mean of the posterior at the last row, which has seen the rows before it and nothing after."""
        return self._posterior(y, None).mean[:, -1]

    def elbo(self, y: Tensor, noise: Tensor) -> Tensor:
        """Evidence lower bound of standardised trajectories, in nats: (batch, time, obs) -> (batch,).

        noise : standard normal numbers (batch, time, state) that the states are sampled with; the bound is the mean
        over them. What one state contributes, given the one before it, is integrated exactly.
        """
        path = self._posterior(y, noise)
        left = path.variance / path.scale.square()  # 1 - gain, without its cancellation
        surprise = ((path.mean - path.predicted) / path.scale).square()
        divergence = 0.5 * (left + surprise - 1 - left.log()).sum(-1)
        R = (2 * self.log_observation_std).exp()
        misfit = (y - self.decode(path.mean)).square() + path.variance @ self._loading().square().T
        likelihood = -0.5 * (misfit / R + R.log() + math.log(2 * math.pi)).sum(-1)
        return (likelihood - divergence).sum(-1)

    def auxiliary_loss(self, y: Tensor) -> Tensor:
        """Minus the bound per row and column. Its noise is drawn from the windows' own digits, so that it is new for
        every batch and yet the same when a run is repeated or resumed."""
        if self.input_dim:
            raise SpecError(
                "external inputs for a variational PLRNN",
                "a series without inputs",
                "choose shplrnn, or add the inputs to the observed columns",
            )
        digits = y.detach().double().contiguous().view(torch.int64).sum()
        rng = torch.Generator().manual_seed(int(digits) % 2**63)
        shape = (*y.shape[:2], self.state_dim)
        noise = torch.randn(shape, generator=rng, dtype=torch.float64).to(device=y.device, dtype=y.dtype)
        return -self.elbo(y, noise).mean() / (y.shape[1] * y.shape[2])

    def ensemble_run(self, z0: np.ndarray | Tensor, n: int, seed: int) -> FreeRun:
        """`n` steps with process noise from each row of z0 (batch, state), in double precision; observations without
        observation noise. Repeat a state, np.repeat(z0, members, axis=0), for an ensemble from it. Like `free_run`
        otherwise, errors included."""
        start = torch.tensor(require_states(z0, self.state_dim))
        require_steps(n)
        rng, std = np.random.default_rng(seed), torch.from_numpy(self.process_noise)
        model, z, states = self.in_float64(), start, torch.full((n, *start.shape), torch.nan, dtype=torch.float64)
        with torch.no_grad():
            for t in range(n):
                z = model.step(z) + std * torch.from_numpy(rng.standard_normal(tuple(z.shape)))
                states[t] = z
            finite = torch.isfinite(states).all(dim=-1).cummin(0).values
            states[~finite] = torch.nan
            states, lost = states.transpose(0, 1).contiguous(), (~finite).T.numpy()
            diverged_at = np.where(lost.any(axis=1), lost.argmax(axis=1), -1)
            return FreeRun(model.observe(states).numpy(), states.numpy(), diverged_at)

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not VariationalPLRNN:  # a subclass may step otherwise
            return None
        return compiled_orbit(shallow_loop, self.state_dim, self.A, self.W1, self.W2.T, self.h1, self.h2, self.clipped)

    def _posterior(self, y: Tensor, noise: Tensor | None) -> Path:
        """Along a path that is sampled with `noise` (batch, time, state), or follows the mean without."""
        shift, evidence = self.recognition(y)
        target = self.observation.initial(y) + shift
        predicted, scale = self.start_mean.expand_as(target[:, 0]), self.log_start_std.exp()
        path: list[Path] = []
        for t in range(y.shape[1]):
            gain = scale.square() / (scale.square() + evidence[:, t])
            mean, variance = predicted + gain * (target[:, t] - predicted), gain * evidence[:, t]
            path.append(Path(mean, variance, predicted, scale.expand_as(mean)))
            z = mean if noise is None else mean + variance.sqrt() * noise[:, t]
            predicted, scale = self.step(z), self.log_process_std.exp()
        return Path(*(torch.stack(each, dim=1) for each in zip(*path, strict=True)))

    def _loading(self) -> Tensor:
        """Matrix of the observation model, (obs, state)."""
        one = torch.eye(self.state_dim, dtype=self.dtype, device=self.A.device)
        return (self.decode(one) - self.decode(torch.zeros_like(one))).T


@MODELS.register("vplrnn")
@dataclass(frozen=True)
class VariationalPLRNNConfig(ModelConfig):
    """Variational PLRNN: learns how noisy dynamics and data are; its free run can be an ensemble."""

    family: ClassVar[type[Model]] = VariationalPLRNN
    equations: ClassVar[str] = (
        "z' = A z + W1 relu(W2 z + h2) + h1 + N(0, Q);  y = B z (+ b) + N(0, R);  "
        "q(z' | z, y) ~ N(z'; F(z), Q) N(z'; evidence(y), S)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "diagonal of the linear part (M)",
        "W1": "hidden to latent (M, L)",
        "W2": "latent to hidden (L, M)",
        "h1": "bias of the latent states (M)",
        "h2": "thresholds of the hidden units (L)",
        "log_process_std": "logarithm of the standard deviation of the process noise, Q (M)",
        "log_observation_std": "logarithm of the standard deviation of the observation noise, R (N)",
        "start_mean": "mean of the first state of a window (M)",
        "log_start_std": "logarithm of the standard deviation of the first state (M)",
        "recognition.L": "rows to the evidence, mean and log variance, linear part",
        "recognition.A": "rows to the hidden layer of the recognition network",
        "recognition.a": "bias of that layer",
        "recognition.B": "hidden layer to the evidence",
        "recognition.b": "bias of the evidence",
    }
    when_to_use: ClassVar[str] = "noisy dynamics, noisy data, and forecasts that need an error bar"
    references: ClassVar[tuple[str, ...]] = (
        "Durstewitz, PLoS Computational Biology 2017, doi:10.1371/journal.pcbi.1005542",
        "Koppe, Toutounji, Kirsch, Lis, Durstewitz, PLoS Computational Biology 2019, doi:10.1371/journal.pcbi.1007263",
        "Krishnan, Shalit, Sontag, AAAI 2017, arXiv:1609.09869",
    )
    recommended_forcing: ClassVar[str] = "generalized"
    recommended_training: ClassVar[Mapping[str, Any]] = {
        "steps": 4000,
        "batch_size": 32,
        "window": 30,
        "learning_rate": 5e-3,
        "final_learning_rate": 1e-5,
        "schedule": "cosine",
        "noise": 0.0,
    }
    search_space: ClassVar[Mapping[str, Range]] = {"hidden_dim": Range(10, 200, log=True), "ahead": Range(0, 20)}

    latent_dim: int | None = option(None, "number of latent states M; the number of observed columns if not given")
    hidden_dim: int = option(50, "number of hidden ReLU units L")
    clipped: bool = option(False, "bounded difference of two ReLUs in each hidden unit")
    observation: str = option("identity", "observation model: identity or affine")
    ahead: int = option(4, "rows after a row that the recognition network sees, while training")
