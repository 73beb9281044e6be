"""Functions over arrays made from sympy expressions, for numpy and for numba.

The body is assembled as a syntax tree from a closed list of operations; names in it are ours (x, out, p0, p1, ...), so
no text of a user ever becomes code.
"""

from __future__ import annotations

import ast
import math
import types
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import sympy

from dsr.errors import SpecError

from . import expression as language

NUMPY = {
    sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.asin: "arcsin", sympy.acos: "arccos",
    sympy.atan: "arctan", sympy.atan2: "arctan2", sympy.sinh: "sinh", sympy.cosh: "cosh", sympy.tanh: "tanh",
    sympy.asinh: "arcsinh", sympy.exp: "exp", sympy.log: "log", language.absolute: "abs", language.signum: "sign",
    language.whole: "floor", language.least: "minimum", language.greatest: "maximum",
}  # fmt: skip


def field_function(
    expressions: Sequence[sympy.Expr], variables: Sequence[sympy.Symbol], parameters: Sequence[sympy.Symbol]
) -> Callable[..., None]:
    """`field(x, out, p0, p1, ...)` with out[i] = expressions[i]; components on axis 0 of x and out."""
    body = [_assignment("out", [i], e, variables, parameters) for i, e in enumerate(expressions)]
    return _function("field", "out", body, len(parameters))


def jacobian_function(
    expressions: Sequence[sympy.Expr], variables: Sequence[sympy.Symbol], parameters: Sequence[sympy.Symbol]
) -> Callable[..., None]:
    """`derivative(x, J, p0, p1, ...)` with J[i, j] = d expressions[i] / d variables[j]; zeros are left out."""
    body = []
    for i, expression in enumerate(expressions):
        for j, variable in enumerate(variables):
            slope = expression.diff(variable) if variable in expression.free_symbols else sympy.Integer(0)
            if slope != 0:
                body.append(_assignment("J", [i, j], slope, variables, parameters))
    return _function("derivative", "J", body, len(parameters))


def _assignment(
    target: str,
    place: list[int],
    value: sympy.Expr,
    variables: Sequence[sympy.Symbol],
    parameters: Sequence[sympy.Symbol],
) -> ast.stmt:
    names: dict[sympy.Symbol, ast.expr] = {p: ast.Name(f"p{i}", ast.Load()) for i, p in enumerate(parameters)}
    names |= {v: ast.Subscript(ast.Name("x", ast.Load()), ast.Constant(i), ast.Load()) for i, v in enumerate(variables)}
    written = _Writer(names).write(value)
    index: ast.expr = ast.Constant(place[0])
    if len(place) > 1:
        index = ast.Tuple([ast.Constant(i) for i in place], ast.Load())
    return ast.Assign([ast.Subscript(ast.Name(target, ast.Load()), index, ast.Store())], written)


def _function(name: str, target: str, body: list[ast.stmt], parameters: int) -> Callable[..., None]:
    arguments = ", ".join(["x", target, *(f"p{i}" for i in range(parameters))])
    module = ast.parse(f"def {name}({arguments}):\n    pass")
    definition = module.body[0]
    if body and isinstance(definition, ast.FunctionDef):
        definition.body = body
    code = compile(ast.fix_missing_locations(module), f"<{name} from text>", "exec")
    (inner,) = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return types.FunctionType(inner, {"np": np, "__builtins__": {}}, name)


class _Writer:
    """From sympy to a syntax tree; quotients stay quotients, so that the rounding is that of the text."""

    def __init__(self, names: Mapping[sympy.Symbol, ast.expr]) -> None:
        self.names = names

    def write(self, e: sympy.Expr) -> ast.expr:
        if e in self.names:
            return self.names[e]
        if e.is_Number:
            return _number(e)
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if e.func is language.step:
            return _binary(
                ast.Constant(0.5), ast.Mult(), _binary(ast.Constant(1.0), ast.Add(), _call("sign", self._all(e)))
            )
        if e.func in (language.choice, language.above):
            condition, then, otherwise = e.args if e.func is language.choice else (e, sympy.Float(1), sympy.Float(0))
            test = ast.Compare(self.write(condition.args[0]), [ast.Gt()], [ast.Constant(0.0)])
            return _call("where", [test, self.write(then), self.write(otherwise)])
        if e.func in NUMPY:
            return _call(NUMPY[e.func], self._all(e))
        raise SpecError(
            f"the formula leads to {e.func.__name__}(...), for which there is no numerical function",
            "formulas of the functions " + ", ".join(language.CALLABLE),
            "write it another way",
        )

    def _all(self, e: sympy.Expr) -> list[ast.expr]:
        return [self.write(a) for a in e.args]

    def _sum(self, e: sympy.Expr) -> ast.expr:
        # positive terms first: "b - a", not "-a + b"
        first, *others = sorted(e.args, key=lambda a: a.could_extract_minus_sign())
        total = self.write(first)
        for term in others:
            negative = term.could_extract_minus_sign()
            total = _binary(total, ast.Sub() if negative else ast.Add(), self.write(-term if negative else term))
        return total

    def _product(self, e: sympy.Expr) -> ast.expr:
        above: list[ast.expr] = []
        below: list[ast.expr] = []
        for factor in e.args:
            if factor.is_Pow and factor.exp.is_Number and factor.exp.is_negative:
                below.append(self._power(factor.base, -factor.exp))
            elif factor == -1:
                above.insert(0, ast.Constant(-1.0))
            else:
                above.append(self.write(factor))
        top = _times(above) if above else ast.Constant(1.0)
        return _binary(top, ast.Div(), _times(below)) if below else top

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> ast.expr:
        if base == sympy.E:
            return _call("exp", [self.write(exponent)])
        written = self.write(base)
        if exponent == sympy.Rational(1, 2):
            return _call("sqrt", [written])
        if exponent.is_Number and exponent.is_negative:
            return _binary(ast.Constant(1.0), ast.Div(), self._power(base, -exponent))
        if exponent.is_Integer:
            return written if exponent == 1 else _binary(written, ast.Pow(), ast.Constant(int(exponent)))
        return _binary(written, ast.Pow(), self.write(exponent))


def _number(e: sympy.Expr) -> ast.expr:
    value = float(e)
    if not math.isfinite(value):
        raise SpecError("a formula with a number that is not finite", "numbers below 1e308", "write smaller numbers")
    return ast.Constant(value)


def _times(factors: list[ast.expr]) -> ast.expr:
    product = factors[0]
    for factor in factors[1:]:
        product = _binary(product, ast.Mult(), factor)
    return product


def _binary(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, operator, right)


def _call(name: str, arguments: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load()), arguments, [])
