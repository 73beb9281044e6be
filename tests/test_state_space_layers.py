"""Linear layers: discretisation, and the kernel, the convolution, the scan and the step as four faces of one system."""

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete

from dsr.errors import DsrError
from dsr.models.orbits import compiled
from dsr.models.state_space import discretise, hippo
from dsr.models.state_space.linear_layer import as_complex
from dsr.models.state_space.loops import single_input_step
from dsr.models.state_space.lru import LRULayer
from dsr.models.state_space.lssl import DenseLayer
from dsr.models.state_space.s4 import LowRankLayer
from dsr.models.state_space.s4d import DiagonalLayer
from dsr.models.state_space.s5 import S5Layer

H, LOW, HIGH = 4, 1e-3, 1e-1
LAYERS = {
    "s4": lambda rng: LowRankLayer(H, 64, "legs", LOW, HIGH, rng),
    "s4, rank 2": lambda rng: LowRankLayer(H, 16, "legt", 1e-2, HIGH, rng),
    "s4d": lambda rng: DiagonalLayer(H, 64, "lin", "zoh", LOW, HIGH, rng),
    "s4d, bilinear": lambda rng: DiagonalLayer(H, 16, "inv", "bilinear", LOW, HIGH, rng),
    "s5": lambda rng: S5Layer(H, 64, 2, "lin", "zoh", LOW, HIGH, rng),
    "lru": lambda rng: LRULayer(H, 32, 3.1, LOW, HIGH, rng),
    "lssl": lambda rng: DenseLayer(H, 16, "legs", "bilinear", LOW, HIGH, rng),
    "lssl, zoh": lambda rng: DenseLayer(H, 16, "lagt", "zoh", LOW, HIGH, rng),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(kind, dtype=torch.float64):
    return LAYERS[kind](seeded()).to(dtype).requires_grad_(False)


def signal(*shape, dtype=torch.float64, seed=1):
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64).to(dtype)


def distance(a, b):
    """Largest difference, relative to the largest value."""
    return float((a.double() - b.double()).abs().max() / b.abs().max())


def dense_kernel(a, b, c, length):
    rows = []
    for _ in range(length):
        rows.append((c * b).sum(-1))
        b = (a @ b[..., None])[..., 0]
    return torch.stack(rows, -1)


def test_zero_order_hold_equals_scipy():
    a, b = (torch.from_numpy(m) for m in hippo.hippo("legt", 6))
    ours = discretise.zoh(a, b[:, None], 0.3)
    theirs = cont2discrete((a.numpy(), b.numpy()[:, None], np.eye(6), np.zeros((6, 1))), 0.3, "zoh")
    for x, y in zip(ours, theirs[:2], strict=True):
        np.testing.assert_allclose(x.numpy(), y, atol=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 0.3])
def test_generalised_bilinear_transform_equals_scipy(alpha):
    a, b = (torch.from_numpy(m) for m in hippo.hippo("legs", 5))
    ours = discretise.gbt(a, b[:, None], 0.2, alpha)
    theirs = cont2discrete((a.numpy(), b.numpy()[:, None], np.eye(5), np.zeros((5, 1))), 0.2, "gbt", alpha)
    for x, y in zip(ours, theirs[:2], strict=True):
        np.testing.assert_allclose(x.numpy(), y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", discretise.METHODS)
def test_the_diagonal_form_is_the_dense_one(method):
    """Also with a zero eigenvalue, which has no inverse."""
    values = torch.tensor([-0.5 + 2j, -1e-9 + 0j, 0j, -3 + 0j], dtype=torch.complex128)
    pole, gain = discretise.diagonal(method, values, torch.tensor(0.4, dtype=torch.float64))
    a, b = discretise.dense(method, torch.diag(values), torch.ones((4, 1), dtype=torch.complex128), 0.4)
    torch.testing.assert_close(torch.diag(a), pole, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(b[:, 0], gain, rtol=1e-13, atol=1e-14)
    assert gain[2] == 0.4  # the integral of a constant


def test_the_gain_is_accurate_for_all_sizes_of_eigenvalues():
    size, angle = np.logspace(-12, 1, 40)[:, None], np.linspace(np.pi / 2, 3 * np.pi / 2, 9)
    z = size * np.exp(1j * angle)
    exact = np.zeros(z.shape, dtype=np.clongdouble)
    for k in range(80, -1, -1):  # sum of z^k / (k + 1)!
        exact = 1 + exact * z.astype(np.clongdouble) / (k + 2)
    relative = np.abs(discretise.relative_expm1(torch.from_numpy(z)).numpy() - exact) / np.abs(exact)
    assert relative[size[:, 0] < 3].max() < 1e-15
    origin = torch.zeros(1, dtype=torch.complex128, requires_grad=True)
    discretise.relative_expm1(origin).real.sum().backward()
    assert origin.grad[0] == 0.5


def test_bilinear_maps_the_left_half_plane_onto_the_disc():
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=500) * 10 ** rng.uniform(-3, 3, 500) + 1j * 100 * rng.normal(size=500))
    pole, _ = discretise.diagonal("bilinear", values, torch.tensor(0.7, dtype=torch.float64))
    assert torch.equal(pole.abs() < 1, values.real < 0)


@pytest.mark.parametrize("step", [1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("order", [16, 64])
def test_the_cauchy_kernel_equals_powers_of_the_dense_matrix(order, step):
    layer = LowRankLayer(3, order, "legs", step, step, seeded()).double().requires_grad_(False)
    a, b, c, _ = layer.compiled_weights()
    reference = dense_kernel(a, b, c, 4096)
    single = LowRankLayer(3, order, "legs", step, step, seeded()).requires_grad_(False)
    for length in (256, 257, 1024, 1023, 4096):
        part = reference[:, :length]
        assert (layer.kernel(length) - part).abs().max() <= 5e-14 * part.abs().max()
        assert (single.kernel(length) - part).abs().max() <= 4e-6 * part.abs().max()


@pytest.mark.parametrize("length", [64, 65])
def test_woodbury_of_rank_2(length):
    layer = make("s4, rank 2")
    a, b, c, _ = layer.compiled_weights()
    assert distance(layer.kernel(length), dense_kernel(a, b, c, length)) < 5e-14


@pytest.mark.parametrize("init", ["legs", "legt", "lagt"])
def test_the_low_rank_step_is_the_bilinear_step_of_its_dense_matrix(init):
    layer = LowRankLayer(2, 8, init, 0.1, 0.8, seeded()).double().requires_grad_(False)
    memory, u = signal(2, 8, seed=3), signal(2, seed=4)
    after, y = layer.recur(memory.flatten(), u)
    for h in range(2):
        values, p, b, c = (v[h].numpy() for v in (layer.eigenvalues(), *map(as_complex, (layer.P, layer.B, layer.C))))
        a = np.block([[np.diag(values) - p @ p.conj().T, -p @ p.T], [-p.conj() @ p.conj().T, np.diag(values.conj())]])
        a[4:, 4:] -= p.conj() @ p.T
        whole = torch.from_numpy(np.append(b, b.conj()))[:, None]
        ab, bb = discretise.bilinear(torch.from_numpy(a), whole, float(layer.log_step[h].exp()))
        x = memory[h, :4].numpy() + 1j * memory[h, 4:].numpy()
        moved = ab.numpy() @ np.append(x, x.conj()) + bb[:, 0].numpy() * float(u[h])
        np.testing.assert_allclose(after[8 * h : 8 * h + 4], moved[:4].real, atol=1e-14)
        np.testing.assert_allclose(after[8 * h + 4 : 8 * h + 8], moved[:4].imag, atol=1e-14)
        assert float(y[h]) == pytest.approx((np.append(c, c.conj()) @ moved).real + float(layer.D[h] * u[h]))


def test_structured_and_dense_layers_are_one_system():
    """S4 in the eigenbasis and LSSL in the original one, from the same HiPPO matrix and output."""
    form = hippo.diagonal_plus_low_rank("legs", 8)
    s4 = LowRankLayer(2, 8, "legs", 0.1, 0.8, seeded()).double().requires_grad_(False)
    lssl = DenseLayer(2, 8, "legs", "bilinear", 0.1, 0.8, seeded()).double().requires_grad_(False)
    for parameter, exact in ((s4.log_decay, np.log(-form.eigenvalues.real)), (s4.frequency, form.eigenvalues.imag)):
        parameter.copy_(torch.from_numpy(exact))
    for parameter, exact in ((s4.P, form.P), (s4.B, form.B)):
        parameter.copy_(torch.view_as_real(torch.from_numpy(exact)))
    a, b = hippo.hippo("legs", 8)
    lssl.A.copy_(torch.from_numpy(a))
    lssl.B.copy_(torch.from_numpy(b))
    lssl.log_step.copy_(s4.log_step)
    lssl.C.copy_(2 * (as_complex(s4.C) @ torch.from_numpy(form.V).mH).real)
    assert distance(s4.kernel(200), lssl.kernel(200)) < 1e-13
    poles = (1 - 0.5 * s4.log_step.exp()[:, None] * torch.arange(1, 9)) / (
        1 + 0.5 * s4.log_step.exp()[:, None] * torch.arange(1, 9)
    )
    found = np.sort(s4.poles().real.numpy())
    np.testing.assert_allclose(found, np.sort(poles.flatten().numpy()), atol=1e-9)


def test_the_diagonal_kernel_is_a_sum_of_exponentials():
    layer = make("s4d")
    values = -layer.log_decay.exp().numpy() + 1j * layer.frequency.numpy()
    step, c, b = layer.log_step.exp().numpy()[:, None], as_complex(layer.C).numpy(), as_complex(layer.B).numpy()
    weight = c * b * (np.exp(step * values) - 1) / values
    exact = 2 * np.einsum("hn,hnl->hl", weight, np.exp((step * values)[..., None] * np.arange(700))).real
    np.testing.assert_allclose(layer.kernel(700), exact, atol=1e-13)


@pytest.mark.parametrize("kind", LAYERS)
def test_convolution_scan_and_step_agree_and_continue_from_a_memory(kind):
    for dtype, limit in ((torch.float64, 1.5e-14), (torch.float32, 5e-6)):
        layer = make(kind, dtype)
        u, memory = signal(2, 1025, H, dtype=dtype), signal(2, layer.memory_dim, dtype=dtype, seed=2)
        y, last = layer.scan(u, memory)
        stepped, found = memory, []
        for now in u.unbind(1):
            stepped, out = layer.recur(stepped, now)
            found.append(out)
        assert distance(torch.stack(found, 1), y) <= limit
        assert distance(stepped, last) <= (1e-13 if dtype == torch.float64 else 5e-6)
        assert distance(layer.convolve(u, memory), y) <= limit
        assert distance(layer.respond(u), layer.convolve(u)) <= limit


@pytest.mark.parametrize("kind", ["s4", "s4d", "s5", "lru"])
def test_convolution_equals_scan_over_16384_steps(kind):
    for dtype, limit in ((torch.float64, 1.5e-14), (torch.float32, 5e-6)):
        layer = make(kind, dtype)
        u = signal(1, 16384, H, dtype=dtype)
        assert distance(layer.convolve(u), layer.scan(u, layer.empty(u))[0]) <= limit


@pytest.mark.parametrize("kind", LAYERS)
def test_two_halves_make_the_whole(kind):
    layer = make(kind)
    u = signal(2, 301, H)
    whole, last = layer.scan(u, layer.empty(u))
    first, memory = layer.scan(u[:, :150], layer.empty(u))
    second, end = layer.scan(u[:, 150:], memory)
    assert distance(torch.cat([first, second], 1), whole) < 1e-14
    assert distance(torch.cat([first, layer.convolve(u[:, 150:], memory)], 1), whole) < 1.5e-14
    assert distance(end, last) < 1e-13


@pytest.mark.parametrize("kind", LAYERS)
def test_the_kernel_is_the_response_to_an_impulse(kind):
    layer = make(kind)
    impulse = torch.zeros((H, 40, H), dtype=torch.float64)
    impulse[:, 0] = torch.eye(H)
    response = layer.scan(impulse, layer.empty(impulse))[0] - layer.D * impulse  # (in, time, out)
    kernel = layer.kernel(40)
    if kernel.ndim == 2:
        kernel = torch.diag_embed(kernel.T).permute(1, 2, 0)
    assert distance(response.permute(2, 0, 1), kernel) < 1e-13


@pytest.mark.parametrize("kind", LAYERS)
def test_poles_are_the_eigenvalues_of_the_memory(kind):
    layer = make(kind)
    eye = torch.eye(layer.memory_dim, dtype=torch.float64)
    moved, _ = layer.recur(eye, torch.zeros((layer.memory_dim, H), dtype=torch.float64))
    found = np.sort(np.abs(np.linalg.eigvals(moved.numpy().T)))
    np.testing.assert_allclose(np.sort(layer.poles().abs().numpy()), found, rtol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_compiled_weights_are_the_same_system(kind):
    layer = make(kind)
    memory, u = signal(layer.memory_dim, seed=3), signal(H, seed=4)
    after, y = layer.recur(memory, u)
    weights = [w.numpy()[None] for w in layer.compiled_weights()]
    ours, out = memory.numpy().copy(), np.empty(H)
    type(layer).compiled_step(weights, 0, ours, u.numpy(), out, np.empty_like(ours))
    np.testing.assert_allclose(ours, after, atol=1e-13)
    np.testing.assert_allclose(out, y, atol=1e-13)


def test_another_rate_keeps_the_continuous_kernel():
    """An input held over one step is the same input held over two half steps."""
    whole, halves = make("s4d"), make("s4d")
    halves.log_step.sub_(np.log(2))
    fine = halves.kernel(400)
    assert distance(fine[:, ::2] + fine[:, 1::2], whole.kernel(200)) < 1e-13


@pytest.mark.parametrize("kind", ["s4", "s4, rank 2", "s4d", "s4d, bilinear", "s5", "lru"])
def test_no_weights_make_the_layer_unstable(kind):
    layer = make(kind)
    for parameter in layer.parameters():
        parameter.add_(2 * signal(*parameter.shape, seed=5))
    assert layer.poles().abs().max() < 1


def test_lru_keeps_the_variance_of_white_input():
    pole, _ = make("lru").discretised()
    gain = make("lru").log_gain.exp()
    np.testing.assert_allclose(gain**2 / (1 - pole.abs() ** 2), 1.0, rtol=1e-4)


def test_gradients_of_the_parallel_form_are_those_of_the_loop():
    for kind in LAYERS:
        layer, u = make(kind).requires_grad_(True), signal(2, 33, H)
        weight = signal(2, 33, H, seed=8)
        loop, memory = [], layer.empty(u)
        for now in u.unbind(1):
            memory, y = layer.recur(memory, now)
            loop.append(y)
        parameters = list(layer.parameters())
        ours = torch.autograd.grad((weight * layer.respond(u)).sum(), parameters)
        theirs = torch.autograd.grad((weight * torch.stack(loop, 1)).sum(), parameters)
        for a, b in zip(ours, theirs, strict=True):
            assert distance(a, b) < 1e-9, kind


def test_impossible_layers_are_refused():
    with pytest.raises(DsrError, match="order = 5"):
        DiagonalLayer(2, 5, "lin", "zoh", 0.1, 1.0, seeded())
    with pytest.raises(DsrError, match="no discretisation 'euler'"):
        DiagonalLayer(2, 4, "lin", "euler", 0.1, 1.0, seeded())
    with pytest.raises(DsrError, match=r"timescale_low = 1\.0, timescale_high = 0\.1"):
        LowRankLayer(2, 4, "legs", 1.0, 0.1, seeded())
    with pytest.raises(DsrError, match="order = 12 in blocks = 4"):
        S5Layer(2, 12, 4, "lin", "zoh", 0.1, 1.0, seeded())
    with pytest.raises(DsrError, match="alpha = 2"):
        discretise.gbt(torch.eye(2), torch.ones((2, 1)), 0.1, 2)


def test_a_compiled_step_does_not_depend_on_where_its_arrays_lie():
    """In one stretch of memory without gaps, in every order: sums that are taken in any order must not be taken in
    another one when arrays lie close together."""
    rng, H, N = np.random.default_rng(0), 32, 8
    shapes = {"memory": (H * N,), "C": (1, H, N), "u": (H,), "scratch": (N,), "y": (H,), "B": (1, H, N)}
    drawn = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    A, D, found = 0.3 * rng.normal(size=(1, H, N, N)), rng.normal(size=(1, H)), set()
    for order in permutations(shapes):
        room, at = np.empty(sum(part.size for part in drawn.values())), {}
        for name, end in zip(order, np.cumsum([drawn[name].size for name in order]), strict=True):
            at[name] = room[end - drawn[name].size : end].reshape(shapes[name])
            at[name][...] = drawn[name]
        compiled(single_input_step)((A, at["B"], at["C"], D), 0, at["memory"], at["u"], at["y"], at["scratch"])
        found.add(at["memory"].tobytes() + at["y"].tobytes())
    assert len(found) == 1
