"""Champions: an append-only, signed log of promotions. The newest row says which version is in use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection, Row, Select, select

from kronkers_batch.errors import GateFailed, IntegrityError, KronkersError, NotFound, UsageError
from kronkers_batch.registry.training import Promotion
from kronkers_batch.store import chain, clock, seen, written
from kronkers_batch.store.canonical import encode, sealed_object
from kronkers_batch.store.tables.registry import champions, model_versions
from kronkers_batch.vault.context import Context, DataKey, Kind, Role, Signature
from kronkers_batch.vault.vault import Vault

T = TypeVar("T")

PROMOTE, ROLLBACK = "promote", "rollback"


@dataclass(frozen=True)
class Line:
    """One row of the log, as stored, with what the version's row says of it."""

    department: str
    model: str
    sequence: int
    version_id: str
    number: int
    record_key_id: str
    action: str
    at: int
    previous: str
    details: bytes
    signature: Signature

    @property
    def context(self) -> Context:
        """What details and signature are bound to."""
        return Context(
            Kind.RECORD, self.department, self.model, self.version_id, self.sequence, schema="champions"
        )

    def statement(self) -> bytes:
        """What is signed."""
        return encode(
            "kronkers-batch champion 1",
            self.model,
            self.sequence,
            self.version_id,
            self.number,
            self.action,
            self.at,
            self.previous,
            hashlib.sha256(self.details).hexdigest(),
        )

    def digest(self) -> str:
        """What the next row calls it."""
        return chain.digest(self.statement(), self.signature.value)


def lines(conn: Connection, vault: Vault, model: str) -> list[Line]:
    """As :func:`logs`, of one model. Raises IntegrityError."""
    return seen.given(logs(conn, vault, [model])[model])


def logs(conn: Connection, vault: Vault, models: Sequence[str]) -> dict[str, list[Line] | KronkersError]:
    """The logs of models by one statement, each oldest first and verified; empty where there is none.

    Without what other departments wrote in them. An IntegrityError is its own model's value.
    """
    found = seen.for_each(conn, models, lambda some: _stored(conn, some))
    for model, log in found.items():
        if not isinstance(log, KronkersError):
            try:
                found[model] = _verified(conn, vault, model, log)
            except IntegrityError as error:
                found[model] = error
    return found


def _stored(conn: Connection, models: Sequence[str]) -> dict[str, list[Line]]:
    query = _query(*models).order_by(champions.c.model, champions.c.sequence)
    found: dict[str, list[Line]] = {model: [] for model in models}
    for row in conn.execute(query).all():
        found[row.model].append(_line(row))
    return found


def _verified(conn: Connection, vault: Vault, model: str, found: list[Line]) -> list[Line]:
    previous, at = chain.NONE, -1
    for sequence, line in enumerate(found, start=1):
        # Times rise: what the log was at an earlier one are its first lines.
        if line.sequence != sequence or line.previous != previous or line.at <= at:
            raise IntegrityError(
                "the log of champions has a changed or missing row",
                where=model,
                fix="Do not score with it. Compare with a backup, and see who could write to the database.",
            )
        previous, at = line.digest(), line.at
    for line in reversed(found):
        # Each stands for all before it. One of another department is passed over, but only where it is that:
        # the department is a column of the version's row, and whose signature counts hangs on it.
        vault.verify(conn, line.context, line.statement(), line.signature, Role.APPROVER)
        if vault.is_home(model, line.department):
            break
    return [line for line in found if vault.is_home(model, line.department)]


def append(
    conn: Connection,
    vault: Vault,
    key: DataKey,
    version: Row[tuple[object, ...]],
    action: str,
    why: str,
) -> Line:
    """Adds a row that makes the version the champion.

    Args:
        conn: The write transaction in which :func:`lines` was called; that makes it a compare-and-swap.
        vault: Seals and signs.
        key: The version's record key.
        version: The version's row in ``model_versions``.
        action: ``promote`` or ``rollback``.
        why: The reason.
    """
    last = conn.execute(_query(version.model).order_by(champions.c.sequence.desc()).limit(1)).one_or_none()
    newest = None if last is None else _line(last)
    line = Line(
        department=version.department,
        model=version.model,
        sequence=newest.sequence + 1 if newest else 1,
        version_id=version.id,
        number=version.number,
        record_key_id=version.record_key_id,
        action=action,
        # Moments of a log rise, so that each moment has one champion.
        at=max(clock.now(), newest.at + 1) if newest else clock.now(),
        previous=newest.digest() if newest else chain.NONE,
        details=b"",
        signature=Signature("", "", b""),
    )
    line = replace(line, details=vault.seal(key, line.context, json.dumps({"why": why}).encode()))
    line = replace(line, signature=vault.sign(line.context, line.statement()))
    row = {
        "model": line.model,
        "sequence": line.sequence,
        "version_id": line.version_id,
        "action": action,
        "at": line.at,
        "previous": line.previous,
        "details": line.details,
        "signer": line.signature.principal,
        "signer_key": line.signature.key_id,
        "signature": line.signature.value,
    }
    written.insert(conn, champions, row, f"the promotion of {line.model}@{line.number}")
    return line


def opened(conn: Connection, vault: Vault, line: Line, before: Line | None) -> Promotion:
    """A row as :func:`promotion` gives it, with the record key of its version unless that was shredded."""
    key: DataKey | None
    try:
        key = vault.data_key(conn, line.record_key_id)
    except NotFound:
        key = None
    return promotion(vault, key, line, before)


def promotion(vault: Vault, key: DataKey | None, line: Line, before: Line | None) -> Promotion:
    """A row with its sealed reason; ``key`` is the record key of the row's version, None where it is gone."""
    details = sealed_object(vault.unseal(key, line.context, line.details)) if key else {}
    if details is None:
        raise IntegrityError(
            "a promotion has details that are none",
            where=f"{line.model}@{line.number}",
            fix="Find out who could sign it: kronkers ledger show",
        )
    return Promotion(
        sequence=line.sequence,
        model=line.model,
        number=line.number,
        version_id=line.version_id,
        action=line.action,
        at=line.at,
        principal=line.signature.principal,
        why=str(details.get("why", "")),
        previous=before.number if before else None,
    )


def _query(*models: str) -> Select[tuple[object, ...]]:
    versions = model_versions.c
    return (
        select(champions, versions.department, versions.number, versions.record_key_id)
        .join(model_versions, versions.id == champions.c.version_id)
        .where(champions.c.model.in_(models))
    )


def _line(row: Row[tuple[object, ...]]) -> Line:
    return Line(
        department=row.department,
        model=row.model,
        sequence=row.sequence,
        version_id=row.version_id,
        number=row.number,
        record_key_id=row.record_key_id,
        action=row.action,
        at=row.at,
        previous=row.previous,
        details=row.details,
        signature=Signature(row.signer, row.signer_key, row.signature),
    )


def refuse_missed(ref: str, missed: Sequence[str]) -> None:
    """Raises GateFailed where a version misses a threshold."""
    if missed:
        raise GateFailed(
            "it misses its thresholds: " + "; ".join(missed),
            where=ref,
            fix=f"kronkers promote {ref} --force --why REASON promotes it all the same.",
        )


def before(model: str, log: list[Line], to: int | None) -> int:
    """The number to go back to: ``to``, else the champion before the present one.

    Raises NotFound where there was none before, UsageError where ``to`` never was champion.
    """
    earlier = [line.number for line in log]
    if to is None:
        others = [number for number in earlier if number != earlier[-1]]
        if not others:
            raise NotFound(
                f"{model} has no champion before the present one", fix=f"kronkers versions {model}"
            )
        return others[-1]
    if to not in earlier:
        raise UsageError(
            f"{model}@{to} never was champion", fix=f"kronkers promote {model}@{to} --why REASON"
        )
    return to
