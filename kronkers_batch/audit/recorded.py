"""Whether what is stored is what the ledger recorded: versions, snapshots, which are in use, who was revoked.

Readers believe whoever was ever operator, because nobody can tell them when a manifest was signed. Somebody
who was it could exchange an older version, and be believed; and who can write to the database can cut the end
off a log, or take a revocation out. The ledger's line about it stands beside each, and the ledger lies in the
checkpoints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from kronkers_batch.audit import keys_in_use
from kronkers_batch.audit.replayed import Standing
from kronkers_batch.data.reference import READY
from kronkers_batch.errors import AccessRefused, IntegrityError, NotFound
from kronkers_batch.ledger.ledger import Entry
from kronkers_batch.policy import permissions
from kronkers_batch.registry import champions as champions_log
from kronkers_batch.session.services import Services
from kronkers_batch.store.tables import vault as t
from kronkers_batch.store.tables.outputs import output_log, output_versions
from kronkers_batch.store.tables.registry import champions, model_versions
from kronkers_batch.store.tables.signing import definitions
from kronkers_batch.store.tables.snapshots import snapshots
from kronkers_batch.vault.context import Kind, Role, Scope, scope_of
from kronkers_batch.vault.definition_signatures import Subject
from kronkers_batch.vault.manifest import digest
from kronkers_batch.vault.revocations import flawed
from kronkers_batch.vault.trust import Grant
from kronkers_batch.warehouse import log

_MAKING = frozenset({"record", "publish", "hold"})
_JUDGING = {"publish": "publish", "hold": "hold", "expire": "delete", "shred": "delete"}
_CHOOSING = frozenset({"promote", "rollback"})
_FIX = "Restore the database from a backup made before the change, and find out who can write to it."


@dataclass
class Said:
    """What the ledger says, in order: of versions by ref, of logs by date or model, of snapshots by id.

    ``of`` is whose each version is by its lines, ``frozen`` whose each snapshot is, with its manifest's
    digest, and ``discarded`` the same of those that expired.
    """

    made: dict[str, list[tuple[int, str | None]]] = field(default_factory=lambda: defaultdict(list))
    frozen: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    discarded: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    gone: set[str] = field(default_factory=set)
    judged: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    chosen: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    signed: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def verify(services: Services, connection: Connection) -> int:
    """Compares everything that the ledger tells with what is there; returns how many versions it compared.

    Of versions whose details the caller may not see, only that they were recorded. Raises IntegrityError.
    """
    said, standing = Said(), Standing(services.vault.trust.pin.keys.id)
    for entry in services.ledger.entries(connection):
        standing.take(entry)
        tell(said, entry, said.made.__contains__)
    count = compare_versions(services, connection, said, _stored(connection))
    there = compare_snapshots(services, connection, said)
    refuse_missing_snapshots(said, there)
    _logs(services, connection, said)
    _signatures(connection, said)
    _definitions(services, connection)
    compare_people(services, connection, standing)
    services.vault.ring.expect(connection, keys_in_use.least(connection, None))
    return count


def tell(said: Said, entry: Entry, finished: Callable[[str], bool]) -> None:
    """Adds what an entry says; ``finished`` tells of an output that was deleted whether it ever was whole."""
    action, subject = entry.action, entry.subject
    tell_making(said, entry)
    if action in ("expire", "shred"):
        said.gone.add(subject)
    if action == "sign":
        said.signed[subject] += 1
    if action in _JUDGING and "#" in subject and (action in _MAKING or finished(subject)):
        said.judged[subject.partition("#")[0]].append((_JUDGING[action], subject))
    if action in _CHOOSING:
        said.chosen[subject.partition("@")[0]].append((action, subject))
    if action in ("freeze", "discard") and entry.details:
        snapshot = (entry.department, str(entry.details.get("manifest")))
        kept = said.frozen if action == "freeze" else said.discarded
        kept[str(entry.details.get("id"))].add(snapshot)
    if action in _MAKING or action in _JUDGING or action in _CHOOSING:
        said.of[subject].add(entry.department)


def tell_making(said: Said, entry: Entry) -> None:
    """Of an entry about a version, which one it is, where the caller may see: the digest of its manifest."""
    if entry.action in _MAKING:
        manifest = None if entry.details is None else str(entry.details.get("manifest", ""))
        known = said.made[entry.subject]
        if manifest != "":  # a version that is judged anew is no other version
            known.append((entry.seq, manifest))


# ---------------------------------------------------------------- versions


@dataclass(frozen=True)
class Stored:
    """A version that is there: what it is called, what its data key is for, and its row."""

    ref: str
    kind: Kind
    row: Row[Any]

    @property
    def scope(self) -> Scope:
        """Whose it is by its row."""
        return Scope(self.row.department, self.row.model)


def compare_versions(services: Services, connection: Connection, said: Said, stored: Iterable[Stored]) -> int:
    """Each version that was made is the one that was recorded, or was deleted; returns how many they are."""
    held, count, there = services.vault.held(connection), 0, set()
    for one in stored:
        ref, scope, manifest = one.ref, one.scope, one.row.manifest or b""
        there.add(ref)
        if ref not in said.made:
            raise IntegrityError("no entry of the ledger records this version", where=ref, fix=_FIX)
        refuse_others(said, ref, str(scope))
        known = {recorded: number for number, recorded in said.made[ref] if recorded is not None}
        if len(known) > 1:
            numbers = " and ".join(str(number) for number in sorted(known.values()))
            raise IntegrityError(
                f"entries {numbers} of the ledger record two different versions under this number",
                where=ref,
                fix=_FIX,
            )
        if not known and permissions.covers(held, scope, Role.VIEWER):
            raise IntegrityError(
                "you cannot open the entry of the ledger that records this version", where=ref, fix=_FIX
            )
        for recorded, number in known.items():
            if digest(manifest) != recorded:
                raise IntegrityError(
                    f"this version differs from the one that entry {number} of the ledger recorded",
                    where=ref,
                    fix=_FIX,
                )
            count += 1
        _require_keys(services, connection, one, held)
    for ref in said.of.keys() - there:
        refuse_others(said, ref)
    for ref in sorted(said.made.keys() - there - said.gone):
        raise IntegrityError(
            "the ledger recorded this version, and the database lacks it", where=ref, fix=_FIX
        )
    return count


def refuse_others(said: Said, ref: str, *scope: str) -> None:
    """Raises IntegrityError where lines about a version are another department's than it, or than others."""
    if len({*said.of[ref], *scope}) > 1:
        raise IntegrityError(
            "entries of the ledger record this version under different departments", where=ref, fix=_FIX
        )


OUTPUT = select(
    *(output_versions.c[name] for name in ("model", "department", "logical_date", "number", "manifest")),
    *(output_versions.c[name] for name in ("id", "key_id", "record_key_id")),
).where(output_versions.c.state == "finished")
VERSION = select(
    *(model_versions.c[name] for name in ("model", "department", "number", "manifest")),
    *(model_versions.c[name] for name in ("id", "key_id", "record_key_id")),
).where(model_versions.c.state == "ready")
"""What :class:`Stored` takes of a row."""


def _stored(connection: Connection) -> Iterator[Stored]:
    for row in connection.execute(OUTPUT.order_by(output_versions.c.created)):
        yield Stored(f"{row.model}/{row.logical_date}#{row.number}", Kind.OUTPUT, row)
    for row in connection.execute(VERSION.order_by(model_versions.c.created)):
        yield Stored(f"{row.model}@{row.number}", Kind.ARTIFACT, row)


def _require_keys(services: Services, connection: Connection, one: Stored, held: Iterable[Grant]) -> None:
    """The version's own keys are there, as far as the caller may open them: no line says that they went."""
    vault, row = services.vault, one.row
    wanted = [(row.record_key_id, Kind.RECORD, Role.VIEWER), (row.key_id, one.kind, Role.READER)]
    for key_id, kind, least in wanted:
        if not permissions.covers(held, one.scope, least):
            continue
        try:
            vault.key_of(connection, key_id, one.scope, kind, row.id)
        except (AccessRefused, NotFound):
            what = "you cannot open the key of this version, and the ledger does not record its deletion"
            raise IntegrityError(what, where=one.ref, fix=_FIX) from None


def compare_snapshots(
    services: Services, connection: Connection, said: Said, *which: ColumnElement[bool]
) -> set[str]:
    """Those whose details the caller may see; others' lines do not say of which snapshot they are.

    Returns which were there.
    """
    held, there = services.vault.held(connection), set()
    query = select(snapshots.c.id, snapshots.c.source, snapshots.c.department, snapshots.c.manifest)
    query = query.where(snapshots.c.state == READY, *which)
    for row in connection.execute(query.order_by(snapshots.c.created)):
        there.add(row.id)
        if not permissions.covers(held, scope_of(row.department), Role.VIEWER):
            continue
        where = f"snapshot {row.id} of {row.source}"
        itself = {(row.department, digest(row.manifest))}
        if itself & said.discarded.get(row.id, set()):
            raise IntegrityError(
                "the ledger recorded that this snapshot expired, and the database still has it",
                where=where,
                fix=_FIX,
            )
        if said.frozen.get(row.id) != itself:
            raise IntegrityError(
                "this snapshot differs from the one that the ledger recorded, or the ledger recorded none",
                where=where,
                fix=_FIX,
            )
    return there


def refuse_missing_snapshots(said: Said, there: set[str]) -> None:
    """Raises IntegrityError where one that was recorded is gone, and did not expire."""
    for missing in sorted(said.frozen.keys() - there):
        if not said.frozen[missing] <= said.discarded.get(missing, set()):
            what = (
                "the ledger recorded this snapshot, and the database lacks it; no entry says that it expired"
            )
            raise IntegrityError(what, where=f"snapshot {missing}", fix=_FIX)


# ---------------------------------------------------------------- which of them are in use


def _logs(services: Services, connection: Connection, said: Said) -> None:
    """A log whose end was cut off is still signed; its older head is in use again."""
    stored: dict[str, list[tuple[str, str]]] = defaultdict(list)
    o, v = output_log.c, output_versions.c
    judged = select(o.model, o.logical_date, o.action, v.number).join(output_versions, v.id == o.version_id)
    for line in connection.execute(judged.order_by(o.model, o.logical_date, o.sequence)):
        date = f"{line.model}/{line.logical_date}"
        stored[date].append((line.action, f"{date}#{line.number}"))
    _compare(stored, said.judged)
    for model in dict.fromkeys(date.partition("/")[0] for date in stored):
        log.lines_by_date(connection, services.vault, model)  # also the signatures, and each row's bytes
    stored.clear()
    c, m = champions.c, model_versions.c
    chosen = select(c.model, c.action, m.number).join(model_versions, m.id == c.version_id)
    for model, action, number in connection.execute(chosen.order_by(c.model, c.sequence)):
        stored[model].append((action, f"{model}@{number}"))
    _compare(stored, said.chosen)
    for model in stored:
        champions_log.lines(connection, services.vault, model)


def _compare(stored: dict[str, list[tuple[str, str]]], said: dict[str, list[tuple[str, str]]]) -> None:
    for name in sorted(stored.keys() | said.keys()):
        if stored.get(name, []) != said.get(name, []):
            raise other_log(name)


def other_log(name: str) -> IntegrityError:
    """Of a model or a date."""
    what = "the database names other versions as in use than the ledger recorded"
    return IntegrityError(what, where=name, fix=_FIX)


def _signatures(connection: Connection, said: Said) -> None:
    """As many signatures on each definition as the ledger tells of."""
    d = definitions.c
    query = select(d.kind, d.name, func.count()).group_by(d.kind, d.name)
    stored = {f"{kind}/{name}": count for kind, name, count in connection.execute(query).all()}
    for name in sorted(stored.keys() | said.signed.keys()):
        if stored.get(name, 0) != said.signed.get(name, 0):
            what = "the database has another number of signatures on this definition than the ledger recorded"
            raise IntegrityError(what, where=name, fix=_FIX)


def _definitions(services: Services, connection: Connection) -> None:
    """What was signed opens to who may see it: a run asks it whether a model is to be there."""
    signed = services.signatures
    for kind in Subject:
        for name in signed.names(connection, kind):
            try:
                signed.details(connection, kind, name)
            except AccessRefused as error:
                raise IntegrityError(error.what, where=f"{kind}/{name}", fix=_FIX) from None


# ---------------------------------------------------------------- who is who, and who was revoked


def compare_people(services: Services, connection: Connection, standing: Standing) -> None:
    """Who is who is what the ledger tells; each public key, grant and revocation is signed by who could.

    Raises IntegrityError.
    """
    trust = services.vault.trust
    for key_id in connection.execute(select(t.principal_keys.c.id)).scalars().all():
        trust.principal(connection, key_id)
    for subject, flaw in trust.revocations.flawed(connection):
        raise flawed(subject, flaw)
    trust.grants(connection)
    standing.compare(connection)
