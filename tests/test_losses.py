"""Extra losses: what they are zero for, what they see, and that training with them does what they ask for."""

import numpy as np
import pytest
import torch

from dsr.errors import SpecError
from dsr.models import GRU, NeuralODE, ShallowPLRNN
from dsr.systems import get_system
from dsr.training import FullForcing, fit
from dsr.training.losses import Dissipativity, JacobianMatching, MeasureMatching

LORENZ = get_system("lorenz63")
SERIES = LORENZ.simulate(2000, 0.01, transient=30.0, seed=0)
Y = (SERIES.values - SERIES.values.mean(0)) / SERIES.values.std(0)


class TrueLorenz(ShallowPLRNN):
    """A model whose step is the system's own, and whose Jacobian is that of the flow map."""

    def step(self, z):
        return torch.from_numpy(self.advanced(z)[0])

    def jacobian(self, z):
        scale = self.data_std
        return torch.from_numpy(self.advanced(z)[1]) * scale / scale[:, None]

    def advanced(self, z):
        x = (self.data_mean + self.data_std * z).detach().numpy()
        after, tangent = LORENZ.tangent_map(0.01)(x, np.tile(np.eye(3), (len(x), 1, 1)))
        return (after - self.data_mean.numpy()) / self.data_std.numpy(), tangent


def with_units(model):
    """The model in double precision with the units of the series."""
    model.double().data_mean.copy_(torch.tensor(SERIES.values.mean(0)))
    model.data_std.copy_(torch.tensor(SERIES.values.std(0)))
    model.dt.fill_(SERIES.dt)
    return model


def windows(batch, length, seed=0):
    rows = np.random.default_rng(seed).integers(0, len(Y) - length, size=batch)
    return torch.from_numpy(np.stack([Y[row : row + length] for row in rows]))


def test_the_discrepancy_of_equal_samples_is_zero_and_of_others_is_not():
    loss, w, model = MeasureMatching(), windows(200, 6), NeuralODE(3)
    same = w[torch.randperm(200, generator=torch.Generator().manual_seed(1)), 1:]  # in any order
    assert abs(float(loss(model, w, same))) < 1e-12
    found = [float(loss(model, w, w[:, 1:] + shift)) for shift in (0.05, 0.2, 1.0)]
    assert 0 < found[0] < found[1] < found[2]
    other = float(loss(model, w, windows(200, 6, seed=5)[:, 1:]))  # of the same measure: the error of sampling
    assert 0 < other < 0.2 * found[2]


def test_the_discrepancy_is_that_of_the_kernel_summed_by_hand():
    w = torch.tensor([[[0.0], [0.0]], [[0.0], [2.0]]], dtype=torch.float64)
    predictions = torch.tensor([[[1.0]], [[1.0]]], dtype=torch.float64)
    k = lambda d: 0.25 / (0.25 + d * d)  # noqa: E731
    expected = 3 * (1.0 + (1 + k(2)) / 2 - 2 * k(1))
    assert float(MeasureMatching(3.0, scales=(0.5,))(NeuralODE(1), w, predictions)) == pytest.approx(expected)


def test_only_the_last_rows_of_a_window_are_compared():
    w, loss = windows(50, 6), MeasureMatching(last=2)
    early, late = w[:, 1:].clone(), w[:, 1:].clone()
    early[:, :-2] += 1.0
    late[:, -2] += 1.0
    assert float(loss(NeuralODE(3), w, early)) == pytest.approx(0.0, abs=1e-12)
    assert float(loss(NeuralODE(3), w, late)) > 0.1


def test_jacobians_of_the_true_field_and_of_the_true_map_match():
    """The step of a model without a field is compared with the field by a rule whose error is of order dt^3."""
    w, model = windows(30, 3), with_units(TrueLorenz(3))
    right, wrong = (
        float(JacobianMatching(lambda x, c=c: c * LORENZ.jacobian(x))(model, w, w[:, 1:])) for c in (1.0, 1.02)
    )
    assert right < 1e-7 and wrong > 5 * right
    of_step = JacobianMatching(
        lambda x: LORENZ.tangent_map(0.01)(x, np.tile(np.eye(3), (len(x), 1, 1)))[1], of="step", rows=7
    )
    assert float(of_step(model, w, w[:, 1:])) < 1e-20


def test_a_model_with_a_field_is_compared_by_its_field():
    model, w = with_units(NeuralODE(3)), windows(10, 3)
    with torch.no_grad():
        found = model.field_jacobian(w[:4, 0]).numpy()
    scale = SERIES.values.std(0)
    loss = JacobianMatching(lambda x: found * scale[:, None] / scale, rows=4)
    assert float(loss(model, w, w[:, 1:])) < 1e-20


def test_training_with_jacobians_finds_those_of_the_system():
    """At equal training the error of the field's Jacobian is less than a third."""
    errors = []
    for losses in ((), (JacobianMatching(LORENZ.jacobian, rows=0),)):
        model = NeuralODE(3, hidden_dim=16, seed=0)
        fit(model, SERIES, forcing=FullForcing(), steps=1000, batch_size=32, window=1, losses=losses)
        test = torch.tensor(Y[::20])
        with torch.no_grad():
            found = model.in_float64().field_jacobian(test)
        x, scale = SERIES.values[::20], SERIES.values.std(0)
        true = LORENZ.jacobian(x) * scale / scale[:, None]
        errors.append(np.sqrt(np.mean((found.numpy() - true) ** 2)))
    assert errors[1] < errors[0] / 3


def test_far_states_that_move_outwards_are_penalised_and_learn_to_return():
    model, w = with_units(NeuralODE(3, field="linear+mlp", hidden_dim=4)), windows(4, 3)
    loss = Dissipativity(radius=4.0)
    with torch.no_grad():
        model.field.W2.zero_(), model.field.W3.zero_(), model.field.b3.zero_()
        for rate, expected in ((-0.1, 0.0), (0.1, np.expm1(0.1) ** 2)):
            model.field.A.copy_(rate * torch.eye(3))
            assert float(loss(model, w, w[:, 1:])) == pytest.approx(expected, rel=1e-4)
    gradient = torch.autograd.grad(loss(model, w, w[:, 1:]), model.field.A)[0]
    assert (gradient.diagonal() > 0).all()  # descent lowers the growth


def test_losses_serve_models_with_memory():
    model, w = GRU(3), windows(4, 6).float()
    for loss in (MeasureMatching(), Dissipativity()):
        assert torch.isfinite(loss(model, w, w[:, 1:]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MeasureMatching(weight=-1.0), "weight = -1"),
        (lambda: MeasureMatching(scales=()), "scales"),
        (lambda: MeasureMatching(last=0), "last = 0"),
        (lambda: JacobianMatching(LORENZ.jacobian, of="map"), "field or step"),
        (lambda: Dissipativity(radius=0.0), "radius = 0"),
        (lambda: JacobianMatching(LORENZ.jacobian)(NeuralODE(3, 5), windows(2, 2), windows(2, 2)), "5 states"),
    ],
)
def test_losses_that_make_no_sense_are_refused(call, message):
    with pytest.raises(SpecError, match=message):
        call()
