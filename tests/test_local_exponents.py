import numpy as np
import pytest

from dsr.analysis import LocalExponents, local_exponents, lyapunov_spectrum
from dsr.errors import SpecError
from dsr.systems import get_system

A = 0.3


def skew_tent(x, q):
    """Slope 1/A left of A and -1/(1 - A) right of it: the slopes visited are independent draws."""
    left = x < A
    return np.where(left, x / A, (1 - x) / (1 - A)), np.where(left, 1 / A, -1 / (1 - A))[..., None] * q


ENTROPY = -A * np.log(A) - (1 - A) * np.log(1 - A)
STARTS = np.random.default_rng(0).random((200, 1))


@pytest.mark.parametrize("window", [1, 8, 64])
def test_mean_and_spread_over_windows_in_closed_form(window):
    found = local_exponents(
        skew_tent, STARTS, window=window, windows=4000 // window, transient=20, dt=0.5, qr_every=1, kick=0.0
    )
    values = found.exponents[..., 0]
    assert values.mean() == pytest.approx(ENTROPY / 0.5, rel=0.01)
    variance = A * (1 - A) * np.log((1 - A) / A) ** 2 / window  # of a binomial number of left visits
    assert values.var() == pytest.approx(variance / 0.25, rel=0.06)
    measure = found.measure(1)
    assert measure.value == pytest.approx(values.mean()) and measure.low < measure.value < measure.high
    assert found.contracting_share().value == 0.0 and found.window == window * 0.5


def test_the_states_tell_where_the_stretching_happens():
    found = local_exponents(skew_tent, STARTS, window=1, windows=50, transient=5, dt=1.0, qr_every=1, kick=0.0)
    left = found.states[..., 0] < A
    assert found.exponents[left] == pytest.approx(-np.log(A)) and found.exponents[~left] == pytest.approx(
        -np.log(1 - A)
    )


def test_windows_of_a_flow_average_to_its_spectrum_and_some_contract():
    system = get_system("lorenz63")
    x0 = system.attractor_points(8, transient=50.0, seed=1)
    common = {"transient": 1000, "dt": 0.01, "seed": 3}
    found = local_exponents(system.tangent_map(0.01), x0, window=50, windows=80, **common)
    whole = lyapunov_spectrum(system.tangent_map(0.01), x0, steps=4000, **common)
    assert found.exponents.mean((0, 1)) == pytest.approx(whole.exponents, abs=1e-9)
    share = found.contracting_share(1)  # over half a time unit the attractor often brings states together
    assert 0.1 < share.value < 0.5 and share.low < share.value < share.high
    assert found.contracting_share(3).value == 1.0


def test_the_error_of_the_contracting_share_is_that_of_members():
    """Of four windows one, two and three contract."""
    signs = np.array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [1, 1, 1]])
    found = LocalExponents(signs[..., None] * 0.7, np.zeros((4, 3, 1)), 1.0, 0, {}).contracting_share()
    assert found.value == 0.5 and found.high - found.value == pytest.approx(0.25 / np.sqrt(3))


def test_members_that_diverge_are_left_out():
    starts = np.array([[0.5], [0.2]])
    escaping = local_exponents(
        lambda x, q: (np.where(x > 0.3, x * 1e200, x), q), starts, window=4, windows=3, transient=0, dt=1.0, qr_every=2,
        kick=0.0,
    )  # fmt: skip
    assert escaping.diverged == 1 and escaping.exponents.shape == (3, 1, 1)
    assert escaping.states == pytest.approx(0.2)


def test_a_window_that_qr_does_not_divide_is_refused():
    with pytest.raises(SpecError, match="multiple of qr_every"):
        local_exponents(skew_tent, STARTS, window=7, windows=2, transient=0, dt=1.0, qr_every=5)


def test_windows_in_which_a_direction_is_annihilated_are_named():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    flat = turn @ np.diag([1.0, 0.5, 0.0]) @ turn.T
    found = local_exponents(lambda x, q: (x, flat @ q), np.ones((2, 3)), window=20, windows=5, transient=20, dt=1.0)
    assert (found.exponents[..., 2] == -np.inf).all() and "annihilates" in found.measure(3).note
    assert found.measure(2).value == pytest.approx(np.log(0.5), abs=1e-9)
