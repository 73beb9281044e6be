"""Adaptive forcing: five estimates of the growth of Jacobian products, and the rule that turns them into alpha."""

import numpy as np
import pytest
import scipy.linalg
import torch
from test_fit import QUICK, TRAIN, weights

from dsr.errors import DsrError
from dsr.models import ALRNN, ShallowPLRNN
from dsr.training import fit, fit_together, run
from dsr.training.ensemble import Ensemble
from dsr.training.forcing import AdaptiveForcing
from dsr.training.gradients.signal_jacobians import distinct_columns, signal_jacobians
from dsr.training.jacobian_norms import ESTIMATORS, jacobian_norms, spectral_norms

MODELS = {
    "alrnn": lambda seed: ALRNN(3, 5, 4, seed=seed),
    "alrnn, affine": lambda seed: ALRNN(3, 6, 3, "affine", seed),
    "shallow": lambda seed: ShallowPLRNN(3, 3, 12, seed=seed),
    "shallow, one state": lambda seed: ShallowPLRNN(1, 1, 6, seed=seed),
    "shallow, unobserved states": lambda seed: ShallowPLRNN(2, 5, 45, seed=seed),
    "clipped": lambda seed: ShallowPLRNN(3, 2, 9, True, "affine", seed=seed),
    "bounded": lambda seed: ShallowPLRNN(3, 3, 9, True, bounded=True, seed=seed),
    "clipped, many": lambda seed: ShallowPLRNN(3, 4, 25, True, "affine", seed=seed),
}


class Unknown(ShallowPLRNN):
    """A family without a fast way to its Jacobians."""


def ensemble_and_windows(make, members=2, length=7, batch=3, scale=0.4):
    models = [make(seed).double() for seed in range(members)]
    rng = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in (p for m in models for p in m.parameters()):
            p.add_(scale * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    windows = torch.randn((length + 1, members, batch, models[0].obs_dim), generator=rng, dtype=torch.float64)
    return models, Ensemble(models), windows


def jacobians_one_by_one(model, windows):
    """(T, batch, M, M): the model's own Jacobian at the signal of each row 1..T, zero where nothing is forced."""
    found = []
    for y in windows[1:].flatten(0, 1):
        signal = model.encode(y[None])
        z = torch.zeros((1, model.state_dim), dtype=torch.float64)
        z[:, : signal.shape[1]] = signal
        found.append(model.jacobian(z)[0].detach().numpy())
    return np.array(found).reshape(len(windows) - 1, windows.shape[1], model.state_dim, model.state_dim)


def plain(estimator, model, jacobians):
    norms = np.array([[np.linalg.norm(J, 2) for J in row] for row in jacobians])
    if estimator == "product_upper_bound":
        return np.exp(np.log(norms).mean(0)).max()
    if estimator == "arithmetic_mean":
        return max(np.linalg.norm(J, 2) for J in jacobians.mean(0))
    if estimator == "batch_maximum":
        return norms.max()
    if estimator == "jacobian_upper_bound":
        A, W1, W2 = (x.detach().numpy() for x in (model.self_connections(), model.W1, model.W2))
        return np.abs(A).max() + np.linalg.norm(W1, 2) * np.linalg.norm(W2, 2)
    state = np.random.get_state()  # noqa: NPY002 - scipy's logm draws from it
    logs = np.array([[scipy.linalg.logm(J) for J in row] for row in jacobians])
    np.random.set_state(state)  # noqa: NPY002
    return max(np.linalg.norm(scipy.linalg.expm(mean), 2) for mean in logs.mean(0))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kind", MODELS)
def test_estimators_equal_one_matrix_at_a_time(kind, estimator):
    models, ensemble, windows = ensemble_and_windows(MODELS[kind])
    if estimator == "jacobian_upper_bound" and isinstance(models[0], ALRNN):
        with pytest.raises(DsrError, match="product_upper_bound"):
            jacobian_norms(ensemble, windows, estimator)
        return
    expected = [plain(estimator, m, jacobians_one_by_one(m, windows[:, k])) for k, m in enumerate(models)]
    np.testing.assert_allclose(jacobian_norms(ensemble, windows, estimator), expected, rtol=1e-7)


def test_negative_eigenvalues_have_a_complex_logarithm():
    """diag(A) with A = (-0.5, 2): log is diag(log 0.5 + i pi, log 2), and exp of the mean of equal logs is J itself."""
    _, ensemble, windows = ensemble_and_windows(lambda seed: ALRNN(2, 2, 0, seed=seed))
    ensemble.parameters["W"].zero_()
    ensemble.parameters["A"].copy_(torch.tensor([-0.5, 2.0]))
    np.testing.assert_allclose(jacobian_norms(ensemble, windows, "explog_approx"), 2.0, rtol=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_any_model_is_served_through_its_own_jacobian(estimator):
    _, fast, windows = ensemble_and_windows(lambda seed: ShallowPLRNN(2, 4, 6, seed=seed))
    _, slow, _ = ensemble_and_windows(lambda seed: Unknown(2, 4, 6, seed=seed))
    assert type(signal_jacobians(slow, windows)) is not type(signal_jacobians(fast, windows))
    torch.testing.assert_close(
        jacobian_norms(slow, windows, estimator), jacobian_norms(fast, windows, estimator), rtol=1e-12, atol=0
    )


def test_the_estimates_stand_in_the_order_that_norms_demand():
    """||J_T ... J_1||^(1/T) <= geometric mean <= maximum <= bound by the weights, and ||mean|| <= maximum."""
    models, ensemble, windows = ensemble_and_windows(lambda seed: ShallowPLRNN(3, 3, 12, seed=seed), length=30)
    N = {e: jacobian_norms(ensemble, windows, e).numpy() for e in ESTIMATORS}
    for k, model in enumerate(models):
        for b in range(windows.shape[2]):
            product = np.linalg.multi_dot(jacobians_one_by_one(model, windows[:, k])[::-1, b])
            assert np.linalg.norm(product, 2) ** (1 / 30) < N["product_upper_bound"][k]
    assert (N["product_upper_bound"] < N["batch_maximum"]).all()
    assert (N["arithmetic_mean"] < N["batch_maximum"]).all()
    assert (N["batch_maximum"] < N["jacobian_upper_bound"]).all()


def test_explog_is_the_product_itself_where_jacobians_commute():
    """Diagonal Jacobians: ||exp(mean log J)|| = ||product||^(1/T), hence never above the product bound."""
    models, ensemble, windows = ensemble_and_windows(lambda seed: ALRNN(3, 3, 3, seed=seed), length=12)
    ensemble.parameters["W"].mul_(torch.eye(3, dtype=torch.float64))
    found, bound = (jacobian_norms(ensemble, windows, e) for e in ("explog_approx", "product_upper_bound"))
    for k in range(len(models)):
        J = jacobians_one_by_one(ensemble.load(ensemble.flat[k]), windows[:, k])
        diagonal = np.abs(np.diagonal(J, axis1=2, axis2=3)).prod(0) ** (1 / 12)
        assert found[k] == pytest.approx(diagonal.max(), rel=1e-10)
    assert (found <= bound * (1 + 1e-12)).all()


def test_norms_of_small_matrices_in_closed_form():
    rng = torch.Generator().manual_seed(0)
    J = torch.randn((500, 3, 3), generator=rng, dtype=torch.float64)
    rotation = torch.linalg.qr(J)[0]
    pair = rotation * torch.tensor([2.0, 2.0, 0.1], dtype=torch.float64)  # two largest singular values are equal
    line = J[:, :, :1] * J[:, :1]
    for matrices in (J, rotation, pair, line, 1e-9 * J, 1e9 * J, J[:, :2, :2], J[:, :1, :1], J[:, :2], J[:, :, :1]):
        expected = torch.linalg.matrix_norm(matrices, ord=2)
        torch.testing.assert_close(spectral_norms(matrices), expected, rtol=1e-7, atol=0)
    assert spectral_norms(torch.zeros(2, 3, 3)).tolist() == [0, 0]


def test_equal_patterns_of_a_member_share_one_jacobian():
    _, ensemble, windows = ensemble_and_windows(lambda seed: ALRNN(3, 20, 10, seed=seed))
    matrices, index = signal_jacobians(ensemble, windows).distinct()
    # unobserved units are 0 in the signal, so all rectified ones are off
    assert matrices.shape == (2, 20, 20) and index.shape == (2, 7, 3)
    assert index[0].unique().tolist() == [0] and index[1].unique().tolist() == [1]


def test_patterns_are_told_apart_exactly():
    """45 units, more than fit in one key, with patterns that differ in a single unit."""
    slope = torch.zeros((2, 45, 46))
    slope[:, torch.arange(45), torch.arange(45)] = torch.tensor([1.0, -1.0])[:, None]
    slope = torch.cat([slope, slope], dim=2)
    first, index = distinct_columns(slope)
    assert len(first) == 2 * 46 and torch.equal(index[:, :46], index[:, 46:])
    rows = slope.transpose(1, 2).flatten(0, 1)
    assert torch.equal(rows[first][index.flatten()], rows)
    assert torch.equal(first[index.flatten()] // 92, torch.arange(2).repeat_interleave(92))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_lost_member_leaves_the_others_alone(estimator):
    _, ensemble, windows = ensemble_and_windows(lambda seed: ShallowPLRNN(3, 4, 5, observation="affine", seed=seed))
    expected = jacobian_norms(ensemble, windows, estimator)[1]
    ensemble.flat[0] = torch.nan
    found = jacobian_norms(ensemble, windows, estimator)
    assert found[0].isnan() and found[1] == pytest.approx(float(expected), rel=1e-12)


def test_alpha_jumps_up_and_decays_slowly():
    forcing = AdaptiveForcing(decay=0.99, interval=5)
    alpha = torch.tensor([0.2, 0.6, 0.6, 0.6, 0.5], dtype=torch.float64)
    norm = torch.tensor([2.0, 2.0, 0.7, torch.nan, torch.inf], dtype=torch.float64)
    kept = 0.99**20  # 100 training steps are 20 updates
    expected = [0.5, kept * 0.6 + (1 - kept) * 0.5, kept * 0.6, 0.6, 1.0]
    np.testing.assert_allclose(forcing.adapt(alpha, norm), expected, rtol=1e-12)
    np.testing.assert_allclose(forcing.adapt(alpha, norm, steps=5)[2], 0.99 * 0.6, rtol=1e-12)
    np.testing.assert_array_equal(AdaptiveForcing(alpha=0.4).strengths(3), [0.4, 0.4, 0.4])


def test_unknown_estimators_are_refused():
    _, ensemble, windows = ensemble_and_windows(MODELS["shallow"])
    with pytest.raises(DsrError, match="did you mean 'batch_maximum'"):
        jacobian_norms(ensemble, windows, "batch_max")


@pytest.mark.parametrize("moment", ["before the first step", "while alpha is adapted"])
@pytest.mark.parametrize("calls", [1, 2])
def test_alpha_is_adapted_once_per_block_however_often_it_is_interrupted(calls, moment, monkeypatch):
    """Ctrl-C at the start of the third block, when no step of it has been done."""

    def train(**more):
        several = []
        for seed in range(calls):
            model = ShallowPLRNN(2, hidden_dim=5, seed=seed)
            settings = {**QUICK, "forcing": AdaptiveForcing(), "steps": 400, "backend": "torch", "seed": seed}
            several.append({"model": model, "train": TRAIN, **settings, **{k: v[seed] for k, v in more.items()}})
        histories = fit_together(several) if calls > 1 else [fit(**several[0])]
        return [weights(c["model"]) for c in several], [h.loss for h in histories]

    straight, losses = train()
    kept, blocks = [{} for _ in range(calls)], []
    with monkeypatch.context() as patch:
        if moment == "before the first step":
            original = run.run_interruptibly

            def interrupted(work):
                blocks.append(work)
                return original(work) if len(blocks) < 3 else (torch.zeros((0, calls)), KeyboardInterrupt())

            patch.setattr(run, "run_interruptibly", interrupted)
        else:  # by the last member, when the others have been adapted
            adapt = AdaptiveForcing.adapt

            def stopped(self, *arguments, **more):
                blocks.append(self)
                if len(blocks) == 3 * calls:
                    raise KeyboardInterrupt
                return adapt(self, *arguments, **more)

            patch.setattr(AdaptiveForcing, "adapt", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(on_checkpoint=[checkpoint.update for checkpoint in kept])
    assert [int(tensors["step"]) for tensors in kept] == [200] * calls
    resumed, again = train(resume=kept)
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(losses, again, strict=True))
