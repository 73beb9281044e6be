"""The contract of `Model`, for every registered family: adding one adds it here."""

import dataclasses
import functools
import inspect
import re

import numpy as np
import pytest
import torch

from dsr.errors import DataError, DsrError, NoTangentError
from dsr.models import MODELS, Model
from dsr.models.orbits import plain_orbit
from dsr.registry import from_options
from dsr.runs.resolve import RunTraining
from dsr.runs.weights import load_model, save_model
from dsr.systems import get_system
from dsr.training import FORCINGS

SERIES = get_system("lorenz63").simulate(1200, 0.02, transient=50.0, seed=0)
STANDARD = (SERIES.values - SERIES.values.mean(0)) / SERIES.values.std(0)
# where the family's own size would only cost time
SMALL = {"esn": {"units": 60}, "parallel_esn": {"units": 40}}


@functools.cache
def fitted(name, seed=1):
    """A small model in double precision with generic weights, or solved where it is solved."""
    model = MODELS.build(name, SMALL.get(name, {})).build(3, seed).double()
    model.data_mean.copy_(torch.from_numpy(SERIES.values.mean(0)))
    model.data_std.copy_(torch.from_numpy(SERIES.values.std(0)))
    model.dt.fill_(SERIES.dt)
    if model.closed_form:
        model.solve([STANDARD], np.random.default_rng(seed))
    else:
        rng = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.05 * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    return model


def states(model, count=4):
    """States that the model can be in, from contexts of the data, with the borders of linear regions avoided."""
    need = model.min_context
    rows = np.linspace(need, len(SERIES), count).astype(int)
    z = model.initial_state(np.stack([SERIES.values[row - need : row] for row in rows]))
    rng = torch.Generator().manual_seed(9)
    return z + 1e-3 * torch.randn(z.shape, generator=rng, dtype=z.dtype)


def tangents(model, z, k=3):
    rng = torch.Generator().manual_seed(7)
    return torch.randn((*z.shape, k), generator=rng, dtype=z.dtype)


@pytest.fixture(params=list(MODELS))
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return fitted(name)


def differentiable(model):
    try:
        model.tangent_map()(np.zeros((1, model.state_dim)), np.zeros((1, model.state_dim, 1)))
    except NoTangentError:
        return False
    return True


def test_a_batch_is_its_rows(model):
    z = states(model)
    with torch.no_grad():
        whole, rows = model.step(z), torch.cat([model.step(row[None]) for row in z])
        assert whole.shape == z.shape and whole.dtype == torch.float64
        torch.testing.assert_close(whole, rows, rtol=1e-12, atol=1e-12)
        assert model.decode(z).shape == (len(z), 3)
        torch.testing.assert_close(model.observe(z), model.data_mean + model.data_std * model.decode(z))


def test_a_step_changes_neither_its_argument_nor_the_model(model):
    z = states(model)
    before, weights = z.clone(), {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        first, second = model.step(z), model.step(z)
    assert torch.equal(z, before) and torch.equal(first, second)
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())


def test_the_jacobian_is_the_derivative_of_the_step(model):
    if not differentiable(model):
        pytest.skip("no tangent dynamics")
    z, eps = states(model), 1e-5
    v = tangents(model, z)
    with torch.no_grad():
        moved = [(model.step(z + eps * v[..., i]) - model.step(z - eps * v[..., i])) / (2 * eps) for i in range(3)]
        jvp = model.jvp(z, v)
        torch.testing.assert_close(jvp, torch.stack(moved, -1), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(model.jacobian(z) @ v, jvp, rtol=1e-10, atol=1e-10)


def test_tangents_of_the_driven_model_are_its_derivative(model):
    if not differentiable(model):
        pytest.skip("no tangent dynamics")
    z, eps, x = states(model), 1e-5, torch.tensor(SERIES.values[50:54])
    v = tangents(model, z)
    after, moved = model.driven_tangent_map()(z.detach().numpy(), v.numpy(), x.numpy())
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(after), model.drive(z, x))
        there, back = ([model.drive(z + s * eps * v[..., i], x) for i in range(3)] for s in (1, -1))
        differences = [(a - b) / (2 * eps) for a, b in zip(there, back, strict=True)]
    torch.testing.assert_close(torch.from_numpy(moved), torch.stack(differences, -1), rtol=1e-5, atol=1e-6)


def test_the_driven_model_is_teacher_forced_training(model):
    """The parallel form, where there is one, equals stepping and forcing to rounding."""
    y = torch.from_numpy(np.stack([STANDARD[:60], STANDARD[300:360]]))
    weak = torch.linspace(0.0, 0.3, 59, dtype=torch.float64)
    with torch.no_grad():
        driven, stepped = model.driven(y), Model.forced(model, y, torch.ones(59))
        forced, pulled = model.forced(y, weak), Model.forced(model, y, weak)
    assert driven.shape == (2, 59, 3)
    torch.testing.assert_close(driven, stepped, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(forced, pulled, rtol=1e-10, atol=1e-10)


def test_a_free_run_is_finite_or_says_where_it_ended(model):
    z = states(model, 3).detach().numpy()
    z[2] *= 1e3
    run = model.free_run(z, 200)
    assert run.observations.shape == (3, 200, 3) and run.states.shape == (3, 200, model.state_dim)
    for row, lost in enumerate(run.diverged_at):
        kept = 200 if lost < 0 else int(lost)
        assert np.isfinite(run.observations[row, :kept]).all() and np.isnan(run.states[row, kept:]).all()


def test_a_compiled_orbit_is_the_plain_one(model):
    compiled = model.compiled_orbit()
    if compiled is None:
        pytest.skip("no compiled orbit")
    z = states(model).detach().numpy()
    v = tangents(model, states(model), 1)[..., 0].numpy()[: len(z) if differentiable(model) else 0]
    ours, theirs = compiled(z, v, 20), plain_orbit(model.step, model.jvp)(z, v, 20)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def test_a_file_gives_the_same_bytes_back(model, tmp_path):
    again = load_model(save_model(model, tmp_path / "model.safetensors"))
    ours, theirs = model.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
    z = states(model)
    assert torch.equal(z, states(again)) and torch.equal(model.step(z), again.step(z))


def test_one_seed_makes_one_model_and_leaves_other_random_numbers_alone(name):
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    fitted.__wrapped__(name, 1)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002
    ours, theirs = fitted(name).state_dict(), fitted.__wrapped__(name, 1).state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_training_and_free_run_have_no_layer_that_behaves_differently(model):
    for module in model.modules():
        assert not isinstance(module, torch.nn.modules.batchnorm._NormBase | torch.nn.modules.dropout._DropoutNd)
    z = states(model)
    assert torch.equal(model.train().step(z), model.eval().step(z))


def test_single_precision_turns_into_double_for_free_runs(name):
    model = fitted.__wrapped__(name, 1).float()
    z = states(model)
    assert model.step(z).dtype == torch.float32
    assert model.free_run(z.detach().numpy(), 3).observations.dtype == np.float64


def test_the_configuration_is_described(name):
    config = MODELS[name]
    model = fitted(name)
    assert config.equations and config.when_to_use and config.references
    stored = {*model.state_dict()}
    for symbol in config.symbols:
        assert any(re.fullmatch(rf"(.*\.)?{re.escape(symbol)}(\..*)?", key) for key in stored), symbol
    signature = inspect.signature(config.family.__init__).parameters
    keywords = {f.name: f.default for f in dataclasses.fields(config)}
    assert [*signature] == ["self", "obs_dim", *keywords, "seed"]
    assert {key: signature[key].default for key in keywords} == keywords
    for text in (config.__doc__, config.family.__doc__):
        assert text and not text.startswith(config.__name__ + "("), "a docstring of its own"
    for f in dataclasses.fields(config):
        assert f.metadata["help"], f.name


def test_what_is_recommended_exists(name):
    config = MODELS[name]
    from_options(RunTraining, dict(config.recommended_training), where="recommended")
    assert config.recommended_forcing in FORCINGS
    fields = {f.name for f in dataclasses.fields(config)}
    assert set(config.search_space) <= fields


def test_a_context_that_is_too_short_is_refused(model):
    with pytest.raises(DsrError, match="context of shape"):
        model.initial_state(np.zeros((1, model.min_context - 1, 3)))


def test_states_of_another_width_are_refused_wherever_they_are_taken(model):
    """Observations in place of states are the natural slip; a compiled loop would read past their end."""
    dim, y = model.state_dim, np.zeros((2, 3))
    right, frame = np.zeros((2, dim)), np.zeros((2, dim, 1))
    tangent, driven = model.tangent_map(), model.driven_tangent_map()
    orbits = [found for found in (model.orbit(), model.compiled_orbit()) if found is not None]
    follow = [tangent, lambda z, q: driven(z, q, y)]
    if tangent.stretch is not None:
        follow.append(lambda z, q: tangent.stretch(z, q, 2, 2))

    def refused(call, *arrays):
        with pytest.raises(DataError, match="accepted: "):
            call(*arrays)

    for width in {1, 3, dim - 1, dim + 1, 2 * dim} - {0, dim}:
        z, q = np.zeros((2, width)), np.zeros((2, width, 1))
        refused(model.free_run, z, 5)
        refused(model.observe, torch.from_numpy(z))
        refused(model.force, torch.from_numpy(z), torch.from_numpy(y), 0.5)
        for orbit in orbits:
            refused(orbit, z, z[:0], 5)
            refused(orbit, right, z, 5)
        for call in follow:
            for arrays in ((z, q), (z, frame), (right, q)):
                refused(call, *arrays)
        # what torch cannot broadcast is refused in its own words
        for call, further in ((model.step, ()), (model.jacobian, ()), (model.jvp, (torch.from_numpy(frame),))):
            with pytest.raises((DsrError, RuntimeError)):
                call(torch.from_numpy(z), *further)
    refused(driven, right, frame, np.zeros((2, 4)))
    refused(driven, right, frame, y[0])
