"""What a first model predicts: the task, as the values of the target suggest it or as somebody asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kronkers_batch.drafting.survey import TIMES, Seen, Value
from kronkers_batch.errors import UsageError
from kronkers_batch.frames.schema import ColumnType

MOST_CLASSES = 20
BINARY, MULTICLASS, REGRESSION, COUNT = "binary", "multiclass", "regression", "count"
DRAFTED = (BINARY, MULTICLASS, REGRESSION, COUNT)
"""The tasks for which there is a first model."""
_TEXTS = (ColumnType.STRING, ColumnType.CATEGORY)
_WHOLE = (ColumnType.INTEGER, ColumnType.INT32)
_FLOATS = (ColumnType.FLOAT, ColumnType.FLOAT32)
_YES = ("true", "yes", "y", "1", "t")


@dataclass(frozen=True)
class Aim:
    """The task; what ``target:`` says besides the column; and why, in words."""

    task: str
    target: Mapping[str, str | list[str]] = field(default_factory=dict)
    why: str = ""


def of(seen: Seen, asked: str = "") -> Aim:
    """The task of a target. Raises UsageError where no first model predicts such a target."""
    _refuse_unusable(seen)
    if asked and asked not in DRAFTED:
        raise _refused(
            f"there is no first model for the task {asked}",
            f"Write one of: {', '.join(DRAFTED)}. For others begin with its template in conf/template/.",
        )
    aim = _asked(seen, asked) if asked else _natural(seen)
    if aim is None:
        raise _refused(
            f"the target {seen.column.name} ({_words(seen)}) does not fit the task {asked}",
            "Leave out --task, or name another column behind --target.",
        )
    return aim


def _refuse_unusable(seen: Seen) -> None:
    name, kind = seen.column.name, seen.column.type
    if not seen.values:
        raise _refused(f"the target {name} has no value in any row", "Name another column behind --target.")
    if not seen.varies:
        raise _refused(
            f"the target {name} has the same value in every row: there is nothing to learn",
            "Name another column behind --target, or rows in which it differs.",
        )
    if kind in TIMES:
        raise _refused(
            f"the target {name} is a {kind}, which no task predicts",
            "Derive a number from it, such as the days until then.",
        )
    if seen.infinite:
        raise _refused(f"the target {name} has infinite values", "Correct the data.")


def _natural(seen: Seen) -> Aim:
    kind = seen.column.type
    two = kind is ColumnType.BOOLEAN or (len(seen.values) == 2 and not seen.many)
    if two and (aim := _binary(seen)) is not None:
        return aim
    if kind not in _TEXTS:
        return Aim(REGRESSION, why=f"the target is {_words(seen)}")
    if (aim := _multiclass(seen)) is not None:
        return aim
    raise _refused(
        f"the target {seen.column.name} is text of more than {MOST_CLASSES} different values",
        "Name another column behind --target, or put rare values together in a query source.",
    )


def _asked(seen: Seen, asked: str) -> Aim | None:
    """The task that somebody asked for; None where the target does not fit."""
    kind = seen.column.type
    if asked == BINARY:
        return _binary(seen) if len(seen.values) == 2 and not seen.many else None
    if asked == MULTICLASS:
        return _multiclass(seen)
    if kind not in (*_WHOLE, *_FLOATS):
        return None
    if asked == COUNT and (kind in _FLOATS or seen.least is None or seen.least < 0):
        return None
    return Aim(asked, why="--task says so")


def _binary(seen: Seen) -> Aim | None:
    kind, values = seen.column.type, seen.values
    if kind is ColumnType.BOOLEAN:
        return Aim(BINARY, why="the target is boolean")
    if set(values) == {0, 1}:
        return Aim(BINARY, why="the target is 0 or 1")
    if kind in _FLOATS:
        return None
    positive = _positive(seen)
    why = "it says yes" if str(positive).casefold() in _YES else "it is the rarer one"
    return Aim(
        BINARY,
        {"positive": str(positive)},
        f"the target has two values; {positive} counts as true, because {why}",
    )


def _positive(seen: Seen) -> Value:
    for value in seen.values:
        if str(value).casefold() in _YES:
            return value
    return min(seen.values, key=lambda value: (seen.values[value], str(value)))


def _multiclass(seen: Seen) -> Aim | None:
    kind = seen.column.type
    if seen.many or len(seen.values) > MOST_CLASSES or kind in _FLOATS:
        return None
    classes = [
        str(value).lower() if isinstance(value, bool) else str(value)
        for value in sorted(seen.values, key=_order)
    ]
    return Aim(MULTICLASS, {"classes": classes}, f"the target is {_words(seen)}")


def _order(value: Value) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _words(seen: Seen) -> str:
    kind = {ColumnType.STRING: "text"}.get(seen.column.type, str(seen.column.type))
    if seen.many:
        return f"{kind} of many values"
    return f"{kind} of {len(seen.values)} values"


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(what, where="--target", fix=fix)
