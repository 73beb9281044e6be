"""What a fit is given: what nothing would come of is refused, and a refused call leaves the model as it was."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from test_fit import QUICK, TRAIN, VALIDATION

from dsr.errors import DataError, DsrError, SpecError
from dsr.models import ALRNN, LSTM, MODELS, EchoStateNetwork, NeuralODE, ShallowPLRNN
from dsr.series import TimeSeries
from dsr.training import FreeRunScore, GeneralizedForcing, MeasureMatching, NoForcing, fit

CLOSED = ("sindy", "esn", "parallel_esn", "ngrc", "var", "dmd", "edmd", "parroting", "persistence", "climatology")
SHORT = {"forcing": NoForcing(), "steps": 100, "window": 4, "batch_size": 4}


def shallow(seed=0, **more):
    return ShallowPLRNN(2, **{"hidden_dim": 5, "seed": seed, **more})


def solved(name):
    options = {"esn": {"units": 60}, "sindy": {"threshold": 0.01, "window": 16}}
    return MODELS.build(name, options.get(name, {})).build(2, 0)


def state_of(model):
    return {name: t.clone() for name, t in model.state_dict().items()}


def unchanged(model, before):
    after = model.state_dict()
    return after.keys() == before.keys() and all(torch.equal(after[name], t) for name, t in before.items())


@pytest.mark.parametrize(
    ("model", "other", "name"),
    [
        (ALRNN(2, 6, 2), ALRNN(2, 6, 5), "relu_units"),
        (ALRNN(2, 6, 2), ALRNN(2, 8, 2), "latent_dim"),
        (shallow(), shallow(clipped=True), "clipped"),
        (shallow(), ShallowPLRNN(3, hidden_dim=5), "obs_dim"),
        (shallow(), ALRNN(2, 6, 2), "class"),
        (shallow(), shallow().double(), "precision of the weights"),
        (shallow().double(), shallow(), "precision of the weights"),
        (shallow(), shallow().add_inputs(1), "number of inputs"),
        (EchoStateNetwork(2, units=60), EchoStateNetwork(2, units=60, leak=0.3), "leak"),
        (EchoStateNetwork(2, units=60), EchoStateNetwork(2, units=70), "units"),
    ],
)
def test_restarts_of_another_configuration_are_refused(model, other, name):
    more = {} if model.closed_form else {**QUICK, "steps": 100}
    with pytest.raises(SpecError, match=rf"differs from the model in its {name}; accepted.*another seed"):
        fit(model, TRAIN, restarts=[other], **more)


def test_equal_arguments_of_another_number_type_are_one_configuration():
    other = ShallowPLRNN(2, hidden_dim=np.int64(5), seed=1)
    assert len(fit(shallow(), TRAIN, restarts=[other], **SHORT).members) == 2
    with pytest.raises(SpecError, match="type ShallowPLRNN as restarts; accepted: a list of models"):
        fit(shallow(), TRAIN, restarts=shallow(1), **SHORT)


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_solved_refuses_what_its_solution_would_not_see(name):
    series = TRAIN[:1000]
    stamped = dataclasses.replace(series, stamps=np.arange(1000) + 0.3 * np.sin(np.arange(1000)))
    with pytest.raises(DataError, match=r"irregular time stamps for a \w+, which is solved"):
        fit(solved(name), [series, stamped])
    driven = dataclasses.replace(series, inputs=np.sin(np.arange(1000)))
    for model, data in ((solved(name).add_inputs(1), driven), (solved(name), driven)):
        with pytest.raises(SpecError, match=r"external inputs for a \w+, which is solved.*trained by gradients"):
            fit(model, data)
    for useless in ({"losses": [MeasureMatching()]}, {"resume": {"weights": torch.zeros(1)}}):
        with pytest.raises(SpecError, match=f"^{next(iter(useless))} for a "):
            fit(solved(name), series, **useless)


@pytest.mark.parametrize(
    ("train", "more", "message"),
    [
        (VALIDATION[:8], {}, "more rows than one training window"),
        (VALIDATION, {"backend": "cuda"}, "training backend"),
        (VALIDATION, {"vary": {"learning_rate": [-1.0]}}, "learning_rate = -1.0; accepted: a positive number"),
        (VALIDATION, {"resume": {}}, "resume without weights"),
        (VALIDATION, {"forcing": GeneralizedForcing()}, "alpha is not set"),
        (VALIDATION, {"seconds": -1.0}, "seconds = -1.0"),
        (dataclasses.replace(VALIDATION, stamps=np.arange(2000) ** 1.01), {}, "irregular time stamps"),
    ],
)
def test_a_refused_fit_leaves_the_model_as_it_was(train, more, message):
    model = shallow()
    fit(model, TRAIN, **SHORT)
    before = state_of(model)
    other = dataclasses.replace(train, values=3 * train.values + 100)
    with pytest.raises(DsrError, match=message):
        fit(model, other, **{**SHORT, "window": 8, **more})
    assert unchanged(model, before)


@pytest.mark.parametrize("name", CLOSED)
def test_a_refused_solution_leaves_the_model_as_it_was(name, monkeypatch):
    model = solved(name)
    fit(model, TRAIN[:1000])
    before = state_of(model)
    other = TimeSeries(3 * VALIDATION.values[:900] + 100, 1.0)
    with pytest.raises(SpecError, match="steps for a"):
        fit(model, other, steps=100)
    assert unchanged(model, before)

    def refused(*args):
        raise DataError("progress", "none", "stop")

    with pytest.raises(DataError, match="progress"):  # when it has been solved already
        fit(model, other, on_progress=refused)
    assert unchanged(model, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vary": {"learning_rate": 1e-2}}, r"vary\['learning_rate'\] = 0.01; accepted: .*, one per member"),
        ({"vary": {"learning_rate": ["a"]}}, r"vary\['learning_rate'\] = \['a'\]"),
        ({"vary": {"latent_regularisation": [-1e-3]}}, "latent_regularisation = -0.001; accepted: 0 or more"),
        ({"losses": MeasureMatching()}, r"type MeasureMatching as losses; accepted: a list"),
        ({"losses": [MeasureMatching]}, "the class MeasureMatching as losses"),
        ({"losses": "measure"}, "the text 'measure' as losses"),
        ({"seconds": "10"}, "seconds = '10'; accepted: a positive number"),
    ],
)
def test_settings_of_members_and_losses_are_judged_before_training(arguments, message):
    with pytest.raises(SpecError, match=message):
        fit(shallow(), TRAIN, **{**SHORT, **arguments})


@pytest.mark.parametrize("dt", [1e-9, 1.0, 1e9])
def test_time_steps_are_compared_in_any_unit(dt):
    first, same, other = (dataclasses.replace(TRAIN, dt=step) for step in (dt, dt * (1 + 1e-9), 2 * dt))
    fit(NeuralODE(2, hidden_dim=4), [first, same], **SHORT)
    with pytest.raises(DataError, match="resample the series to one dt"):
        fit(NeuralODE(2, hidden_dim=4), [first, other], **SHORT)


def test_an_external_input_that_does_not_vary_is_refused():
    steady, varying = np.full(len(TRAIN), 0.1), np.sin(np.arange(len(TRAIN)))
    series = dataclasses.replace(TRAIN, inputs=np.stack([varying, steady], axis=1))
    with pytest.raises(DataError, match="external input 2 is constant"):
        fit(shallow().add_inputs(2), series, **SHORT)
    pieces = [dataclasses.replace(TRAIN, inputs=np.full(len(TRAIN), level)) for level in (0.1, 0.2)]
    assert fit(shallow().add_inputs(1), pieces, **SHORT).outcome == "finished"


def test_series_shorter_than_the_context_of_a_free_run_are_refused_before_training():
    steps = []
    with pytest.raises(DataError, match=r"95 rows in the longest series.*LSTM; accepted: the 100 rows"):
        fit(
            LSTM(2), TRAIN[:95], validation=VALIDATION[:60], steps=10, batch_size=4, check_steps=200,
            on_progress=lambda *told: steps.append(told),
        )  # fmt: skip
    assert not steps
    with pytest.raises(DataError, match="60 rows in the longest series"):
        FreeRunScore([VALIDATION[:60]], steps=200)(LSTM(2))


@pytest.mark.parametrize("settings", [{"steps": 0}, {"starts": 0}, {"transient": -1}])
def test_free_runs_of_no_steps_are_refused(settings):
    with pytest.raises(SpecError, match=f"{next(iter(settings))} = {next(iter(settings.values()))}"):
        FreeRunScore([VALIDATION], **settings)


@pytest.fixture(scope="module")
def checkpoint():
    """After 200 of 300 steps of two members."""
    kept = []
    fit(
        shallow(), TRAIN, restarts=[shallow(1)], on_checkpoint=lambda t: kept.append(copy.deepcopy(t)),
        checkpoint_seconds=0.0, **{**SHORT, "steps": 300},
    )  # fmt: skip
    return next(t for t in kept if int(t["step"]) == 200)


@pytest.mark.parametrize(
    ("make", "restarts", "steps", "message"),
    [
        (lambda: shallow(hidden_dim=6), 1, 300, r"weights of shape \(2, 29\), here it is \(2, 34\)"),
        (shallow, 0, 300, r"weights of shape \(2, 29\), here it is \(1, 29\)"),
        (lambda: shallow().double(), 1, 300, "weights in torch.float32, here it is in torch.float64"),
        (shallow, 1, 100, "resume after 200 steps, with steps = 100; accepted: at least as many"),
    ],
)
def test_a_checkpoint_of_another_call_is_refused(make, restarts, steps, message, checkpoint):
    model = make()
    before = state_of(model)
    with pytest.raises(SpecError, match=message):
        fit(model, TRAIN, restarts=[make() for _ in range(restarts)], resume=checkpoint, **{**SHORT, "steps": steps})
    assert unchanged(model, before)


def test_what_is_no_checkpoint_is_refused(checkpoint):
    without = {name: t for name, t in checkpoint.items() if name != "alpha"}
    for found, message in ((shallow().state_dict(), "resume without weights"), (without, "resume without alpha")):
        with pytest.raises(SpecError, match=f"{message}; accepted: what on_checkpoint received"):
            fit(shallow(), TRAIN, restarts=[shallow(1)], resume=found, **{**SHORT, "steps": 300})
    history = fit(shallow(), TRAIN, restarts=[shallow(1)], resume=checkpoint, **{**SHORT, "steps": 300})
    assert history.outcome == "finished" and history.loss.shape == (3, 2)


def test_series_no_longer_than_the_window_or_context_are_told_in_the_outcome():
    """They count in mean and standard deviation alone: turned round in time, they change no weight."""
    longer, shorts = TRAIN[:200], [TRAIN[300 + 50 * i : 340 + 50 * i] for i in range(5)]
    turned = [TimeSeries(s.values[::-1].copy(), s.dt) for s in shorts]
    settings = {**SHORT, "steps": 20, "window": 60}
    one, other = shallow(), shallow()
    told = [fit(m, [longer, *more], **settings).outcome for m, more in ((one, shorts), (other, turned))]
    remark = "200 of 400 rows lie in series no longer than the window of 60 steps and are not trained on"
    assert told == [f"finished; {remark}"] * 2
    torch.testing.assert_close(one.W1, other.W1)
    assert fit(shallow(), [longer, *shorts], **{**settings, "window": 39}).outcome == "finished"
    lagged = MODELS.build("var", {"lags": 41}).build(2, 0)
    assert (
        "200 of 400 rows lie in series no longer than the context of 41 rows" in fit(lagged, [longer, *shorts]).outcome
    )
