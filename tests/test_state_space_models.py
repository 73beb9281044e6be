"""State-space models: one generator behind the parallel and the stepped form, and what is known about it exactly."""

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import LRU, LSSL, MODELS, S4, S4D, S5, MemoryModel, Model
from dsr.models.orbits import plain_orbit

FAMILIES = {"s4": S4, "s4d": S4D, "s5": S5, "lru": LRU, "lssl": LSSL}
# few modes, of distinct decays: QR takes long to tell close ones apart
SMALL = {
    "s4": {"features": 1, "order": 4},
    "s4d": {"features": 1, "order": 6, "init": "real"},
    "s5": {"features": 3, "order": 8, "blocks": 2},
    "lru": {"features": 3, "order": 4},
    "lssl": {"features": 1, "order": 3},
}


def make(name, dtype=torch.float64, **settings):
    model = FAMILIES[name](3, **settings, seed=1).to(dtype).requires_grad_(False)
    model.dt.fill_(0.01)
    rng = torch.Generator().manual_seed(4)
    for p in model.parameters():
        p.add_(0.05 * torch.randn(p.shape, generator=rng, dtype=torch.float64).to(dtype))
    return model


def data(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=FAMILIES)
def name(request):
    return request.param


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_the_parallel_form_of_two_layers_is_the_stepped_one(name, norm):
    """With slow memories, and longer than they last."""
    y = data(2, 400, 3)
    for dtype, limit in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        model = make(name, dtype, depth=2, norm=norm, timescale_low=0.05, timescale_high=0.5)
        for rows in (y.to(dtype), y[:, 1:].to(dtype)):
            ours, theirs = model.driven(rows), Model.driven(model, rows)
            assert (ours - theirs).abs().max() <= limit * theirs.abs().max()


def test_the_warmed_memory_is_that_of_stepping(name):
    model, y = make(name, depth=2), data(2, 120, 3)
    torch.testing.assert_close(model.initial(y), MemoryModel.initial(model, y), rtol=1e-12, atol=1e-12)
    alone = model.initial(y[:, :1])
    assert torch.equal(alone[:, :3], y[:, 0]) and not alone[:, 3:].any()


def test_a_run_continues_from_its_state(name):
    model = make(name)
    z = model.initial(data(2, 100, 3)).numpy()
    whole = model.free_run(z, 60).states
    again = model.free_run(model.free_run(z, 25).states[:, -1], 35).states
    np.testing.assert_allclose(again, whole[:, 25:], atol=1e-12)


def test_conditional_exponents_are_those_of_the_driven_tangent_map(name):
    """By QR on random data: with one layer the driven tangent dynamics are the memory's own."""
    model = make(name, **SMALL[name])
    n, k = model.obs_dim, model.state_dim - model.obs_dim
    advance, z, x = model.driven_tangent_map(), np.zeros((1, model.state_dim)), data(700, 1, 3).numpy()
    q, growth = np.linalg.qr(np.random.default_rng(0).normal(size=(1, n + k, k)))[0], []
    for row in x:
        z, q = advance(z, q, row)
        q, r = np.linalg.qr(q)
        growth.append(np.log(np.abs(np.diagonal(r, axis1=1, axis2=2)[0])))
    measured = np.mean(growth[200:], axis=0) / 0.01
    np.testing.assert_allclose(model.conditional_exponents(), measured, rtol=5e-3)


def test_conditional_exponents_of_zero_order_hold_are_decays_times_steps():
    model = S4D(2, features=5, order=6, depth=2, timescale_low=0.1, timescale_high=1.0, seed=3).double()
    model.dt.fill_(0.02)
    steps = torch.cat([b.linear.log_step for b in model.blocks]).exp().detach().numpy()
    expected = np.sort(np.repeat(-0.5 * steps / 0.02, 6))[::-1]  # every eigenvalue of "lin" has real part -1/2
    np.testing.assert_allclose(model.conditional_exponents(), expected, rtol=1e-6)
    assert -50 * 1.001 / 2 < expected[-1] < expected[0] < -2.5 * 0.999


def test_defaults_forget_faster_than_lorenz_contracts(name):
    """The conditional exponents stay below -14.57, the smallest exponent at the usual sampling of 0.01."""
    model = FAMILIES[name](3, seed=0)
    model.dt.fill_(0.01)
    assert model.conditional_exponents().max() < -14.57


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_the_tangent_map_is_the_derivative_of_the_step(name, norm):
    model = make(name, depth=2, norm=norm)
    z = model.initial(data(3, 50, 3))
    v = data(3, model.state_dim, 4, seed=6)
    automatic = torch.func.vmap(lambda w: torch.func.jvp(model.step, (z,), (w,))[1], in_dims=-1, out_dims=-1)(v)
    torch.testing.assert_close(model.jvp(z, v), automatic, rtol=1e-12, atol=1e-12)


def test_compiled_orbits_of_two_layers_are_plain_ones(name):
    for norm in ("layer", "none"):
        model = make(name, depth=2, norm=norm)
        z, v = model.initial(data(2, 50, 3)).numpy(), data(2, model.state_dim, seed=6).numpy()
        found, expected = model.compiled_orbit()(z, v, 40), plain_orbit(model.step, model.jvp)(z, v, 40)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_a_subclass_with_another_step_has_no_compiled_orbit():
    class Damped(S4D):
        def step(self, z):
            return 0.9 * super().step(z)

    assert S4D(2).compiled_orbit() is not None and Damped(2).compiled_orbit() is None


def test_the_dynamics_learn_more_slowly_than_the_rest(name):
    model = FAMILIES[name](3, depth=2, norm="layer")
    factors = model.rate_factors()
    assert set(factors) < {n for n, _ in model.named_parameters()} and max(factors.values()) < 1
    fast = {n.rsplit(".", 1)[-1] for n, _ in model.named_parameters() if n not in factors}
    assert fast == {"E", "e", "G", "g", "W", "w", "scale", "offset", "C", "D"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"norm": "batch"}, "training and free run would then differ"),
        ({"norm": "layr"}, "did you mean 'layer'"),
        ({"dropout": 0.1}, "no key in model 's4d' named 'dropout'"),
        ({"l_max": 100}, "no key in model 's4d' named 'l_max'"),
        ({"bidirectional": True}, "no key in model 's4d' named 'bidirectional'"),
        ({"order": 7}, "order = 7"),
        ({"depth": 0}, "depth = 0"),
        ({"features": 0}, "features = 0"),
        ({"gain": 0.0}, "gain = 0"),
        ({"init": "legt"}, "no diagonal initialisation 'legt'"),
        ({"timescale_low": 0.0}, "timescale_low = 0"),
    ],
)
def test_what_has_no_place_in_a_generator_is_refused(settings, message):
    with pytest.raises(DsrError, match=message):
        MODELS.build("s4d", settings).build(3, 0)


def test_an_impossible_phase_is_refused():
    with pytest.raises(DsrError, match="max_phase = 7"):
        LRU(3, max_phase=7.0)
