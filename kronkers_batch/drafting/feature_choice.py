"""Which columns a first model sees, and why others are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kronkers_batch.drafting.survey import MOST, TIMES, Seen
from kronkers_batch.errors import UsageError
from kronkers_batch.frames.near import near
from kronkers_batch.frames.schema import ColumnType

MOST_FEATURES = 200
TEXTS = (ColumnType.STRING, ColumnType.CATEGORY)


def choose(columns: Mapping[str, Seen], taken: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The features in the order of their columns, and of each other column why it is none.

    ``taken`` are columns with a role of their own: target, key and time. Raises UsageError where no column
    is left, or more than a file should list.
    """
    chosen, left_out = [], {}
    for name, seen in columns.items():
        if name in set(taken):
            continue
        if why := _unfit(seen):
            left_out[name] = why
        else:
            chosen.append(name)
    if not chosen:
        raise _refused(
            "no column is left to learn from: every other column is the target, the key, a time, always the "
            f"same, or text of more than {MOST} values",
            "Name the features: --features COLUMN,COLUMN",
        )
    if len(chosen) > MOST_FEATURES:
        raise _refused(
            f"{len(chosen):,} columns could be features, and a first model lists at most {MOST_FEATURES}",
            "Name those that matter: --features COLUMN,COLUMN",
        )
    return chosen, left_out


def asked(columns: Mapping[str, Seen], names: Iterable[str], target: str) -> list[str]:
    """The features that somebody named. Raises UsageError where one cannot be a feature."""
    chosen = list(names)
    for name in chosen:
        if name not in columns:
            raise _refused(f"there is no column {name!r}", correct(name, columns))
        if name == target:
            raise _refused(f"{name} is the target, and so no feature", "Leave it out of --features.")
        if columns[name].column.type in TIMES:
            raise _refused(
                f"{name} is a {columns[name].column.type}, which a first model cannot use",
                "Derive a number from it in a query source, such as a weekday or an age.",
            )
        if chosen.count(name) > 1:
            raise _refused(f"{name} is named twice", "Name each feature once.")
    if not chosen:
        raise _refused("no feature is named", "--features COLUMN,COLUMN")
    return chosen


def correct(name: str, columns: Iterable[str]) -> str:
    """What to do about a column that is not there; no name is shown that is not spelt like it."""
    close = near(name, columns)
    return f"Did you mean {close!r}?" if close else "Write the name as the rows have it."


def _unfit(seen: Seen) -> str:
    kind = seen.column.type
    if kind in TIMES:
        return f"it is a {kind}; derive a number from it"
    if not seen.varies:
        return "it is the same in every row" if seen.values else "it has no value in any row"
    if seen.infinite:
        return "it has infinite values"
    if kind in TEXTS and seen.many:
        return f"it is text of more than {MOST} different values"
    return ""


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(what, where="--features", fix=fix)
