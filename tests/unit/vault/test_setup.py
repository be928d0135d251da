"""The first run, new departments, and what a machine must have to open the vault."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kronkers_batch.access import own_key, setup
from kronkers_batch.access.setup import ensure_departments, finish, initialise, is_new, open_vault
from kronkers_batch.config import account
from kronkers_batch.config.load import load
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import AccessRefused, IdentityError, IntegrityError, NotFound, StoreError
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants, keyfile, pin
from kronkers_batch.vault.context import Kind, Role, Scope
from kronkers_batch.vault.identity import Identity
from tests.config_project import ENVIRON, make

SALES = Scope("sales")


def fresh(tmp_path, name="other"):
    db = Database(Secret(f"sqlite:///{tmp_path}/{name}/x.db"))
    db.migrate()
    return db


def id_of(db):
    with db.read() as conn:
        return conn.execute(select(t.warehouse.c.id)).scalar_one()


def test_the_first_run_says_what_to_store_where(wh):
    first = wh.first
    assert first.departments == ("sales", "ops")
    assert not is_new(wh.db)
    for path in (first.key_file, first.trust_file, first.recovery_file):
        assert path.stat().st_mode & 0o777 == 0o600
        assert str(path) in first.text
    assert "MOVE-OFFLINE" in first.recovery_file.name
    assert "Move it off this machine NOW" in first.text


def test_recovery_opens_everything_and_lets_a_new_administrator_in(wh):
    with wh.db.write() as conn:
        key = wh.admin.new_data_key(conn, Scope("sales", "churn"), Kind.OUTPUT, "v1")
    wh.first.key_file.unlink()
    recovery = open_vault(wh.db, wh.first.recovery_file)
    new = wh.root / "keys" / "new.key"
    identity = Identity.generate("new")
    keyfile.create(new, identity)
    with wh.db.write() as conn:
        assert recovery.data_key(conn, key.id).key == key.key
        recovery.trust.add_principal(
            conn, recovery.identity, identity.id, "new", identity.public, authority="admin"
        )
        grants.grant(recovery.ring, conn, "new", SALES, Role.ADMIN)
    vault = open_vault(wh.db, new)
    with wh.db.read() as conn:
        assert vault.data_key(conn, key.id).key == key.key
    assert ensure_departments(wh.db, vault, ["more"]) == ("more",)


def test_a_second_first_run_is_refused_and_changes_nothing(wh):
    before = sorted((wh.root / "keys").iterdir())
    with pytest.raises(StoreError, match="administrator already"):
        initialise(wh.db, wh.root / "keys" / "second.key", ["sales"])
    assert sorted((wh.root / "keys").iterdir()) == before


def test_a_first_run_that_fails_leaves_no_keys(tmp_path):
    db = fresh(tmp_path)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "trust.json").write_text("nonsense")
    (keys / "trust.json").chmod(0o600)
    with pytest.raises(IntegrityError):
        initialise(db, keys / "me.key", ["sales"])
    assert sorted(p.name for p in keys.iterdir()) == [".lock", "trust.json"]
    assert is_new(db)


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_first_run_that_is_killed_leaves_no_second_recovery_key_and_no_pin(tmp_path, monkeypatch):
    db, other, keys = fresh(tmp_path), fresh(tmp_path, "elsewhere"), tmp_path / "keys"
    of_other = initialise(other, keys / "me.key", ["sales"])
    add = pin.add

    def add_and_die(*given):
        add(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(pin, "add", add_and_die)
        patch.setattr(Path, "unlink", lambda _path: None)  # a killed process does not take its files away
        with pytest.raises(Killed):
            initialise(db, keys / "me.key", ["sales"])
    assert is_new(db)
    assert len(list(keys.glob(f"{account.RECOVERY_DRAFT}*"))) == 1
    assert len(pin.every(keys / "trust.json")) == 2
    first = initialise(db, keys / "me.key", ["sales"])
    assert [one.warehouse for one in pin.every(keys / "trust.json")] == sorted([id_of(db), id_of(other)])
    assert {path.name for path in keys.iterdir()} == {
        ".lock", "trust.json", "me.key", first.recovery_file.name, of_other.recovery_file.name
    }  # fmt: skip


def test_the_recovery_key_of_a_first_run_that_was_killed_at_its_end_is_told_of_by_the_next_command(
    tmp_path, monkeypatch
):
    db, keys = fresh(tmp_path), tmp_path / "keys"
    with monkeypatch.context() as patch:
        patch.setattr(setup, "finish", lambda *_, **__: "")  # killed between the commit and this
        initialise(db, keys / "me.key", ["sales"])
    assert not is_new(db)
    assert not list(keys.glob(f"{account.RECOVERY}*"))
    text = finish(db, keys / "me.key")
    (recovery,) = keys.glob(f"{account.RECOVERY}{id_of(db)}.key")
    assert str(recovery) in text
    assert open_vault(db, recovery).principal == "recovery"
    assert finish(db, keys / "me.key") == ""


def test_one_administrator_of_two_warehouses(wh):
    db = fresh(wh.root)
    second = initialise(db, wh.first.key_file, ["sales"])
    assert second.recovery_file != wh.first.recovery_file
    for each in (wh.db, db):
        assert open_vault(each, wh.first.key_file).principal == "admin"
    # What one warehouse's administrator signed means nothing in the other.
    bob = wh.enrol("bob")
    with wh.db.read() as conn:
        row = conn.execute(select(t.principals).where(t.principals.c.name == "bob")).one()
        key = conn.execute(select(t.principal_keys).where(t.principal_keys.c.principal_id == row.id)).one()
    with db.write() as conn:
        conn.execute(t.principals.insert().values(**row._mapping))
        conn.execute(t.principal_keys.insert().values(**key._mapping))
    assert open_vault(wh.db, bob).principal == "bob"
    with pytest.raises(IntegrityError, match="not signed by an administrator"):
        open_vault(db, bob)


def test_departments_added_later(wh):
    with wh.db.write() as conn, pytest.raises(AccessRefused, match="department new has no key yet"):
        wh.admin.new_data_key(conn, Scope("new"), Kind.SNAPSHOT, "v1")
    bob = wh.member("bob", SALES, Role.ADMIN)
    with pytest.raises(AccessRefused, match="only an administrator"):
        ensure_departments(wh.db, bob, ["sales", "new"])
    assert ensure_departments(wh.db, bob, ["sales"]) == ()
    assert ensure_departments(wh.db, wh.admin, ["sales", "new", "new"]) == ("new",)
    assert ensure_departments(wh.db, wh.admin, ["sales", "new"]) == ()
    with wh.db.write() as conn:
        key = wh.admin.new_data_key(conn, Scope("new"), Kind.SNAPSHOT, "v1")
    recovery = open_vault(wh.db, wh.first.recovery_file)
    with wh.db.read() as conn:
        assert recovery.data_key(conn, key.id) == key
        count = select(func.count()).select_from(t.tree_keys).where(t.tree_keys.c.department == "new")
        assert conn.execute(count).scalar() == 1


def test_an_empty_warehouse_says_so(wh):
    with pytest.raises(NotFound, match="empty"):
        open_vault(fresh(wh.root), wh.first.key_file)


def test_a_stranger_is_told_what_to_send(wh):
    path = wh.root / "keys" / "eve.key"
    keyfile.create(path, Identity.generate("eve"))
    with pytest.raises(AccessRefused, match="does not know your key") as caught:
        open_vault(wh.db, path)
    assert "Send admin this line" in caught.value.fix
    name, _, keys = pin.from_text(caught.value.fix.splitlines()[1])
    assert name == "eve"
    assert keys == keyfile.load(path, environ={}).public


def test_another_machine_needs_the_trust_file(wh, tmp_path, monkeypatch):
    path = tmp_path / "elsewhere" / "bob.key"
    wh.enrol("bob")
    path.parent.mkdir(mode=0o700)
    (wh.root / "keys" / "bob.key").rename(path)
    with pytest.raises(IdentityError, match="no trust file"):
        open_vault(wh.db, path)
    monkeypatch.setenv("KRONKERS_TRUST", str(wh.first.trust_file))
    assert open_vault(wh.db, path).principal == "bob"


def test_a_key_in_the_environment(wh, monkeypatch):
    monkeypatch.setenv("KRONKERS_KEY", wh.first.key_file.read_text())
    monkeypatch.setenv("KRONKERS_TRUST", str(wh.first.trust_file))
    assert open_vault(wh.db, wh.root / "nowhere" / "no.key").principal == "admin"


@pytest.mark.parametrize("where", ["home", "artifacts", "database"])
def test_no_key_is_made_beside_the_data(tmp_path: Path, where: str):
    config = load(make(tmp_path), (), ENVIRON)
    folders = dict(zip(("home", "database", "artifacts"), own_key.warehouse_folders(config), strict=True))
    config = replace(config, key_file=folders[where] / "keys/me.key")
    with pytest.raises(IdentityError, match="no key is made in the folder of the warehouse"):
        own_key.make(config, "me", passphrase=False)
    assert not config.key_file.exists()
    own_key.make(replace(config, key_file=tmp_path / "keys/me.key"), "me", passphrase=False)


def test_a_key_file_beside_the_data_is_refused(wh):
    for place in (wh.root / "wh" / "me.key", wh.root / "wh" / "deep" / "me.key"):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(wh.first.key_file.read_bytes())
        place.chmod(0o600)
        with pytest.raises(IdentityError, match="in the folder of the warehouse"):
            open_vault(wh.db, place, trust_file=wh.first.trust_file)
    art = wh.root / "art"
    art.mkdir()
    (art / "link.key").symlink_to(wh.first.key_file)
    link = wh.root / "link.key"
    (art / "me.key").write_bytes(wh.first.key_file.read_bytes())
    (art / "me.key").chmod(0o600)
    link.symlink_to(art / "me.key")
    with pytest.raises(IdentityError, match="in the folder of the warehouse"):
        open_vault(wh.db, link, trust_file=wh.first.trust_file, outside=[art])


def test_a_warehouse_right_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    db = Database(Secret(f"sqlite:///{tmp_path}/x.db"))
    db.migrate()
    key_file = tmp_path / ".config" / "kronkers" / "key"
    initialise(db, key_file, ["sales"])
    assert open_vault(db, key_file).principal == "admin"


def test_the_trust_file_is_readable_json(wh):
    value = json.loads(wh.first.trust_file.read_text())
    assert value["format"] == "kronkers-batch trust 1"
    (pinned,) = value["warehouses"].values()
    assert set(pinned) == {"principal", "hpke", "sign"}


def test_a_trust_file_that_others_may_change_is_refused(wh):
    wh.first.trust_file.chmod(0o666)
    with pytest.raises(IdentityError, match="others may change"):
        wh.again("admin")


def test_another_database_in_the_old_place_is_noticed(wh):
    import shutil

    other = fresh(wh.root)
    initialise(other, wh.root / "attacker" / "me.key", ["sales", "ops"])
    other.close()
    wh.db.close()
    shutil.copy(wh.root / "other" / "x.db", wh.db.path)
    with pytest.raises(IntegrityError, match="not the one that this machine trusts"):
        wh.again("admin")


def test_opening_makes_no_queries_for_keys_nobody_asked_for(wh):
    vault = wh.again("admin")
    assert vault.ring._tree.get("x") is None
    assert len(vault.ring._tree._values) == 0
