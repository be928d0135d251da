"""What only Python has: tables of three kinds, and an interpreter of another version than ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.errors import FitFailed, ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.runtimes.languages import WORKERS
from tests.contract.conftest import Lab
from tests.contract.test_data import TARGET, column, frame, outputs, training

pytestmark = pytest.mark.interpreter


TABLES = pytest.mark.parametrize("table", ["pandas", "numpy", "polars"])


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Lab]:
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        yield Lab(LANGUAGES["python"], tmp_path, stack)


@TABLES
def test_every_type_goes_through_every_table(python: Lab, table: str) -> None:
    """A float's null is NaN in all but Polars: that is how they say it."""
    columns = tuple(column(kind.value, kind) for kind in ColumnType)
    worker = python.start("kept", data=table, features=columns, outputs=outputs((*columns, TARGET)))
    for positions in ((0, 1, 2, 3, 4, 5), (0, None, 2, None), (None, None), ()):
        sent = training(columns, *positions)
        worker.fit([sent])
        got = worker.score(sent.drop("y"))
        assert got.fill_nan(None).equals(sent), positions


BIG = (Column("n", ColumnType.INTEGER),)


@pytest.mark.parametrize("table", ["pandas", "numpy"])
def test_integers_beside_nulls_are_exact_or_refused(python: Lab, table: str) -> None:
    """They are floats then, which beyond 2^53 would be other numbers, without a word."""
    worker = python.start("kept", data=table, features=BIG, outputs=outputs((*BIG, TARGET)))

    def rows(*values: int | None) -> pl.DataFrame:
        return frame((*BIG, TARGET), {"n": list(values), "y": [1.0] * len(values)})

    for exact in (rows(2**63 - 1, -(2**63) + 1), rows(2**53, None, -(2**53))):
        worker.fit([exact])
        assert worker.score(exact.select("n")).equals(exact)
    for inexact in ([rows(2**53 + 1, None)], [rows(-(2**53) - 1), rows(None)]):
        with pytest.raises(FitFailed, match="column 'n' has nulls and integers that are too large") as error:
            worker.fit(inexact)
        assert "data: polars" in str(error.value)
    with pytest.raises(ScoreFailed, match="too large"):
        worker.score(rows(2**53 + 1, None).select("n"))


def test_the_worker_reads_as_python_3_9() -> None:
    ast.parse((WORKERS / "worker.py").read_text(), feature_version=(3, 9))
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1: pass", feature_version=(3, 9))
