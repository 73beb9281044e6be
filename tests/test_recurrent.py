"""Recurrent networks: the cells against torch's, the fused and compiled forms against the step, and what each cell's
mathematics promises."""

import numpy as np
import pytest
import torch

from dsr.errors import SpecError
from dsr.models import MODELS, MemoryModel, Model
from dsr.models.orbits import plain_orbit
from dsr.models.recurrent import GRU, LEM, LSTM, AntisymmetricRNN, CoRNN, DeltaProduct, Elman, OrthogonalRNN
from dsr.models.recurrent.delta_product import unit
from dsr.models.recurrent.orthogonal import cayley
from dsr.systems import get_system
from dsr.training import fit

NETWORKS = {
    "elman": lambda: Elman(3, 7, seed=1),
    "gru": lambda: GRU(3, 7, seed=1),
    "lstm": lambda: LSTM(3, 7, seed=1),
    "antisymmetric": lambda: AntisymmetricRNN(3, 7, gated=False, seed=1),
    "antisymmetric, gated": lambda: AntisymmetricRNN(3, 7, seed=1),
    "orthogonal": lambda: OrthogonalRNN(3, 7, seed=1),
    "orthogonal, modrelu": lambda: OrthogonalRNN(3, 7, "modrelu", seed=1),
    "lem": lambda: LEM(3, 7, seed=1),
    "cornn": lambda: CoRNN(3, 7, seed=1),
    "deltaproduct": lambda: DeltaProduct(3, 9, heads=2, key_dim=4, value_dim=3, reflections=2, seed=1),
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def model(request):
    return request.param().double()


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_driven_form_equals_stepping_with_full_forcing(model):
    y = normal(4, 60, 3)
    torch.testing.assert_close(model.driven(y), Model.driven(model, y), rtol=0, atol=1e-13)
    torch.testing.assert_close(model.initial(y), MemoryModel.initial(model, y), rtol=0, atol=1e-13)


def test_gradients_of_the_driven_form_equal_those_of_stepping(model):
    y = normal(2, 20, 3)
    names, weights = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(model.driven(y).square().sum(), weights)
    wanted = torch.autograd.grad(Model.driven(model, y).square().sum(), weights)
    for name, a, b in zip(names, found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10, msg=name)


def test_forward_and_backward_derivatives_of_the_step_agree(model):
    z = normal(5, model.state_dim)
    wanted = torch.func.vmap(torch.func.jacrev(model.step))(z)
    torch.testing.assert_close(model.jacobian(z), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", ["RNNCell", "GRUCell", "LSTMCell"])
def test_cells_equal_those_of_torch(cell):
    obs, hidden, n = 3, 7, 5
    with torch.random.fork_rng():
        theirs = getattr(torch.nn, cell)(obs, hidden).double()
    weights = [normal(*p.shape, seed=k) for k, p in enumerate(theirs.parameters())]
    theirs.load_state_dict(dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True)))
    ours = {"RNNCell": Elman, "GRUCell": GRU, "LSTMCell": LSTM}[cell](obs, hidden).double().cell
    V, W, b, c = weights
    values = {"V": V, "W": W, "b": b + c}
    if cell == "GRUCell":  # the bias of the candidate stands inside the reset gate
        values = {"V": V, "W": W, "b": torch.cat([(b + c)[: 2 * hidden], b[2 * hidden :]]), "d": c[2 * hidden :]}
    ours.load_state_dict(values)
    x, memory = normal(n, obs, seed=8), normal(n, ours.memory_dim, seed=9)
    found = ours.update(ours.project(x), memory)
    if cell == "LSTMCell":
        wanted = torch.cat(theirs(x, (memory[:, :hidden], memory[:, hidden:])), dim=-1)
    else:
        wanted = theirs(x, memory)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-15)


@pytest.mark.parametrize("family", [LSTM, GRU])
def test_the_compiled_orbit_equals_the_plain_one(family):
    model = family(2, 9, seed=3).double().requires_grad_(False)
    for p in model.parameters():
        p.mul_(2.0)
    z, v = normal(3, model.state_dim).numpy(), normal(3, model.state_dim, seed=1).numpy()
    compiled, plain = model.compiled_orbit(), plain_orbit(model.step, model.jvp)
    for found, wanted in zip(compiled(z, v, 45), plain(z, v, 45), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("family", [LSTM, GRU])
def test_the_compiled_orbit_says_when_it_diverges(family):
    model = family(2, 4, seed=3).double()
    with torch.no_grad():
        model.b_out.fill_(1e308)
    run = model.free_run(np.ones((1, model.state_dim)), 200)
    assert run.diverged_at[0] > 0
    assert np.isnan(run.states[0, run.diverged_at[0] :]).all()


def test_the_orthogonal_matrix_is_a_rotation():
    Q = cayley(3 * normal(9, 9))
    torch.testing.assert_close(Q @ Q.T, torch.eye(9, dtype=torch.float64), rtol=0, atol=1e-13)
    torch.testing.assert_close(torch.linalg.det(Q), torch.ones((), dtype=torch.float64))


def test_modrelu_without_bias_keeps_the_length_of_the_memory():
    cell = OrthogonalRNN(3, 7, "modrelu").double().cell
    with torch.no_grad():
        cell.b.zero_()
    memory = normal(5, 7)
    turned = cell.update(torch.zeros(5, 7, dtype=torch.float64), memory)
    torch.testing.assert_close(turned.norm(dim=1), memory.norm(dim=1))


def test_a_small_antisymmetric_memory_turns_and_fades_by_friction_alone():
    """For small h, dh = step ((W - W^T) h - friction h): the length changes by friction to first order in the step."""
    step, friction = 1e-4, 0.7
    cell = AntisymmetricRNN(3, 7, step, friction, gated=False).double().cell
    memory = 1e-6 * normal(5, 7)
    moved = cell.update(torch.zeros(5, 7, dtype=torch.float64), memory)
    rate = (moved.norm(dim=1) / memory.norm(dim=1)).log() / step
    torch.testing.assert_close(rate, torch.full((5,), -friction, dtype=torch.float64), rtol=2e-3, atol=0)


def test_free_oscillators_have_the_frequency_and_damping_of_their_equation():
    """y'' = -stiffness y - damping y': eigenvalues -damping/2 +- i sqrt(stiffness - damping^2/4), to first order."""
    step, stiffness, damping = 1e-3, 2.0, 0.6
    cell = CoRNN(3, 1, step, stiffness, damping).double().cell
    with torch.no_grad():
        cell.W.zero_()
    J = torch.func.jacrev(lambda m: cell.update(torch.zeros(1, dtype=torch.float64), m))(
        torch.zeros(2, dtype=torch.float64)
    )
    rates = torch.linalg.eigvals(J.detach()).log() / step
    wanted = complex(-damping / 2, (stiffness - damping**2 / 4) ** 0.5)
    assert min(abs(complex(r) - wanted) for r in rates) < 2e-3


def test_oscillators_that_would_grow_are_refused_exactly_at_the_border():
    """The linear part of a coRNN grows where step^2 stiffness + 2 step damping exceeds 4."""
    for damping, grows in ((1.69, False), (1.71, True)):
        step, stiffness = 1.0, 0.6
        linear = torch.tensor(
            [[1 - step**2 * stiffness, step * (1 - step * damping)], [-step * stiffness, 1 - step * damping]]
        )
        assert bool((torch.linalg.eigvals(linear).abs() > 1).any()) == grows
        if grows:
            with pytest.raises(SpecError, match="grow"):
                CoRNN(3, 7, step, stiffness, damping)
        else:
            CoRNN(3, 7, step, stiffness, damping)


def test_a_closed_unit_of_lem_keeps_its_memory_and_an_open_one_forgets_it():
    cell = LEM(3, 2).double().cell
    with torch.no_grad():
        for p in (cell.V, cell.W, cell.U, cell.b):
            p.zero_()
        # time steps of q and then of y: unit 0 keeps q and unit 1 keeps y, the others go to tanh(0) at once
        cell.b[:4] = torch.tensor([-50.0, 50.0, 50.0, -50.0])
    memory = normal(1, 4)  # (y, q)
    after = cell.update(cell.project(torch.zeros(1, 3, dtype=torch.float64)), memory)
    torch.testing.assert_close(after, memory * torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64))


def test_delta_product_is_linear_in_its_memory_with_the_product_of_reflections_as_transition():
    """S' = a (I - beta_2 k_2 k_2^T)(I - beta_1 k_1 k_1^T) S + (terms of the input), and never longer than S."""
    cell = DeltaProduct(3, 9, heads=1, key_dim=4, value_dim=1, reflections=2, seed=2).double().cell
    projected = cell.project(3 * normal(1, 3))
    memory = normal(6, 4)
    transition = torch.func.jacrev(lambda m: cell.update(projected[0], m))(memory[0])
    zero = cell.update(projected[0], torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(cell.update(projected.expand(6, -1), memory), memory @ transition.T + zero)
    keys, _, strengths, _, _, decay = cell._split(projected[0])
    keys, strengths = unit(torch.nn.functional.silu(keys[0].unflatten(-1, (2, 4)))), 2 * torch.sigmoid(strengths[0])
    first, second = (torch.eye(4).double() - b * torch.outer(k, k) for k, b in zip(keys, strengths, strict=True))
    torch.testing.assert_close(transition, torch.sigmoid(decay[0]) * second @ first)


def test_a_reflection_can_have_a_negative_eigenvalue():
    cell = DeltaProduct(1, 1, heads=1, key_dim=2, value_dim=1, reflections=1).double().cell
    with torch.no_grad():
        for p in cell.parameters():
            p.zero_()
        cell.c[: 2 + 1 + 1] = torch.tensor([5.0, 0.0, 0.0, 50.0])  # key along the first row, value 0, beta = 2
        cell.c[-1] = 50.0  # no decay
    memory = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    after = cell.update(cell.project(torch.zeros(1, 1, dtype=torch.float64)), memory)
    torch.testing.assert_close(after, torch.tensor([[-1.0, 1.0]], dtype=torch.float64), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "antisymmetric", "orthogonal", "lem", "cornn"])
def test_a_network_without_units_is_refused(name):
    with pytest.raises(SpecError, match="hidden_dim = 0"):
        MODELS.build(name, {"hidden_dim": 0}).build(3, 0)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_dropout_is_refused(name):
    with pytest.raises(SpecError, match="dropout"):
        MODELS.build(name, {"dropout": 0.1})


def test_a_trained_lstm_has_the_largest_exponent_of_lorenz63():
    train = get_system("lorenz63").simulate(5000, 0.01, transient=20.0, seed=0)
    model = LSTM(3, 16, seed=0)
    fit(model, train, steps=1000)
    rows = np.linspace(model.min_context, len(train) - 1, 8).astype(int)
    z = model.initial_state(np.stack([train.values[r - model.min_context : r] for r in rows])).double().numpy()
    orbit = model.orbit()
    states, v, _ = orbit(z, normal(*z.shape).numpy(), 300)
    _, _, growth = orbit(states[:, -1], v, 5000)
    assert growth.mean() / 50.0 == pytest.approx(0.906, abs=0.12)
