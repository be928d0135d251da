"""What there is of many models: champions, newest versions, versions by fingerprint.

The number of statements does not depend on how many models are asked for, nor on how many versions they have.
What is wrong with one model's rows is that model's answer and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, or_, select

from kronkers_batch.errors import IntegrityError, KronkersError
from kronkers_batch.policy import permissions
from kronkers_batch.registry import champions, records
from kronkers_batch.registry.champions import Line
from kronkers_batch.registry.records import VersionRow
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.store import clock, questions, seen
from kronkers_batch.store.tables.registry import model_versions as table
from kronkers_batch.vault.context import Scope
from kronkers_batch.vault.signed_log import until
from kronkers_batch.vault.vault import Vault

Question = tuple[str, str]
"""A model's name, and what its version must have; empty for the newest of all."""


@dataclass(frozen=True)
class Asked:
    """What is asked about one model: today's definition fingerprint, and training fingerprints, as hex."""

    definition: str
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """What there is of one model in the registry, verified; each version with its golden rows."""

    champion: ModelVersion | None  # now
    then: ModelVersion | None  # the champion as of the timestamp that was asked for; without one, as now
    newest: ModelVersion | None  # of the asked definition
    found: Mapping[str, ModelVersion]  # by asked training fingerprint the newest that has it; without others
    last: ModelVersion | None  # the newest of any definition
    promoted: int  # number of the highest version that was ever promoted; 0 for none
    chosen: int  # when the champion was promoted, in microseconds since the epoch; 0 without one
    by_promoter: bool  # whether who recorded ``newest`` may promote it


@dataclass
class Opening:
    """Opens the versions of one question, each once."""

    conn: Connection
    vault: Vault
    opened: dict[str, ModelVersion] = field(default_factory=dict)

    def fetch(self, ids: Iterable[str]) -> None:
        """Has the rows of these versions and their keys come by one statement each."""
        wanted = list(ids)
        seen.fetch(self.conn, table, wanted)
        rows = [row for id in wanted if (row := _quietly(self.conn, id)) is not None]
        self.vault.fetch_keys(self.conn, [key for row in rows for key in (row.record_key_id, row.key_id)])

    def version(self, id: str) -> ModelVersion:
        """The version of this id. Raises IntegrityError, AccessRefused."""
        if id not in self.opened:
            self.opened[id] = records.open_version(self.conn, self.vault, self.row(id), golden=True)
        return self.opened[id]

    def row(self, id: str) -> VersionRow:
        """Its row. Raises IntegrityError where it is gone."""
        row = seen.row(self.conn, table, id)
        if row is None:
            raise IntegrityError(
                "a model version is missing from the database", where=id, fix=records.RESTORE
            )
        return row

    def champion(self, log: list[Line]) -> ModelVersion | None:
        """The version that the last line of a log names. Raises IntegrityError."""
        if not log:
            return None
        if self.row(log[-1].version_id).model != log[-1].model:
            raise IntegrityError(
                "the database names a version of another model as the champion",
                where=log[-1].model,
                fix=records.RESTORE,
            )
        return self.version(log[-1].version_id)


def standings(
    conn: Connection, vault: Vault, models: Mapping[str, Asked], at: int | None
) -> dict[str, Standing | KronkersError]:
    """See :meth:`Registry.standings`."""
    logs = champions.logs(conn, vault, list(models))
    last = newest(conn, vault, [(model, "") for model in models])
    same = newest(conn, vault, [(model, asked.definition) for model, asked in models.items()], "definition")
    wanted = [(model, each) for model, asked in models.items() for each in asked.fingerprints]
    found = newest(conn, vault, wanted, "fingerprint")
    opening = Opening(conn, vault)
    named = [
        until(log, timestamp)[-1:]
        for log in logs.values()
        if isinstance(log, list)
        for timestamp in (None, at)
    ]
    opening.fetch(
        [
            *(line.version_id for lines in named for line in lines),
            *(id for ids in (last, same, found) for id in ids.values() if isinstance(id, str)),
        ]
    )
    result: dict[str, Standing | KronkersError] = {}
    for model, asked in models.items():
        try:
            log = seen.given(logs[model])
            of_definition = _id(same, (model, asked.definition))
            ids = {each: _id(found, (model, each)) for each in asked.fingerprints}
            of_any = _id(last, (model, ""))
            result[model] = Standing(
                champion=opening.champion(log),
                then=opening.champion(until(log, at)),
                newest=opening.version(of_definition) if of_definition else None,
                found={each: opening.version(id) for each, id in ids.items() if id},
                last=opening.version(of_any) if of_any else None,
                promoted=max((line.number for line in log), default=0),
                chosen=log[-1].at if log else 0,
                by_promoter=bool(of_definition) and by_promoter(conn, vault, opening.row(of_definition)),
            )
        except KronkersError as error:
            result[model] = error
    return result


def newest(
    conn: Connection, vault: Vault, asked: Iterable[Question], name: str = ""
) -> dict[Question, str | KronkersError]:
    """The ids of the newest versions that are there, of the departments that the models are of.

    Args:
        conn: Any transaction.
        vault: Says of which department each model is.
        asked: Each model, with the value that its version has in the column ``name``.
        name: ``definition``, ``fingerprint``, or empty: any version.

    What there is none of is left out. An IntegrityError is the value of its own question.
    """
    return seen.for_each(conn, list(dict.fromkeys(asked)), lambda some: _newest(conn, vault, some, name))


def _newest(conn: Connection, vault: Vault, asked: Iterable[Question], name: str) -> dict[Question, str]:
    # One look into an index for each question: what is asked each night must not go through all versions.
    names = questions.texts("model", "department", "wanted")
    data = ((model, vault.homes.get(model, ""), value) for model, value in asked)
    wanted = questions.asked(conn, names, data)
    query = select(table.c.id).where(
        table.c.model == wanted.c.model,
        table.c.state == "ready",
        or_(wanted.c.department == "", table.c.department == wanted.c.department),
    )
    if name:
        query = query.where(table.c[name] == wanted.c.wanted)
    first = query.order_by(table.c.number.desc()).limit(1).scalar_subquery().label("id")
    rows = conn.execute(select(wanted.c.model, wanted.c.wanted, first)).all()
    return {(row.model, row.wanted): row.id for row in rows if row.id is not None}


def by_promoter(conn: Connection, vault: Vault, row: VersionRow) -> bool:
    """Whether who recorded a version may promote it: what an operator recorded waits for an approver."""
    trust = vault.trust
    if trust.revoked(conn, row.signer_key, clock.now()):
        return False
    held = trust.grants(conn, principal_id=trust.principal(conn, row.signer_key).id)
    return permissions.covers(held, Scope(row.department, row.model), permissions.STORE_ACTIONS["promote"])


def _id(ids: Mapping[Question, str | KronkersError], question: Question) -> str:
    """The id that was found; empty where there is none. Raises what the question was answered with."""
    found = ids.get(question, "")
    if isinstance(found, KronkersError):
        raise found
    return found


def _quietly(conn: Connection, id: str) -> VersionRow | None:
    """A row for whose keys to ask early; what is wrong with it is reported where it is opened."""
    try:
        return seen.row(conn, table, id)
    except IntegrityError:
        return None
