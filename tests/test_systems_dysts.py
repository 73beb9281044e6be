"""The adapter for dysts flows: right equations, exact sampling, and nothing of dysts's bookkeeping."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.errors import DataError, SpecError
from dsr.systems import dysts_names, get_system


def test_the_list_holds_flows_without_delay():
    names = dysts_names()
    assert len(names) > 120 and "Lorenz" in names and "MackeyGlass" not in names


def test_lorenz_equals_our_own_equations():
    theirs, ours = get_system("dysts:Lorenz"), get_system("lorenz63", beta=2.667)
    x = np.random.default_rng(0).normal(size=(4, 5, 3)) * 10
    assert theirs.rhs(x) == pytest.approx(ours.rhs(x), rel=1e-12)
    assert theirs.jacobian(x) == pytest.approx(ours.jacobian(x), rel=1e-6, abs=1e-6)
    assert theirs.reference == {}
    Q = np.random.default_rng(1).normal(size=(5, 3, 2))
    for mine, reference in zip(theirs.tangent_map(0.01)(x[0], Q), ours.tangent_map(0.01)(x[0], Q), strict=True):
        assert mine == pytest.approx(reference, rel=1e-5, abs=1e-5)


def test_trajectory_follows_our_own_integration_and_is_sampled_exactly():
    theirs, ours = get_system("dysts:Lorenz"), get_system("lorenz63", beta=2.667)
    series = theirs.simulate(200, 0.01, transient=5, seed=0)
    advance = ours.tangent_map(0.01)
    x = series.values[:1]
    for row in series.values[1:]:
        x, _ = advance(x, np.zeros((1, 3, 0)))
        assert np.abs(x[0] - row).max() < 1e-4
    assert series.dt == 0.01 and np.ptp(series.values[:, 0]) > 1


def test_parameters_are_merged_checked_and_act():
    changed = get_system("dysts:Lorenz", rho=10)
    assert changed.parameters == {"beta": 2.667, "rho": 10, "sigma": 10}
    x = changed.simulate(50, 0.1, transient=50, seed=0).values
    root = np.sqrt(2.667 * 9)  # below rho = 24.74 the two points (+-root, +-root, rho - 1) attract everything
    assert np.abs(x) == pytest.approx(np.tile([root, root, 9.0], (50, 1)), rel=1e-5)
    with pytest.raises(SpecError, match="did you mean 'sigma'"):
        get_system("dysts:Lorenz", sigm=1.0)
    with pytest.raises(SpecError, match="a finite number"):
        get_system("dysts:Lorenz", rho="28")
    with pytest.raises(SpecError, match="shape"):
        get_system("dysts:BeerRNN", theta=[1.0, 2.0])


@pytest.mark.parametrize("name", ["Lorenz96", "BeerRNN", "Duffing", "BlinkingRotlet", "Colpitts"])
def test_compiled_equations_say_what_dysts_says(name):
    """Methods, numbers, arrays as parameters, a clock, kinks, and equations written anew."""
    system = get_system(f"dysts:{name}")
    assert system._compiled is not None
    x = system.simulate(system.dim + 3, transient=0, seed=0).values
    alone = np.array([system._one(row) for row in x])
    assert system.rhs(x) == pytest.approx(alone, rel=1e-9, abs=1e-12)
    eps, v = 1e-6, system.state_scale() * np.random.default_rng(0).normal(size=system.dim)
    along = (system.rhs(x + eps * v) - system.rhs(x - eps * v)) / (2 * eps)
    assert system.jacobian(x) @ v == pytest.approx(along, rel=1e-4, abs=1e-5 * np.abs(along).max())
    if name == "Lorenz96":
        assert alone == pytest.approx(get_system("lorenz96", dim=4, forcing=20.0).rhs(x), rel=1e-12)


@pytest.mark.parametrize("name", ["Rossler", "BelousovZhabotinsky"])
def test_compiled_steps_agree_with_lsoda(name):
    system = get_system(f"dysts:{name}")
    start, dt = system.default_state, system.period / 4
    ours, theirs = system._orbit(start, 9, dt, 0.0), system._lsoda(start, 9, dt, 0.0)
    assert np.abs(ours - theirs).max(axis=0) / system.state_scale() == pytest.approx(0.0, abs=1e-4)


def test_the_tangent_map_is_the_derivative_of_the_orbit(name="HyperLorenz"):
    system = get_system(f"dysts:{name}")
    start, v, eps = system.default_state, np.eye(system.dim)[:2].T, 1e-5
    moved, tangents = system.tangent_map()(start[None], v[None])
    assert moved[0] == pytest.approx(system._orbit(start, 2, system.dt, 0.0)[1], rel=1e-13)
    for k in range(2):
        ends = [system._orbit(start + sign * eps * v[:, k], 2, system.dt, 0.0)[1] for sign in (1, -1)]
        assert tangents[0, :, k] == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", ["BelousovZhabotinsky", "HindmarshRose", "MacArthur"])
def test_stiff_and_large_flows_follow_their_equations(name):
    system = get_system(f"dysts:{name}")
    dt = system.period / 5000
    x = system.simulate(400, dt, transient=system.period, seed=0).values
    slope = (x[:-4] - 8 * x[1:-3] + 8 * x[3:-1] - x[4:]) / (12 * dt)
    scale = np.abs(slope).max(axis=0)
    assert np.abs(slope - system.rhs(x[2:-2])).max(axis=0) == pytest.approx(0 * scale, abs=1e-3 * scale.max())


def test_explicit_time_becomes_a_coordinate():
    torus = get_system("dysts:Torus")
    x = torus.simulate(300, transient=0, seed=0).values
    assert torus.dim == 4
    assert np.diff(x[:, 3]) == pytest.approx(torus.dt, rel=1e-6)
    assert "not chaotic" in torus.warning and "x4" in torus.warning


def test_global_generator_is_untouched_and_the_seed_decides():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    system = get_system("dysts:Rossler")
    first = system.simulate(50, transient=20, seed=1, noise=0.1).values
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert first.tobytes() == get_system("dysts:Rossler").simulate(50, transient=20, seed=1, noise=0.1).values.tobytes()
    assert np.abs(first - system.simulate(50, transient=20, seed=2, noise=0.1).values).max() > 1


def test_conservative_flow_keeps_its_energy():
    x, y, px, py = get_system("dysts:HenonHeiles").simulate(500, 0.2, transient=0, seed=0).values.T
    energy = (px**2 + py**2 + x**2 + y**2) / 2 + x**2 * y - y**3 / 3
    assert np.ptp(energy) < 1e-6 and energy[0] == pytest.approx(0.137, abs=0.003)


def test_a_flow_with_jumps_is_left_to_lsoda():
    system = get_system("dysts:SprottMore")
    assert system.max_step is None
    advance = system.tangent_map()
    start = system.default_state + np.array([0.0, 0.0, 1.0])  # away from the jump at z = 0
    moved, tangents = advance(start[None], np.eye(3)[None])
    assert "LSODA" in advance.method and advance.stretch is None
    other = system._lsoda(start + np.array([1e-5, 0.0, 0.0]), 2, system.dt, 0.0)[1]
    assert tangents[0, :, 0] == pytest.approx((other - moved[0]) / 1e-5, abs=1e-3)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("dysts:Rosler", "did you mean 'Rossler'"),
        ("LorenzStenfl", "did you mean 'dysts:LorenzStenflo'"),
        ("Chau", "did you mean 'chua'"),
        ("lorentz", "did you mean 'lorenz63'"),
        ("dysts:Henonn", "did you mean 'Henon'"),
        ("dysts:VosDelay", "did you mean 'VossDelay'"),
    ],
)
def test_unknown_names_get_the_nearest_match(typed, message):
    with pytest.raises(SpecError, match=message):
        get_system(typed)


def test_escape_is_an_error_with_its_time():
    with pytest.raises(DataError, match=r"became infinite [\d.e-]+ time units after"):
        get_system("dysts:Rossler", a=2.0).simulate(1000, transient=100, seed=0)
