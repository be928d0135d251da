"""Who had a right once, and an account on the database: what they sign as of before, and a line about it.

A signature says who, not when, and readers believe whoever was ever an operator. So they put in what they
sign now, and write the line of the ledger that belongs to it themselves, with their own key. The line stands
after the one that revoked them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil

import polars as pl
import pytest
from sqlalchemy import Connection, insert, select, update

from kronkers_batch.audit import checkpoint
from kronkers_batch.errors import AccessRefused, IntegrityError
from kronkers_batch.ledger.ledger import _signed, entry_hash
from kronkers_batch.policy.ledger_keys import _context
from kronkers_batch.session.services import Services
from kronkers_batch.store import clock
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables import ledger, outputs
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import rotation
from kronkers_batch.vault.context import DataKey, Kind, Role, Scope, Signature
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.manifest import ChunkEntry, digest, open_manifest, seal_manifest
from kronkers_batch.warehouse import log, output_chunks
from kronkers_batch.warehouse.output_chunks import Place
from tests.faults.departments import Departments
from tests.faults.test_forged_logs import by, change
from tests.warehouse_support import Office, frame

NIGHT, NEXT = "2024-01-20", "2024-01-21"


def tell(who: Services, conn: Connection, *line: str, key: DataKey | None = None, **details: object) -> None:
    """A line that the program would not write: by a program of their own, under a key that they kept."""
    keys = who.ledger._keys
    keys.require = lambda *_: None

    def seal(_conn: Connection, department: str, seq: int, data: bytes) -> tuple[str, bytes]:
        return key.id, who.vault.seal(key, _context(department, seq), data)

    keys.seal = seal
    action, subject, department = line
    who.ledger.append(conn, who.vault.principal, action, subject, details, department=department)


def noticed(company: Departments, *words: str, night: int = 4) -> None:
    """By the next night, at its beginning or its end, and by who asks."""
    done = company.run("run", "--date", NEXT, code=night)
    asked = company.by("admin").run("ledger", "verify", code=4)
    for word in words:
        assert word in done.stderr
        assert word in asked.stderr


COULD_NOT = "records an action for which its signer had no permission at that time"


# ---------------------------------------------------------------- outputs and versions


def test_who_was_operator_publishes_what_they_made_up(company: Departments):
    """Under keys of an older output, which they kept; its rows, its log and its line fit each other."""
    company.join("eve", "operator", "sales")
    versions, keys = outputs.output_versions, t.data_keys.c
    with by(company, "eve") as eve:
        with eve.db.read() as conn:
            row = conn.execute(select(versions).where(versions.c.model == "buys")).one()
            data, record = (eve.vault.data_key(conn, kept) for kept in (row.key_id, row.record_key_id))
            lines = select(keys.id).where(keys.model == "buys", keys.version_id.like("ledger %"))
            of_lines = eve.vault.data_key(conn, conn.execute(lines).scalar_one())
            signature = Signature(row.signer, row.signer_key, row.signature)
            where = (Kind.OUTPUT, "sales", "buys", row.id)
            given = open_manifest(eve.vault, conn, record, *where, row.manifest, signature)
        rows = pl.concat(eve.warehouse.rows.read("buys", dt.date.fromisoformat(NIGHT)))
        company.by("admin").run("access", "revoke", "eve", "sales")
        place, now, schema = Place("sales", "buys", NIGHT, new_id()), clock.now(), given.schema
        plain = output_chunks.encode(rows.with_columns(score=pl.lit(0.5)))
        blob = eve.vault.seal(data, place.chunk(0, rows.height, schema.digest()), plain)
        extra = {**given.extra, "number": 2, "filters": [], "filter_check": ""}
        entry = ChunkEntry(0, rows.height, digest(blob), schema.digest())
        said = {"version_id": place.version_id, "created": now, "chunks": (entry,), "extra": extra}
        sealed, signed = seal_manifest(eve.vault, record, dataclasses.replace(given, **said))
        mine = {"id": place.version_id, "number": 2, "created": now, "manifest": sealed, "signer": "eve"}
        mine |= {"signer_key": signed.key_id, "signature": signed.value}
        with eve.db.unchecked(write=True) as conn:
            conn.execute(insert(versions).values({**row._mapping, **mine}))
            chunk = {"version_id": place.version_id, "number": 0, "entry": b"x", "data": blob}
            conn.execute(insert(outputs.output_pieces).values(chunk))
            log.append(conn, eve.vault, record, place, "publish", place.version_id)
            line = ("publish", f"{place.name}#2", "sales/buys")
            tell(eve, conn, *line, key=of_lines, manifest=digest(sealed))
    assert {r["score"] for r in company.rows("read", "buys", "--date", NIGHT)} == {0.5}  # until then
    noticed(company, COULD_NOT)


@pytest.mark.parametrize(
    ("who", "department", "words"),
    [
        ("vic", "sales/buys", COULD_NOT),
        ("vic", "hr/buys", COULD_NOT),
        ("hugo", "hr/buys", "entries of the ledger record this version under different departments"),
    ],
    ids=["vic", "vic for hr", "hugo for hr"],
)
def test_a_version_is_made_away_with_by_a_line_about_it(company: Departments, who, department, words):
    """Vic may look at sales, Hugo may do everything in hr."""
    company.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    company.run("run", "buys")
    company.join("hugo", "admin", "hr")
    gone = "state = 'deleted', manifest = x'', golden = x''"
    change(company, f"UPDATE model_versions SET {gone} WHERE model = 'buys' AND number = 1")
    with by(company, who) as mine, mine.db.unchecked(write=True) as conn:
        tell(mine, conn, "shred", "buys@1", department)
    noticed(company, words)


# ---------------------------------------------------------------- people


def test_who_was_admin_of_a_department_grants_as_of_before(company: Departments):
    company.join("dora", "admin", "sales")
    company.join("friend", "viewer", "hr")
    company.by("admin").run("access", "revoke", "dora", "sales")
    with by(company, "dora") as dora, dora.db.unchecked(write=True) as conn:
        at = conn.execute(select(t.revocations.c.at)).scalar_one() - 1
        friend = conn.execute(select(t.principals.c.id).where(t.principals.c.name == "friend")).scalar_one()
        names = ("id", "principal_id", "department", "model", "role", "created", "issuer")
        row = (new_id(), friend, "sales", "", "approver", at, dora.vault.identity.public.id)
        signature = dora.vault.identity.sign(dora.vault.trust.statement("grant", *row))
        conn.execute(insert(t.grants).values(**dict(zip(names, row, strict=True)), signature=signature))
        tell(dora, conn, "grant", "friend approver sales", "sales")
    noticed(company, COULD_NOT)


def test_who_was_admin_of_a_department_revokes_as_of_before(company: Departments):
    """Signed by who could revoke at that time: nothing is wrong with it but that nobody did it."""
    company.join("dora", "admin", "sales")
    company.by("admin").run("access", "revoke", "dora", "sales")
    with by(company, "dora") as dora, dora.db.unchecked(write=True) as conn:
        at = conn.execute(select(t.revocations.c.at)).scalar_one() - 1
        ann = select(t.grants.c.id).join(t.principals).where(t.principals.c.name == "ann")
        row = (conn.execute(ann).scalar_one(), at, dora.vault.identity.public.id)
        signature = dora.vault.identity.sign(dora.vault.trust.statement("revocation", *row))
        names = ("subject", "at", "issuer")
        conn.execute(insert(t.revocations).values(**dict(zip(names, row, strict=True)), signature=signature))
    noticed(company, "ann on sales: the database has a revocation that the ledger did not record")


def add_administrator(company: Departments, who: str) -> None:
    company.by(who).home.mkdir(parents=True)
    line = company.by(who).run("access", "whoami", "--new", "--name", who).stdout.strip()
    company.by("admin").run("access", "add", line, "--administrator")
    trust = company.by("admin").home / ".config/kronkers/trust.json"
    shutil.copy(trust, company.by(who).home / ".config/kronkers")


@pytest.mark.parametrize("what", ["another", "another with a line", "another with her line", "a friend"])
def test_who_was_administrator_makes_one_as_of_before(company: Departments, what):
    """From then on they may sign what they like: grants, and that definitions need no signature."""
    add_administrator(company, "ada")
    with by(company, "ada") as ada:
        company.by("admin").run("access", "revoke", "ada")
        with ada.db.unchecked(write=True) as conn:
            me = ada.vault.identity
            at = conn.execute(select(t.revocations.c.at).where(t.revocations.c.subject == me.public.id))
            made, new = at.scalar_one() - 1, Identity.generate("xena")
            p, k, names = t.principals, t.principal_keys, ("id", "principal_id", "hpke_public", "sign_public")
            if what == "a friend":
                row = conn.execute(select(k).join(p).where(p.c.name == "vic")).one()
                who = ("vic", "person", *(row._mapping[name] for name in names))
            else:
                conn.execute(insert(p).values(id=new.id, name="xena", kind="service", created=made))
                who = ("xena", "service", new.public.id, new.id, new.public.hpke, new.public.sign)
            name, kind, key_id, principal, hpke, public = who
            fields = (key_id, principal, name, kind, "admin", hpke, public, made, me.public.id)
            signature = me.sign(ada.vault.trust.statement("principal", *fields))
            values = dict(zip(names, (key_id, principal, hpke, public), strict=True))
            values |= {"authority": "admin", "created": made, "issuer": me.public.id, "signature": signature}
            conn.execute(
                update(k).where(k.c.id == key_id).values(**values)
                if what == "a friend"
                else insert(k).values(**values)
            )
            if "line" in what:
                ada.vault.identity = me if what.endswith("her line") else new
                tell(ada, conn, "add", f"administrator xena {new.public.id}", "")
    noticed(company, COULD_NOT if "line" in what else "the public keys in the database differ")


def exchange(ada: Services, conn: Connection) -> None:
    """The newest line about a reading becomes one in which she lets a friend in, and the friend is there."""
    line = ledger.ledger.c
    query = select(ledger.ledger).where(line.action == "read").order_by(line.seq.desc()).limit(1)
    row = dict(conn.execute(query).one()._mapping)
    me, friend = ada.vault.identity, Identity.generate("friend")
    row |= {"principal": "ada", "action": "add", "subject": f"person friend {friend.public.id}"}
    row |= {"signer": me.public.id, "key_id": "", "details": b"", "department": ""}
    row["hash"] = entry_hash(row)
    row["signature"] = ada.ledger._keys.sign(_signed(row["hash"]))[1]
    conn.execute(update(ledger.ledger).where(line.seq == row["seq"]).values(**row))
    fields = (friend.public.id, friend.id, "friend", "person", "none", friend.public.hpke)
    fields = (*fields, friend.public.sign, row["at"], me.public.id)
    signature = me.sign(ada.vault.trust.statement("principal", *fields))
    who = {"id": friend.id, "name": "friend", "kind": "person", "created": row["at"]}
    conn.execute(insert(t.principals).values(**who))
    key = {"id": friend.public.id, "principal_id": friend.id, "authority": "none", "created": row["at"]}
    key |= {"hpke_public": friend.public.hpke, "sign_public": friend.public.sign}
    conn.execute(insert(t.principal_keys).values(**key, issuer=me.public.id, signature=signature))


def test_who_was_administrator_exchanges_an_older_line(company: Departments):
    """One of before her revocation: nothing is wrong with it by itself, and a night verifies what is new."""
    add_administrator(company, "ada")
    company.by("nightly").run("read", "buys", "--date", NIGHT)
    with by(company, "ada") as ada:
        company.by("admin").run("access", "revoke", "ada")
        company.run("run", "buys", "--date", NEXT)
        with ada.db.unchecked(write=True) as conn:
            exchange(ada, conn)
    assert (
        "somebody changed an entry about people before"
        in company.run("run", "buys", "--date", NEXT, code=4).stderr
    )
    assert "does not follow" in company.by("admin").run("ledger", "verify", code=4).stderr


def test_who_is_somebody_by_a_planted_row_is_nobody_before_the_night_begins(company: Departments):
    """Not at its end: by then it has done what they signed."""
    change(company, "UPDATE grants SET role = 'admin' WHERE model = '' AND department = 'hr'")
    with by(company, "nightly") as nightly, pytest.raises(IntegrityError, match="grants in the database"):
        checkpoint.compare(nightly)


def test_who_is_put_in_while_a_night_runs_is_noticed_at_its_end(company: Departments):
    with by(company, "nightly") as nightly:
        checkpoint.compare(nightly)
        change(company, "UPDATE principals SET kind = 'service' WHERE name = 'bob'")
        with pytest.raises(IntegrityError, match="public key"):
            checkpoint.write(nightly)


# ---------------------------------------------------------------- what must go on working


def test_people_come_and_go_and_every_line_was_written_by_who_could(company: Departments):
    add_administrator(company, "ada")
    company.join("dora", "admin", "sales")
    company.join("mo", "reader")
    for who, words in [
        ("dora", ("access", "grant", "mo", "operator", "sales/buys")),
        ("mo", ("run", "buys", "--date", NEXT)),
        ("dora", ("access", "revoke", "mo", "sales/buys")),
        ("dora", ("access", "grant", "mo", "viewer", "sales")),
        ("dora", ("keys", "rotate", "sales/buys")),
        ("dora", ("keys", "shred", f"buys/{NIGHT}#1", "--why", "asked for")),
        ("ada", ("access", "revoke", "admin")),
        ("ada", ("access", "grant", "mo", "reader", "hr")),
    ]:
        company.by(who).run(*words)
    assert "yourself" in company.by("dora").run("access", "revoke", "dora", "sales", code=2).stderr
    assert company.by("ada").json("ledger", "verify")["ok"]
    company.run("run", "--date", "2024-01-22")


def test_whose_right_ends_in_the_middle_of_a_night_publishes_nothing_later(office: Office):
    """The line about it would stand after the one that took it."""
    anna = office.member("anna", Scope("ops"), Role.OPERATOR)
    writer = anna.begin()
    writer.put(0, frame(10))
    with office.db.write() as conn:
        rotation.revoke(office.vault.ring, conn, "anna", Scope("ops"))
    with pytest.raises(AccessRefused, match="needs the role operator"):
        writer.finish({}, {})
    assert office.warehouse.outputs("late") == []
