"""A chunk: some rows of one output version as bytes, and the sealed entry that describes it.

The rows are an Arrow IPC stream, LZ4-compressed: half the time of Zstandard for outputs, which are mostly
random digits of scores, and less to write than without. The format of the stored bytes is the ``FORMAT`` of
the manifest.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store.canonical import sealed_object
from kronkers_batch.vault.context import Context, Kind

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """What is known of a landed chunk before the manifest is signed."""

    rows: int
    digest: str  # of the ciphertext, as in the manifest
    content: str  # the same of the plain bytes: tells whether a repeated chunk is the same
    schema: str  # digest of the schema

    def to_bytes(self) -> bytes:
        """What is sealed."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Entry:
        """The inverse of :meth:`to_bytes`. Raises IntegrityError."""
        try:
            value = sealed_object(raw) or {}
            return cls(int(value["rows"]), *(str(value[name]) for name in ("digest", "content", "schema")))
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                "the record of a written chunk is damaged",
                fix="Run the command again: it writes the output again.",
            ) from error


@dataclass(frozen=True)
class Place:
    """Where a version's ciphertexts belong; makes the contexts that bind them there."""

    department: str
    model: str
    date: str  # YYYY-MM-DD
    version_id: str

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.model}/{self.date}"

    def chunk(self, number: int, rows: int, schema: str) -> Context:
        """Of a chunk's rows."""
        return self._context(Kind.OUTPUT, number, rows, schema)

    def entry(self, number: int) -> Context:
        """Of a chunk's entry."""
        return self._context(Kind.OUTPUT, number, schema="entry")

    def filter(self, part: int, number: int) -> Context:
        """Of an index page of a group's filters."""
        return self._context(Kind.FILTER, number, part)

    def log(self, sequence: int) -> Context:
        """Of a row of the date's log about this version."""
        return self._context(Kind.RECORD, sequence, schema=f"output log {self.date}")

    def _context(self, kind: Kind, chunk: int = 0, rows: int = 0, schema: str = "") -> Context:
        # The name is the model's: signatures are checked against grants on it. The version id binds the date.
        return Context(kind, self.department, self.model, self.version_id, chunk, rows, schema)


def encode(frame: pl.DataFrame) -> bytes:
    """The frame as bytes; equal frames give equal bytes under one Polars version."""
    buffer = io.BytesIO()
    frame.rechunk().write_ipc_stream(buffer, compression="lz4")
    return buffer.getvalue()


def decode(raw: bytes, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The inverse of :func:`encode`, for these columns in this order. Raises IntegrityError."""
    import polars as pl

    try:
        frame = pl.read_ipc_stream(io.BytesIO(raw), columns=list(columns) if columns is not None else None)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise IntegrityError(
            "a chunk of an output is damaged: it holds no table", fix="Restore the warehouse from a backup."
        ) from error
    return frame if columns is None or frame.columns == list(columns) else frame.select(columns)
