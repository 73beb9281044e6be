"""Equations as text: a small language of formulas, read into sympy without evaluating anything as code.

The text is parsed to Python's syntax tree, and only the nodes and functions listed here are taken over; everything
else is refused with its name. Numbers are taken as double precision at once, so that no formula can ask for an integer
with a billion digits.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy

from dsr.errors import SpecError, nearest

LONGEST = 4000  # characters of one formula
HIGHEST = 100  # whole-number exponent
TIME = "t"
CONSTANTS = {"pi": math.pi, "e": math.e}
WORDS_FOR_TIME = ("time", "T", "tt", "Time")


class absolute(sympy.Function):
    def fdiff(self, argindex: int = 1) -> Any:
        return signum(self.args[0])


class _Steps(sympy.Function):
    """Functions that are constant between their jumps; the jumps themselves have no derivative that could be used."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class signum(_Steps):
    """-1, 0 or 1"""


class step(_Steps):
    """0 below 0, 1/2 at 0, 1 above"""


class whole(_Steps):
    """Largest integer that is not above."""


class above(_Steps):
    """1 where the argument is positive, else 0."""


class least(sympy.Function):
    def fdiff(self, argindex: int = 1) -> Any:
        a, b = self.args
        return step(b - a) if argindex == 1 else step(a - b)


class greatest(sympy.Function):
    def fdiff(self, argindex: int = 1) -> Any:
        a, b = self.args
        return step(a - b) if argindex == 1 else step(b - a)


class choice(sympy.Function):
    """The second argument where the first, `above(...)`, is 1, else the third."""

    def _eval_derivative(self, symbol: Any) -> Any:
        condition, then, otherwise = self.args
        return choice(condition, then.diff(symbol), otherwise.diff(symbol))


def _chain(two: Callable[..., Any]) -> Callable[..., Any]:
    def of_all(first: Any, *others: Any) -> Any:
        for other in others:
            first = two(first, other)
        return first

    return of_all


# name: (number of arguments, at least two where None; sympy function)
FUNCTIONS: dict[str, tuple[int | None, Callable[..., Any]]] = {
    **{name: (1, getattr(sympy, name)) for name in (
        "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "exp", "log", "sqrt")},
    "atan2": (2, sympy.atan2), "abs": (1, absolute), "sign": (1, signum), "heaviside": (1, step), "floor": (1, whole),
    "mod": (2, lambda a, b: a - b * whole(a / b)), "min": (None, _chain(least)), "max": (None, _chain(greatest)),
}  # fmt: skip
CALLABLE = (*FUNCTIONS, "where")
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Mod: FUNCTIONS["mod"][1],
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], tuple[Any, bool]]] = {
    # (what must be positive, whether the answer is then yes)
    ast.Gt: lambda a, b: (a - b, True),
    ast.Lt: lambda a, b: (b - a, True),
    ast.GtE: lambda a, b: (b - a, False),
    ast.LtE: lambda a, b: (a - b, False),
}


def symbols_of(names: Iterable[str]) -> dict[str, sympy.Symbol]:
    """One real symbol for each name. Raises `SpecError` for a name that formulas cannot use, or that comes twice."""
    symbols: dict[str, sympy.Symbol] = {}
    for name in names:
        if not name.isidentifier() or name in CALLABLE or name in symbols:
            problem = "twice" if name in symbols else "for a variable or parameter"
            raise SpecError(
                f"the name '{name}' {problem}",
                "different names of letters, digits and _, none of them a function",
                f"call it for example {name if name.isidentifier() else 'x'}_1",
            )
        symbols[name] = sympy.Symbol(name, real=True)
    return symbols


def parse(text: Any, symbols: Mapping[str, sympy.Symbol], where: str) -> sympy.Expr:
    """The formula as a sympy expression of these symbols.

    Parameters
    ----------
    text : for example "sigma*(y - x)"; numbers, the names in `symbols`, pi and e (unless named otherwise), + - * / ** %
        and the functions of `FUNCTIONS`; where(x > 1, a, b) chooses. A number instead of text is taken as it is.
    symbols : name to symbol, from `symbols_of`.
    where : what the formula belongs to, for messages.

    Raises `SpecError` for anything else, with the nearest name, and for a formula that is never a real number.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = repr(text)
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise SpecError(
            f"{where} = {_short(repr(text))}", f"a formula in quotes, of at most {LONGEST} characters", 'write "x - y"'
        )
    try:
        tree = ast.parse(text.strip().replace("\n", " "), mode="eval")
        found = _Reader(symbols, where).read(tree.body)
    except (SyntaxError, ValueError) as problem:
        raise SpecError(
            f"{where} = \"{_short(text)}\" is not a formula ({getattr(problem, 'msg', problem)})",
            "numbers, names, + - * / ** and functions", "close every bracket, and write every * ",
        ) from problem  # fmt: skip
    except (RecursionError, MemoryError) as problem:
        raise SpecError(f"{where}: a formula nested too deeply", "fewer brackets", "take it apart") from problem
    except (ZeroDivisionError, OverflowError):
        found = sympy.zoo
    if found.has(sympy.I, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise SpecError(
            f'{where} = "{_short(text)}" is infinite or not real',
            "a real number for every state",
            "look for 1/0 or sqrt(-1)",
        )
    return found


class _Reader:
    def __init__(self, symbols: Mapping[str, sympy.Symbol], where: str) -> None:
        self.symbols, self.where = symbols, where

    def read(self, node: ast.expr) -> sympy.Expr:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(value)
            case ast.Name():
                return self._name(node.id)
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node)
            case ast.BinOp() if type(node.op) in OPERATORS:
                return self._finite(OPERATORS[type(node.op)](self.read(node.left), self.read(node.right)), node)
            case ast.Call():
                return self._finite(self._call(node), node)
        next_step = "write ** for a power" if isinstance(getattr(node, "op", None), ast.BitXor) else "take it out"
        if isinstance(node, ast.Compare):
            next_step = "write where(x > 1, this, that)"
        raise SpecError(
            f"{self.where}: '{_shown(node)}' is not allowed in a formula",
            "numbers, names, + - * / ** %, brackets and the functions " + ", ".join(CALLABLE),
            next_step,
        )

    def _number(self, value: float) -> sympy.Expr:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise SpecError(f"{self.where}: a number that is not finite", "numbers below 1e308", "write a smaller one")
        return sympy.Float(number)

    def _finite(self, found: sympy.Expr, node: ast.expr) -> sympy.Expr:
        """Numbers that overflow are caught where they arise, before a power or an exponential is taken of them."""
        if found.is_Float and not math.isfinite(float(found)):
            raise SpecError(
                f"{self.where}: '{_shown(node)}' is not finite", "numbers below 1e308", "write a smaller one"
            )
        return found

    def _name(self, name: str) -> sympy.Expr:
        if name in self.symbols:
            return self.symbols[name]
        if name in CONSTANTS:
            return sympy.Float(CONSTANTS[name])
        close = TIME if name in WORDS_FOR_TIME and TIME in self.symbols else nearest(name, self.symbols)
        raise SpecError(
            f"{self.where}: there is no variable or parameter '{name}'",
            "one of " + ", ".join([*self.symbols, *CONSTANTS]),
            f"did you mean '{close}'?  Type it in place of '{name}'" if close else f"add '{name}' to the parameters",
        )

    def _power(self, node: ast.BinOp) -> sympy.Expr:
        base, exponent = self.read(node.left), self.read(node.right)
        if base.is_Number and exponent.is_Number:
            try:
                value = float(base) ** float(exponent)
            except (OverflowError, ZeroDivisionError):
                value = math.inf
            if isinstance(value, complex) or not math.isfinite(value):
                raise SpecError(f"{self.where}: '{_shown(node)}' is no finite real number", "a real number", "mend it")
            return sympy.Float(value)
        if exponent.is_Number and float(exponent).is_integer():
            if abs(float(exponent)) > HIGHEST:
                raise SpecError(
                    f"{self.where}: the power '{_shown(node)}'", f"whole exponents up to {HIGHEST}", "write exp(...)"
                )
            exponent = sympy.Integer(int(float(exponent)))
        elif exponent.is_Number and float(exponent) == 0.5:
            return sympy.sqrt(base)
        return base**exponent

    def _call(self, node: ast.Call) -> sympy.Expr:
        name = node.func.id if isinstance(node.func, ast.Name) else _shown(node.func)
        if name not in CALLABLE:
            close = nearest(name, CALLABLE)
            raise SpecError(
                f"{self.where}: the call {name}(...) is not allowed",
                "one of " + ", ".join(CALLABLE),
                f"did you mean '{close}'?  Type it in place of '{name}'" if close else f"take {name} out",
            )
        count = 3 if name == "where" else FUNCTIONS[name][0]
        given = len(node.args)
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args) or (
            given != count if count else given < 2
        ):  # fmt: skip
            raise SpecError(
                f"{self.where}: {name}(...) with {given} arguments",
                f"{count or 'two or more'} of them, without names",
                "count the commas",
            )
        if name == "where":
            return self._choice(node)
        return FUNCTIONS[name][1](*(self.read(argument) for argument in node.args))

    def _choice(self, node: ast.Call) -> sympy.Expr:
        test, then, otherwise = node.args
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or type(test.ops[0]) not in COMPARISONS:
            raise SpecError(
                f"{self.where}: where({_shown(test)}, ...)", "one comparison by < > <= >=", "write where(x > 1, a, b)"
            )
        positive, yes = COMPARISONS[type(test.ops[0])](self.read(test.left), self.read(test.comparators[0]))
        branches = (self.read(then), self.read(otherwise))
        return choice(above(positive), *(branches if yes else branches[::-1]))


def _shown(node: ast.AST) -> str:
    return _short(ast.unparse(node))


def _short(text: str) -> str:
    return text if len(text) < 60 else text[:57] + "..."
