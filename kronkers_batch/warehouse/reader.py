"""Reading opened versions: chunks in order, or those that may hold a key. Every byte is verified first."""

from __future__ import annotations

import functools
import hashlib
import operator
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, select

from kronkers_batch.errors import IntegrityError, UsageError
from kronkers_batch.frames.schema import Schema
from kronkers_batch.frames.tables import polars_schema
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.outputs import output_filters, output_pieces
from kronkers_batch.vault.context import DataKey, Scope
from kronkers_batch.vault.manifest import ChunkEntry, check_chunk
from kronkers_batch.vault.sealing import key_check
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import filters, output_chunks
from kronkers_batch.warehouse.keyhash import hash_keys
from kronkers_batch.warehouse.opened_version import RESTORE, Group, Opened

if TYPE_CHECKING:
    import polars as pl

DATE_COLUMN = "logical_date"
"""Stands before an output's own columns where rows of several dates are distinguished."""

_ASKED = "\0asked"  # no column of an output is called so
_KEPT = 8 * 2**20
AT_ONCE = 8  # chunks in memory as ciphertext, about 8 MB
# More keys than this hit most chunks anyway: reading all of them is cheaper than asking for each.
_MOST_KEYS = 2_000
# Made once: making a statement anew takes longer than executing it. By all columns of the index each: a
# condition on part and number together, with ``or``, would read through all of a version's index.
_CHUNKS = select(output_pieces.c.number, output_pieces.c.data).where(
    output_pieces.c.version_id == bindparam("version"),
    output_pieces.c.number.in_(bindparam("numbers", expanding=True)),
)
_FILTERS = select(output_filters.c.part, output_filters.c.number, output_filters.c.data).where(
    output_filters.c.version_id == bindparam("version"),
    output_filters.c.part.in_(bindparam("parts", expanding=True)),
    output_filters.c.number.in_(bindparam("numbers", expanding=True)),
)


def keep_memory() -> None:
    """Has the C library keep as much freed memory as a few chunks take.

    glibc gives back to the system what is free beyond twice the largest block that was freed so far, and each
    lookup would take its chunk's memory from there again, page by page: a tenth of its time.
    """
    bytes(_KEPT)  # zeros that nobody touches: no memory is taken for them


def stream(
    db: Database,
    vault: Vault,
    key: DataKey,
    opened: Opened,
    columns: Sequence[str] | None = None,
    only: set[int] | None = None,
    early: Mapping[int, bytes] = MappingProxyType({}),
) -> Iterator[pl.DataFrame]:
    """The version's rows in their order, one frame a chunk; ``only`` reads just these chunks.

    ``early`` holds the ciphertext of all these chunks, where :func:`few` has fetched it.

    Raises IntegrityError before anything of a changed, missing or foreign chunk is handed out.
    """
    for plain in _plain(db, vault, key, opened, only, early):
        yield output_chunks.decode(plain, columns)


def matching(
    db: Database,
    vault: Vault,
    key: DataKey,
    opened: Opened,
    wanted: pl.DataFrame,
    columns: Sequence[str],
    only: set[int] | None,
    early: Mapping[int, bytes],
) -> Iterator[pl.DataFrame]:
    """The rows of the keys in ``wanted``, as :func:`stream` in all else; no frame where a chunk has none.

    Of several chunks only the key columns are decoded first: all but one are most likely opened in vain.
    """
    rest = [name for name in columns if name not in wanted.columns]
    alone = only is not None and len(only) == 1
    for plain in _plain(db, vault, key, opened, only, early):
        frame = output_chunks.decode(plain, [*wanted.columns, *rest] if alone else wanted.columns)
        hit = _hits(frame, wanted)
        if not hit.any():
            continue
        if rest and not alone:
            frame = frame.hstack(output_chunks.decode(plain, rest))
        found = frame.filter(hit)
        yield found if found.columns == columns else found.select(columns)


def _hits(frame: pl.DataFrame, wanted: pl.DataFrame) -> pl.Series:
    """Which rows have one of these keys: one truth a row. Nulls are equal, and NaN is."""
    import polars as pl

    if wanted.height > 1:
        asked = wanted.with_columns(pl.lit(True).alias(_ASKED))
        joined = frame.select(wanted.columns).join(
            asked, on=wanted.columns, how="left", nulls_equal=True, maintain_order="left"
        )
        return joined.get_column(_ASKED).is_not_null()
    each = (frame.get_column(name).eq_missing(wanted.get_column(name)) for name in wanted.columns)
    return functools.reduce(operator.and_, each)


def _plain(
    db: Database,
    vault: Vault,
    key: DataKey,
    opened: Opened,
    only: set[int] | None,
    early: Mapping[int, bytes],
) -> Iterator[bytes]:
    """The chunks of a version in their order, each verified and opened."""
    wanted = _listed(opened, only)
    for start in range(0, len(wanted), AT_ONCE):
        batch = wanted[start : start + AT_ONCE]
        if early:
            blobs = dict(early)
        else:
            with db.read() as conn:
                blobs = _blobs(conn, opened, batch)
        for entry in batch:
            blob = blobs.pop(entry.number, None)
            if blob is None:
                raise _damaged(opened, f"chunk {entry.number} is missing")
            check_chunk(entry, blob)
            context = opened.place.chunk(entry.number, entry.rows, entry.schema)
            yield vault.unseal(key, context, blob)


def holding(
    conn: Connection, vault: Vault, key: DataKey, opened: Opened, wanted: pl.DataFrame
) -> set[int] | None:
    """Numbers of the chunks that may hold one of the keys; None where the filters do not help.

    Args:
        conn: A read transaction.
        vault: Opens and verifies.
        key: The version's data key.
        opened: The version.
        wanted: Keys; filters are asked only when these are whole keys, and not too many.
    """
    version = opened.version
    if tuple(wanted.columns) != version.key or wanted.height > _MOST_KEYS or not opened.groups:
        return None
    secret = vault.filter_key(conn, Scope(version.department, version.model))
    if key_check(secret).hex() != opened.filter_check:
        # Who may read could wrap another one in its place: every key would be hashed elsewhere and not found.
        raise _damaged(opened, "somebody exchanged the key of its filters")
    hashes = hash_keys(wanted, version.schema.select(version.key), secret)
    found: set[int] = set()
    for parts in _alike(opened.groups):
        each = filters.index_page_of(opened.groups[parts[0]].layout, hashes)
        numbers = sorted(set(each.tolist()))
        asked = {"version": version.id, "parts": parts, "numbers": numbers}
        blobs = {(row.part, row.number): row.data for row in conn.execute(_FILTERS, asked).all()}
        for part in parts:
            for number in numbers:
                plain = _filter(vault, key, opened, part, number, blobs.get((part, number)))
                found |= filters.candidates(opened.groups[part].layout, plain, hashes[each == number])
    return found


def _alike(groups: Sequence[Group]) -> list[list[int]]:
    """The groups' numbers, those together in which every key belongs to the same index page."""
    found: dict[tuple[int, int], list[int]] = {}
    for part, group in enumerate(groups):
        found.setdefault((group.layout.blocks, group.layout.per), []).append(part)
    return list(found.values())


def dated(frame: pl.DataFrame, opened: Opened) -> pl.DataFrame:
    """The frame with its logical date in front, unless the output has a column of that name itself."""
    import polars as pl

    if DATE_COLUMN in frame.columns:
        return frame
    date = pl.Series(DATE_COLUMN, [opened.version.date], pl.Date).new_from_index(0, frame.height)
    return pl.DataFrame([date, *frame.get_columns()])


def no_rows(opened: Opened, columns: Sequence[str] | None) -> pl.DataFrame:
    """A frame of these columns, or all, without rows."""
    import polars as pl

    return pl.DataFrame(schema=polars_schema(_part(opened, columns)))


def check_columns(several: Sequence[Opened], columns: Sequence[str] | None) -> None:
    """Raises UsageError on a column that a version does not have, and where they are not one table."""
    for opened in several:
        for name in columns or ():
            if name not in opened.version.schema:
                raise UsageError(
                    f"{opened.version.ref} has no column {name!r}",
                    fix="It has: " + ", ".join(opened.version.schema.names),
                )
    for before, after in pairwise(several):
        if polars_schema(_part(before, columns)) != polars_schema(_part(after, columns)):
            raise UsageError(
                f"{after.version.ref} has other columns than {before.version.ref}, so they cannot be read "
                "as one table",
                fix="Read them one by one, with --date.",
            )


def _part(opened: Opened, columns: Sequence[str] | None) -> Schema:
    return opened.version.schema if columns is None else opened.version.schema.select(tuple(columns))


def _filter(vault: Vault, key: DataKey, opened: Opened, part: int, number: int, blob: bytes | None) -> bytes:
    """One index page of a group of filters. Raises IntegrityError where it is not the manifest's."""
    group = opened.groups[part]
    if blob is None or hashlib.sha256(blob).digest() != group.digest_of(number):
        raise _damaged(opened, f"a filter of chunks from {group.layout.first} on is missing or was changed")
    return vault.unseal(key, opened.place.filter(part, number), blob)


def few(conn: Connection, opened: Opened, only: set[int] | None, most: int) -> dict[int, bytes]:
    """The ciphertext of the chunks to be read, where these are at most so many; else none.

    Args:
        conn: The transaction in which they were found.
        opened: The version.
        only: The chunks' numbers; None is all.
        most: How many may be in memory.
    """
    batch = _listed(opened, only)
    return _blobs(conn, opened, batch) if 0 < len(batch) <= most else {}


def _listed(opened: Opened, only: set[int] | None) -> Sequence[ChunkEntry]:
    """The manifest's entries of these chunks, or of all; what it does not list is none of the version's."""
    if only is None:
        return opened.chunks
    return [opened.by_number[number] for number in sorted(only) if number in opened.by_number]


def _blobs(conn: Connection, opened: Opened, batch: Sequence[ChunkEntry]) -> dict[int, bytes]:
    asked = {"version": opened.version.id, "numbers": [entry.number for entry in batch]}
    return {row.number: row.data for row in conn.execute(_CHUNKS, asked).all()}


def _damaged(opened: Opened, what: str) -> IntegrityError:
    return IntegrityError(what, where=opened.version.ref, fix=RESTORE)
