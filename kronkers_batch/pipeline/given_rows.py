"""The golden rows of an importer: a file of rows in columns named as the features, and of their scores."""

from __future__ import annotations

import csv
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.config import opening
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.spec import ModelSpec, OutputColumn, SourceSpec
from kronkers_batch.data import sources
from kronkers_batch.data.window import Window
from kronkers_batch.declared import artifact_file
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Column, ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 1_000
SCORE = "score"
"""What the only output may be called in the file, whatever the model file calls it."""
_HEAD = 2**16


def read(model: ModelSpec, places: Places, digest: str) -> pl.DataFrame:
    """The features and the scores of each row, in their declared types; a category as text.

    Raises:
        ModelError: The file has another digest, no rows or too many, or lacks the outputs.
        SourceError: It lacks a feature, or holds values of another type.
    """
    import polars as pl

    imported = model.imported
    if imported is None or imported.golden is None:
        raise TypeError("this model has no golden rows of its own")
    origin = model.origins.get("golden", model.origin)
    at = f"{origin} ({imported.golden})"
    columns = [*(Column(f.name, _plain(f.type)) for f in model.features), *_outputs(model, places, at)]
    source = SourceSpec(
        name=f"golden rows of {model.name}",
        department=model.department,
        description="",
        kind=imported.golden.suffix.removeprefix("."),
        schema=Schema(tuple(columns)),
        key=(),
        time_column="",
        checks=(),
        shared_with=(),
        origin=origin,
        path=str(imported.golden),
        csv={"null": "NA"},  # as R writes it
    )
    whole = Window(None, None)
    rows = sources.read(source, whole, sources={}, places=places, chunk_rows=MOST_ROWS + 1)
    with closing(rows):  # type: ignore[type-var]
        found = next(iter(rows), pl.DataFrame())
    if not 0 < found.height <= MOST_ROWS:
        many = f"more than {MOST_ROWS:,}" if found.height else "no"
        raise ModelError(
            f"the file of golden rows has {many} rows", where=at, fix="write some dozens, of every kind"
        )
    now = artifact_file.digests_of(replace(model, imported=imported), places)[artifact_file.GOLDEN]
    artifact_file.require(model, artifact_file.GOLDEN, now, digest)
    return found


def scores(model: ModelSpec, given: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The scores in the file, named and typed as those that the worker found."""
    names = [output.name for output in returned(model)]
    own = given.rename({SCORE: names[0]}) if names[0] not in given.columns else given
    return own.select(names).cast({name: found.schema[name] for name in names})


def returned(model: ModelSpec) -> list[OutputColumn]:
    """The outputs that ``score`` gives, without those that follow from them."""
    derived = model.task.derived(model.goal)
    return [output for output in model.output_columns if output.name not in derived]


def _plain(kind: ColumnType) -> ColumnType:
    """A category as text: a level that is not declared is for the model's ``unseen`` to judge."""
    return ColumnType.STRING if kind is ColumnType.CATEGORY else kind


def _outputs(model: ModelSpec, places: Places, at: str) -> list[Column]:
    wanted = returned(model)
    head = _names(model, places, at)
    if len(wanted) == 1 and wanted[0].name not in head and SCORE in head:
        return [Column(SCORE, wanted[0].type)]
    absent = [output.name for output in wanted if output.name not in head]
    if absent:
        other = f" (or {SCORE})" if len(wanted) == 1 and wanted[0].name != SCORE else ""
        raise ModelError(
            f"the file of golden rows has no column {', '.join(absent[:5])}{other}",
            where=at,
            fix="add the scores that the model gave these rows where it was fitted; a CSV file needs commas "
            "between columns",
        )
    return [Column(output.name, output.type) for output in wanted]


def _names(model: ModelSpec, places: Places, at: str) -> list[str]:
    """The names of the file's columns, as far as its beginning says them."""
    import polars as pl

    path = model.imported.golden if model.imported else None
    if path is None:
        return []
    try:
        with opening.opened(path, places, department=model.department) as file:
            if path.suffix == ".parquet":
                return list(pl.read_parquet_schema(file.reading))
            with Path(file.reading).open("rb") as raw:
                line = raw.read(_HEAD).decode("utf-8-sig", "replace").split("\n", 1)[0]
            return next(csv.reader([line.rstrip("\r")]), [])
    except opening.PathRefused as refused:
        raise ModelError(f"the path is refused: {refused.why}", where=at, fix=FIX) from None
    except (OSError, pl.exceptions.PolarsError, csv.Error):
        return []  # reading it says what is wrong
