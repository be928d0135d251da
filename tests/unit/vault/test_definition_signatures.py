"""Which signatures on definitions count."""

import os

import pytest
from sqlalchemy import delete, insert, select, update

from kronkers_batch.config import account
from kronkers_batch.errors import AccessRefused, IdentityError, IntegrityError
from kronkers_batch.store import clock
from kronkers_batch.store.tables.signing import definitions
from kronkers_batch.vault import remembered_definitions, rotation
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.definition_signatures import Definition, Signatures, Subject

SALES, OPS = Scope("sales"), Scope("ops")
ONE = Definition(Subject.MODEL, "churn", "sales", "a" * 64)
TWO = Definition(Subject.MODEL, "churn", "sales", "b" * 64)
ROOT = Definition(Subject.ROOT, "house", "", "c" * 64)


class Desk:
    """What one account sees and remembers."""

    def __init__(self, wh, vault, path):
        self.db, self.vault, self.path = wh.db, vault, path

    def found(self):
        """As in a new process: nothing but the file is remembered."""
        return Signatures(
            type(self.vault)(self.vault.identity, self.vault.trust.pin),
            remembered_definitions.load(self.path),
        )

    def sign(self, what, fields=None):
        found = self.found()
        with self.db.write() as conn:
            signed = found.sign(conn, what, fields or {"seed": 1}, "why", what.department or "sales")
        found.memory.save()
        return signed

    def check(self, what):
        found = self.found()
        with self.db.read() as conn:
            signed = found.check(conn, what)
        found.memory.save()
        return signed

    def refused(self, what, words):
        with pytest.raises(AccessRefused, match=words):
            self.check(what)


@pytest.fixture
def desks(wh, tmp_path):
    bob = wh.member("bob", SALES, Role.OPERATOR)
    return {
        "admin": Desk(wh, wh.admin, tmp_path / "a/signed.json"),
        "bob": Desk(wh, bob, tmp_path / "b/signed.json"),
        "service": Desk(wh, wh.member("nightly", SALES, Role.OPERATOR), tmp_path / "s/signed.json"),
    }


def test_an_operators_signature_counts_for_just_what_was_signed(desks):
    desks["service"].refused(ONE, "nobody has signed")
    desks["bob"].sign(ONE)
    assert desks["service"].check(ONE).signer == "bob"
    desks["service"].refused(TWO, "changed since bob signed it")
    desks["service"].refused(Definition(Subject.SOURCE, "churn", "sales", ONE.fingerprint), "nobody")
    desks["service"].refused(Definition(Subject.MODEL, "churn", "ops", ONE.fingerprint), "changed")


def test_who_is_no_operator_of_the_whole_department_signs_nothing(wh, desks, tmp_path):
    people = {
        "reader": wh.member("eve", SALES, Role.READER),
        "of the model": wh.member("dan", Scope("sales", "churn"), Role.ADMIN),
        "elsewhere": wh.member("pam", OPS, Role.ADMIN),
    }
    for who, vault in people.items():
        with pytest.raises(AccessRefused):
            Desk(wh, vault, tmp_path / who).sign(ONE)
    for what in (ROOT, Definition(Subject.POLICY, "definitions", "", "d")):
        with pytest.raises(AccessRefused, match="administrator"):
            desks["bob"].sign(what)
        assert desks["admin"].sign(what).number == 1


def test_what_the_wrong_role_writes_into_the_database_does_not_count(wh, desks, tmp_path, monkeypatch):
    """As above, by somebody who leaves out the asking."""
    monkeypatch.setattr(Signatures, "require_right", lambda *_: None)
    Desk(wh, wh.member("eve", SALES, Role.READER), tmp_path / "e").sign(ONE)
    desks["service"].refused(ONE, "eve signed this definition, and was not an operator of sales")
    wh.grant("eve", SALES, Role.OPERATOR)  # a role that came later changes nothing
    desks["service"].refused(ONE, "eve signed this definition, and was not an operator of sales")
    desks["bob"].sign(ROOT)
    desks["service"].refused(ROOT, "needs an administrator")


def test_only_the_newest_signature_counts(desks):
    desks["bob"].sign(ONE)
    desks["bob"].sign(TWO)
    desks["service"].refused(ONE, "changed since")
    assert desks["service"].check(TWO).number == 2


def test_a_lost_role_leaves_what_was_met_standing_and_nothing_new(wh, desks):
    service, bob = desks["service"], desks["bob"]
    bob.sign(ONE)
    service.check(ONE)
    with wh.db.write() as conn:
        rotation.revoke(wh.admin.ring, conn, "bob", SALES)
    assert service.check(ONE).signer == "bob"
    with pytest.raises(AccessRefused):
        bob.sign(TWO)
    # An account that never met it asks for somebody who is operator now.
    service.path.unlink()
    service.refused(ONE, "and is not an operator")
    desks["admin"].sign(ONE)
    assert service.check(ONE).signer == "admin"


def test_who_left_cannot_date_a_signature_back(wh, desks, monkeypatch):
    service, bob = desks["service"], desks["bob"]
    bob.sign(ONE)
    service.check(ONE)
    before = clock.now()
    key = None
    with wh.db.write() as conn:
        key = bob.vault.record_key(conn, SALES, "definitions")
    with wh.db.write() as conn:
        rotation.revoke(wh.admin.ring, conn, "bob", SALES)
    monkeypatch.setattr(Signatures, "require_right", lambda *_: None)
    monkeypatch.setattr(type(bob.vault), "record_key", lambda *_: key)
    monkeypatch.setattr("kronkers_batch.vault.definition_signatures.clock.now", lambda: before)
    bob.sign(TWO)
    monkeypatch.undo()
    for _ in range(2):  # and not at the second meeting either
        service.refused(TWO, "and is not an operator")


def test_a_revoked_public_key_undoes_all_that_it_signed(wh, desks):
    desks["bob"].sign(ONE)
    desks["service"].check(ONE)
    with wh.db.write() as conn:
        rotation.revoke_principal(wh.admin.ring, conn, "bob")
    desks["service"].refused(ONE, "key was revoked")


def test_another_department_takes_an_administrator(wh, desks, monkeypatch):
    moved = Definition(Subject.MODEL, "churn", "ops", "e" * 64)
    pam = Desk(wh, wh.member("pam", OPS, Role.ADMIN), desks["bob"].path.parent.parent / "p/signed.json")
    desks["bob"].sign(ONE)
    with pytest.raises(AccessRefused, match="administrator"):
        pam.sign(moved)
    with monkeypatch.context() as patch:
        patch.setattr(Signatures, "require_right", lambda *_: None)
        pam.sign(moved)
        pam.sign(moved)
    desks["service"].refused(moved, "another department needs an administrator")
    desks["admin"].sign(ONE)
    desks["admin"].sign(moved)
    pam.sign(moved)
    assert desks["service"].check(moved).signer == "pam"


def test_every_changed_column_is_noticed(wh, desks):
    desks["bob"].sign(ONE)
    with wh.db.write() as conn:
        row = conn.execute(select(definitions)).one()
        others = {"signer": wh.admin.identity.public.id}
        others["key_id"] = wh.admin.record_key(conn, OPS, "another").id
    for column in definitions.columns:
        name = column.name
        if name in ("kind", "name", "number"):
            continue  # what the row is looked up by; copies are below
        old = getattr(row, name)
        changed = old + 1 if isinstance(old, int) else old[:-1] + (b"?" if isinstance(old, bytes) else "?")
        new = others.get(name, changed)
        department = new if name == "department" else ONE.department
        print_ = new if name == "fingerprint" else ONE.fingerprint
        with wh.db.write() as conn:
            conn.execute(update(definitions).values(**{name: new}))
        desks["service"].refused(Definition(ONE.kind, ONE.name, department, print_), "forged")
        with wh.db.write() as conn:
            conn.execute(update(definitions).values(**{name: old}))
    desks["service"].check(ONE)


def copied(wh, **changes):
    with wh.db.write() as conn:
        row = dict(conn.execute(select(definitions).limit(1)).one()._mapping)
        conn.execute(insert(definitions).values(**{**row, "id": "copy", **changes}))


@pytest.mark.parametrize("changes", [{"name": "other"}, {"kind": "source"}, {"number": 2}])
def test_a_copied_signature_is_none(wh, desks, changes):
    desks["bob"].sign(ONE)
    copied(wh, **changes)
    kind, name = Subject(changes.get("kind", "model")), changes.get("name", "churn")
    desks["service"].refused(
        Definition(kind, name, "sales", ONE.fingerprint), "forged, or belongs to another one"
    )


def test_signatures_that_were_taken_away_are_missed(wh, desks):
    service, bob = desks["service"], desks["bob"]
    for what in (ONE, TWO):
        bob.sign(what)
    service.check(TWO)
    with wh.db.write() as conn:
        rows = [
            dict(r._mapping) for r in conn.execute(select(definitions).order_by(definitions.c.number)).all()
        ]
        conn.execute(delete(definitions).where(definitions.c.number == 2))
    service.refused(ONE, "removed signatures")  # the older one alone would fit
    with wh.db.write() as conn:
        conn.execute(delete(definitions))
        conn.execute(insert(definitions).values(**rows[1]))
    service.refused(TWO, "removed signatures")
    service.path.unlink()  # also where the account has met none of them
    service.refused(TWO, "removed signatures")


def test_all_signatures_gone_are_missed(wh, desks):
    desks["bob"].sign(ONE)
    desks["service"].check(ONE)
    with wh.db.write() as conn:
        conn.execute(delete(definitions))
    desks["service"].refused(ONE, "removed signatures")


def test_an_exchanged_signature_is_noticed(wh, desks):
    desks["bob"].sign(ONE)
    desks["service"].check(ONE)
    with wh.db.write() as conn:
        conn.execute(delete(definitions))
    desks["bob"].path.unlink()
    desks["bob"].sign(TWO)
    desks["service"].refused(TWO, "exchanged")


def test_details_open_to_who_sees_the_department(wh, desks, tmp_path):
    desks["bob"].sign(ONE, {"seed": 7})
    desks["admin"].sign(ROOT, {"home": "x"})
    stranger = Desk(wh, wh.member("pam", OPS, Role.ADMIN), tmp_path / "p")
    with wh.db.read() as conn:
        assert desks["service"].found().details(conn, Subject.MODEL, "churn") == {"seed": 7}
        assert desks["service"].found().details(conn, Subject.ROOT, "house") == {"home": "x"}
        assert desks["service"].found().details(conn, Subject.MODEL, "none") == {}
        assert stranger.found().details(conn, Subject.MODEL, "churn") == {}


# ---------------------------------------------------------------- the file


def test_the_file_is_the_owners_and_found_by_the_environment_alone(tmp_path):
    path = tmp_path / "x" / "signed.json"
    kept = remembered_definitions.load(path)
    kept.require("w", True, "sqlite:/x")
    kept.see("w", "model/a", 3, "d")
    kept.save()
    assert path.stat().st_mode & 0o777 == 0o600
    again = remembered_definitions.load(path)
    assert again.requires
    assert again.addresses == {"sqlite:/x"}
    assert again.of("w").seen == {"model/a": (3, "d")}
    path.chmod(0o622)
    with pytest.raises(IdentityError):
        remembered_definitions.load(path)
    path.chmod(0o600)
    path.write_text(path.read_text().replace('"required": true', '"required": "no"'))
    with pytest.raises(IntegrityError):
        remembered_definitions.load(path)
    assert account.memory_file({"KRONKERS_TRUST": "/t/trust.json"}).as_posix() == "/t/signed.json"
    assert account.memory_file({"KRONKERS_KEY_FILE": "/k/me.key"}).as_posix() == "/k/signed.json"
    assert account.memory_file({}).as_posix() == os.path.expanduser("~/.config/kronkers/signed.json")


def test_two_processes_lose_nothing_of_each_other(tmp_path):
    path = tmp_path / "signed.json"
    one, two = remembered_definitions.load(path), remembered_definitions.load(path)
    one.see("w", "model/a", 3, "d")
    one.see("w", "policy/definitions", 1, "p")
    one.require("w", True, "here")
    one.save()
    two.see("w", "model/a", 2, "c")
    two.see("w", "model/b", 1, "e")
    two.save()
    last = remembered_definitions.load(path)
    assert last.of("w").seen == {"model/a": (3, "d"), "model/b": (1, "e"), "policy/definitions": (1, "p")}
    assert last.requires


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    kept = remembered_definitions.load(tmp_path / "signed.json")
    kept.path = tmp_path / "file" / "signed.json"
    kept.see("w", "model/a", 1, "d")
    with pytest.raises(Exception, match=r"path|written|folder") as caught:
        kept.save()
    assert caught.value.exit_code == 1
