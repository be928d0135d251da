"""Champions: an append-only, signed log of promotions. The newest row says which version is in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row

from kronkers_batch.errors import GateFailed, IntegrityError, KronkersError, NotFound, UsageError
from kronkers_batch.registry.training import Promotion
from kronkers_batch.store.tables.registry import champions, model_versions
from kronkers_batch.vault import signed_log
from kronkers_batch.vault.context import Context, DataKey, Kind, Role
from kronkers_batch.vault.signed_log import SignedLog
from kronkers_batch.vault.vault import Vault

PROMOTE, ROLLBACK = "promote", "rollback"


@dataclass(frozen=True, kw_only=True)
class Line(signed_log.Line):
    """One row of the log, as stored, with what the version's row says of it."""

    FORMAT = "kronkers-batch champion 1"
    SIGNED = ("model", "sequence", "version_id", "number", "action", "at", "previous")

    number: int
    record_key_id: str

    @property
    def context(self) -> Context:
        """What details and signature are bound to."""
        return Context(
            Kind.RECORD, self.department, self.model, self.version_id, self.sequence, schema="champions"
        )


LOG = SignedLog(
    line=Line,
    table=champions,
    versions=model_versions,
    named=("model",),
    least=Role.APPROVER,
    broken="the log of champions has a changed or missing row",
    fix="Restore the database from a backup, and find out who can write to it.",
)


def lines(conn: Connection, vault: Vault, model: str) -> list[Line]:
    """As :func:`logs`, of one model. Raises IntegrityError."""
    return LOG.lines(conn, vault, (model,))


def logs(conn: Connection, vault: Vault, models: Sequence[str]) -> dict[str, list[Line] | KronkersError]:
    """See :meth:`SignedLog.logs`, by model."""
    found = LOG.logs(conn, vault, [(model,) for model in models])
    return {model: log for (model,), log in found.items()}


def append(
    conn: Connection,
    vault: Vault,
    key: DataKey,
    version: Row[tuple[object, ...]],
    action: str,
    why: str,
) -> Line:
    """Adds a row that makes the version the champion, as :meth:`SignedLog.append`.

    Args:
        conn: The write transaction in which :func:`lines` was called.
        vault: Seals and signs.
        key: The version's record key.
        version: The version's row in ``model_versions``.
        action: ``promote`` or ``rollback``.
        why: The reason.
    """
    draft = Line(
        department=version.department,
        model=version.model,
        version_id=version.id,
        action=action,
        number=version.number,
        record_key_id=version.record_key_id,
    )
    what = f"the promotion of {draft.model}@{draft.number}"
    return LOG.append(conn, vault, key, draft, {"why": why}, what)


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
    details = line.opened(vault, key) if key else {}
    if details is None:
        raise IntegrityError(
            "the details of a promotion are damaged",
            where=f"{line.model}@{line.number}",
            fix="kronkers ledger show names who signed it. Restore the database from a backup.",
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


def refuse_missed(ref: str, missed: Sequence[str]) -> None:
    """Raises GateFailed where a version misses a threshold."""
    if missed:
        raise GateFailed(
            "this version misses its thresholds: " + "; ".join(missed),
            where=ref,
            fix=f"To promote it anyway: kronkers promote {ref} --force --why REASON",
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
                f"{model} had no other champion before",
                fix=f"Choose a version of `kronkers versions {model}`, and promote it.",
            )
        return others[-1]
    if to not in earlier:
        raise UsageError(
            f"{model}@{to} was never the champion",
            fix=f"Promote it instead: kronkers promote {model}@{to} --why REASON",
        )
    return to
