"""Deep Koopman autoencoder: observables in which the next step is nearly linear, encoded anew at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator, uniform
from ..observed import ObservedModel
from ..orbits import Orbit, compiled_orbit
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from .koopman_loop import koopman_loop


class Layered(nn.Module):
    """x -> L x + B tanh(A x + a): a linear map and one hidden layer beside it, which starts near zero."""

    def __init__(self, linear: Tensor, hidden_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        rows, columns = linear.shape
        self.L = nn.Parameter(linear.clone())
        self.A = nn.Parameter(uniform((hidden_dim, columns), columns, rng))
        self.a = nn.Parameter(uniform((hidden_dim,), columns, rng))
        self.B = nn.Parameter(0.1 * uniform((rows, hidden_dim), hidden_dim, rng))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.L.T + torch.tanh(x @ self.A.T + self.a) @ self.B.T

    def jacobian(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out, in)."""
        slope = 1 - torch.tanh(x @ self.A.T + self.a).square()
        return self.L + (self.B * slope[..., None, :]) @ self.A


class KoopmanAutoencoder(ObservedModel):
    """x' = D(K E(x)): encoder E and decoder D with one hidden tanh layer each, and a matrix K between them.

    The state is the observation. A finite linear latent state cannot be chaotic: iterated without decoding, z' = K z
    decays, blows up or is quasi-periodic whatever K is. Chaos comes from encoding anew at every step alone, so the
    exponents are those of D K E, and the eigenvalues of K (`rates`) describe short times and not the attractor.

    Source: Lusch, Kutz, Brunton, Nature Communications 9, 4950 (2018), doi:10.1038/s41467-018-07210-0; linear rollouts
    against re-encoding: Fathi, Gehring, Pilault, Kanaa, Bacon, Goroshin, 2023, arXiv:2310.15386.
    """

    def __init__(
        self,
        obs_dim: int,
        latent_dim: int = 16,
        hidden_dim: int = 64,
        reconstruction: float = 1.0,
        linearity: float = 0.01,
        seed: int = 0,
    ) -> None:
        got = f"latent_dim = {latent_dim} with {obs_dim} observed columns"
        require(latent_dim >= obs_dim, got, f"latent_dim >= {obs_dim}, since the observation must be decoded again")
        require(hidden_dim >= 1, f"hidden_dim = {hidden_dim}", "1 or more")
        require(reconstruction >= 0, f"reconstruction = {reconstruction}", "a weight of 0 or more")
        require(linearity >= 0, f"linearity = {linearity}", "a weight of 0 or more")
        super().__init__(obs_dim, obs_dim)
        self.latent_dim, self.reconstruction, self.linearity = latent_dim, reconstruction, linearity
        rng = generator(seed)
        # an orthonormal embedding and its inverse: the model starts near x' = x
        embedding = torch.linalg.qr(torch.randn((latent_dim, obs_dim), generator=rng))[0]
        self.encoder = Layered(embedding, hidden_dim, rng)
        self.decoder = Layered(embedding.T, hidden_dim, rng)
        self.K = nn.Parameter(torch.eye(latent_dim))

    def step(self, z: Tensor) -> Tensor:
        return self.decoder(self.encoder(z) @ self.K.T)

    def jacobian(self, z: Tensor) -> Tensor:
        latent = self.encoder(z) @ self.K.T
        return self.decoder.jacobian(latent) @ self.K @ self.encoder.jacobian(z)

    def driven(self, y: Tensor) -> Tensor:
        return self.step(y[:, :-1])

    def auxiliary_loss(self, y: Tensor) -> Tensor:
        """reconstruction |D(E(y_t)) - y_t|^2 + linearity |E(y_t+1) - K E(y_t)|^2, means over rows and columns."""
        latent = self.encoder(y)
        rebuilt = (self.decoder(latent) - y).square().mean()
        bent = (latent[:, 1:] - latent[:, :-1] @ self.K.T).square().mean()
        return self.reconstruction * rebuilt + self.linearity * bent

    def rates(self) -> Tensor:
        """Complex growth rates log(eigenvalues of K)/dt, per unit of the series' time, (latent,), fastest growing
        first."""
        found = torch.linalg.eigvals(self.K.detach().double()).log() / self.dt
        return found[found.real.argsort(descending=True)]

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not KoopmanAutoencoder:  # a subclass may step otherwise
            return None
        e, d = self.encoder, self.decoder
        # K is merged into the encoder
        return compiled_orbit(koopman_loop, self.state_dim, self.K @ e.L, e.A, e.a, self.K @ e.B, d.L, d.A, d.a, d.B)


@MODELS.register("koopman")
@dataclass(frozen=True)
class KoopmanAutoencoderConfig(ModelConfig):
    """Deep Koopman autoencoder with re-encoding: nearly linear dynamics between an encoder and a decoder."""

    family: ClassVar[type[Model]] = KoopmanAutoencoder
    equations: ClassVar[str] = (
        "x' = D(K E(x));  E(x) = L_E x + B_E tanh(A_E x + a_E);  D(z) = L_D z + B_D tanh(A_D z + a_D)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "K": "linear dynamics of the latent state (M, M)",
        "encoder.L": "linear part of the encoder (M, N)",
        "encoder.A": "observation to the hidden layer of the encoder (L, N)",
        "encoder.a": "bias of that layer (L)",
        "encoder.B": "hidden layer to latent state (M, L)",
        "decoder.L": "linear part of the decoder (N, M)",
        "decoder.A": "latent state to the hidden layer of the decoder (L, M)",
        "decoder.a": "bias of that layer (L)",
        "decoder.B": "hidden layer to observation (N, L)",
    }
    when_to_use: ClassVar[str] = "fully observed data, where time scales of nearly linear modes are of interest too"
    references: ClassVar[tuple[str, ...]] = (
        "Lusch, Kutz, Brunton, Nature Communications 2018, doi:10.1038/s41467-018-07210-0",
        "Fathi et al., Course correcting Koopman representations, 2023, arXiv:2310.15386",
    )
    recommended_forcing: ClassVar[str] = "generalized"
    recommended_training: ClassVar[Mapping[str, Any]] = {
        "steps": 10_000,
        "batch_size": 64,
        "window": 10,
        "learning_rate": 1e-2,
        "final_learning_rate": 1e-5,
        "schedule": "cosine",
        "noise": 0.0,
    }
    search_space: ClassVar[Mapping[str, Range]] = {
        "latent_dim": Range(4, 64, log=True),
        "hidden_dim": Range(16, 256, log=True),
        "linearity": Range(1e-3, 1.0, log=True),
    }

    latent_dim: int = option(16, "number of latent observables M, at least the number of columns")
    hidden_dim: int = option(64, "units of the hidden layers of encoder and decoder L")
    reconstruction: float = option(1.0, "weight of the reconstruction error in the loss")
    linearity: float = option(0.01, "weight of the deviation from linear latent dynamics in the loss")
