"""Opening one output version: what its row says is verified, then unsealed, then read."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from kronkers_batch.digests import Json
from kronkers_batch.errors import IntegrityError
from kronkers_batch.store.shapes import StoredRow
from kronkers_batch.vault.context import DataKey, Kind, Signature
from kronkers_batch.vault.key_cache import KeyCache
from kronkers_batch.vault.manifest import ChunkEntry, Manifest, open_manifest
from kronkers_batch.vault.vault import Vault
from kronkers_batch.warehouse import log
from kronkers_batch.warehouse.layout import Layout
from kronkers_batch.warehouse.log import Line
from kronkers_batch.warehouse.output_chunks import FORMAT, Place
from kronkers_batch.warehouse.versions import OutputVersion, State, day_of

DIGEST_BYTES = 32
RESTORE = "Do not use these outputs; restore the database from a backup."
_KNOWN_BYTES = 16 * 2**20
VersionRow = StoredRow


@dataclass(frozen=True)
class Group:
    """One group of filters: how it lies, and the SHA-256 of each of its index pages, one after the other."""

    layout: Layout
    digests: bytes

    def digest_of(self, number: int) -> bytes:
        """The digest of one index page."""
        return self.digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]

    def to_json(self) -> dict[str, Json]:
        """For the manifest."""
        return {**self.layout.to_json(), "digests": base64.b64encode(self.digests).decode()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Group:
        """The inverse of :meth:`to_json`."""
        return cls(Layout.from_json(value), base64.b64decode(value["digests"]))


@dataclass(frozen=True)
class Contents:
    """What a version's row says, verified and opened: the same for as long as the row is the same."""

    row: VersionRow
    manifest: Manifest
    rows: int
    groups: tuple[Group, ...]
    by_number: Mapping[int, ChunkEntry]


Known = KeyCache[str, Contents]
"""What was opened in this process, by the version's id. It is believed of exactly the row it was made of."""


def new_known() -> Known:
    """Room for 16 MB of sealed manifests, about 50 of 100M rows each; opened they take some times that."""
    return KeyCache(entries=_KNOWN_BYTES, weigh=lambda contents: len(contents.row.manifest))


@dataclass(frozen=True)
class Opened:
    """A verified version with what is needed to read its chunks."""

    version: OutputVersion
    place: Place
    key_id: str  # the data key: opens chunks and filters; not asked for until they are read
    chunks: tuple[ChunkEntry, ...]
    by_number: Mapping[int, ChunkEntry]
    groups: tuple[Group, ...]
    filter_check: str  # tells the filter key that the filters were made with; empty without filters


def open_version(
    conn: Connection, vault: Vault, row: VersionRow, judged: Sequence[Line], known: Known | None = None
) -> Opened:
    """Verifies and opens one finished version.

    Args:
        conn: A transaction in which ``row`` and ``judged`` were read.
        vault: Opens and verifies.
        row: The version's row.
        judged: The whole log of its date, verified.
        known: What was opened before. The key, the log and so what readers get are asked of it each time.

    Raises IntegrityError where anything does not fit, AccessRefused without a grant.
    """
    place = place_of(row)
    newest = log.newest_about(judged, row.id)
    if newest is None or row.manifest is None or row.signature is None:
        raise unfit(place, "has no record that it was published or held")
    key = vault.data_key(conn, row.record_key_id)  # also of a known one: it may have been shredded
    contents = known.get(row.id) if known is not None else None
    if contents is None or contents.row != row:
        contents = _contents(conn, vault, key, row, place)
        if known is not None:
            known.put(row.id, contents)
    manifest, extra = contents.manifest, contents.manifest.extra
    judgement = log.judgement(vault, key, newest)
    version = OutputVersion(
        id=row.id,
        model=row.model,
        department=row.department,
        date=day_of(row.logical_date),
        number=row.number,
        state=State.PUBLISHED if newest.action == log.PUBLISH else State.HELD,
        head=log.head_of(judged) == row.id,
        rows=contents.rows,
        fingerprint=row.fingerprint,
        created=row.created,
        principal=row.signer,
        schema=manifest.schema,
        key=tuple(extra["key"]),
        stats={name: float(value) for name, value in extra["stats"].items()},
        missed=judgement.missed,
        lineage=manifest.lineage,
    )
    return Opened(
        version=version,
        place=place,
        key_id=row.key_id,
        chunks=manifest.chunks,
        by_number=contents.by_number,
        groups=contents.groups,
        filter_check=str(extra["filter_check"]),
    )


def place_of(row: VersionRow) -> Place:
    """Where a version's ciphertexts belong."""
    return Place(row.department, row.model, row.logical_date, row.id)


def _contents(conn: Connection, vault: Vault, key: DataKey, row: VersionRow, place: Place) -> Contents:
    """Verifies and opens what a row says of its version. Raises IntegrityError."""
    manifest = open_manifest(
        vault,
        conn,
        key,
        Kind.OUTPUT,
        place.department,
        place.model,
        place.version_id,
        row.manifest,
        Signature(row.signer, row.signer_key, row.signature),
    )
    _compare(row, place, manifest)
    return Contents(
        row=row,
        manifest=manifest,
        rows=manifest.rows,
        groups=tuple(Group.from_json(group) for group in manifest.extra["filters"]),
        by_number={entry.number: entry for entry in manifest.chunks},
    )


def _compare(row: VersionRow, place: Place, manifest: Manifest) -> None:
    extra = manifest.extra
    if extra.get("format") != FORMAT:
        raise unfit(place, "has a format that this program does not know")
    signed = (extra["date"], extra["number"], extra["fingerprint"], manifest.created)
    if signed != (row.logical_date, row.number, row.fingerprint, row.created):
        raise unfit(place, "differs from its signed manifest")


def unfit(place: Place, what: str) -> IntegrityError:
    """A version that is not to be used."""
    return IntegrityError(f"an output version {what}", where=place.name, fix=RESTORE)
