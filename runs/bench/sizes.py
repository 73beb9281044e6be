"""The four sizes that training speed is measured at, and training runs of them as `fit` sets them up."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch

from dsr.models import ALRNN, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.training import Forcing, GeneralizedForcing, SparseForcing, TrainingConfig
from dsr.training.ensemble import Ensemble
from dsr.training.job import make_job
from dsr.training.native import NativeEngine
from dsr.training.run import TrainingRun
from dsr.training.windows import Windows

from ...systems import get_system

ROWS = 10_000  # of the training series
LEARNING_RATE = 1e-4
ENDLESS = 1_000_000_000  # steps of a run of which only some are made


@dataclass(frozen=True)
class Size:
    """A model, its batch of windows, and forcing with strength `alpha` every `tau` steps.

    inner : number of rectified units P of an AL-RNN ("alrnn"), of hidden units L of a shallow PLRNN ("shplrnn").
    """

    name: str
    family: str
    obs: int
    latent: int
    inner: int
    batch: int
    window: int
    alpha: float
    tau: int

    @property
    def title(self) -> str:
        """What is behind the short name."""
        kind = "AL-RNN" if self.family == "alrnn" else "shallow PLRNN"
        inner = "P" if self.family == "alrnn" else "L"
        forcing = f"sparse forcing, tau = {self.tau}" if self.tau > 1 else f"generalized forcing, alpha = {self.alpha}"
        return (
            f"{kind}, M = {self.latent}, {inner} = {self.inner}, N = {self.obs}, "
            f"batch {self.batch}, T = {self.window}, {forcing}"
        )

    @property
    def forcing(self) -> Forcing:
        return SparseForcing(self.tau) if self.tau > 1 else GeneralizedForcing(self.alpha)

    def model(self, seed: int) -> ALRNN | ShallowPLRNN:
        if self.family == "alrnn":
            return ALRNN(self.obs, self.latent, self.inner, seed=seed)
        return ShallowPLRNN(self.obs, self.latent, self.inner, seed=seed)

    def windows(self, *, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Windows:
        """Windows of a standardised chaotic series, without noise."""
        values = series(self.obs).values
        return Windows(
            [series(self.obs)], values.mean(0), values.std(0), self.window, seed=0, dtype=dtype, device=device
        )


SIZES = {
    size.name: size
    for size in (
        Size("S1", "alrnn", 3, 20, 2, 16, 200, 1.0, 16),
        Size("S2", "shplrnn", 3, 3, 50, 16, 200, 0.1, 1),
        Size("L1", "alrnn", 20, 100, 20, 64, 100, 1.0, 16),
        Size("L2", "shplrnn", 64, 100, 500, 16, 200, 0.1, 1),
    )
}


@functools.cache
def series(columns: int) -> TimeSeries:
    """Lorenz-63 for three columns, Lorenz-96 for more."""
    system = get_system("lorenz63") if columns == 3 else get_system("lorenz96", dim=columns)
    return system.simulate(ROWS, transient=20, seed=0)


def training_run(
    size: Size,
    backend: str,
    members: int = 1,
    *,
    forcing: Forcing | None = None,
    device: str = "cpu",
    vector_bytes: int | None = None,
) -> TrainingRun:
    """A run in float32 at a constant learning rate, clipped as `fit` does by default, never ending by itself.

    vector_bytes : the build of the native kernel, by default the widest that the processor runs.
    """
    config = TrainingConfig(
        steps=ENDLESS,
        batch_size=size.batch,
        window=size.window,
        learning_rate=LEARNING_RATE,
        schedule="constant",
        noise=0.0,
        backend=backend,
        device=device,
    )
    ensemble = Ensemble([size.model(seed) for seed in range(members)], device)
    job = make_job(ensemble, size.windows(device=device), config, {})
    run = TrainingRun(job, [forcing or size.forcing] * members, backend)
    if vector_bytes is not None:
        run.engine = NativeEngine(job, vector_bytes)
    return run
