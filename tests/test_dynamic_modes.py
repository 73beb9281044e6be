"""Dynamic modes: eigenvalues of known linear systems, Koopman eigenvalues, parity with pydmd."""

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import DynamicModes, ExtendedDynamicModes, from_pydmd
from dsr.models.orbits import plain_orbit
from dsr.series import TimeSeries
from dsr.training import fit

RNG = np.random.default_rng(0)


def rotation(decay=0.99, angle=0.2):
    return decay * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def linear_orbit(matrix, n=200, start=None):
    x = [np.ones(len(matrix)) if start is None else start]
    for _ in range(n - 1):
        x.append(matrix @ x[-1])
    return np.array(x)


def test_eigenvalues_of_a_linear_system_are_found():
    matrix = np.zeros((3, 3))
    matrix[:2, :2], matrix[2, 2], matrix[0, 2] = rotation(), 0.7, 0.4
    model = DynamicModes(3)
    segments = [linear_orbit(matrix, 60), linear_orbit(matrix, 40, np.array([-1.0, 2.0, 0.5]))]
    model.solve(segments, RNG)
    np.testing.assert_allclose(model.A.numpy(), matrix, atol=1e-10)
    expected = [0.99 * np.exp(0.2j), 0.99 * np.exp(-0.2j), 0.7]
    got = model.eigenvalues()
    np.testing.assert_allclose(np.sort_complex(got), np.sort_complex(expected), atol=1e-10)
    np.testing.assert_allclose(matrix @ model.modes(), model.modes() * got, atol=1e-10)


def test_a_low_rank_finds_the_modes_in_many_columns():
    """Two modes in ten columns, with a little noise: rank 2 finds them."""
    mixing = np.random.default_rng(1).standard_normal((10, 2))
    x = linear_orbit(rotation(1.0), 400) @ mixing.T
    model = DynamicModes(10, rank=2)
    fit(model, TimeSeries(x + 1e-3 * RNG.standard_normal(x.shape), 0.5))
    values = model.eigenvalues()
    np.testing.assert_allclose(np.sort_complex(values[:2]), np.exp([-0.2j, 0.2j]), atol=1e-3)
    assert np.abs(values[2:]).max() < 1e-12
    # modes are in the units of the data: they span the columns of the mixing
    span = np.linalg.qr(mixing)[0]
    modes = model.modes()[:, :2]
    assert np.abs(modes - span @ (span.T @ modes)).max() < 0.01 * np.abs(modes).max()


def test_extended_modes_have_the_koopman_eigenvalues_and_the_exact_map():
    """x' = a x, y' = b y + (a^2 - b) c x^2 is linear in (x, y, x^2), with the eigenvalues a, b, a^2 (Brunton et al.
    2016, doi:10.1371/journal.pone.0150171)."""
    a, b, c = 0.9, 0.5, 1.0
    segments = []
    for start in RNG.uniform(-1, 1, (40, 2)):
        rows = [start]
        for _ in range(10):
            x, y = rows[-1]
            rows.append(np.array([a * x, b * y + (a**2 - b) * c * x**2]))
        segments.append(np.array(rows))
    model = ExtendedDynamicModes(2, degree=2, ridge=0.0)
    model.solve(segments, RNG)
    values = model.eigenvalues()
    assert np.abs(values[:, None] - np.array([1, a, b, a**2])).min(0).max() < 0.02
    z = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    np.testing.assert_allclose(model.step(z)[0].numpy(), [a * 0.3, b * -0.7 + (a**2 - b) * 0.09], atol=1e-12)


def test_lifting_anew_keeps_a_chaotic_map_chaotic():
    """x' = 4 x (1 - x): the lifted step has lambda = ln 2, while the matrix K alone has no growing eigenvalue of it."""
    x = [0.3123]
    for _ in range(3000):
        x.append(4 * x[-1] * (1 - x[-1]))
    series = TimeSeries(np.array(x)[:, None], 1.0)
    model = ExtendedDynamicModes(1, degree=3)
    fit(model, series)
    z = np.array([[0.1]])
    _, _, growth = model.orbit()(z, np.ones((1, 1)), 20_000)
    assert growth[0] / 20_000 == pytest.approx(np.log(2), abs=0.01)
    assert np.abs(model.eigenvalues()).max() < 1.05


@pytest.mark.parametrize("model", [DynamicModes(3), ExtendedDynamicModes(3, degree=3)], ids=["dmd", "edmd"])
def test_jacobian_and_compiled_orbit(model):
    weights = model.A if isinstance(model, DynamicModes) else model.K
    weights.copy_(0.2 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    z = torch.randn((4, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(model.jacobian(z), torch.func.vmap(torch.func.jacrev(model.step))(z))
    start = 0.1 * z.numpy()
    plain = plain_orbit(model.step, model.jvp)(start, z.numpy(), 15)
    for got, expected in zip(model.compiled_orbit()(start, z.numpy(), 15), plain, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def test_a_fitted_pydmd_model_becomes_one_of_ours():
    pydmd = pytest.importorskip("pydmd")
    mixing = np.random.default_rng(1).standard_normal((6, 2))
    x = linear_orbit(rotation(), 100) @ mixing.T
    theirs = pydmd.DMD(svd_rank=2)
    theirs.fit(x.T)
    model = from_pydmd(theirs, 0.1)
    np.testing.assert_allclose(model.predict_next(x[:, None]), theirs.predict(x.T).real.T, atol=1e-10)
    own = DynamicModes(6, rank=2)
    own.solve([x], RNG)  # not standardised, as theirs
    np.testing.assert_allclose(own.A.numpy(), model.A.numpy(), atol=1e-8)
    run = model.free_run(model.initial_state(x[None, :1]), 99)
    np.testing.assert_allclose(run.observations[0], x[1:], atol=1e-8)
    delayed = pydmd.HankelDMD(svd_rank=2, d=3)
    delayed.fit(x.T)
    with pytest.raises(DsrError, match="modes of 18 rows for snapshots of 6"):
        from_pydmd(delayed, 0.1)


def test_a_rank_above_the_columns_is_refused():
    with pytest.raises(DsrError, match="rank = 4"):
        DynamicModes(3, rank=4)
    with pytest.raises(DsrError, match="one row each"):
        DynamicModes(1).solve([np.zeros((1, 1))], RNG)
