"""Own systems from equations as text: the same numbers as built-in ones, nothing evaluated, answers to bad input."""

from __future__ import annotations

import time

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
from dsr.errors import DataError, SpecError
from dsr.runs.resolve import resolve
from dsr.runs.simulate import simulate_to_file
from dsr.runs.spec import data_section
from dsr.runs.spec import parse as parse_spec
from dsr.systems import from_text, from_toml, get_system
from dsr.systems.own.expression import parse, symbols_of
from dsr.systems.own.expression_code import field_function, jacobian_function

LORENZ = """
[system]
name = "my-lorenz"
variables = ["x", "y", "z"]
initial = [1.0, 1.0, 25.0]
dt = 0.01
period = 0.75
max_step = 0.0025
[parameters]
sigma = 10.0
rho = 28.0
beta = 2.6666666666666665
[equations]
x = "sigma*(y - x)"
y = "x*(rho - z) - y"
z = "x*y - beta*z"
"""
FORCED = {"x": "v", "v": "-d*v + x - x**3 + g*cos(w*t)"}
NUMBERS = {"d": 0.3, "g": 0.5, "w": 1.2}
FORMULAS = [
    "x*y/3 - 2*x**3*y**-2 + sqrt(abs(x)) + abs(y)**1.5",
    "sin(x)*cos(y) + tan(x/3) + asin(tanh(x)/2) + acos(tanh(y)/2) + atan(x) + atan2(y, x)",
    "sinh(x) - cosh(y) + asinh(x*y) + exp(-x**2)/(1 + y**2) + log(1 + x**2)",
    "max(x, y, 0.3) - min(x, 2*y) + sign(x)*y + heaviside(x)*y**2 + floor(3*x) + mod(x + 10, 0.7) + x % 2",
    "where(x > 0.1, sqrt(abs(x)), y*x) + where(y <= x, x**2, y) + pi*x - e**y",
]


@pytest.fixture
def lorenz_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(LORENZ)
    return path


def test_lorenz_from_text_is_the_built_in_system(lorenz_file):
    ours, built_in = from_toml(lorenz_file), get_system("lorenz63")
    x = np.random.default_rng(0).normal(0.0, 20.0, (200, 3))
    assert np.abs(ours.rhs(x) - built_in.rhs(x)).max() < 1e-12
    assert np.abs(ours.jacobian(x) - built_in.jacobian(x)).max() < 1e-12
    assert ours.names == built_in.names


def test_lorenz_from_text_has_the_exponents_of_the_built_in_system():
    bare = from_text(
        {"x": "sigma*(y - x)", "y": "x*(rho - z) - y", "z": "x*y - beta*z"},
        {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
    )
    assert bare.period == pytest.approx(0.75, rel=0.1)
    assert bare.scale == pytest.approx((7.9, 9.0, 8.6), rel=0.1)
    found = [
        lyapunov_spectrum(
            s.tangent_map(0.01), s.attractor_points(16, transient=20, seed=1), steps=4000, k=3, transient=500, dt=0.01,
            seed=0, time_unit=s.time_unit,
        )
        for s in (bare, get_system("lorenz63"))
    ]  # fmt: skip
    gap = np.abs(found[0].exponents - found[1].exponents)
    assert (gap < 4 * np.hypot(found[0].stderr, found[1].stderr) + 1e-4).all()
    assert found[0].exponents.sum() == pytest.approx(-41 / 3, abs=1e-4)


@pytest.mark.parametrize("formula", FORMULAS)
def test_derivative_of_each_function_against_differences(formula):
    symbols = symbols_of(["x", "y"])
    found, state = [parse(formula, symbols, "f")], list(symbols.values())
    field, derivative = field_function(found, state, []), jacobian_function(found, state, [])
    x = np.random.default_rng(1).uniform(-2, 2, (2, 40))
    J, up, down = np.zeros((1, 2, 40)), np.empty((1, 40)), np.empty((1, 40))
    derivative(x, J)
    for j in range(2):
        shift = 1e-6 * np.eye(2)[:, [j]]
        field(x + shift, up)
        field(x - shift, down)
        assert J[0, j] == pytest.approx((up - down)[0] / 2e-6, rel=1e-5, abs=1e-7)


def test_a_formula_has_the_value_of_python():
    symbols = symbols_of(["x", "y"])
    x, y = 0.7, -1.3
    out = np.empty(1)
    field_function([parse("(x - y)/(1 + x**2) - 3*y % 0.4 + max(x, y)*2**-x", symbols, "f")], [*symbols.values()], [])(
        np.array([x, y]), out
    )
    assert out[0] == pytest.approx((x - y) / (1 + x**2) - 3 * y % 0.4 + max(x, y) * 2**-x, rel=1e-14)


def test_equations_with_t_are_made_autonomous_by_a_clock():
    system = from_text(FORCED, NUMBERS, {"period": 2 * np.pi / 1.2, "max_step": 0.02})
    assert (system.dim, system.observed, system.names) == (3, 2, ("x", "v"))
    state = np.array([0.4, -0.2, 3.0])
    force = -0.3 * -0.2 + 0.4 - 0.4**3 + 0.5 * np.cos(3.6)
    assert system.rhs(state) == pytest.approx([-0.2, force, 1.0], rel=1e-14)
    assert system.jacobian(state)[1, 2] == pytest.approx(-0.5 * 1.2 * np.sin(3.6))
    assert system.divergence(state) == pytest.approx(-0.3)
    counted = from_text({"x": "0.5*x + t"}, {}, {"time": "map", "initial": [0.0]})
    assert counted.step(np.array([2.0, 7.0])) == pytest.approx([8.0, 8.0])


def test_maps_from_text():
    henon = from_text({"x": "1 - a*x**2 + y", "y": "b*x"}, {"a": 1.4, "b": 0.3}, {"time": "map"})
    built_in = get_system("henon")
    x = built_in.attractor_points(20, transient=50, seed=0)
    assert np.abs(henon.step(x) - built_in.step(x)).max() < 1e-14
    assert (henon.period, henon.dt, henon.time_unit) == (1.0, 1.0, "iterations")


def test_parameters_are_changed_without_reading_the_text_again(lorenz_file):
    at_40 = get_system(str(lorenz_file), rho=40.0)
    again = from_toml(lorenz_file).with_parameters(rho=40.0)
    assert at_40.rhs(np.ones(3))[1] == again.rhs(np.ones(3))[1] == 38.0
    for wrong, said in (({"roh": 1.0}, "did you mean 'rho'"), ({"rho": "28"}, "a finite number")):
        with pytest.raises(SpecError, match=said):
            get_system(str(lorenz_file), **wrong)


def test_the_origin_tells_the_equations(lorenz_file):
    origin = from_toml(lorenz_file).simulate(5, transient=0.0, seed=0).origin
    assert origin["equations"]["y"] == "x*(rho - z) - y"
    assert (origin["system"], origin["parameters"]["rho"], origin["max_step"]) == ("my-lorenz", 28.0, 0.0025)


def test_the_command_line_finds_a_file_with_equations(lorenz_file, tmp_path):
    assert data_section(str(lorenz_file)) == {"system": str(lorenz_file)}
    spec = parse_spec({"data": data_section(str(lorenz_file))})
    first = resolve(spec)
    assert first.run_id.startswith("mine-")
    assert len(first.tree["data"]["sha256"]) == 64
    lorenz_file.write_text(LORENZ.replace("28.0", "29.0"))
    assert resolve(spec).run_id != first.run_id
    said = simulate_to_file(
        str(lorenz_file),
        str(tmp_path / "out.csv"),
        n=5,
        dt=None,
        transient=0.0,
        noise=0.0,
        seed=0,
        parameters=["rho=30"],
    )
    assert "5 rows of x, y, z every 0.01" in said


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("__import__('os').system('true')", "the call __import__"),
        ("x.__class__", "is not allowed in a formula"),
        ("(lambda: 1)()", "is not allowed"),
        ("[x for x in y]", "is not allowed in a formula"),
        ("open('a')", "the call open"),
        ("sinn(x)", "did you mean 'sin'"),
        ("xx + 1", "no variable or parameter 'xx'.*did you mean 'x'"),
        ("cos(time)", "did you mean 't'"),
        ("x^2", r"write \*\* for a power"),
        ("x > 1", "where"),
        ("x if y else 1", "is not allowed"),
        ("sin(x, y)", "2 arguments"),
        ("where(x, 1, 2)", "one comparison"),
        ("x y", "not a formula"),
        ("", "a formula in quotes"),
        ("x" + "+x" * 3000, "at most"),
        ("(" * 300 + "x" + ")" * 300, "not a formula"),
        ("-" * 3000 + "x", "nested too deeply"),
        ("9**9**9**9", "no finite real number"),
        ("exp(exp(1000))", "not finite"),
        ("((2*x)**100)**1000000", "whole exponents up to 100"),
        ("1/0", "infinite or not real"),
        ("sqrt(-1)*x", "infinite or not real"),
        ("1e999", "not finite"),
    ],
)
def test_what_a_formula_may_not_say(formula, said):
    started = time.process_time()
    with pytest.raises(SpecError, match=said) as caught:
        parse(formula, symbols_of(["x", "y", "t"]), "equation of x")
    assert all((caught.value.got, caught.value.accepted, caught.value.next_step))
    assert len(str(caught.value)) < 500
    assert time.process_time() - started < 5  # nothing of that size was computed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ('z = "x*y - beta*z"\n', "no equation of z"),
        ("rho = 28.0\n", "no variable or parameter 'rho'"),
        ('["x", "y", "z"]', "an equation of 'z'"),
        ("[equations]", "section"),
        ("time", "key in section"),
        ("parameter", "finite number"),
    ],
)
def test_what_a_file_may_not_lack(lorenz_file, changed, said):
    text = {
        '["x", "y", "z"]': LORENZ.replace('["x", "y", "z"]', '["x", "y"]'),
        "[equations]": LORENZ.replace("[equations]", "[equation]"),
        "time": LORENZ.replace("dt = 0.01", "dtt = 0.01"),
        "parameter": LORENZ.replace("rho = 28.0", 'rho = "28"'),
    }.get(changed, LORENZ.replace(changed, ""))
    lorenz_file.write_text(text)
    with pytest.raises(SpecError, match=said):
        from_toml(lorenz_file)


def test_other_files_are_told_apart(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('[data]\nsystem = "lorenz63"')
    with pytest.raises(SpecError, match="dsr run"):
        get_system(str(path))
    path.write_text("x = = 1")
    with pytest.raises(SpecError, match="not TOML"):
        get_system(str(path))
    with pytest.raises(DataError, match=r"run\.toml"):
        get_system(str(tmp_path / "rum.toml"))


def test_names_that_formulas_cannot_use():
    for names in (["sin"], ["x", "x"], ["a b"], ["where"]):
        with pytest.raises(SpecError, match="different names"):
            symbols_of(names)


def test_equations_that_escape_or_jump_are_said_to(lorenz_file):
    with pytest.raises(DataError, match="leaves every bound"):
        from_text({"x": "x**2"})
    with pytest.raises(DataError, match="jumps"):
        from_text({"x": "v", "v": "-sign(x)"}, {}, {"initial": [1.0, 0.0], "period": 8.0})
    assert "came to rest" in from_text({"x": "-x"}).warning
