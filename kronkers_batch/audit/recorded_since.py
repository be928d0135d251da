"""The same as :mod:`.recorded`, of what the ledger gained since a checkpoint: at the end of every run.

What it costs hangs on what is new, and on counts of rows; ``kronkers ledger verify`` compares everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, func, select

from kronkers_batch.audit import recorded
from kronkers_batch.audit import replayed as standing
from kronkers_batch.audit.recorded import Said, Stored
from kronkers_batch.data.reference import READY
from kronkers_batch.errors import IntegrityError, UsageError
from kronkers_batch.ledger.ledger import Entry
from kronkers_batch.registry import champions as champions_log
from kronkers_batch.registry.training import parse_ref as parse_version
from kronkers_batch.session.services import Services
from kronkers_batch.store import seen
from kronkers_batch.store.tables import vault as t
from kronkers_batch.store.tables.outputs import output_log, output_versions
from kronkers_batch.store.tables.registry import champions, model_versions
from kronkers_batch.store.tables.signing import definitions
from kronkers_batch.store.tables.snapshots import snapshots
from kronkers_batch.vault.context import Kind, Scope
from kronkers_batch.warehouse import log
from kronkers_batch.warehouse.versions import day_of
from kronkers_batch.warehouse.versions import parse_ref as parse_output

_FIX = "Run `kronkers ledger verify`, which compares everything, and find out who can write to the database."


_GONE_MODELS, _GONE_OUTPUTS = "model_versions (deleted)", "output_versions (deleted)"


def counts(connection: Connection) -> dict[str, int]:
    """How many rows there are of each kind of which the ledger tells, line by line."""
    wanted = {
        "champions": select(func.count()).select_from(champions),
        "definitions": select(func.count()).select_from(definitions),
        "model_versions": select(func.count()).select_from(model_versions),
        _GONE_MODELS: select(func.count()).where(model_versions.c.state == "deleted"),
        _GONE_OUTPUTS: select(func.count()).where(output_versions.c.state == "deleted"),
        "output_log": select(func.count()).select_from(output_log),
        "revocations": select(func.count()).select_from(t.revocations),
        "snapshots": select(func.count()).select_from(snapshots).where(snapshots.c.state == READY),
    }
    return {name: connection.execute(query).scalar_one() for name, query in wanted.items()}


def verify(services: Services, connection: Connection, after: int, before: Mapping[str, int]) -> None:
    """Compares what the ledger tells after an entry with what is there.

    Args:
        services: The opened system.
        connection: A read transaction.
        after: The entry's number.
        before: What :func:`counts` was then.

    Raises IntegrityError.
    """
    said, gained = Said(), dict.fromkeys(before, 0)
    people = standing.replayed(services, connection, after)
    for entry in services.ledger.entries(connection, after=after):
        people.take(entry)
        recorded.tell(said, entry, lambda ref: _judged_before(connection, ref))
        if kind := _kind(entry):
            gained[kind] = gained.get(kind, 0) + (-1 if entry.action == "discard" else 1)
    _made_before(services, connection, said, after)
    recorded.compare_versions(services, connection, said, _stored(connection, said))
    for ref in said.of:
        recorded.refuse_others(said, ref, *_departments(connection, ref))
    there = set[str]()
    for some in seen.parts([*(said.frozen.keys() | said.discarded.keys())]):
        there |= recorded.compare_snapshots(services, connection, said, snapshots.c.id.in_(some))
    recorded.refuse_missing_snapshots(said, there)
    _logs(services, connection, said)
    gained["output_log"] = sum(len(lines) for lines in said.judged.values())
    _count(counts(connection), before, gained)
    _refuse_other_states(connection)
    recorded.compare_people(services, connection, people)


_KINDS = {
    "promote": "champions",
    "rollback": "champions",
    "sign": "definitions",
    "record": "model_versions",
    "freeze": "snapshots",
    "discard": "snapshots",
    "revoke": "revocations",
}
"""By action, what there is one more of; of `discard` one less."""


def _kind(entry: Entry) -> str | None:
    if entry.action in ("expire", "shred"):
        return _GONE_OUTPUTS if "#" in entry.subject else _GONE_MODELS
    return _KINDS.get(entry.action)


def _count(now: Mapping[str, int], before: Mapping[str, int], gained: Mapping[str, int]) -> None:
    for name in sorted(before):
        wanted = before[name] + gained[name]
        # A revocation takes all grants of somebody on a scope.
        if now[name] < wanted or (now[name] > wanted and name != "revocations"):
            more = (
                "has more rows than the ledger recorded"
                if now[name] > wanted
                else "has fewer rows than the ledger recorded"
            )
            raise IntegrityError(f"the table {name} {more}", where="database", fix=_FIX)


def _refuse_other_states(connection: Connection) -> None:
    """A version that is neither there nor deleted would be made once more, and nobody would miss it."""
    o, m = output_versions.c, model_versions.c
    judged = output_versions.join(output_log, output_log.c.version_id == o.id)
    wanted = {
        "output_versions": select(o.id).select_from(judged).where(o.state.not_in(["finished", "deleted"])),
        "model_versions": select(m.id).where(m.state.not_in(["ready", "deleted"])),
    }
    for name, query in wanted.items():
        if connection.execute(query.limit(1)).first() is not None:
            what = f"a row of the table {name} has a state that the program never writes"
            raise IntegrityError(what, where="database", fix=_FIX)


def _stored(connection: Connection, said: Said) -> Iterator[Stored]:
    """The versions of which there are new lines."""
    o, m = output_versions.c, model_versions.c
    for ref in said.made:
        try:
            if "#" in ref:
                model, date, number = parse_output(ref)
                kind, day = Kind.OUTPUT, o.logical_date == date.isoformat()
                query = recorded.OUTPUT.where(o.model == model, day, o.number == number)
            else:
                model, number = parse_version(ref)
                kind, query = Kind.ARTIFACT, recorded.VERSION.where(m.model == model, m.number == number)
        except UsageError:
            raise _no_version() from None
        for row in connection.execute(query).all():
            yield Stored(ref, kind, row)


def _departments(connection: Connection, ref: str) -> list[str]:
    """Whose a version's row says that it is, whatever became of it; none where there is no row."""
    try:
        if "#" in ref:
            model, date, number = parse_output(ref)
            o = output_versions.c
            query = select(o.department, o.model).where(
                o.model == model, o.logical_date == date.isoformat(), o.number == number
            )
        else:
            model, number = parse_version(ref)
            m = model_versions.c
            query = select(m.department, m.model).where(m.model == model, m.number == number)
    except UsageError:
        raise _no_version() from None
    return [str(Scope(*row)) for row in connection.execute(query).all()]


def _no_version() -> IntegrityError:
    return IntegrityError("an entry names something that is not a version", where="ledger", fix=_FIX)


def _made_before(services: Services, connection: Connection, said: Said, after: int) -> None:
    """Of a version that was judged anew since, an older line says which it is."""
    for ref in [ref for ref, makings in said.made.items() if not makings]:
        for entry in services.ledger.entries(connection, subject=ref):
            if entry.seq <= after:
                recorded.tell_making(said, entry)


def _judged_before(connection: Connection, ref: str) -> bool:
    """Whether an output that was deleted was ever whole: then its date's log tells of it."""
    try:
        model, date, number = parse_output(ref)
    except UsageError:
        return False
    v = output_versions.c
    query = (
        select(output_log.c.sequence)
        .join(output_versions, v.id == output_log.c.version_id)
        .where(v.model == model, v.logical_date == date.isoformat(), v.number == number)
    )
    return connection.execute(query.limit(1)).first() is not None


def _logs(services: Services, connection: Connection, said: Said) -> None:
    """The newest rows of each log that gained some are those of which the ledger tells, signed and whole."""
    for name, lines in said.judged.items():
        model, _, date = name.partition("/")
        v, o = output_versions.c, output_log.c
        judged = (
            select(o.action, v.number)
            .join(output_versions, v.id == o.version_id)
            .where(o.model == model, o.logical_date == date)
            .order_by(o.sequence.desc())
            .limit(len(lines))
        )
        found = [(action, f"{name}#{number}") for action, number in connection.execute(judged).all()]
        if found[::-1] != lines:
            raise recorded.other_log(name)
        log.lines(connection, services.vault, model, day_of(date))
    for model, lines in said.chosen.items():
        m, c = model_versions.c, champions.c
        chosen = (
            select(c.action, m.number)
            .join(model_versions, m.id == c.version_id)
            .where(c.model == model)
            .order_by(c.sequence.desc())
            .limit(len(lines))
        )
        found = [(action, f"{model}@{number}") for action, number in connection.execute(chosen).all()]
        if found[::-1] != lines:
            raise recorded.other_log(model)
        champions_log.lines(connection, services.vault, model)
