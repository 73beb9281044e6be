"""Tuning of a trained AL-RNN by the statistics of its free runs, with an evolution strategy."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..errors import DataError, SpecError
from ..fate import CHAOTIC, DIVERGED, GROWTH, NOT_CHAOTIC, TRANSIENT_CHAOS
from ..models import ALRNN
from ..models.observation import IdentityObservation
from ..noise import sensor_noise
from ..series import TimeSeries, same_step
from .arguments import require_model, require_seed, require_series
from .orbit_lanes import BLOCKS, UNIT, Box, Visits, Weights, run_lanes

SKIP, SMOOTHING = 1000, 0.01  # steps before visits count; added to the count of each cell
CHECKED, FINALISTS, LONG, LONGEST = 48, 16, 100_000, 1_000_000  # weights kept on the way, and steps of their two checks
WINDOWS, HORIZON, WORST = 64, 50, 4.0  # forecasts: starts, steps, and the error at which one counts as failed
LOST, TRANSIENT = 20.0, 5.0  # objective of an orbit that is lost, and price of one that stops being chaotic
MOST_CELLS = 10**6


@dataclass(frozen=True, eq=False)
class TuningResult:
    """What `tune_free_run` did. All values are from the last check (two runs of 1,000,000 steps, double precision).

    generations : of the evolution strategy. objective, d_stsp, lambda_max : of the weights that were kept; d_stsp is
        against the noisy training rows, lambda_max per unit of time. before : objective of the weights that came in.
    fate : "chaotic", or what became of the kept weights' runs. It is the fate of the unchanged weights where nothing
        better survived. history : (checks, 4), generation, objective, d_stsp, lambda_max in runs of 100,000 steps.
    """

    generations: int
    objective: float
    d_stsp: float
    lambda_max: float
    before: float
    fate: str
    history: np.ndarray


@dataclass(frozen=True, eq=False)
class Score:
    """One value per model: the objective and its parts."""

    objective: np.ndarray
    d_stsp: np.ndarray
    lambda_max: np.ndarray
    fate: list[str]


def tune_free_run(
    model: ALRNN,
    train: TimeSeries,
    *,
    exponent: float | None,
    generations: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    steps: int = 40_000,
    pairs: int = 12,
    bins: int = 30,
    tolerance: float = 0.1,
    sigma: float = 7e-4,
) -> TuningResult:
    """Evolve the weights of a trained model, in place, until its free runs visit state space as the data do.

    Minimised is D + max(0, |ln(lambda_1 / exponent)| - tolerance) + 0.2 E. D is the Kullback-Leibler divergence of
    the visits of the training rows from those of two free runs of `steps` steps, to which the sensor noise of the
    data is added (told by fourth differences); E is the squared error of a forecast over 50 steps. Weights that pass
    a check along the way are compared at the end over 1,000,000 steps, together with those that came in: the model is
    never left worse than it was by that check, and weights whose runs leave chaos or the data are refused.

    Parameters
    ----------
    exponent : target of lambda_1 per unit of time, from the training data or a model of them, never from test data;
        None leaves the term out.
    generations : each runs 2 * pairs models (antithetic). seconds : of processor time, in place of `generations`: the
        speed is measured first and turned into generations, which repeated with the same seed give the same bytes.
    bins : cells per column. sigma : standard deviation of the perturbations; it falls to a fifth.

    Raises `SpecError` for other models and observation models and for models with external inputs, and `DataError` for
    data with too many or other columns, or another dt than the model was trained on.

    When not to use it: what is tuned is not learned. lambda_1 agrees with `exponent` because it was put into the
    objective, so it is no longer evidence for the reconstruction. Nothing else of the dynamics is repaired: on
    Lorenz-63, AL-RNNs with two ReLUs keep lambda_2 of 0.1 to 0.3 (truth: 0) and a Kaplan-Yorke dimension of 3.2 to 3.6
    (2.06), the valid prediction time falls, and the sequence of linear regions is a dither of hidden units, not a
    minimal symbolic code. Do not use it when exponents are to be predicted, for forecasts, or to read symbols; a
    `ShallowPLRNN` reaches lambda_1 of these data without being told. Source of evolution strategies with ranks:
    Salimans et al., arXiv:1703.03864.
    """
    _require_tunable(model, train)
    require_seed(seed)
    if train.dim != model.obs_dim:
        raise DataError(f"{train.dim} columns", f"the {model.obs_dim} columns of the model", "give its training series")
    if not same_step(train.dt, float(model.dt)):
        got, wanted = f"a series with dt = {train.dt:g}", f"dt = {float(model.dt):g}, as the model was trained on"
        raise DataError(got, wanted, "give its training series")
    if (generations is None) == (seconds is None) or (generations or seconds or 0) <= 0:
        got = f"generations = {generations} and seconds = {seconds}"
        raise SpecError(got, "one positive number", "give generations, or seconds")
    if exponent is not None and not (math.isfinite(exponent) and exponent > 0):
        raise SpecError(f"exponent = {exponent}", "a positive number", "give None to leave the exponent out")
    if steps < 10 * UNIT or pairs < 1 or bins < 2:
        raise SpecError(f"steps = {steps}, pairs = {pairs}, bins = {bins}", "80, 1 and 2 at least", "raise them")
    if bins**train.dim > MOST_CELLS or len(train) <= HORIZON:
        raise DataError(
            f"{len(train)} rows of {train.dim} columns, with {bins} bins each",
            f"more than {HORIZON} rows and at most {MOST_CELLS} cells",
            "give fewer bins, or leave columns out",
        )
    objective = FreeRunObjective(model, train, exponent, bins, tolerance)
    strategy = Strategy(objective, flat(model), np.random.default_rng(seed), steps, pairs, sigma)
    if generations is None:
        generations = _within(seconds or 0.0, replace(strategy, rng=np.random.default_rng(seed)))
    kept = [(0, strategy.mean)]
    due = set(np.linspace(0, generations, CHECKED).round().astype(int)[1:])
    for generation in range(1, generations + 1):
        strategy.advance(generation / generations)
        if generation in due:
            kept.append((generation, objective.rounded(strategy.mean)))
    when, weights = np.array([g for g, _ in kept]), np.array([w for _, w in kept])
    check = objective(weights, *objective.fixed, LONG, np.float32)
    history = np.column_stack([when, check.objective, check.d_stsp, check.lambda_max])
    order = np.argsort(check.objective, kind="stable")
    last = np.array([0, *order[order > 0][: FINALISTS - 1]])
    final = objective(weights[last], *objective.fixed, LONGEST, np.float64)
    best = int(final.objective.argmin())
    if final.objective[best] >= LOST:
        best = 0
    if best:
        objective.write(weights[last[best]])
    return TuningResult(
        generations,
        objective=float(final.objective[best]),
        d_stsp=float(final.d_stsp[best]),
        lambda_max=float(final.lambda_max[best]),
        before=float(final.objective[0]),
        fate=final.fate[best],
        history=history,
    )


def _require_tunable(model: ALRNN, train: TimeSeries) -> None:
    require_model(model)
    require_series(train, "training data")
    observation = getattr(model, "observation", None)
    if type(model) is not ALRNN or not isinstance(observation, IdentityObservation):
        got = f"a {type(model).__name__}" + (f" with {type(observation).__name__}" if observation is not None else "")
        raise SpecError(got, "an ALRNN with observation = 'identity'", "train one of those, or leave the tuning out")
    if model.input_dim or train.inputs is not None:
        raise SpecError("external inputs for tuning", "a model and a series without inputs", "leave the tuning out")
    train.require_regular("tuning")


def flat(model: ALRNN) -> np.ndarray:
    """A, W, h and the lift of the initial state as one vector, float64."""
    return np.concatenate([p.detach().double().cpu().numpy().ravel() for p in _parameters(model)])


def _parameters(model: ALRNN) -> list[torch.Tensor]:
    return [model.A, model.W, model.h, model.get_parameter("observation.lift")]


@dataclass(eq=False)
class Strategy:
    """Ascent along the rank-weighted mean of antithetic perturbations, with momentum."""

    objective: FreeRunObjective
    mean: np.ndarray
    rng: np.random.Generator
    steps: int
    pairs: int
    sigma: float

    def __post_init__(self) -> None:
        self.momentum = np.zeros_like(self.mean)

    def advance(self, progress: float) -> None:
        """One generation; `progress` is the share of all that are done, 0 to 1."""
        sigma = self.sigma * 0.2**progress
        starts, windows = self.objective.draw(self.rng)
        moves = self.rng.standard_normal((self.pairs, self.mean.size))
        candidates = np.concatenate([self.mean + sigma * moves, self.mean - sigma * moves])
        found = self.objective(candidates, starts, windows, self.steps, np.float32).objective
        ranks = np.argsort(np.argsort(found, kind="stable"), kind="stable") / (found.size - 1)
        gradient = (ranks[: self.pairs] - ranks[self.pairs :]) @ moves
        self.momentum = 0.8 * self.momentum + 0.2 * gradient / (np.linalg.norm(gradient) + 1e-12)
        self.mean = self.mean - 0.5 * sigma * math.sqrt(self.mean.size) * self.momentum


def _within(seconds: float, strategy: Strategy, probes: int = 5) -> int:
    """Generations that fit into so much processor time, with the checks at the end and this measurement."""
    begun = time.process_time()
    strategy.advance(0.0)  # compiles
    o, mean = strategy.objective, strategy.mean[None]
    o(np.repeat(mean, FINALISTS, 0), *o.fixed, 100 * UNIT, np.float64)
    first = time.process_time()
    for _ in range(probes):
        strategy.advance(0.0)
    each = (time.process_time() - first) / probes
    orbits = (CHECKED * LONG + 2.0 * FINALISTS * LONGEST) / (2 * strategy.pairs * strategy.steps)
    return max(1, int((seconds - (time.process_time() - begun)) / each - 1.1 * orbits))


class FreeRunObjective:
    """Scores of many sets of weights of one model at once; see `tune_free_run`."""

    def __init__(self, model: ALRNN, train: TimeSeries, exponent: float | None, bins: int, tolerance: float) -> None:
        self.model, self.exponent, self.bins, self.tolerance, self.dt = model, exponent, bins, tolerance, train.dt
        mean, std = model.data_mean.cpu().numpy(), model.data_std.cpu().numpy()
        self.rows = (train.values - mean) / std
        noise = sensor_noise(self.rows)
        self.noise = np.zeros(train.dim) if noise is None else noise
        self.low = self.rows.min(0)
        self.scale = bins / (np.ptp(self.rows, axis=0) * (1 + 1e-9))
        cells = np.floor((self.rows - self.low) * self.scale).astype(int).T
        counts = np.bincount(np.ravel_multi_index(tuple(cells), (bins,) * train.dim), minlength=bins**train.dim)
        self.share = (counts + SMOOTHING) / (counts + SMOOTHING).sum()
        self.entropy = float(self.share @ np.log(self.share))
        self.shapes = [tuple(p.shape) for p in _parameters(model)]
        self.fixed = self.draw(np.random.default_rng(77), 8 * WINDOWS)
        self.boxes: dict[int, Box] = {}

    def draw(self, rng: np.random.Generator, windows: int = WINDOWS) -> tuple[np.ndarray, np.ndarray]:
        """Rows at which the two runs and the forecasts start."""
        return rng.integers(0, len(self.rows), 2), rng.integers(0, len(self.rows) - HORIZON, windows)

    def __call__(self, q: np.ndarray, starts: np.ndarray, windows: np.ndarray, steps: int, dtype: type) -> Score:
        """q (models, weights), in runs of `steps` steps from the rows `starts`."""
        weights = self.unpack(q)
        visits = run_lanes(weights, weights.start(self.rows[starts]), self.box(steps), SKIP, dtype)
        counts = visits.counts + SMOOTHING
        d = self.entropy - np.log(counts) @ self.share + np.log(counts.sum(1))
        rate = visits.growth.sum(2).mean(1) / (self.box(steps).noise.shape[1] * self.dt)
        fate = self.fate(visits, steps)
        value = d + 0.2 * self.forecast(weights, windows)
        if self.exponent is not None:
            ratio = np.maximum(rate, 0.05 * self.exponent) / self.exponent
            value = value + np.maximum(0.0, np.abs(np.log(ratio)) - self.tolerance)
        long = steps >= LONGEST
        for k, name in enumerate(fate):
            if name == DIVERGED or (long and not self.accepted(name)):
                value[k] = LOST
            elif not self.accepted(name):
                value[k] += TRANSIENT
        return Score(value, d, rate, fate)

    def accepted(self, fate: str) -> bool:
        return fate == CHAOTIC or (fate == NOT_CHAOTIC and self.exponent is None)

    def fate(self, visits: Visits, steps: int) -> list[str]:
        """An orbit that leaves the data's box for half its time is as lost as one that leaves all bounds."""
        growth = visits.growth
        lost = visits.lost | (visits.counts.sum(1) < steps)
        fates = []
        for k in range(len(growth)):
            highest = growth[k].max()
            ends = growth[k, :, -BLOCKS // 5 :].mean(1).min()
            if lost[k] or not np.isfinite(growth[k]).all():
                fates.append(DIVERGED)
            elif highest < GROWTH:
                fates.append(NOT_CHAOTIC)
            else:
                fates.append(CHAOTIC if ends > 0.1 * highest else TRANSIENT_CHAOS)
        return fates

    def forecast(self, weights: Weights, windows: np.ndarray) -> np.ndarray:
        """Mean squared error per model over `HORIZON` steps, that of one forecast limited to `WORST`."""
        z = weights.start(self.rows[windows]).astype(np.float32)
        A, W, h = (a.astype(np.float32) for a in (weights.A[:, None], weights.W.transpose(0, 2, 1), weights.h[:, None]))
        error = np.zeros(z.shape[:2])
        with np.errstate(all="ignore"):
            for t in range(1, HORIZON + 1):
                phi = z.copy()
                np.maximum(phi[..., weights.first :], 0.0, out=phi[..., weights.first :])
                z = A * z + phi @ W + h
                error += ((z[..., : self.rows.shape[1]] - self.rows[windows + t]) ** 2).mean(-1)
            return np.where(error / HORIZON < WORST, error / HORIZON, WORST).mean(1)

    def box(self, steps: int) -> Box:
        steps = -(-steps // UNIT) * UNIT
        if steps not in self.boxes:
            noise = np.random.default_rng(5).standard_normal((2, steps, self.rows.shape[1])) * self.noise
            self.boxes[steps] = Box(self.low, self.scale, self.bins, noise)
        return self.boxes[steps]

    def unpack(self, q: np.ndarray) -> Weights:
        parts = np.split(q, np.cumsum([math.prod(shape) for shape in self.shapes])[:-1], axis=1)
        A, W, h, lift = (part.reshape(len(q), *shape) for part, shape in zip(parts, self.shapes, strict=True))
        return Weights(A, W, h, lift, self.model.state_dim - self.model.relu_units)

    def rounded(self, q: np.ndarray) -> np.ndarray:
        """As the model can hold them."""
        return torch.from_numpy(q).to(self.model.dtype).double().numpy()

    @torch.no_grad()
    def write(self, q: np.ndarray) -> None:
        found = self.unpack(q[None])
        for parameter, values in zip(_parameters(self.model), (found.A, found.W, found.h, found.lift), strict=True):
            parameter.copy_(torch.from_numpy(values[0]))
