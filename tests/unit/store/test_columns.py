"""Every column says what it reveals, and the reference says the same."""

from pathlib import Path

import pytest
from sqlalchemy import Column, LargeBinary

from kronkers_batch.store.columns import reference
from kronkers_batch.store.tables import metadata

COLUMNS = [c for table in metadata.sorted_tables for c in table.columns]
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "columns.md"


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_a_column_says_whether_it_is_clear_or_sealed(column: Column) -> None:
    said = [word for word in ("clear", "sealed") if column.info.get(word)]
    assert len(said) == 1, f"{column}: give it info=clear(why) or info=sealed(under what)"


@pytest.mark.parametrize("column", [c for c in COLUMNS if "sealed" in c.info], ids=str)
def test_sealed_columns_hold_bytes(column: Column) -> None:
    assert isinstance(column.type, LargeBinary)


def test_the_reference_is_current() -> None:
    assert DOCS.read_text() == reference(), "write it anew: python -m kronkers_batch.store.columns"
