"""Features that may not be later than the prediction: ``known_at`` becomes checks of the model's input."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType

from kronkers_batch.config.link import Linker
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.spec import CheckSpec, OnFailure
from kronkers_batch.frames.schema import Column


def checks(
    raw: RawModel, columns: MappingType[str, Column], linker: Linker, problems: Problems
) -> tuple[CheckSpec, ...]:
    """Two checks for each column that says when a feature became known; what cannot be is reported.

    Args:
        raw: The model.
        columns: Of its source.
        linker: Knows the time column of its source: the time of a row, at which it is predicted.
        problems: Gets what cannot be.
    """
    source = raw.values["source"]
    time_column = linker.time_column(source) if source else ""
    found = dict.fromkeys(_said(raw, columns, time_column, problems))
    return tuple(check for name, key in found for check in _of(raw, name, key, time_column))


def _of(raw: RawModel, name: str, feature: str, time_column: str) -> Iterator[CheckSpec]:
    where = raw.at("features", feature, "known_at").origin(f"features.{feature}.known_at")
    yield CheckSpec("nulls", (name,), {"allowed": False}, OnFailure.FAIL, 0.0, where)
    yield CheckSpec("not_after", (name, time_column), {}, OnFailure.FAIL, 0.0, where)


def _said(
    raw: RawModel, columns: MappingType[str, Column], time_column: str, problems: Problems
) -> Iterator[tuple[str, str]]:
    """Each column, with the first feature that names it."""
    known: set[str] = set()
    for feature, said in (raw.values["features"] or {}).items():
        name = said.known_at
        if not name:
            continue
        where = raw.at("features", feature, "known_at").origin(f"features.{feature}.known_at")
        if not time_column:
            what = "known_at is compared with the time of a row, and the source has no time_column"
            problems.add(where, what, "declare time_column in the source, or remove known_at")
        elif name not in columns:
            problems.add(where, f"there is no column '{name}' in the source", suggest(name, columns))
        elif columns[name].type is not columns[time_column].type:
            what = f"the column '{name}' is {columns[name].type}, and the row's time is "
            what += str(columns[time_column].type)
            problems.add(where, what, "derive a column of the same type in a query source")
        elif name not in known:
            known.add(name)
            yield name, feature
    for role in ("future", "past", "static"):
        for column, said in raw.values[role].items():
            if said.known_at:
                where = raw.at(role, column, "known_at").origin(f"{role}.{column}.known_at")
                what = "known_at is for rows that are predicted at their own time, not for time series"
                problems.add(where, what, "remove it: future and past say what is known at the origin")
            if said.nulls:
                where = raw.at(role, column, "nulls").origin(f"{role}.{column}.nulls")
                what = "nulls is for rows that are predicted at their own time, not for time series"
                problems.add(where, what, "remove it: gaps says what may be missing in a history")
