"""The rows of a CSV file of which nothing is declared yet: types, key and time are inferred."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.config.kinds import unsafe_name
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import sources
from kronkers_batch.data.window import Window
from kronkers_batch.drafting import aims, column_types, csv_form, periods, row_keys
from kronkers_batch.drafting.asked import CHUNK, Asked, Found, refuse_empty, require_column
from kronkers_batch.drafting.column_types import Typed
from kronkers_batch.drafting.draft import Inferred, some, source_yaml
from kronkers_batch.drafting.periods import Period
from kronkers_batch.drafting.survey import Survey, survey
from kronkers_batch.errors import UsageError
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl


def found(services: Services, asked: Asked, path: Path) -> Found:
    """Reads the file, three times at most. Raises UsageError, SourceError."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - a source's path has no ".." in it
    if glob.has_magic(str(path)):
        raise UsageError(
            "the path has a character that means a pattern in a source (one of * ? [)",
            where=str(path),
            fix="Rename the file or its folder.",
        )
    name = _source_name(services, asked, path)
    texts = csv_form.as_texts(name, asked.department, path, services.places)
    for column in (asked.target, *asked.key, *([asked.time] if asked.time else [])):
        require_column(column, texts.schema)
    typed = column_types.of(_frames(services, texts), texts.schema.names)
    csv = {**texts.csv, **({"null": typed.null} if typed.null else {})}
    source = replace(texts, schema=typed.schema, csv=csv)
    seen = survey(_frames(services, source), typed.schema, asked.target)
    refuse_empty(seen, str(path), Window(None, None))
    aims.of(seen.columns[asked.target], asked.task)  # before rows are compared, which takes longer
    key = _key(services, asked, source)
    period = _period(seen, asked)
    project = services.config.root.parent
    place = str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
    yaml = source_yaml(source, key, period.time_column, place)
    why = "--key says so" if asked.key else "no two rows have the same"
    inferred = (*_of_file(source, typed, seen), Inferred("key", ", ".join(key), why))
    files = {services.config.root / f"source/{name}.yaml": yaml}
    return Found(name, seen, key, period, files=files, inferred=inferred)


def _source_name(services: Services, asked: Asked, path: Path) -> str:
    """The name of the file, if it can be one and is free; else the model's."""
    for source in services.config.sources.values():
        if source.path == str(path):
            raise UsageError(
                f"the source {source.name} reads this file already",
                where=str(source.origin),
                fix=f"Write --source {source.name} in place of --csv.",
            )
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.split(".")[0])
    taken = {name.casefold() for name in services.config.sources}
    for name in (stem, asked.name):
        if not unsafe_name(name) and name.casefold() not in taken:
            return name
    raise UsageError(
        f"there is a source called {asked.name} already, and it reads another file",
        where=str(services.config.root / f"source/{asked.name}.yaml"),
        fix="Choose another name for the model, or rename the file.",
    )


def _frames(services: Services, source: SourceSpec) -> Iterator[pl.DataFrame]:
    whole = Window(None, None)
    return sources.read(source, whole, sources={}, places=services.places, chunk_rows=CHUNK)


def _key(services: Services, asked: Asked, source: SourceSpec) -> tuple[str, ...]:
    key = row_keys.find(partial(_frames, services, source), source.schema, asked.target, asked.key)
    if key:
        return key
    if asked.key:
        raise UsageError(
            "two rows have the same key, or a row has none",
            where=f"--key {','.join(asked.key)}",
            fix="Name columns that together occur once, and have a value in every row.",
        )
    raise UsageError(
        "no column, and no two columns together, identify a row: each score must belong to one row",
        where=source.path,
        fix="Name more columns that do: --key COLUMN,COLUMN,COLUMN. Or add a column to the file that numbers "
        "its rows.",
    )


def _period(seen: Survey, asked: Asked) -> Period:
    timed = periods.time_column(seen, asked.time)
    if timed is not None:
        return replace(timed, why="--time says so") if asked.time else timed
    days = f"on {periods.LEAST_DAYS} days or more"
    if asked.time:
        raise UsageError(
            f"{asked.time} is no date or timestamp in every row {days} with a known {asked.target}",
            where="--time",
            fix="Name another column, or leave out --time: then rows are held out by chance.",
        )
    return Period("", why=f"no column has a date or a time in every row, {days}")


def _of_file(source: SourceSpec, typed: Typed, seen: Survey) -> Iterator[Inferred]:
    yield Inferred("source", source.name, f"{seen.rows:,} rows, {len(typed.schema)} columns")
    mark = {"\t": "tab"}.get(source.csv["delimiter"], source.csv["delimiter"])
    yield Inferred("delimiter", mark, "the first line has most names with it")
    if typed.null:
        yield Inferred("null", typed.null, "without this text its columns are numbers, dates or booleans")
    kinds: dict[str, list[str]] = {}
    for column in typed.schema:
        kinds.setdefault(str(column.type), []).append(column.name)
    for kind, names in kinds.items():
        fits = "a value is of no other type" if kind == "string" else f"every value is of type {kind}"
        yield Inferred("type", f"{kind}: {some(names)}", fits)
    for column_name, remark in typed.remarks.items():
        yield Inferred("remark", column_name, remark)
