"""The maps and delay equations of dysts: equations, Jacobians, and invariants known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
from dsr.errors import SpecError
from dsr.systems import dysts_names, get_system

STEPS = 20_000


def _exponents(system, steps, k=None):
    points = system.attractor_points(4, transient=500 * system.period, seed=0)
    return lyapunov_spectrum(
        system.tangent_map(), points, steps=steps, transient=steps // 10, dt=system.dt, k=k
    ).exponents


def test_each_name_belongs_to_one_kind():
    kinds = [set(dysts_names(kind)) for kind in ("continuous_no_delay", "discrete", "delay")]
    assert [len(kind) for kind in kinds] == [129, 23, 6]
    assert sum(len(kind) for kind in kinds) == len(set.union(*kinds))
    assert get_system("dysts:Duffing").time == "flow" and get_system("dysts:DuffingMap").time == "map"
    with pytest.raises(SpecError, match="kind of dysts system"):
        dysts_names("maps")


KINDS_OF_MAPS = ["BlinkingVortexMap", "Chebyshev", "Circle", "DuffingMap", "Hopalong"]


@pytest.mark.parametrize("names", [KINDS_OF_MAPS, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "all"])
def test_maps_say_what_dysts_says(names):
    import dysts.maps

    for name in names or dysts_names("discrete"):
        system = get_system(f"dysts:{name}")
        x = system.simulate(20, transient=100, seed=0).values
        own = getattr(dysts.maps, name.removesuffix("Map"), None) or getattr(dysts.maps, name)
        theirs = [np.ravel(own()._rhs(*row, *own().param_list)) for row in x]
        assert system.step(x) == pytest.approx(np.array(theirs), rel=1e-9, abs=1e-12), name
        assert x[1:] == pytest.approx(system.step(x[:-1]), rel=1e-12), name
        assert system.parameters == own().params


def test_jacobians_are_those_of_our_own_maps():
    x = np.random.default_rng(0).uniform(0.1, 0.9, (9, 2))
    for theirs, ours in (("Henon", "henon"), ("Ikeda", "ikeda"), ("Tinkerbell", "tinkerbell")):
        own = get_system(ours, loss=0.9) if ours == "ikeda" else get_system(ours)
        assert get_system(f"dysts:{theirs}").jacobian(x) == pytest.approx(own.jacobian(x), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("Chebyshev", (np.log(6),)),
        ("KaplanYorke", (np.log(2), np.log(0.2))),
        ("Tent", (np.log(1.9),)),
    ],
)
def test_exponents_known_exactly(name, exact):
    assert _exponents(get_system(f"dysts:{name}"), STEPS) == pytest.approx(np.array(exact), abs=6e-3)


def test_henon_has_its_published_spectrum():
    found = _exponents(get_system("dysts:Henon"), STEPS)
    assert found.sum() == pytest.approx(np.log(0.3), abs=1e-6)
    assert found == pytest.approx(get_system("henon").reference["lyapunov_spectrum"].value, abs=4e-3)


def test_parameters_of_maps_act():
    logistic = get_system("dysts:Logistic", r=4.0)
    assert _exponents(logistic, STEPS)[0] == pytest.approx(np.log(2), abs=5e-3)
    assert logistic.with_parameters(r=3.2).simulate(4, transient=500, seed=0).values[0] == pytest.approx(
        logistic.with_parameters(r=3.2).simulate(4, transient=502, seed=0).values[0]
    )
    with pytest.raises(SpecError, match="did you mean 'r'"):
        get_system("dysts:Logistic", R=3.0)


def test_a_map_is_no_flow():
    henon = get_system("dysts:Henon")
    with pytest.raises(SpecError, match="rhs of the map"):
        henon.rhs(np.zeros(2))
    assert "not chaotic" in get_system("dysts:GumowskiMira").warning


@pytest.mark.parametrize(
    "names", [["IkedaDelay", "PiecewiseCircuit"], pytest.param(None, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_delay_equations_follow_those_of_dysts(names):
    """The slope of each trajectory is what dysts's own right-hand side says of x(t) and x(t - tau)."""
    import dysts.flows

    for name in names or dysts_names("delay"):
        system, own = get_system(f"dysts:{name}"), getattr(dysts.flows, name)()
        h = system.parameters["tau"] / system.points
        states = system._orbit(system.attractor_points(1, transient=20 * system.period, seed=0)[0], 2000, h, 0.0)[1000:]
        x = states[:, 0]
        slope = (x[:-4] - 8 * x[1:-3] + 8 * x[3:-1] - x[4:]) / (12 * h)
        said = own._rhs(x[2:-2], states[2:-2, system.points], 0.0, *own.param_list)
        assert np.abs(slope - said).max() < 2e-3 * np.abs(slope).max(), name


def test_dysts_mackey_glass_is_ours():
    theirs, ours = get_system("dysts:MackeyGlass", tau=17), get_system("mackey_glass")
    assert theirs.dim == ours.dim and "limit cycle" in theirs.warning
    past = ours.attractor_points(2, transient=100, seed=0)
    Q = np.random.default_rng(0).normal(size=(2, ours.dim, 3))
    for mine, reference in zip(theirs.tangent_map(1.0)(past, Q), ours.tangent_map(1.0)(past, Q), strict=True):
        assert mine == pytest.approx(reference, rel=1e-6, abs=1e-8)


def test_systems_of_dysts_and_our_own_run_in_one_process_in_any_order():
    """A loop that was compiled for a pointer to equations must not be taken for equations of another form."""
    for name in ("dysts:Lorenz", "lorenz63", "dysts:Henon", "henon", "dysts:Rossler", "rossler"):
        system = get_system(name)
        x = system.attractor_points(2, transient=10, seed=0)
        Q = np.broadcast_to(np.eye(system.dim), (2, system.dim, system.dim)).copy()
        growth = system.tangent_map().stretch(x, Q, 2, 3)[2]
        assert np.isfinite(growth).all(), name
