"""Checks that look at one row at a time, run by pandera on eager frames.

pandera calls a check's function and decides what an outcome means. Each function here also reports which rows
broke it: pandera's own list of failures holds data values, drops checks of equal names, and may miss failures
in lazy mode. A check that pandera did not call is an error, never a pass.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

import polars as pl

from kronkers_batch.config.check_kinds import CHECK_KINDS
from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data import check_kinds
from kronkers_batch.data.judges import RowJudge
from kronkers_batch.errors import CheckFailed, ConfigError
from kronkers_batch.frames.schema import Schema
from kronkers_batch.frames.tables import polars_schema

if TYPE_CHECKING:
    from pandera.api.polars.types import PolarsData
    from pandera.polars import Check, DataFrameSchema

_SWITCH = 0.0005  # seconds
_ahead: list[threading.Thread] = []


def import_ahead() -> None:
    """Imports pandera in a thread, once, while the first rows are being read."""
    # Else whoever reads waits 5 ms for the interpreter's lock whenever Arrow or Polars gives it back.
    sys.setswitchinterval(_SWITCH)
    if not _ahead:
        _ahead.append(threading.Thread(target=_import_all, name="pandera-import", daemon=True))
        _ahead[0].start()


def _import_all() -> None:
    with _without_pandas():
        import pandera.polars as pa

        # At its first validation it imports as much again.
        check = pa.Check(lambda data: data.lazyframe.select(pl.col("x") > 0), name="0")
        pa.DataFrameSchema({"x": pa.Column(checks=[check])}).validate(pl.DataFrame({"x": [1]}))


@contextlib.contextmanager
def _without_pandas() -> Iterator[None]:
    """pandera does without these where they are not installed, and loads them where they are.

    They are half of its start, and nothing of this process uses them.
    """
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)


class _Hidden(MetaPathFinder):
    """Says of some packages that they are not installed; one that was imported before stays."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raises ModuleNotFoundError for a hidden package; leaves all others to the next finder."""
        del path, target
        if name in ("pandas", "hypothesis"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class RowChecks:
    """Some row checks over one schema, for frames of up to some hundred thousand rows.

    Raises:
        ConfigError: An expression or pattern does not go with the columns' types.
    """

    def __init__(self, checks: Sequence[CheckSpec], schema: Schema) -> None:
        self.checks = tuple(checks)
        self._passes = [_judge(c).passes(c, schema) for c in checks]
        self._masks: dict[int, pl.Series] = {}
        empty = polars_schema(schema).to_frame()
        for check, passes in zip(self.checks, self._passes, strict=True):
            _try(check, passes, empty)
        self._columns = sorted({c for check in checks for c in check.columns})
        self._schema: DataFrameSchema | None = None

    def masks(self, frame: pl.DataFrame) -> list[pl.Series]:
        """For each check a boolean series that is true where a row holds."""
        if not self.checks:
            return []
        if self._schema is None:
            self._schema = self._made()
        from pandera.errors import SchemaError, SchemaErrors

        self._masks = {}
        refused = False
        try:
            # Only the checked columns: pandera's cost goes with the number of columns.
            self._schema.validate(frame.select(self._columns), lazy=True)
        except (SchemaError, SchemaErrors):
            refused = True
        masks, self._masks = self._masks, {}
        for i, check in enumerate(self.checks):
            if i not in masks or len(masks[i]) != frame.height:
                raise CheckFailed(
                    f"{check.name} was not run on every row",
                    where=str(check.origin),
                    fix="Report this: it is a fault of kronkers.",
                )
        found = [masks[i] for i in range(len(self.checks))]
        if refused and all(bool(mask.all()) for mask in found):
            raise CheckFailed(
                "the checks (pandera) refused the table, and name no row",
                where=str(self.checks[0].origin),
                fix="Compare the types under `columns:` with those of the data.",
            )
        return found

    def _made(self) -> DataFrameSchema:
        import_ahead()
        _ahead[0].join()
        import pandera.polars as pa

        by_column: dict[str, list[Check]] = {c: [] for c in self._columns}
        over_rows = []
        for i, check in enumerate(self.checks):
            # A name of its own each: of two checks with one name pandera keeps one.
            made = pa.Check(self._noting(i), name=f"{i}:{check.name}", ignore_na=False, n_failure_cases=1)
            if CHECK_KINDS[check.kind].of_column:
                by_column[check.columns[0]].append(made)
            else:
                over_rows.append(made)
        columns = {name: pa.Column(nullable=True, checks=found) for name, found in by_column.items()}
        return pa.DataFrameSchema(columns, checks=over_rows)

    def _noting(self, number: int) -> Callable[[PolarsData], pl.LazyFrame]:
        passes = self._passes[number]

        def holds(data: PolarsData) -> pl.LazyFrame:
            mask = data.lazyframe.select(holds=passes).collect()
            self._masks[number] = mask.get_column("holds")
            found: pl.LazyFrame = mask.lazy()
            return found

        return holds


def is_rowwise(check: CheckSpec) -> bool:
    """Whether a check looks at one row at a time."""
    return isinstance(check_kinds.of(check.kind), RowJudge)


def _judge(check: CheckSpec) -> RowJudge:
    judge = check_kinds.of(check.kind)
    if not isinstance(judge, RowJudge):
        raise TypeError(f"the check '{check.kind}' does not look at one row at a time")
    return judge


def _try(check: CheckSpec, passes: pl.Expr, empty: pl.DataFrame) -> None:
    """Types that do not go together and patterns that Rust does not know are found before any row is read."""
    try:
        sample = empty.clear(1) if not empty.height else empty
        dtype = sample.select(holds=passes).schema["holds"]
    except pl.exceptions.PolarsError:
        raise ConfigError(
            f"{check.name} does not fit the types of its columns",
            where=str(check.origin),
            fix=_judge(check).misfit,
        ) from None
    if dtype != pl.Boolean:
        raise ConfigError(
            f"{check.name} gives neither true nor false",
            where=str(check.origin),
            fix="write a comparison, such as: x > 0",
        )
