"""What somebody does who can write to the database, the store or a key file, but holds no key."""

import dataclasses
import shutil

import pytest
from sqlalchemy import insert, select, update

from kronkers_batch.access.setup import initialise, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import AccessRefused, IdentityError, IntegrityError, NotFound
from kronkers_batch.frames.schema import Schema
from kronkers_batch.store import clock
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants, keyfile, manifest, pin, sealing
from kronkers_batch.vault.context import Context, DataKey, Kind, Role, Scope, Signature
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.trust import Trust
from kronkers_batch.vault.vault import Vault
from tests import migrated

SALES, CHURN = Scope("sales"), Scope("sales", "churn")
CONTEXT = Context(Kind.OUTPUT, "sales", "churn", "v1", 0, 3, "s")


class Place:
    """A warehouse with an administrator and bob, a reader of sales."""

    def __init__(self, root):
        self.root = root
        self.db = migrated.database(root / "wh/x.db", wait=2)
        self.key_file = root / "keys" / "me.key"
        initialise(self.db, self.key_file, ["sales", "ops"])
        self.bob_file = root / "keys" / "bob.key"
        bob = Identity.generate("bob")
        self.bob_id = bob.public.id
        keyfile.create(self.bob_file, bob)
        admin = self.admin()
        self.warehouse = admin.trust.warehouse
        with self.db.write() as conn:
            admin.trust.add_principal(conn, admin.identity, bob.id, "bob", bob.public)
            grants.grant(admin.ring, conn, "bob", SALES, Role.READER)
            self.key_id = admin.new_data_key(conn, CHURN, Kind.OUTPUT, "v1").id
            self.other_id = admin.new_data_key(conn, CHURN, Kind.OUTPUT, "v2").id
            self.ops_id = admin.new_data_key(conn, Scope("ops"), Kind.OUTPUT, "v1").id

    def admin(self):
        return open_vault(self.db, self.key_file)

    def bob(self):
        return open_vault(self.db, self.bob_file)

    def read_as_bob(self):
        vault = self.bob()
        with self.db.read() as conn:
            return vault.data_key(conn, self.key_id).key

    def change(self, statement):
        with self.db.write() as conn:
            conn.execute(statement)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("KRONKERS_KEY", raising=False)
    monkeypatch.delenv("KRONKERS_TRUST", raising=False)
    return Place(tmp_path)


def flips(raw):
    """Every byte in turn with one bit flipped: its lowest and its highest, alternately."""
    for i in range(len(raw)):
        yield i, raw[:i] + bytes([raw[i] ^ (0x80 if i % 2 else 0x01)]) + raw[i + 1 :]


def attempt(vault, conn, key_id):
    """Opens a key as a process does that remembers nothing, the certificate of the caller included."""
    new = Vault(vault.identity, vault.trust.pin)
    new.trust.principal(conn, new.identity.public.id)
    return new.data_key(conn, key_id)


# ---------------------------------------------------------------- sealed blobs


def test_every_flipped_byte_of_a_blob():
    key = sealing.generate_key()
    blob = sealing.seal(key, b"c", b"three rows of data")
    for i, wrong in flips(blob):
        with pytest.raises(IntegrityError):
            sealing.unseal(key, b"c", wrong, f"byte {i}")


@pytest.mark.parametrize("size", [50, 40_000])
def test_every_truncation_and_extension_of_a_blob(size):
    key = sealing.generate_key()
    blob = sealing.seal(key, b"c", bytes(size))
    ends = range(len(blob)) if size < 100 else [0, 1, 72, 73, 16_384, 16_457, 32_841, len(blob) - 1]
    for end in ends:
        with pytest.raises(IntegrityError):
            sealing.unseal(key, b"c", blob[:end], "x")
    for more in (b"\0", blob, blob[-16:]):
        with pytest.raises(IntegrityError):
            sealing.unseal(key, b"c", blob + more, "x")


def test_chunks_swapped_inside_a_blob():
    key = sealing.generate_key()
    blob = sealing.seal(key, b"c", bytes(60_000))
    a, b = slice(1_000, 17_000), slice(20_000, 36_000)
    swapped = bytearray(blob)
    swapped[a], swapped[b] = blob[b], blob[a]
    with pytest.raises(IntegrityError):
        sealing.unseal(key, b"c", swapped, "x")


def test_another_versions_key_and_chunk(place):
    vault = place.admin()
    with place.db.read() as conn:
        key, other = vault.data_key(conn, place.key_id), vault.data_key(conn, place.other_id)
    blob = vault.seal(key, CONTEXT, b"rows")
    with pytest.raises(IntegrityError):
        vault.unseal(other, CONTEXT, blob)
    with pytest.raises(IntegrityError):
        vault.unseal(key, Context(Kind.OUTPUT, "sales", "churn", "v1", 1, 3, "s"), blob)


# ---------------------------------------------------------------- manifests


@pytest.fixture
def sealed(place):
    vault = place.admin()
    listed = manifest.Manifest(
        Kind.OUTPUT, "sales", "churn", "v1", 1, (manifest.ChunkEntry(0, 3, "ab"),), Schema(())
    )
    with place.db.read() as conn:
        key = vault.data_key(conn, place.key_id)
    blob, signature = manifest.seal_manifest(vault, key, listed)

    def opens(blob=blob, signature=signature):
        with place.db.read() as conn:
            return manifest.open_manifest(
                vault, conn, key, Kind.OUTPUT, "sales", "churn", "v1", blob, signature
            )

    assert opens() == listed
    return blob, signature, opens


def test_every_flipped_byte_of_a_manifest_and_its_signature(sealed):
    blob, signature, opens = sealed
    for _, wrong in flips(blob):
        with pytest.raises(IntegrityError):
            opens(blob=wrong)
    for _, wrong in flips(signature.value):
        with pytest.raises(IntegrityError):
            opens(signature=Signature(signature.principal, signature.key_id, wrong))
    for end in range(len(blob)):
        with pytest.raises(IntegrityError):
            opens(blob=blob[:end])


def test_a_manifest_signed_by_another(place, sealed):
    blob, signature, opens = sealed
    bob = place.bob()
    context = manifest._context(Kind.OUTPUT, "sales", "churn", "v1")
    stranger = Identity.generate("stranger")
    for wrong in (
        bob.sign(context, blob),  # certified, but a reader
        Signature("admin", bob.identity.public.id, signature.value),
        Signature("admin", stranger.public.id, stranger.sign(bob._signed(context, blob))),
        Signature("admin", "", signature.value),
        Signature("admin", signature.key_id, b""),
    ):
        with pytest.raises(IntegrityError):
            opens(signature=wrong)


# ---------------------------------------------------------------- the database's rows


def test_the_untouched_database_reads(place):
    assert len(place.read_as_bob()) == 32


ROWS = {
    "data key": (t.data_keys, lambda p: t.data_keys.c.id == p.key_id, ["wrapped"]),
    "model key": (
        t.tree_keys,
        lambda p: t.tree_keys.c.model == "churn",
        ["wrapped", "key_check", "view_check", "signature"],
    ),
    "department key": (
        t.tree_keys,
        lambda p: (t.tree_keys.c.department == "sales") & (t.tree_keys.c.model == ""),
        ["key_check", "view_check", "signature"],
    ),
    "grant": (t.grants, lambda p: t.grants.c.role == "reader", ["signature"]),
    "public key of bob": (
        t.principal_keys,
        lambda p: t.principal_keys.c.authority == "none",
        ["sign_public", "signature"],
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_every_flipped_byte_of_keys_grants_and_certificates(place, name):
    table, where, columns = ROWS[name]
    bob = place.bob()
    with place.db.write() as conn:
        for column in columns:
            raw = conn.execute(select(table.c[column]).where(where(place))).scalar_one()
            for _, wrong in flips(raw):
                conn.execute(update(table).where(where(place)).values({column: wrong}))
                with pytest.raises(IntegrityError):
                    attempt(bob, conn, place.key_id)
            conn.execute(update(table).where(where(place)).values({column: raw}))
    assert len(place.read_as_bob()) == 32


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.long)])
def test_flipped_bytes_of_a_sealed_grant_and_a_hybrid_public_key(place, step):
    """Every eighth byte; every one is long."""
    vault = place.bob()
    bob = vault.identity.public.id
    for table, column, where in (
        (t.grant_keys, "sealed", t.grant_keys.c.recipient == bob),
        (t.principal_keys, "hpke_public", t.principal_keys.c.id == bob),
    ):
        with place.db.write() as conn:
            raw = conn.execute(select(table.c[column]).where(where)).scalar_one()
            for wrong in [raw[:-1], raw + b"x", *(w for i, w in flips(raw) if i % step == 0)]:
                conn.execute(update(table).where(where).values({column: wrong}))
                with pytest.raises(IntegrityError):
                    attempt(vault, conn, place.key_id)
            conn.execute(update(table).where(where).values({column: raw}))
    assert len(place.read_as_bob()) == 32


def test_an_unsigned_seal_is_caught_even_by_hpke(place):
    # HPKE's base mode: anybody can seal to bob. The signature is what stops it.
    admin, bob = place.admin(), place.bob()
    with place.db.read() as conn:
        grant = conn.execute(select(t.grants).where(t.grants.c.role == "reader")).one()
        key = conn.execute(select(t.grant_keys).where(t.grant_keys.c.grant_id == grant.id)).one()
    from kronkers_batch.vault.statements import grant_key_info

    info = grant_key_info(admin.trust, grant.id, key.key_id, key.recipient, SALES, Role.READER)
    mine = bob.identity.public.seal(sealing.generate_key(), info)
    place.change(update(t.grant_keys).where(t.grant_keys.c.grant_id == grant.id).values(sealed=mine))
    with pytest.raises(IntegrityError, match="a granted key has no valid signature"):
        place.read_as_bob()


CLEAR = [
    (t.data_keys, "kind", "record", lambda p: t.data_keys.c.id == p.key_id),
    (t.data_keys, "kind", "artifact", lambda p: t.data_keys.c.id == p.key_id),
    (t.data_keys, "version_id", "v9", lambda p: t.data_keys.c.id == p.key_id),
    (t.data_keys, "model", "", lambda p: t.data_keys.c.id == p.key_id),
    (t.data_keys, "department", "ops", lambda p: t.data_keys.c.id == p.key_id),
    (t.tree_keys, "version", 7, lambda p: t.tree_keys.c.model == "churn"),
    (t.tree_keys, "model", "other", lambda p: t.tree_keys.c.model == "churn"),
    (t.tree_keys, "created", 1, lambda p: t.tree_keys.c.department == "sales"),
    (t.grants, "role", "admin", lambda p: t.grants.c.role == "reader"),
    (t.grants, "role", "viewer", lambda p: t.grants.c.role == "reader"),
    (t.grants, "model", "churn", lambda p: t.grants.c.role == "reader"),
    (t.grants, "created", 1, lambda p: t.grants.c.role == "reader"),
    (t.principal_keys, "authority", "admin", lambda p: t.principal_keys.c.authority == "none"),
    (t.principals, "name", "eve", lambda p: t.principals.c.name == "bob"),
    (t.principals, "kind", "recovery", lambda p: t.principals.c.name == "bob"),
]


@pytest.mark.parametrize(
    ("table", "column", "value", "where"), CLEAR, ids=lambda x: "where" if callable(x) else str(x)[:40]
)
def test_clear_columns_are_bound_too(place, table, column, value, where):
    place.change(update(table).where(where(place)).values({column: value}))
    with pytest.raises(IntegrityError):
        place.read_as_bob()


def test_wrapped_keys_swapped_between_rows(place):
    with place.db.write() as conn:
        wrapped = dict(conn.execute(select(t.data_keys.c.id, t.data_keys.c.wrapped)).all())
        for a, b in ((place.key_id, place.other_id), (place.other_id, place.key_id)):
            conn.execute(update(t.data_keys).where(t.data_keys.c.id == a).values(wrapped=wrapped[b]))
    with pytest.raises(IntegrityError):
        place.read_as_bob()


def test_a_grant_copied_to_another_principal(place):
    eve = Identity.generate("eve")
    path = place.root / "keys" / "eve.key"
    keyfile.create(path, eve)
    admin = place.admin()
    with place.db.write() as conn:
        admin.trust.add_principal(conn, admin.identity, eve.id, "eve", eve.public)
        grant = conn.execute(select(t.grants).where(t.grants.c.role == "reader")).one()
        key = conn.execute(select(t.grant_keys).where(t.grant_keys.c.grant_id == grant.id)).one()
        conn.execute(
            insert(t.grants).values(**dict(grant._mapping) | {"id": "0" * 26, "principal_id": eve.id})
        )
        moved = {"grant_id": "0" * 26, "recipient": eve.public.id}
        conn.execute(insert(t.grant_keys).values(**dict(key._mapping) | moved))
    with pytest.raises(IntegrityError), place.db.read() as conn:
        open_vault(place.db, path).data_key(conn, place.key_id)


def test_who_certifies_himself(place):
    """Eve writes herself into the database with authority, and grants herself the role admin."""
    eve = Identity.generate("eve")
    path = place.root / "keys" / "eve.key"
    keyfile.create(path, eve)
    trust = place.bob().trust
    fields = (eve.public.id, eve.id, "eve", "person", "admin", eve.public.hpke, eve.public.sign, 1)
    statement = trust.statement("principal", *fields, eve.public.id)
    with place.db.write() as conn:
        conn.execute(insert(t.principals).values(id=eve.id, name="eve", kind="person", created=1))
        conn.execute(
            insert(t.principal_keys).values(
                id=eve.public.id,
                principal_id=eve.id,
                authority="admin",
                hpke_public=eve.public.hpke,
                sign_public=eve.public.sign,
                created=1,
                issuer=eve.public.id,
                signature=eve.sign(statement),
            )
        )
    with pytest.raises(IntegrityError, match="not signed by an administrator"):
        open_vault(place.db, path)


def test_a_member_who_certifies_others(place):
    """Bob, certified but without authority, signs eve's certificate and a grant for himself."""
    bob, eve = place.bob(), Identity.generate("eve")
    path = place.root / "keys" / "eve.key"
    keyfile.create(path, eve)
    issuer = bob.identity.public.id
    fields = (eve.public.id, eve.id, "eve", "person", "none", eve.public.hpke, eve.public.sign, 1, issuer)
    with place.db.write() as conn:
        conn.execute(insert(t.principals).values(id=eve.id, name="eve", kind="person", created=1))
        conn.execute(
            insert(t.principal_keys).values(
                id=eve.public.id,
                principal_id=eve.id,
                authority="none",
                hpke_public=eve.public.hpke,
                sign_public=eve.public.sign,
                created=1,
                issuer=issuer,
                signature=bob.identity.sign(bob.trust.statement("principal", *fields)),
            )
        )
        asked = ("0" * 26, bob.identity.id, "sales", "", "admin", 1, issuer)
        names = ("id", "principal_id", "department", "model", "role", "created", "issuer")
        conn.execute(
            insert(t.grants).values(
                **dict(zip(names, asked, strict=True)),
                signature=bob.identity.sign(bob.trust.statement("grant", *asked)),
            )
        )
    with pytest.raises(IntegrityError):
        open_vault(place.db, path)
    with pytest.raises(IntegrityError), place.db.read() as conn:
        place.bob().require(conn, SALES, Role.ADMIN)
    with pytest.raises((AccessRefused, IntegrityError)), place.db.write() as conn:
        grants.grant(place.bob().ring, conn, "bob", SALES, Role.ADMIN)


def test_a_department_key_put_in_by_who_may_not(place):
    """An attacker's own key in place of the department's, sealed to bob: bob must not write under it."""
    bob = place.bob()
    with place.db.write() as conn:
        conn.execute(update(t.tree_keys).where(t.tree_keys.c.model == "").values(state="retired"))
        bob.ring.new_tree_key(conn, SALES, 99, None)
    with pytest.raises(IntegrityError), place.db.write() as conn:
        place.bob().new_data_key(conn, SALES, Kind.SNAPSHOT, "s9")


def test_a_grant_that_holds_another_key_than_the_one_it_names(place):
    """Signed by the administrator, and still not believed: two people must not write under different keys."""
    admin = place.admin()
    with place.db.write() as conn:
        grant = admin.trust.grants(conn, role="reader")[0]
        conn.execute(t.grant_keys.delete().where(t.grant_keys.c.grant_id == grant.id))
        real = admin.ring.active(conn, SALES)
        full = sealing.generate_key()
        other = dataclasses.replace(real, full=full, view=sealing.view_key(full))
        grants.seal_key(admin.ring, conn, grant, other, place.bob().trust.principal(conn, place.bob_id))
    with pytest.raises(IntegrityError, match="its signature does not match"):
        place.read_as_bob()


def test_a_public_key_exchanged_under_the_pinned_id(place):
    """Eve's own keys in the row of the administrator, certified by themselves."""
    eve, pin_id = Identity.generate("admin"), place.admin().trust.pin.keys.id
    with place.db.write() as conn:
        row = conn.execute(select(t.principal_keys).where(t.principal_keys.c.id == pin_id)).one()
        fields = ("admin", eve.public.hpke, eve.public.sign, row.created, pin_id)
        name, kind = conn.execute(
            select(t.principals.c.name, t.principals.c.kind).where(t.principals.c.id == row.principal_id)
        ).one()
        statement = place.bob().trust.statement("principal", pin_id, row.principal_id, name, kind, *fields)
        mine = {
            "hpke_public": eve.public.hpke,
            "sign_public": eve.public.sign,
            "signature": eve.sign(statement),
        }
        conn.execute(update(t.principal_keys).where(t.principal_keys.c.id == pin_id).values(**mine))
    trust = Trust(pin.read(place.root / "keys" / "trust.json", place.warehouse))
    with pytest.raises(IntegrityError, match="public key"), place.db.read() as conn:
        trust.principal(conn, pin_id)


def test_an_administrator_who_was_revoked_certifies_nobody(place):
    zoe, eve = Identity.generate("zoe"), Identity.generate("eve")
    admin = place.admin()
    with place.db.write() as conn:
        admin.trust.add_principal(conn, admin.identity, zoe.id, "zoe", zoe.public, authority="admin")
        admin.trust.add_principal(conn, zoe, "e" * 26, "ann", Identity.generate("ann").public)
        admin.trust.add_revocation(conn, admin.identity, zoe.public.id)
        for attempt in (zoe.public, eve.public):
            with pytest.raises(AccessRefused):
                admin.trust.add_principal(conn, zoe, eve.id, "eve", attempt)
        now = clock.now() + 1
        fields = (eve.public.id, eve.id, "eve", "person", "admin", eve.public.hpke, eve.public.sign, now)
        statement = admin.trust.statement("principal", *fields, zoe.public.id)
        conn.execute(insert(t.principals).values(id=eve.id, name="eve", kind="person", created=now))
        names = ("id", "principal_id", "authority", "hpke_public", "sign_public", "created")
        values = dict(zip(names, (*fields[:2], *fields[4:]), strict=True))
        conn.execute(
            insert(t.principal_keys).values(**values, issuer=zoe.public.id, signature=zoe.sign(statement))
        )
    with pytest.raises(IntegrityError), place.db.read() as conn:
        place.bob().trust.principal(conn, eve.public.id)


def test_a_sealed_key_under_a_grant_of_another_scope(place):
    """Signed by the administrator: the department's key under a grant on one model opens nothing."""
    eve = Identity.generate("eve")
    path = place.root / "keys" / "eve.key"
    keyfile.create(path, eve)
    admin = place.admin()
    with place.db.write() as conn:
        found = admin.trust.add_principal(conn, admin.identity, eve.id, "eve", eve.public)
        given = grants.grant(admin.ring, conn, "eve", CHURN, Role.READER)
        grants.seal_key(admin.ring, conn, given, admin.ring.active(conn, SALES), found)
    with pytest.raises(IntegrityError, match="a granted key has no valid signature"), place.db.read() as conn:
        open_vault(place.db, path).ring.active(conn, SALES)


def test_a_data_key_under_a_key_of_another_scope(place):
    """A reader of one model puts a key that they know in the place of the department's own."""
    eve = Identity.generate("eve")
    path = place.root / "keys" / "eve.key"
    keyfile.create(path, eve)
    admin = place.admin()
    with place.db.write() as conn:
        admin.trust.add_principal(conn, admin.identity, eve.id, "eve", eve.public)
        grants.grant(admin.ring, conn, "eve", CHURN, Role.READER)
    mine = open_vault(place.db, path)
    with place.db.write() as conn:
        parent = mine.ring.active(conn, CHURN)
        known = DataKey("0" * 26, SALES, Kind.FILTER, "filter", sealing.generate_key())
        wrapped = mine.ring.wrap_data_key(known, parent)
        row = {"id": known.id, "kind": "filter", "department": "sales", "model": "", "version_id": "filter"}
        conn.execute(insert(t.data_keys).values(**row, parent_id=parent.id, wrapped=wrapped, created=1))
    with (
        pytest.raises(IntegrityError, match="belongs to another department or model"),
        place.db.write() as conn,
    ):
        place.admin().filter_key(conn, SALES)


def test_rows_deleted(place):
    for table in (t.grant_keys, t.data_keys):
        with place.db.write() as conn:
            conn.execute(table.delete())
        with pytest.raises((AccessRefused, NotFound)):
            place.read_as_bob()


# ---------------------------------------------------------------- key and trust files


def test_every_flipped_byte_of_a_key_file(tmp_path):
    path = tmp_path / "k.key"
    keyfile.create(path, Identity.generate("ann"))
    raw = path.read_bytes()
    for _, wrong in flips(raw):
        path.write_bytes(wrong)
        with pytest.raises(IdentityError):
            keyfile.load(path, environ={})
    for end in range(len(raw) - 1):
        path.write_bytes(raw[:end])
        with pytest.raises(IdentityError):
            keyfile.load(path, environ={})


def test_flipped_bytes_of_a_key_file_under_a_passphrase(tmp_path, monkeypatch):
    monkeypatch.setattr(keyfile, "_COST", {"memory_kib": 64, "passes": 1, "lanes": 1})
    path, word = tmp_path / "k.key", Secret("word")
    keyfile.create(path, Identity.generate("ann"), word)
    raw = path.read_bytes()
    assert keyfile.load(path, environ={}, passphrase=word).name == "ann"
    for _, wrong in flips(raw):
        path.write_bytes(wrong)
        with pytest.raises(IdentityError):
            keyfile.load(path, environ={}, passphrase=word)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"{}", b"[]", b"null", b'{"format":"kronkers-batch key 1"}', b"x" * 20_000]
)
def test_files_that_are_no_key_files(tmp_path, content):
    path = tmp_path / "k.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(IdentityError) as caught:
        keyfile.load(path, environ={})
    assert str(path) in str(caught.value)
    assert "->" in str(caught.value)


def test_a_deeply_nested_key_file(tmp_path):
    path = tmp_path / "k.key"
    path.write_bytes(b"[" * 16_000)
    path.chmod(0o600)
    with pytest.raises(IdentityError):
        keyfile.load(path, environ={})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_key_files_that_others_may_touch(place, mode):
    place.key_file.chmod(mode)
    with pytest.raises(IdentityError, match="others may read") as caught:
        place.admin()
    assert f"chmod 600 {place.key_file}" in caught.value.fix


def test_a_missing_key_file(place):
    place.key_file.unlink()
    with pytest.raises(IdentityError, match="no key file") as caught:
        place.admin()
    assert caught.value.exit_code == 3


def test_a_folder_or_a_pipe_in_place_of_a_key_file(tmp_path):
    import os

    folder, pipe = tmp_path / "folder", tmp_path / "pipe"
    folder.mkdir(mode=0o700)
    os.mkfifo(pipe, 0o600)
    for path in (folder, pipe):
        with pytest.raises(IdentityError):
            keyfile.load(path, environ={})


def test_another_persons_key_file_in_place_of_mine(place):
    shutil.copy(place.bob_file, place.key_file)
    with place.db.read() as conn, pytest.raises(AccessRefused):
        place.admin().data_key(conn, place.ops_id)


def test_every_flipped_byte_of_the_trust_file(place):
    path = place.root / "keys" / "trust.json"
    raw = path.read_bytes()
    vault = place.admin()
    whole = vault.trust.pin
    for _, wrong in flips(raw):
        path.write_bytes(wrong)
        try:
            found = pin.read(path, whole.warehouse)
        except (IntegrityError, IdentityError):
            continue
        # What still reads as a pin either is the same, or fits nothing in the database.
        if found != whole:
            with pytest.raises(IntegrityError), place.db.read() as conn:
                Vault(vault.identity, found).trust.principal(conn, vault.identity.public.id)


def test_a_pin_of_another_administrator(place):
    evil = Identity.generate("admin")
    path = place.root / "keys" / "trust.json"
    real = pin.read(path, place.admin().trust.warehouse)
    pin.add(path, pin.Pin(real.warehouse, real.principal, evil.public))
    with pytest.raises(IntegrityError):
        place.bob()
