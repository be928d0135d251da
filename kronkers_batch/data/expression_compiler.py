"""Check expressions, compiled from their parsed tree to Polars; no text is ever run as code."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from functools import reduce

import polars as pl

from kronkers_batch.config import expressions as tree
from kronkers_batch.frames.schema import ColumnType, Schema

_OPERATORS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TIMESTAMPS = (ColumnType.DATE, ColumnType.TIMESTAMP)
_FLOATS = (ColumnType.FLOAT, ColumnType.FLOAT32)
_NUMBERS = (*_FLOATS, ColumnType.INTEGER, ColumnType.INT32)


def compile_expression(text: str, schema: Schema) -> pl.Expr:
    """A boolean Polars expression; null where the check's expression is null, which a comparison with NaN is.

    A text that is compared with a date or timestamp column is read as ISO 8601 in UTC.

    Raises:
        ExpressionError: The text is no expression.
        ValueError: A text compared with a date is none.
    """
    return _compile(tree.parse(text), schema)


def _compile(node: tree.Expression, schema: Schema) -> pl.Expr:
    match node:
        case tree.Literal(value):
            return pl.lit(value)
        case tree.Name(column):
            return pl.col(column)
        case tree.Negate(operand):
            return -_compile(operand, schema)
        case tree.Not(operand):
            return ~_compile(operand, schema)
        case tree.Arithmetic(symbol, left, right):
            return _OPERATORS[symbol](_compile(left, schema), _compile(right, schema))
        case tree.Comparison(symbol, left, right):
            sides = _side(left, right, schema), _side(right, left, schema)
            return _OPERATORS[symbol](*sides)
        case tree.Membership(operand, values, negated):
            found = _known(operand, schema).is_in([_timestamp(v, operand, schema) for v in values])
            return ~found if negated else found
        case tree.And(operands):
            return reduce(operator.and_, (_compile(o, schema) for o in operands))
        case tree.Or(operands):
            return reduce(operator.or_, (_compile(o, schema) for o in operands))
        case tree.Call(function, argument):
            inner = _compile(argument, schema)
            if function == "isnull":
                return inner.is_null()
            return inner.abs() if function == "abs" else inner.str.len_chars()


def _side(node: tree.Expression, other: tree.Expression, schema: Schema) -> pl.Expr:
    if isinstance(node, tree.Literal):
        return pl.lit(_timestamp(node.value, other, schema))
    return _known(node, schema)


def _known(node: tree.Expression, schema: Schema) -> pl.Expr:
    """A value that is compared: null where it is NaN, which Polars takes for the largest number of all."""
    value = _compile(node, schema)
    return value.fill_nan(None) if _may_be_nan(node, schema) else value


def _may_be_nan(node: tree.Expression, schema: Schema) -> bool:
    match node:
        case tree.Name(column):
            return schema[column].type in _FLOATS
        case tree.Negate(operand):
            return _may_be_nan(operand, schema)
        case tree.Call("abs", argument):
            return _may_be_nan(argument, schema)
        case tree.Arithmetic(symbol, left, right):
            # Of whole numbers too 0 / 0 is none.
            numbers = symbol == "/" and all(schema[name].type in _NUMBERS for name in tree.columns(node))
            return numbers or _may_be_nan(left, schema) or _may_be_nan(right, schema)
    return False


def _timestamp(value: object, beside: tree.Expression, schema: Schema) -> object:
    """The value as a date or time where it stands beside such a column."""
    if not (
        isinstance(beside, tree.Name) and isinstance(value, str) and schema[beside.column].type in _TIMESTAMPS
    ):
        return value
    if schema[beside.column].type is ColumnType.DATE:
        return dt.date.fromisoformat(value)
    timestamp = dt.datetime.fromisoformat(value)
    try:
        return timestamp.replace(tzinfo=dt.UTC) if timestamp.tzinfo is None else timestamp.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("a time before the year 1 or after 9999") from None
