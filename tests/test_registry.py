"""The registry judges names, keys and types of a spec, and names the nearest match."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from dsr.errors import SpecError, nearest
from dsr.registry import Registry, option, options_of

cars: Registry[object] = Registry("system", show="dsr systems")


@cars.register("lorenz63")
@dataclass(frozen=True)
class Lorenz:
    rho: float = option(28.0, "Rayleigh number")
    steps: int = option(10, "steps")
    plain: bool = option(False, "a switch")
    note: str | None = option(None, "a text")
    state: tuple[float, ...] = option((1.0, 2.0), "initial state")
    window: tuple[int, int] = option((0, 1), "first and last")


@cars.register("needy")
@dataclass(frozen=True)
class Needy:
    size: int = dataclasses.field()


@cars.register("bare")
@dataclass(frozen=True)
class Bare:
    pass


def test_options_are_converted_to_the_types_of_the_fields() -> None:
    made = cars.build("lorenz63", {"rho": 30, "state": [1, 2, 3], "note": "a", "window": [2, 3]})
    assert made == Lorenz(rho=30.0, state=(1.0, 2.0, 3.0), note="a", window=(2, 3))
    assert isinstance(made, Lorenz) and type(made.rho) is float and type(made.state[0]) is float


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("rho", "28", "rho = '28' .* float"),
        ("rho", True, "float"),
        ("steps", 1.0, "int"),
        ("steps", True, "int"),
        ("plain", 1, "bool"),
        ("note", 3, "str or none"),
        ("state", 1.0, r"tuple\[float, ...\]"),
        ("state", [1.0, "a"], r"state\[1\] = 'a'"),
        ("window", [1], "a list of 2 values"),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, value: object, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        cars.build("lorenz63", {key: value})


def test_none_is_a_value_where_the_type_says_so() -> None:
    assert cars.build("lorenz63", {"note": None}) == Lorenz()
    with pytest.raises(SpecError, match="int"):
        cars.build("lorenz63", {"steps": None})


def test_unknown_names_and_keys_are_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"no system 'lorentz63'.*dsr systems.*did you mean 'lorenz63'"):
        cars["lorentz63"]
    with pytest.raises(SpecError, match="did you mean 'rho'"):
        cars.build("lorenz63", {"roh": 1.0})
    with pytest.raises(SpecError, match="no keys at all"):
        cars.build("bare", {"x": 1})


def test_a_key_without_default_must_be_given() -> None:
    with pytest.raises(SpecError, match="without the key 'size'"):
        cars.build("needy", {})
    assert cars.build("needy", {"size": 2}) == Needy(2)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        cars.register("lorenz63")(Bare)
    assert cars["lorenz63"] is Lorenz


def test_a_class_that_is_defined_again_takes_its_own_place() -> None:
    found = Registry[object]("car")
    cell = "@found.register('own')\nclass Own:\n    pass\n"
    for _ in "ab":
        namespace = {"found": found, "__name__": "__main__"}
        exec(cell, namespace)
        assert found["own"] is namespace["Own"]
    with pytest.raises(ValueError, match="twice"):
        exec(cell, {"found": found, "__name__": "elsewhere"})


def test_iteration_is_sorted_and_membership_exact() -> None:
    assert list(cars) == ["bare", "lorenz63", "needy"]
    assert "lorenz63" in cars and "Lorenz63" not in cars


def test_options_carry_their_help() -> None:
    assert options_of(Lorenz)[0] == ("rho", "float", 28.0, "Rayleigh number")
    assert options_of(Lorenz)[3] == ("note", "str or none", None, "a text")


def test_nearest_disregards_case_and_admits_that_nothing_is_close() -> None:
    assert nearest("LORENZ", ["lorenz63", "rossler"]) == "lorenz63"
    assert nearest("qqqq", ["lorenz63", "rossler"]) is None
    assert nearest("noise", ["transpose", "missing"]) is None and nearest("relu", ["relu_units"]) == "relu_units"
