"""What rows of logs are to those who sign and to the rows after them: it never changes, for logs are kept."""

import hashlib

import pytest

from kronkers_batch.registry import champions
from kronkers_batch.store.tables import metadata
from kronkers_batch.vault.context import Signature
from kronkers_batch.vault.signed_log import Line, until
from kronkers_batch.warehouse import log

SHARED = {
    "department": "ops",
    "model": "late",
    "version_id": "v2",
    "sequence": 2,
    "at": 1_700_000_000_000_000,
    "previous": "ab" * 32,
    "details": b"sealed",
    "signature": Signature("ann", "k", b"s" * 64),
}
CHAMPION = champions.Line(action="promote", number=7, record_key_id="rk", **SHARED)
OUTPUT = log.Line(action="publish", head="v2", logical_date="2013-06-01", **SHARED)


@pytest.mark.parametrize(
    ("line", "statement", "digest", "context"),
    [
        (
            CHAMPION,
            "e9aed3c969d3d95c0b74bcd0b5fd0afc8fffb8fc848c3f7bac49fb48b4bde0ae",
            "18ddfbdc0cb029ac922c391e59d8ecf85409ca333248f507364f96881855e005",
            "2bd752867b91e552e8a3f3b86719a220e06cca9f5819da79400ffc23edf06b00",
        ),
        (
            OUTPUT,
            "66d48ff4438b406da253325cee8113bf7b8d7071c9751aec8c4209b2574177aa",
            "ca4f042d40124b45d8a105b972db2cf936ded37a85c695077285da33a5ed3199",
            "9828b9d0f9a8da257b8713120765c20d02c4b67ed8e9c02bd80f2537434a172f",
        ),
    ],
    ids=["champions", "outputs"],
)
def test_what_is_signed_and_what_the_next_row_names(line: Line, statement: str, digest: str, context: str):
    assert hashlib.sha256(line.statement()).hexdigest() == statement
    assert line.digest() == digest
    assert hashlib.sha256(line.context.encode()).hexdigest() == context


@pytest.mark.parametrize("of", [champions.LOG, log.LOG], ids=["champions", "outputs"])
def test_every_column_of_a_log_is_signed_or_is_of_the_signature(of):
    """Else who can write to the database changes it and nobody notices."""
    columns = {column.name for column in of.table.columns}
    assert columns - set(of.line.SIGNED) == {"details", "signer", "signer_key", "signature"}


def test_there_is_no_other_log_of_rows_that_name_the_row_before():
    linked = {
        table.name for table in metadata.sorted_tables if {"previous", "sequence"} <= set(table.c.keys())
    }
    assert linked == {champions.LOG.table.name, log.LOG.table.name}


def test_what_a_log_was_at_a_time():
    lines = [log.Line(action="publish", head="", logical_date="", **SHARED | {"at": at}) for at in (3, 5, 8)]
    assert [line.at for line in until(lines, 5)] == [3, 5]
    assert until(lines, 2) == []
    assert until(lines, None) == lines
