"""Runs trained in one ensemble: each goes its own way, whatever its company."""

import numpy as np
import pytest
import torch
from test_fit import henon, weights

from dsr.errors import DsrError
from dsr.models import ShallowPLRNN
from dsr.training import AdaptiveForcing, FreeRunScore, GeneralizedForcing, SparseForcing, fit, fit_together
from dsr.training.windows import JoinedWindows, Windows

# of different lengths, as the longest series of runs may be
DATA = [(henon(1500 + 100 * seed, seed=seed), henon(600, seed=seed + 50)) for seed in range(3)]


def call(seed, *, members=2, dtype=torch.float64, hidden=5, **more):
    """The arguments of a short run, its own data, weights and windows following from the seed."""
    models = [ShallowPLRNN(2, hidden_dim=hidden, seed=10 * seed + k).to(dtype) for k in range(members)]
    train, validation = DATA[seed]
    settings = {"steps": 250, "checks": 2, "check_steps": 300, "batch_size": 8, "window": 6, "backend": "torch"}
    return {
        "model": models[0], "restarts": models[1:], "train": train, "validation": validation, "seed": seed,
        "forcing": GeneralizedForcing(0.5 + 0.1 * seed), **settings, **more,
    }  # fmt: skip


def same(call, history, other, expected):
    """Whether two runs ended with the same bytes everywhere."""
    np.testing.assert_array_equal(history.loss, expected.loss)
    assert repr(history.checks) == repr(expected.checks) and history.outcome == expected.outcome
    assert (history.selected_step, history.selected_member) == (expected.selected_step, expected.selected_member)
    for found, wanted in zip(history.members, expected.members, strict=True):
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert torch.equal(weights(call["model"]), weights(other["model"]))
    return True


@pytest.fixture(scope="module")
def alone():
    calls = [call(seed) for seed in range(3)]
    return [(c, fit(**c)) for c in calls]


def test_together_is_as_alone_bit_for_bit_in_float64(alone):
    calls = [call(seed) for seed in range(3)]
    found = fit_together(calls)
    assert all(same(c, h, *wanted) for c, h, wanted in zip(calls, found, alone, strict=True))
    assert len({h.loss[0, 0] for h in found}) == 3, "the runs differ"


def test_together_is_as_alone_to_rounding_in_float32():
    for members in (1, 2):
        calls, others = ([call(s, members=members, dtype=torch.float32, steps=100) for s in range(2)] for _ in "ab")
        found = fit_together(calls)
        for c, h, other in zip(calls, found, others, strict=True):
            np.testing.assert_allclose(h.loss, fit(**other).loss, rtol=1e-5)
            torch.testing.assert_close(weights(c["model"]), weights(other["model"]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("forcing", [SparseForcing(2), AdaptiveForcing(alpha=0.3)])
def test_forcing_schemes_and_noise_are_each_runs_own(forcing):
    more = {"forcing": forcing, "noise": 0.05, "manifold_attractor": 0.01, "steps": 150, "latent_regularisation": 1e-4}
    calls, others = ([call(s, members=2 + s, **more) for s in range(2)] for _ in "ab")
    found = fit_together(calls)
    for c, h, other in zip(calls, found, others, strict=True):
        assert same(c, h, other, fit(**other))


def test_a_run_that_diverges_or_is_refused_or_fails_leaves_the_others_alone(alone, monkeypatch):
    """One has weights that cannot be trained, one a series with other columns, one a check that raises."""
    calls = [call(0), call(1), call(2), call(1), call(0)]
    with torch.no_grad():
        for model in (calls[1]["model"], *calls[1]["restarts"]):
            model.W1.fill_(1e200)
    calls[2]["forcing"] = None
    calls[2]["steps"] = 0

    def stop(step, steps, loss):
        if step >= 100:
            raise RuntimeError("stopped by its watcher")

    calls[3]["on_progress"] = stop
    found = fit_together(calls)
    assert isinstance(found[1], DsrError) and "diverged at step 0 before any usable weights" in str(found[1])
    assert isinstance(found[2], DsrError) and "steps = 0" in str(found[2])
    assert str(found[3]) == "stopped by its watcher"
    assert same(calls[0], found[0], *alone[0]) and same(calls[4], found[4], *alone[0])


def test_an_interruption_leaves_a_checkpoint_of_each_and_any_company_resumes_them(alone):
    """Interrupted between two checks at the step of the first: one of them has been checked, the other not yet."""
    kept, judged, calls = {}, [], [call(seed) for seed in range(3)]
    for c in calls:
        c["on_checkpoint"] = lambda tensors, seed=c["seed"]: kept.__setitem__(seed, tensors)

    score = FreeRunScore.__call__

    def interrupting(self, model):
        judged.append(model)
        if len(judged) > 3:
            raise KeyboardInterrupt
        return score(self, model)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FreeRunScore, "__call__", interrupting)
        fit_together(calls)
    assert [int(kept[s]["step"]) for s in range(3)] == [200, 200, 200]
    assert [len(kept[s]["checks"]) for s in range(3)] == [1, 0, 0]
    again = [call(0, resume=kept[0]), call(1)]  # one from its checkpoint, one from the start: it is brought up first
    found = fit_together(again)
    assert all(same(c, h, *wanted) for c, h, wanted in zip(again, found, alone[:2], strict=True))
    single = call(2, resume=kept[2])
    assert same(single, fit(**single), *alone[2])


def test_joined_windows_are_those_of_each_part():
    parts = [
        Windows([s], np.zeros(2), np.ones(2), 4, seed=k, dtype=torch.float64, noise=0.1)
        for k, (s, _) in enumerate(DATA)
    ]
    counts = [2, 1, 3]
    picks, places = (torch.from_numpy(x) for x in JoinedWindows(parts, counts).draws(7, 3, 6, 5))
    joined = JoinedWindows(parts, counts).gather(picks[1], places[1]).split(counts, dim=1)
    for part, count, found in zip(parts, counts, joined, strict=True):
        own = [torch.from_numpy(x)[1] for x in part.draws(7, 3, count, 5)]
        assert torch.equal(found, part.gather(*own))


@pytest.mark.parametrize("change", [{"steps": 100}, {"hidden": 6}, {"learning_rate": 1.0}, {"dtype": torch.float32}])
def test_runs_that_differ_in_shape_or_settings_are_not_trained_together(change):
    with pytest.raises(DsrError, match="2 runs of 2 shapes"):
        fit_together([call(0), call(1, **change)])


def test_a_backend_that_takes_members_one_by_one_has_nothing_to_join():
    with pytest.raises(DsrError, match="with the backend 'autograd'"):
        fit_together([call(0, backend="autograd"), call(1, backend="autograd")])
