"""Boolean expressions over columns, for checks: parsed to a frozen tree, never evaluated as code.

The grammar is a small part of Python's: comparisons (also chained), ``and``, ``or``, ``not``, ``+ - * / %``,
unary minus, ``in [..]`` and ``not in [..]``, numbers, texts, ``true``, ``false``, ``null``, the functions
``isnull(x)``, ``abs(x)`` and ``length(x)``, and names, which are columns. A column with an odd name is
written `` `in backticks` `` or ``col("odd name")``. A null compares as null; a null
result counts as failed.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import TypeAlias

MAX_LENGTH = 2_000
MAX_NODES = 300
FUNCTIONS = ("abs", "isnull", "length")


class ExpressionError(ValueError):
    """An expression that cannot be used; ``column`` counts characters of the text from 1."""

    def __init__(self, what: str, column: int) -> None:
        self.what, self.column = what, column
        super().__init__(f"{what} (at character {column})")


@dataclass(frozen=True)
class Literal:
    """A number, text, boolean or null."""

    value: float | int | str | bool | None


@dataclass(frozen=True)
class Name:
    """A column."""

    column: str


@dataclass(frozen=True)
class Negate:
    """``-x``."""

    operand: Expression


@dataclass(frozen=True)
class Not:
    """``not x``."""

    operand: Expression


@dataclass(frozen=True)
class Arithmetic:
    """``left op right``; ``operator`` is one of ``+ - * / %``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Comparison:
    """``left op right``; ``operator`` is one of ``< <= > >= == !=``. A chain is an And of these."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Membership:
    """``operand in [values]``; negated for ``not in``."""

    operand: Expression
    values: tuple[float | int | str | bool, ...]
    negated: bool


@dataclass(frozen=True)
class And:
    """All of the operands hold."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Or:
    """One of the operands holds."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Call:
    """``abs(x)``, ``isnull(x)`` or ``length(x)`` (characters of a text)."""

    function: str
    argument: Expression


Expression: TypeAlias = Literal | Name | Negate | Not | Arithmetic | Comparison | Membership | And | Or | Call

_BOOLEAN = (Comparison, And, Or, Not, Membership)
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_COMPARISON = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_STRINGS_OR_TICKS = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"|`([^`\n]*)`")


def parse(text: str) -> Expression:
    """The tree of one expression.

    Raises:
        ExpressionError: it is not one, or uses what is not allowed.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    if "\n" in text.strip():
        text = " ".join(text.split("\n"))
    ticks: dict[str, str] = {}
    source = _STRINGS_OR_TICKS.sub(lambda m: _placeholder(m, ticks), text)
    lead = len(source) - len(source.lstrip())
    try:
        tree = ast.parse(source.lstrip(), mode="eval")
    except SyntaxError as error:
        column = max(1, min((error.offset or len(source)) + lead, len(text) + 1))
        raise ExpressionError(f"not an expression: {error.msg}", column) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("not an expression", 1) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(f"more than {MAX_NODES} parts", 1)
    found = _Converter(ticks, lead).convert(tree.body)
    if not (isinstance(found, (*_BOOLEAN, Name)) or (isinstance(found, Call) and found.function == "isnull")):
        raise ExpressionError("an expression must be true or false: compare something", 1)
    return found


def columns(expression: Expression) -> tuple[str, ...]:
    """The columns that it reads, each once, in the order of their first use."""
    match expression:
        case Name(column):
            return (column,)
        case Literal():
            return ()
        case Negate(operand) | Not(operand) | Membership(operand) | Call(_, operand):
            return columns(operand)
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            return tuple(dict.fromkeys(columns(left) + columns(right)))
        case And(operands) | Or(operands):
            return tuple(dict.fromkeys(c for o in operands for c in columns(o)))


def _placeholder(match: re.Match[str], ticks: dict[str, str]) -> str:
    """Backticks become a name of the same length where that is possible, so that positions stay right."""
    if match[1] is None:
        return match[0]
    name = f"_{len(ticks)}_".ljust(len(match[0]), "_")
    while name in ticks or name in match.string:
        name += "_"
    ticks[name] = match[1]
    return name


class _Converter:
    def __init__(self, ticks: dict[str, str], lead: int) -> None:
        self.ticks, self.lead = ticks, lead

    def refuse(self, node: ast.AST, what: str) -> ExpressionError:
        return ExpressionError(what, getattr(node, "col_offset", 0) + self.lead + 1)

    def convert(self, node: ast.expr) -> Expression:
        match node:
            case ast.Constant():
                return Literal(self.constant(node))
            case ast.Name(id=name):
                if name in self.ticks:
                    return Name(self.ticks[name])
                return Literal(_CONSTANTS[name]) if name in _CONSTANTS else Name(name)
            case ast.BoolOp(op=op, values=values):
                operands = tuple(self.convert(v) for v in values)
                return And(operands) if isinstance(op, ast.And) else Or(operands)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.convert(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Negate(self.convert(operand))
            case ast.BinOp(op=operation, left=left, right=right) if type(operation) in _ARITHMETIC:
                return Arithmetic(_ARITHMETIC[type(operation)], self.convert(left), self.convert(right))
            case ast.Compare():
                return self.comparison(node)
            case ast.Call():
                return self.call(node)
        allowed = "allowed: comparisons, and, or, not, + - * / %, in [..], isnull(), abs(), length()"
        raise self.refuse(node, f"{type(node).__name__} is not allowed; {allowed}")

    def constant(self, node: ast.Constant) -> float | int | str | bool | None:
        value = node.value
        if isinstance(value, bool | str | None):
            return value
        if isinstance(value, int) and abs(value) < 2**63:
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise self.refuse(node, "allowed are numbers (of 64 bits), texts, true, false and null")

    def comparison(self, node: ast.Compare) -> Expression:
        parts: list[Expression] = []
        left = node.left
        for operation, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operation, ast.In | ast.NotIn):
                values = self.values(right)
                parts.append(Membership(self.convert(left), values, isinstance(operation, ast.NotIn)))
            elif type(operation) in _COMPARISON:
                parts.append(
                    Comparison(_COMPARISON[type(operation)], self.convert(left), self.convert(right))
                )
                if Literal(None) in (parts[-1].left, parts[-1].right):  # type: ignore[union-attr]
                    raise self.refuse(right, "nothing compares equal to null; write isnull(x)")
            else:
                raise self.refuse(right, "'is' is not allowed; write isnull(x) or ==")
            left = right
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def values(self, node: ast.expr) -> tuple[float | int | str | bool, ...]:
        if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
            raise self.refuse(node, "after 'in' write a list, such as ['EWR', 'JFK']")
        found: list[float | int | str | bool] = []
        for element in node.elts:
            item = self.convert(element)
            if isinstance(item, Negate) and isinstance(item.operand, Literal):
                number = item.operand.value
                item = Literal(-number) if isinstance(number, int | float) else item
            if not isinstance(item, Literal) or item.value is None:
                raise self.refuse(element, "a list holds numbers, texts, true and false")
            found.append(item.value)
        kinds = {float if type(value) is int else type(value) for value in found}
        if len(kinds) > 1:
            raise self.refuse(node, "a list holds values of one kind: numbers, or texts, or true and false")
        return tuple(found)

    def call(self, node: ast.Call) -> Expression:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if node.keywords or len(node.args) != 1 or name not in (*FUNCTIONS, "col"):
            raise self.refuse(node, f"allowed functions, of one argument: {', '.join(FUNCTIONS)}, col")
        argument = node.args[0]
        if name == "col":
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                raise self.refuse(argument, 'write the column\'s name in quotes: col("odd name")')
            return Name(argument.value)
        return Call(name, self.convert(argument))
