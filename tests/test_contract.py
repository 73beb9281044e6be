"""Models of one's own that break the contract of `Model` are refused in words; every registered family keeps it."""

import numpy as np
import pytest
import torch
from test_conformance import SERIES, SMALL, fitted
from torch import nn

from dsr.analysis import judge
from dsr.errors import NoTangentError, SpecError
from dsr.models import ALRNN, MODELS, NeuralODE, ObservedModel
from dsr.models.contract import require_contract
from dsr.training import NoForcing, fit

TRAIN, TEST = SERIES.split(0.6, 0.05)[::2]
SHORT = {"forcing": NoForcing(), "steps": 20, "window": 5, "batch_size": 4}


class Good(ObservedModel):
    """z' = z + b tanh(a z), in standardised units."""

    def __init__(self, obs_dim=3, seed=0):
        super().__init__(obs_dim, obs_dim)
        rng = torch.Generator().manual_seed(seed)
        self.a = nn.Parameter(0.3 * torch.randn((8, obs_dim), generator=rng))
        self.b = nn.Parameter(0.3 * torch.randn((obs_dim, 8), generator=rng))

    def step(self, z):
        return z + torch.tanh(z @ self.a.T) @ self.b.T

    def slope(self, z):
        inner = 1 - torch.tanh(z @ self.a.T).square()
        return torch.eye(3, dtype=z.dtype) + self.b @ (inner[..., None] * self.a)


class HalfJacobian(Good):
    def jacobian(self, z):
        return 0.5 * self.slope(z)


class TransposedJacobian(Good):
    def jacobian(self, z):
        return self.slope(z).mT


class FirstRowJacobian(Good):
    def jacobian(self, z):
        return self.slope(z[0])


class SteppingOtherwise(ALRNN):
    def step(self, z):
        return super().step(z) + 0.1 * torch.sin(z)


class FlowingOtherwise(NeuralODE):
    def step(self, z):
        return super().step(z) + 0.1 * torch.sin(z)


class Narrow(Good):
    def decode(self, z):
        return z[..., :1]


class Wide(Good):
    def encode(self, y):
        return torch.cat([y, y], -1)


class Remembering(Good):
    def step(self, z):
        before = getattr(self, "before", torch.zeros_like(z))
        self.before = z.detach() if before.shape == z.shape else torch.zeros_like(z)
        return super().step(z) + 0.1 * (before if before.shape == z.shape else self.before)


class Counting(Good):
    count = 0

    def step(self, z):
        self.count += 1
        return super().step(z) * (1 + 0.01 * np.sin(self.count))


class Dropping(Good):
    def __init__(self, obs_dim=3, seed=0):
        super().__init__(obs_dim, seed)
        self.drop = nn.Dropout(0.3)

    def step(self, z):
        return z + self.drop(torch.tanh(z @ self.a.T)) @ self.b.T


class Normalising(Good):
    def __init__(self, obs_dim=3, seed=0):
        super().__init__(obs_dim, seed)
        self.norm = nn.BatchNorm1d(8)

    def step(self, z):
        return z + self.norm(torch.tanh(z @ self.a.T)) @ self.b.T


class Centring(Good):
    def step(self, z):
        return super().step(z) - 0.1 * z.mean(0)


class Noisy(Good):
    def step(self, z):
        return super().step(z) + 0.01 * torch.randn_like(z)


class InPlace(Good):
    def step(self, z):
        z += torch.tanh(z @ self.a.T) @ self.b.T
        return z


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.sign(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class StraightThrough(Good):
    def step(self, z):
        return z + 0.1 * Straight.apply(z @ self.a.T) @ self.b.T


class FourRows(Good):
    min_context = 4

    def __init__(self, obs_dim=3, seed=0):
        super().__init__(obs_dim, seed)
        self.state_dim = 4 * obs_dim

    def step(self, z):
        return torch.cat([super().step(z[..., :3]), z[..., :-3]], -1)

    def decode(self, z):
        return z[..., :3]

    def initial(self, y):
        return y[:, -4:].flip(1).reshape(len(y), -1)


class Wider(Good):
    def step(self, z):
        return super().step(z).double()


BROKEN = [
    (HalfJacobian, r"jvp of a HalfJacobian \(analytic Jacobian\) is off the derivative of step"),
    (TransposedJacobian, "jvp of a TransposedJacobian .* is off"),
    (FirstRowJacobian, r"jacobian of a FirstRowJacobian returns the shape \(3, 3\)"),
    (SteppingOtherwise, r"jvp of a SteppingOtherwise \(region matrices\) is off"),
    (FlowingOtherwise, "jvp of a FlowingOtherwise .* is off"),
    (Narrow, r"decode of a Narrow returns the shape \(3, 1\)"),
    (Wide, r"encode of a Wide returns the shape \(3, 6\)"),
    (Remembering, "step of a Remembering gives two results"),
    (Counting, "step of a Counting gives two results"),
    (Dropping, "step of a Dropping gives two results"),
    (Normalising, "step of a Normalising changes norm.running_mean"),
    (Centring, "step of a Centring depends on the other states"),
    (Noisy, "step of a Noisy gives two results"),
    (InPlace, "step of a InPlace writes into its argument"),
    (StraightThrough, "jvp of a StraightThrough fails"),
    (FourRows, r"initial of a FourRows returns the shape \(3, 3\)"),
    (Wider, "step of a Wider returns torch.float64 for torch.float32"),
]
IDS = [family.__name__ for family, _ in BROKEN]
WHOLE_LATER = (Dropping, Normalising, FourRows, Wider)  # in eval mode, with min_context rows, in double precision


def state_of(model):
    return {name: t.clone() for name, t in model.state_dict().items()}, model.training


def with_units(model):
    model.data_mean.copy_(torch.from_numpy(TRAIN.values.mean(0)))
    model.data_std.copy_(torch.from_numpy(TRAIN.values.std(0)))
    model.dt.fill_(TRAIN.dt)
    return model


def refused(call, message):
    with pytest.raises(SpecError, match=message) as caught:
        call()
    assert all([caught.value.got, caught.value.accepted, caught.value.next_step])


@pytest.mark.parametrize(("family", "message"), BROKEN, ids=IDS)
def test_a_broken_contract_is_refused_before_the_first_step(family, message):
    model = family(3)
    weights, training = state_of(model)
    refused(lambda: fit(model, TRAIN, **SHORT), message)
    after, mode = state_of(model)
    assert mode == training and all(torch.equal(after[name], t) for name, t in weights.items())


@pytest.mark.parametrize(("family", "message"), [b for b in BROKEN if b[0] not in WHOLE_LATER])
def test_a_broken_contract_is_refused_before_anything_is_judged(family, message):
    refused(lambda: judge(TEST, with_units(family(3))), message)


@pytest.mark.parametrize("family", [HalfJacobian, TransposedJacobian, SteppingOtherwise, FlowingOtherwise])
def test_tangents_of_another_step_are_refused_where_a_spectrum_begins(family):
    refused(family(3).tangent_map, "is off the derivative of step")
    refused(family(3).driven_tangent_map, "is off the derivative of step")


@pytest.mark.parametrize("name", list(MODELS))
def test_every_family_keeps_the_contract_fresh_and_fitted(name):
    fresh = MODELS.build(name, SMALL.get(name, {})).build(3, 0)
    for model in (fresh, fitted(name), fitted.__wrapped__(name, 1).float()):
        if model is fresh and name == "parroting":
            continue  # nothing to copy from yet
        (weights, mode), rng = state_of(model), torch.random.get_rng_state()
        require_contract(model, SERIES.values)
        assert torch.equal(rng, torch.random.get_rng_state()) and mode == model.training
        assert all(torch.equal(t, weights[key]) for key, t in model.state_dict().items())


@pytest.mark.parametrize("settings", [{"solver": "dopri5"}, {"solver": "bosh3", "tolerance": 1e-4}, {"field": "plrnn"}])
def test_adaptive_steps_and_kinks_keep_the_contract(settings):
    require_contract(MODELS.build("node", settings).build(3, 0), SERIES.values)


def test_a_step_that_leaves_the_finite_numbers_breaks_no_contract():
    model = Good(3)
    with torch.no_grad():
        model.b.fill_(torch.inf)
    require_contract(model, TRAIN.values)


def test_free_runs_are_in_eval_mode():
    model = with_units(Dropping(3))
    z = model.initial_state(TEST.values[None, :1])
    before = torch.random.get_rng_state()
    first, second = model.free_run(z, 20), model.free_run(z, 20)
    np.testing.assert_array_equal(first.states, second.states)
    assert model.training and torch.equal(before, torch.random.get_rng_state())
    assert fit(model.eval(), TRAIN, **SHORT).outcome == "finished"


def test_a_model_without_tangents_is_trained_but_not_checked():
    class Forecasting(StraightThrough):
        def jvp(self, z, v):
            raise NoTangentError("tangents of a step that jumps", "forecasts", "leave exponents out")

    assert fit(Forecasting(3), TRAIN, **SHORT).outcome == "finished"
    told = []
    with pytest.raises(NoTangentError):
        fit(Forecasting(3), TRAIN, validation=TEST, on_progress=lambda *step: told.append(step), **SHORT)
    assert not told, "refused before the first step"


def test_parameters_that_gradients_would_not_train_are_refused():
    model = Good(3)
    model.a.requires_grad_(False)
    refused(lambda: fit(model, TRAIN, **SHORT), "a Good whose a has requires_grad = False")

    class Fixed(Good):
        def __init__(self, obs_dim=3):
            ObservedModel.__init__(self, obs_dim, obs_dim)

        def step(self, z):
            return 0.9 * z

    refused(lambda: fit(Fixed(3), TRAIN, **SHORT), "a Fixed without parameters")


def test_a_solution_may_live_in_buffers_alone_and_is_tried_out_too():
    class Linear(Good):
        closed_form = True

        def __init__(self, obs_dim=3, dtype=torch.float64):
            ObservedModel.__init__(self, obs_dim, obs_dim)
            self.register_buffer("W", torch.zeros((obs_dim, obs_dim), dtype=dtype))

        def step(self, z):
            return z @ self.W.T

        def solve(self, segments, rng):
            x, after = np.concatenate([s[:-1] for s in segments]), np.concatenate([s[1:] for s in segments])
            self.W.copy_(torch.from_numpy(np.linalg.lstsq(x, after, rcond=None)[0].T))

    class Wrong(Linear):
        def jacobian(self, z):
            return self.W.expand(len(z), -1, -1).mT

    model = Linear(3)
    assert fit(model, TRAIN).outcome == "finished" and model.W.abs().max() > 0.5
    assert Linear(3, torch.float32).dtype == torch.float32 and model.dtype == torch.float64
    wrong = Wrong(3)
    refused(lambda: fit(wrong, TRAIN), "jvp of a Wrong")
    assert wrong.W.abs().max() == 0
