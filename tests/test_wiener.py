"""The deep Wiener view: what its blocks show, and what its certificate does and does not say."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from dsr.errors import SpecError
from dsr.models.state_space import hippo
from dsr.models.state_space.conversions import StateSpace
from dsr.models.state_space.linear_layer import as_complex
from dsr.models.state_space.lipschitz import GELU_SLOPE, SILU_SLOPE
from dsr.models.state_space.s4d import DiagonalLayer
from dsr.models.state_space.wiener import DeepWiener, LinearBlock, StaticBlock

FEATURES, ORDER, DT = 4, 8, 0.1


def linear(growth=1.0, seed=0, dt=DT):
    """S4D-Lin systems with steps between 0.05 and 0.5."""
    rng = np.random.default_rng(seed)
    eigenvalues, _ = hippo.diagonal("lin", ORDER)
    p = growth * np.exp(np.geomspace(0.05, 0.5, FEATURES)[:, None] * eigenvalues)
    c = rng.standard_normal(p.shape) + 1j * rng.standard_normal(p.shape)
    return LinearBlock.from_features(p, 0.1 * c, rng.standard_normal(FEATURES), dt), p, 0.1 * c


def dense(inputs, outputs, bias=True):
    """Without the draw from torch's global generator that nn.Linear makes."""
    return nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias)


def module(*layers):
    for i, p in enumerate(nn.Sequential(*layers).parameters()):
        with torch.no_grad():
            p.copy_(0.5 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i)))
    return nn.Sequential(*layers)


def gated():
    return StaticBlock(module(nn.GELU(), dense(FEATURES, 2 * FEATURES), nn.GLU()), FEATURES)


def normalised():
    return StaticBlock(nn.LayerNorm(FEATURES), FEATURES)


def test_a_linear_block_shows_its_system():
    block, p, r = linear()
    length = np.arange(40)
    expected = np.zeros((40, FEATURES, FEATURES))
    for f in range(FEATURES):
        expected[:, f, f] = (r[f] * p[f] ** length[:, None]).sum(1).real
    expected[0] += np.diag(np.random.default_rng(0).standard_normal(2 * p.size + FEATURES)[-FEATURES:])
    assert block.impulse_response(40) == pytest.approx(expected, abs=1e-13)
    everything = block.impulse_response(3000)
    w = np.array([0.0, 1.0, 7.0])
    transform = np.einsum("loi,wl->woi", everything, np.exp(-1j * np.outer(w * DT, np.arange(3000))))
    assert block.frequency_response(w) == pytest.approx(transform, abs=1e-10)
    assert np.abs(block.poles()).max() == pytest.approx(np.exp(-0.5 * 0.05))
    assert block.time_constants().max() == pytest.approx(DT / (0.5 * 0.05))  # Re(lambda) Delta per step
    assert block.time_constants(dt=1.0) == pytest.approx(block.time_constants() / DT)
    assert block.residues()[1].shape == (len(block.residues()[0]), FEATURES, FEATURES)
    assert block.is_schur() and not linear(growth=1.2)[0].is_schur()


def test_a_layer_of_a_model_as_a_block():
    layer = DiagonalLayer(FEATURES, ORDER, "lin", "zoh", 0.05, 0.5, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        p, b = layer.discretised()
        residues, direct = (2 * as_complex(layer.C) * b).numpy(), layer.D.numpy()
        u = torch.randn(1, 200, FEATURES, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        expected = layer.convolve(u)[0].numpy()
    y, _ = DeepWiener([LinearBlock.from_features(p.numpy(), residues, direct)]).run(u[0].numpy())
    assert y == pytest.approx(expected, abs=1e-12)


def test_running_a_stack_equals_filtering_by_its_kernel():
    block = linear()[0]
    u = np.random.default_rng(1).standard_normal((120, FEATURES))
    k = block.impulse_response(120)
    filtered = np.stack([sum(k[j] @ u[t - j] for j in range(t + 1)) for t in range(120)])
    static = gated()
    expected = np.stack([static.step(np.empty(0), row)[1] for row in filtered]) + u
    y, memory = DeepWiener([block, static], skip=True).run(u)
    assert y == pytest.approx(expected, abs=1e-12)
    assert memory.shape == (block.memory_dim,) == (FEATURES * ORDER,)


def test_the_gain_bound_holds_and_is_exact_for_a_real_pole():
    real = LinearBlock(StateSpace(np.array([0.99]), np.array([2.0]), np.array([0.5]), 0.3))
    assert real.gain_bound() == pytest.approx(0.3 + 1.0 / 0.01)
    dense = LinearBlock(StateSpace(np.array([[0.9, 5.0], [0.0, 0.8]]), np.eye(2), np.eye(2), np.zeros((2, 2))))
    for block in (real, dense, linear()[0]):
        kernel = block.impulse_response(3000).reshape(3000, block.outputs, block.inputs)
        assert np.linalg.norm(kernel, 2, axis=(1, 2)).sum() <= block.gain_bound() * (1 + 1e-9)
    rotation = LinearBlock(StateSpace(np.array([[0.0, -1.0], [1.0, 0.0]]), np.eye(2), np.eye(2), np.zeros((2, 2))))
    assert rotation.gain_bound() == math.inf and not rotation.is_schur()
    jordan = StateSpace(np.eye(64, k=1) * 3 + 0.5 * np.eye(64), np.eye(64), np.eye(64), np.zeros((64, 64)))
    assert LinearBlock(jordan).is_schur()  # though it grows to 1e40 before it decays


@pytest.mark.parametrize("activation, slope", [(nn.GELU(), GELU_SLOPE), (nn.SiLU(), SILU_SLOPE), (nn.Sigmoid(), 0.25)])
def test_slopes_of_activations_are_the_steepest(activation, slope):
    x = torch.linspace(-6, 6, 200_001, dtype=torch.float64, requires_grad=True)
    steepest = torch.autograd.grad(activation(x).sum(), x)[0].abs().max()
    assert StaticBlock(activation, 3).lipschitz_bound() == slope == pytest.approx(float(steepest), abs=1e-8)


def test_lipschitz_bounds_hold():
    rng = np.random.default_rng(0)
    blocks = {
        "network": StaticBlock(module(dense(FEATURES, 9), nn.Tanh(), dense(9, 3)), FEATURES),
        "after a normalisation": StaticBlock(module(nn.LayerNorm(FEATURES), dense(FEATURES, 8), nn.GLU()), FEATURES),
        "after a tanh": StaticBlock(module(dense(FEATURES, 8), nn.Tanh(), nn.GLU()), FEATURES),
    }
    for name, block in blocks.items():
        bound = block.lipschitz_bound()
        assert math.isfinite(bound), name
        for scale in (1e-3, 1.0, 30.0):
            u = scale * rng.standard_normal((300, FEATURES))
            v = u + 1e-4 * scale * rng.standard_normal(u.shape)
            f = [np.stack([block.step(np.empty(0), row)[1] for row in x]) for x in (u, v)]
            assert (np.linalg.norm(f[0] - f[1], axis=1) <= bound * np.linalg.norm(u - v, axis=1)).all(), name


def test_a_skip_adds_its_own_unit_to_the_bound():
    half = dense(FEATURES, FEATURES, bias=False)
    with torch.no_grad():
        half.weight.copy_(0.5 * torch.eye(FEATURES))
    static = StaticBlock(half, FEATURES)
    assert DeepWiener([static], skip=True).certificate().lipschitz == pytest.approx(1.5)  # which x + x / 2 attains
    assert DeepWiener([static, static]).certificate().lipschitz == pytest.approx(0.25)


def test_a_glu_has_a_bound_only_on_bounded_inputs():
    block = StaticBlock(nn.GLU(), 2)
    assert block.lipschitz_bound() == math.inf
    for radius in (1.0, 20.0):
        a = radius * np.array([math.cos(0.0), math.sin(0.0)])
        slope = np.hypot(0.5, 0.25 * radius)  # of a sigmoid(b) at a = radius, b = 0
        near = a + 1e-6 * np.array([0.5, 0.25 * radius]) / slope
        moved = abs(block.step(a[:0], near)[1][0] - block.step(a[:0], a)[1][0]) / 1e-6
        assert moved == pytest.approx(slope, rel=1e-3) and moved <= block.lipschitz_bound(radius * (1 + 1e-6))


def test_a_certified_stack_forgets_and_still_its_closed_loop_may_do_anything():
    inner = DeepWiener([normalised(), linear()[0], gated()], skip=True)
    model = DeepWiener([inner, StaticBlock(module(dense(FEATURES, FEATURES)), FEATURES)])
    assert model.certificate().holds and model.certificate().pole_radius < 1
    rng = np.random.default_rng(3)
    u = rng.standard_normal((1200, FEATURES))
    one, two = model.run(u), model.run(u, 10 * rng.standard_normal(model.memory_dim))
    apart = np.abs(one[0] - two[0]).max(1)
    assert apart[0] > 1e-3 and apart[-1] < 1e-10
    # a head that more than undoes the contraction: the same certificate, and a loop that diverges
    head = dense(FEATURES, FEATURES, bias=False)
    for gain, grows in ((1.05, True), (0.2, False)):
        with torch.no_grad():
            head.weight.copy_(gain * torch.eye(FEATURES))
        free = DeepWiener([inner, StaticBlock(head, FEATURES)])
        assert free.certificate().holds
        advance, z = free.close_loop(), np.ones(FEATURES + free.memory_dim)
        for _ in range(400):
            z = advance(z)
        assert (np.abs(z[:FEATURES]).max() > 1e6) == grows


def test_the_closed_loop_is_the_open_loop_driven_by_its_own_output():
    model = DeepWiener([linear()[0], StaticBlock(module(nn.Tanh(), dense(FEATURES, FEATURES)), FEATURES)])
    advance, z, orbit = model.close_loop(), np.ones(FEATURES + model.memory_dim), []
    start = z[FEATURES:]
    for _ in range(30):
        orbit.append(z[:FEATURES])
        z = advance(z)
    y, memory = model.run(np.array(orbit), start)
    assert np.array_equal(y[:-1], np.array(orbit)[1:]) and np.array_equal(memory, z[FEATURES:])


def test_what_stands_against_a_certificate_is_named():
    stable, static = linear()[0], StaticBlock(nn.Tanh(), FEATURES)
    unstable = DeepWiener([linear(growth=1.2)[0], static]).certificate()
    assert not unstable.holds and unstable.pole_radius > 1 and "modulus" in unstable.reason
    without_bound = DeepWiener([stable, gated()])
    assert not without_bound.certificate().holds and "Lipschitz" in without_bound.certificate().reason
    assert without_bound.certificate(radius=3.0).holds
    strange = DeepWiener([stable, StaticBlock(nn.Hardswish(), FEATURES)]).certificate()
    assert not strange.holds and "Hardswish" in strange.reason


def test_blocks_that_do_not_fit_are_refused():
    with pytest.raises(SpecError, match="4 outputs before one with 3 inputs"):
        DeepWiener([linear()[0], StaticBlock(nn.Tanh(), 3)])
    with pytest.raises(SpecError, match="loop from 2 outputs to 4 inputs"):
        DeepWiener([linear()[0], StaticBlock(nn.GLU(), FEATURES)]).close_loop()
    with pytest.raises(SpecError, match="poles"):
        LinearBlock.from_features(np.ones(3), np.ones((3, 1)), np.ones(3))
