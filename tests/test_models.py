"""Models: analytic Jacobians, exact linear regions, and the published AL-RNN orbit."""

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import (
    ALRNN,
    MODELS,
    DendriticPLRNN,
    EchoStateNetwork,
    MeanCentredPLRNN,
    ParallelReservoirs,
    ShallowPLRNN,
    VanillaPLRNN,
)
from dsr.series import TimeSeries
from dsr.training import fit

CASES = {
    "alrnn": lambda: ALRNN(3, 7, 2, seed=1),
    "alrnn, no relu": lambda: ALRNN(3, 5, 0, seed=1),
    "alrnn, all relu": lambda: ALRNN(3, 5, 5, seed=1),
    "alrnn, affine": lambda: ALRNN(4, 3, 2, "affine", seed=1),
    "shplrnn": lambda: ShallowPLRNN(3, hidden_dim=11, seed=2),
    "shplrnn, M > N": lambda: ShallowPLRNN(3, 6, 11, seed=2),
    "clipped": lambda: ShallowPLRNN(3, hidden_dim=11, clipped=True, seed=2),
    "clipped, affine": lambda: ShallowPLRNN(5, 3, 11, True, "affine", seed=2),
    "bounded": lambda: ShallowPLRNN(3, 4, 11, True, bounded=True, seed=2),
    "plrnn": lambda: VanillaPLRNN(3, 3, seed=3),
    "plrnn, M > N": lambda: VanillaPLRNN(2, 6, seed=3),
    "plrnn, N > M": lambda: VanillaPLRNN(5, 3, "affine", seed=3),
    "mcplrnn": lambda: MeanCentredPLRNN(3, 3, seed=4),
    "mcplrnn, M > N": lambda: MeanCentredPLRNN(2, 6, seed=4),
    "mcplrnn, N > M": lambda: MeanCentredPLRNN(5, 3, "affine", seed=4),
    "dendplrnn": lambda: DendriticPLRNN(3, 3, 7, seed=5),
    "dendplrnn, M > N": lambda: DendriticPLRNN(2, 5, 7, seed=5),
    "clipped dendritic": lambda: DendriticPLRNN(3, 4, 7, True, seed=6),
    "bounded dendritic, N > M": lambda: DendriticPLRNN(5, 3, 7, True, "affine", bounded=True, seed=6),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def model(request):
    model = request.param().double()
    rng = torch.Generator().manual_seed(5)
    with torch.no_grad():  # generic weights: the initial ones have h = 0
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    return model


def states(model, n=20):
    return torch.randn((n, model.state_dim), generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def test_analytic_jacobian_equals_automatic_differentiation(model):
    z = states(model)
    automatic = torch.func.vmap(torch.func.jacrev(model.step))(z)
    torch.testing.assert_close(model.jacobian(z), automatic, rtol=1e-12, atol=1e-12)


def test_the_step_is_the_affine_map_of_its_region(model):
    z = states(model)
    matrix, offset = model.affine(model.bits(z))
    torch.testing.assert_close((matrix @ z[..., None])[..., 0] + offset, model.step(z), rtol=1e-12, atol=1e-12)


def test_a_fixed_point_of_a_region_is_one_of_the_step(model):
    """A bias is chosen that puts one at a generic state; solving (I - J) z = c in the region then finds it."""
    place = states(model, 1)
    with torch.no_grad():
        bias = model.h1 if isinstance(model, ShallowPLRNN) else model.h
        bias += (place - model.step(place))[0]
        matrix, offset = model.affine(model.bits(place))
        found = torch.linalg.solve(torch.eye(model.state_dim, dtype=place.dtype) - matrix, offset)
        assert torch.equal(model.bits(found), model.bits(place))
        torch.testing.assert_close(found, place, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(model.step(found), found, rtol=1e-9, atol=1e-9)


def test_a_unit_at_zero_is_off():
    """As in the published code; fixed points on a border depend on it."""
    zero = torch.zeros((1, 3), dtype=torch.float64)
    for model in (ALRNN(1, 3, 2), VanillaPLRNN(1, 3), MeanCentredPLRNN(1, 3), ShallowPLRNN(1, 3)):
        assert not model.double().bits(zero).any()
    model = DendriticPLRNN(1, 3, 2, clipped=True).double()
    with torch.no_grad():
        model.H.zero_()
    assert model.bits(zero).shape == (1, 9) and not model.bits(zero).any()


def test_full_forcing_reproduces_the_observation(model):
    """encode is a right inverse of decode where M >= N, and a least-squares one where M < N."""
    x = torch.randn((6, model.obs_dim), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    z = model.force(states(model, 6), x, 1.0)
    if model.state_dim >= model.obs_dim:
        torch.testing.assert_close(model.observe(z), x)
    else:
        residual = model.decode(z) - model.standardise(x)
        assert (residual @ model.observation.matrix).abs().max() < 1e-10


def test_forcing_interpolates_with_one_meaning_of_alpha(model):
    z, x = states(model, 4), torch.zeros((4, model.obs_dim), dtype=torch.float64)
    full, none, half = (model.force(z, x, a) for a in (1.0, 0.0, 0.5))
    torch.testing.assert_close(none, z)
    torch.testing.assert_close(half, (full + z) / 2)


def test_standardisation_travels_with_the_model():
    model = ShallowPLRNN(2, hidden_dim=4).double()
    model.data_mean.copy_(torch.tensor([10.0, -3.0]))
    model.data_std.copy_(torch.tensor([2.0, 5.0]))
    x = np.array([[[12.0, 2.0]]])
    z = model.initial_state(x)
    torch.testing.assert_close(z, torch.ones((1, 2), dtype=torch.float64))
    torch.testing.assert_close(model.observe(z), torch.tensor([[12.0, 2.0]], dtype=torch.float64))


def test_a_large_offset_is_no_loss_of_precision():
    """Air pressure in Pa, of millipascal variation: single precision has steps of 8 mPa there."""
    model = ShallowPLRNN(1, hidden_dim=4)
    model.data_mean.fill_(101_325.0)
    model.data_std.fill_(1e-3)
    x = np.array([[[101_325.0007]]])
    z = model.initial_state(x)
    assert z.dtype == torch.float32
    assert float(z[0, 0]) == pytest.approx(0.7, abs=1e-6)
    assert float(model.observe(z)[0, 0]) == pytest.approx(x[0, 0, 0], abs=1e-9)


def test_published_alrnn_weights_reproduce_the_orbit(shared_data):
    data = np.load(shared_data / "alrnn_lorenz63_m20_p2.npz", allow_pickle=False)
    model = ALRNN.from_weights(*(torch.from_numpy(data[k]) for k in ("A", "W", "h", "B")), relu_units=2)
    z0 = model.initial_state(data["x0"][None, None])
    run = model.free_run(z0, 200)
    assert run.diverged_at.tolist() == [-1]
    np.testing.assert_allclose(z0.detach().numpy()[0], data["orbit_first_200"][0], atol=1e-6)
    np.testing.assert_allclose(run.states[0], data["orbit_first_200"][1:], atol=1e-6)


def test_a_pull_by_alpha_goes_that_share_of_the_way_to_the_data():
    model = CASES["alrnn"]().double()
    z, y = torch.arange(7.0).double(), torch.tensor([10.0, -10.0, 5.0]).double()
    expected = torch.cat([0.75 * z[:3] + 0.25 * y, z[3:]])
    torch.testing.assert_close(model.pull(z, y, 0.25), expected)


def test_a_diverging_run_says_when():
    model = ALRNN(1, 1, 0).double()
    with torch.no_grad():
        model.A.fill_(10.0)
        model.W.zero_()
    run = model.free_run(np.array([[1.0], [0.0]]), 2000)
    assert run.diverged_at.tolist() == [308, -1]  # 10^309 overflows a double
    assert np.isfinite(run.states[0, :308]).all() and np.isnan(run.states[0, 308:]).all()
    assert (run.states[1] == 0).all()


def test_tangent_map_follows_a_small_perturbation():
    model = ShallowPLRNN(3, hidden_dim=20, seed=4).double()
    z, v, eps = states(model, 5).numpy(), np.random.default_rng(0).normal(size=(5, 3, 1)), 1e-7
    moved, stretched = model.tangent_map()(z, v)
    shifted = model.tangent_map()(z + eps * v[..., 0], v)[0]
    np.testing.assert_allclose((shifted - moved) / eps, stretched[..., 0], atol=1e-5)


@pytest.mark.parametrize("name", list(MODELS))
def test_every_registered_model_is_reproducible_from_its_seed(name):
    config = MODELS.build(name, {})
    a, b, c = (config.build(3, seed) for seed in (0, 0, 1))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    if not config.family.closed_form:  # those start without random weights, or at zero
        assert any(not torch.equal(p, r) for p, r in zip(a.parameters(), c.parameters(), strict=True))


def test_impossible_sizes_are_refused():
    for make, message in (
        (lambda: ALRNN(obs_dim="3"), "obs_dim = '3'; accepted: an integer"),
        (lambda: ALRNN(obs_dim=0), "obs_dim = 0; accepted: 1 or more"),
        (lambda: VanillaPLRNN(3, 4.5), "latent_dim = 4.5"),
        (lambda: ALRNN(3, seed=None), "seed = None"),
    ):
        with pytest.raises(DsrError, match=message):
            make()
    assert ALRNN(np.int64(3)).obs_dim == 3
    with pytest.raises(DsrError, match="relu_units = 9"):
        ALRNN(3, 5, 9)
    with pytest.raises(DsrError, match="observation = 'affine'"):
        ShallowPLRNN(3, 2)
    with pytest.raises(DsrError, match="did you mean 'affine'"):
        ALRNN(3, 5, 2, "afine")
    with pytest.raises(DsrError, match="latent_dim = 0"):
        VanillaPLRNN(1, 0)
    with pytest.raises(DsrError, match="2 or more"):
        MeanCentredPLRNN(1, 1)
    with pytest.raises(DsrError, match="bases = 0"):
        DendriticPLRNN(1, 2, 0)
    with pytest.raises(DsrError, match="context of shape"):
        ALRNN(3).initial_state(np.zeros((1, 1, 2)))


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
@pytest.mark.parametrize("family", [ShallowPLRNN, EchoStateNetwork, ParallelReservoirs])
def test_a_seed_out_of_range_is_refused(family, seed):
    with pytest.raises(DsrError, match=rf"seed = {seed}; accepted: an integer from 0, below 2\^63"):
        family(3, seed=seed)
    with pytest.raises(DsrError, match=f"seed = {seed}"):
        ShallowPLRNN(3).add_inputs(1, seed=seed)


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name].family.closed_form])
def test_under_another_default_precision_all_weights_are_of_it(name):
    """And a step of training works: with weights of two precisions, products fail and compiled code misreads them."""
    rows = TimeSeries(np.random.default_rng(0).standard_normal((300, 3)), 0.1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        model = MODELS.build(name, {}).build(3, 0)
        assert {p.dtype for p in model.parameters()} == {torch.float64}
        history = fit(model, rows, steps=1, batch_size=2)
    finally:
        torch.set_default_dtype(before)
    assert np.isfinite(history.loss).all()
    assert {p.dtype for p in MODELS.build(name, {}).build(3, 0).parameters()} == {torch.float32}


def driven_by_inputs():
    """z' = z / 2 + C s of one column, in units of data and inputs that differ from the standardised ones."""
    model = ALRNN(1, 1, 0).double().add_inputs(1)
    with torch.no_grad():
        for name, value in (("A", 0.5), ("W", 0.0), ("input_matrix", 2.0), ("data_mean", 10.0), ("data_std", 4.0)):
            getattr(model, name).fill_(value)
        model.input_mean.fill_(1.0)
        model.input_std.fill_(3.0)
    return model


def test_a_prediction_counts_the_inputs_of_the_predicted_row():
    model, x, s = driven_by_inputs(), np.array([[[9.0], [14.0]], [[9.0], [10.0]]]), np.array([[4.0], [-2.0]])
    expected = 10.0 + 4.0 * np.array([[0.5 * 1.0 + 2.0 * 1.0], [2.0 * -1.0]])
    np.testing.assert_allclose(model.predict_next(x, s), expected, rtol=1e-12)
    run = model.free_run(model.initial_state(x), 1, s[:, None])
    np.testing.assert_array_equal(model.predict_next(x, s), run.observations[:, 0])
    for inputs in (None, s[0], s[:1], s[:, None]):
        with pytest.raises(DsrError, match=r"for a model with 1; accepted: an array of shape \(2, 1\)"):
            model.predict_next(x, inputs)
    with pytest.raises(DsrError, match="for a model with 0; accepted: no inputs"):
        ALRNN(1).predict_next(x, s)
    with pytest.raises(DsrError, match=r"an array of shape \(2, 5, 1\)"):
        model.free_run(np.zeros((2, 1)), 5, s)


def test_a_model_with_inputs_is_not_driven_without_them():
    model = driven_by_inputs()
    z = torch.zeros((1, 1), dtype=torch.float64)
    for call in (model.driven_tangent_map, lambda: model.drive(z, z)):
        with pytest.raises(DsrError, match="1 external inputs, driven by data without them"):
            call()
