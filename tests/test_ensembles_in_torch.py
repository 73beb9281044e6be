"""The equations of every system on torch's tensors: the same numbers as on numpy's arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsr.errors import SpecError
from dsr.systems import from_function, from_text, get_system, system_names
from dsr.systems.ensemble import parameter_family, simulate_ensemble
from dsr.systems.equations import Equations

EQUATIONS = [name for name in system_names() if isinstance(get_system(name), Equations)]


def moved(system, x, steps):
    for _ in range(steps):
        if system.time == "map":
            x = system.step(x)
        else:
            f, h = system.rhs, system.max_step
            k1 = f(x)
            k2 = f(x + 0.5 * h * k1)
            k3 = f(x + 0.5 * h * k2)
            x = x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + f(x + h * k3))
    return x


@pytest.mark.parametrize("name", EQUATIONS)
def test_torch_and_numpy_paths_agree(name):
    system = get_system(name)
    rng = np.random.default_rng(0)
    starts = system.default_state + 0.01 * system.state_scale() * rng.standard_normal((3, system.dim))
    dt = system.max_step if system.time == "flow" else 1
    found = simulate_ensemble([system] * 3, 6, dt, starts=starts, device="cpu:torch")
    gap = found.last - moved(system, starts, 5)
    angles = getattr(system, "angles", ())
    gap[:, angles] = np.angle(np.exp(1j * gap[:, angles]))
    assert np.abs(gap / system.state_scale()).max() < 1e-10
    assert found.values.shape == (3, 6, system.observed or system.dim)
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.slow
@pytest.mark.parametrize("name", EQUATIONS)
def test_torch_and_compiled_paths_agree(name):
    system = get_system(name)
    both = [simulate_ensemble(system, 10, count=2, seed=1, device=device) for device in ("cpu", "cpu:torch")]
    gap = both[0].values - both[1].values
    seen = [angle for angle in getattr(system, "angles", ()) if angle < gap.shape[2]]
    gap[..., seen] = np.angle(np.exp(1j * gap[..., seen]))
    assert np.abs(gap / system.state_scale()[: gap.shape[2]]).max() < 1e-10


def test_members_that_fail_are_marked():
    starts = np.array([[0.0, 0.0], [100.0, 0.0]])
    henon = get_system("henon")
    on_cpu, found = (simulate_ensemble(henon, 30, starts=starts, device=device) for device in ("cpu", "cpu:torch"))
    assert found.failed.tolist() == [False, True] and "became infinite between" in found.reasons[1]
    assert np.array_equal(np.isnan(found.values), np.isnan(on_cpu.values))


def helper(u):
    return np.tanh(u) + np.maximum(u, 0.5) * 0.1 * (u > 0.2)


def with_a_helper(x, a=0.2):
    return [x[1], -helper(x[0]) - a * np.abs(x[1])]


def test_own_functions_and_text_run_with_all_they_call():
    function = from_function(with_a_helper, (0.3, 0.1), dt=0.1, period=6.0, max_step=0.05)
    text = from_text({"x": "y", "y": "-min(x, 0.4) - where(x > y, a, 0)*sqrt(abs(y))"}, {"a": 0.3}, {"max_step": 0.05})
    for system in (function, text):
        family = parameter_family(system, a=[0.1, 0.25])
        starts = np.array([[0.35, 0.1], [-0.2, 0.3]])
        found = simulate_ensemble(family, 2, 0.25, starts=starts, device="cpu:torch")
        for b, member in enumerate(family):
            np.testing.assert_allclose(found.last[b], moved(member, starts[b : b + 1], 5)[0], atol=1e-12)


def test_driven_equations_and_functions_in_torch_keep_their_clock():
    def driven(x, t, a=1.0):
        return [x[1], -x[0] + a * torch.cos(2.0 * t)]

    system = from_function(driven, (1.0, 0.0), dt=0.1, period=6.0, max_step=0.05)
    found = simulate_ensemble(system, 3, 0.1, starts=[[1.0, 0.0, 0.5]], device="cpu:torch")
    np.testing.assert_allclose(found.last, moved(system, np.array([[1.0, 0.0, 0.5]]), 4), atol=1e-12)
    assert found.values.shape == (1, 3, 2)


def test_what_torch_cannot_run_is_refused():
    lorenz = get_system("lorenz63")
    with pytest.raises(SpecError, match="torch cannot use"):
        simulate_ensemble(lorenz, 10, count=2, seed=0, device="gpu")
    with pytest.raises(SpecError, match="stiff equations run on the CPU"):
        simulate_ensemble(lorenz.with_integrator("lsoda"), 10, count=2, seed=0, device="cpu:torch")
    with pytest.raises(SpecError, match="given as such"):
        simulate_ensemble(get_system("mackey_glass"), 10, count=2, seed=0, device="cpu:torch")
    root = from_function(lambda x: [np.cbrt(8.0 + x[0]) - 2.0 - x[0]], (0.1,), dt=0.1, period=1.0, max_step=0.1)
    with pytest.raises(SpecError, match="functions that torch has too"):
        simulate_ensemble(root, 10, count=2, seed=0, device="cpu:torch")
