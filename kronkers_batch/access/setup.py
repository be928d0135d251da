"""The first run on a machine, new departments, and opening the vault."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from kronkers_batch.config import account
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import AccessRefused, IdentityError, IntegrityError, NotFound, StoreError
from kronkers_batch.ledger.ledger import Ledger
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.policy.ledger_keys import LedgerKeys
from kronkers_batch.store import clock
from kronkers_batch.store.engine import Database, serialise
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import grants, keyfile, names, pin
from kronkers_batch.vault import recovery as recovery_file
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.trust import ADMIN
from kronkers_batch.vault.vault import Vault

RECOVERY = "recovery"


@dataclass(frozen=True)
class FirstRun:
    """What the first run made. ``text`` is to be shown to the person who ran it."""

    administrator: str
    key_file: Path
    trust_file: Path
    recovery_file: Path
    departments: tuple[str, ...]
    text: str


def is_new(db: Database, within: Connection | None = None) -> bool:
    """Whether nobody has initialised this warehouse yet. The database must have its tables.

    ``within`` is a read transaction to ask in; None begins one. Raises IntegrityError where somebody has, and
    took out the row that names it, or put in another one.
    """
    with db.reading(within) as conn:
        if len(rows := conn.execute(select(t.warehouse.c.id).limit(2)).all()) > 1:
            raise IntegrityError(
                "the table warehouse has more than one row",
                where=db.where,
                fix="Somebody added a row. Restore the last backup, and find out who can write to the "
                "database.",
            )
        if rows:
            return False
        if conn.execute(select(t.principals.c.id)).first() is not None:
            raise IntegrityError(
                "the table warehouse is empty, and other tables have rows",
                where=db.where,
                fix="Somebody deleted its row. Restore the last backup, and find out who can write to the "
                "database.",
            )
        return True


def initialise(
    db: Database,
    key_file: Path,
    departments: Iterable[str],
    *,
    name: str = "admin",
    passphrase: Secret | None = None,
    trust_file: Path | None = None,
    address: str = "",
) -> FirstRun:
    """Makes the administrator (or takes the one in ``key_file``), pins it, and makes recovery and keys.

    Args:
        db: A migrated database.
        key_file: Where the administrator's key is, or is to be made.
        departments: Every declared department.
        name: The administrator's name, for a new key file.
        passphrase: Seals a new key file, and opens an old one.
        trust_file: Where to pin; beside the key file by default, or at KRONKERS_TRUST.
        address: Of the database, to be pinned with it.

    Raises:
        StoreError: The warehouse has an administrator already. IdentityError: the key file is no use.
    """
    made: list[Path] = []
    trusted = trust_file or account.trust_file(key_file, os.environ)
    try:
        with db.write() as conn:
            serialise(conn, "warehouse")
            _refuse_second(db, conn)
            recovery_file.discard(key_file, trusted, db.where)
            if not keyfile.exists(key_file):
                keyfile.create(key_file, Identity.generate(name), passphrase)
                made.append(key_file)
            beside = [db.path.parent] if db.path else []
            identity = keyfile.load(key_file, outside=beside, environ={}, passphrase=passphrase)
            _refuse_odd_name(identity, key_file)
            warehouse = new_id()
            conn.execute(insert(t.warehouse).values(id=warehouse, created=clock.now()))
            pinned = pin.Pin(warehouse, identity.id, identity.public, address)
            vault = Vault(identity, pinned)
            own = (identity.id, identity.name, identity.public)
            vault.trust.add_principal(conn, identity, *own, authority=ADMIN)
            recovery, draft = Identity.generate(RECOVERY), recovery_file.draft(key_file, db.where, warehouse)
            keyfile.create(draft, recovery)
            made.append(draft)
            own = (recovery.id, RECOVERY, recovery.public)
            vault.trust.add_principal(conn, identity, *own, kind=RECOVERY, authority=ADMIN)
            ledger = make_ledger(db, vault)
            _record_added(ledger, conn, identity, recovery)
            done = _ensure(vault, ledger, conn, departments)
            pin.add(trusted, pinned)
    except BaseException:
        # Nothing was committed: keys that open nothing only confuse.
        for path in made:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    text = finish(db, key_file, trust_file=trust_file)
    return FirstRun(identity.name, key_file, trusted, recovery_file.named(key_file, warehouse), done, text)


def _refuse_second(db: Database, conn: Connection) -> None:
    if conn.execute(select(t.warehouse.c.id)).first() is not None:
        raise StoreError(
            "the warehouse has an administrator already",
            where=db.where,
            fix="Ask the administrator for access; your first step is: kronkers access whoami --new",
        )


def _record_added(ledger: Ledger, conn: Connection, identity: Identity, recovery: Identity) -> None:
    for first in (identity, recovery):
        subject = f"administrator {first.name} {first.public.id}"
        ledger.append(conn, identity.name, "add", subject, department="")


def _refuse_odd_name(identity: Identity, key_file: Path) -> None:
    if not names.fits(identity.name) or names.look_alike(identity.name, (RECOVERY,)):
        raise IdentityError(
            "the name in this key file is not allowed for an administrator",
            where=str(key_file),
            fix=f"Move the file away, and run the command again with another name. A name is {names.RULE}, "
            f"and does not look like {RECOVERY}.",
        )


def finish(
    db: Database, key_file: Path, within: Connection | None = None, *, trust_file: Path | None = None
) -> str:
    """Gives the recovery key's file its name; what is to be shown to the person who made the warehouse.

    A setup does so at its end; where it was killed before, the next command does. Empty where it is done.
    ``within`` as of :func:`is_new`. Raises StoreError.
    """
    with db.reading(within) as conn:
        warehouse = conn.execute(select(t.warehouse.c.id)).scalar_one()
    named = recovery_file.publish(key_file, db.where, warehouse)
    return _text(key_file, trust_file or account.trust_file(key_file, os.environ), named) if named else ""


def without_key(conn: Connection, departments: Iterable[str]) -> list[str]:
    """The departments that have no key yet."""
    query = select(t.tree_keys.c.department).where(t.tree_keys.c.model == "")
    have = set(conn.execute(query).scalars().all())
    return [d for d in dict.fromkeys(departments) if d not in have]


def ensure_departments(db: Database, vault: Vault, departments: Iterable[str]) -> tuple[str, ...]:
    """Makes the key of every department that has none, granted to every administrator and to recovery.

    Returns the departments that got one.

    Raises:
        AccessRefused: Some have none, and the caller is no administrator.
    """
    with db.write() as conn:
        serialise(conn, "departments")
        return _ensure(vault, make_ledger(db, vault), conn, departments)


def open_vault(
    db: Database,
    key_file: Path,
    *,
    trust_file: Path | None = None,
    passphrase: Secret | None = None,
    outside: Iterable[Path] = (),
    within: Connection | None = None,
) -> Vault:
    """The vault, with the identity in the key file or in KRONKERS_KEY.

    Args:
        db: The warehouse's database.
        key_file: The caller's key file.
        trust_file: The trust file; as in :func:`initialise`.
        passphrase: For a key file that is sealed under one.
        outside: Folders of the warehouse besides the database's own, which must not hold the key file.
        within: A read transaction to ask in; None begins one.

    Raises:
        IdentityError: The key or trust file is no use. AccessRefused: the warehouse does not know the key.
        IntegrityError: The warehouse is not the pinned one.
    """
    folders = [*outside, *([db.path.parent] if db.path else [])]
    identity = keyfile.load(key_file, outside=folders, passphrase=passphrase)
    with db.reading(within) as conn:
        warehouse = conn.execute(select(t.warehouse.c.id)).scalar()
        if warehouse is None:
            raise NotFound(
                "the warehouse is empty", where=db.where, fix="Run `kronkers plan` as its administrator."
            )
        vault = Vault(identity, pin.read(trust_file or account.trust_file(key_file, os.environ), warehouse))
        try:
            vault.trust.principal(conn, identity.public.id)
            known = not vault.trust.revoked(conn, identity.public.id, clock.now())
        except NotFound:
            known = False
        if not known:
            vault.trust.revocations.refuse_flawed(conn, identity.public.id)
            line = pin.to_text(identity.name, identity.id, identity.public)
            raise AccessRefused(
                "this warehouse does not know your key",
                where=str(key_file),
                fix=f"Send {vault.trust.administrator(conn)} this line (it is public):\n{line}",
            )
    return vault


def make_ledger(db: Database, vault: Vault) -> Ledger:
    """The ledger, with this vault's keys to seal and sign with."""
    return Ledger(db, LedgerKeys(vault))


def _ensure(vault: Vault, ledger: Ledger, conn: Connection, departments: Iterable[str]) -> tuple[str, ...]:
    missing = without_key(conn, departments)
    if missing:
        vault.trust.require_authority(conn, vault.identity)
    administrators = _administrators(vault, conn) if missing else []
    for department in missing:
        vault.ring.new_tree_key(conn, Scope(department), 1, None)
        for name in administrators:
            grants.grant(vault.ring, conn, name, Scope(department), Role.ADMIN)
            add_entry(ledger, conn, vault, "grant", f"{name} {Role.ADMIN} {department}", Scope(department))
    return tuple(missing)


def _administrators(vault: Vault, conn: Connection) -> list[str]:
    """The names of all administrators whose keys hold, recovery among them."""
    query = select(t.principal_keys.c.id).where(t.principal_keys.c.authority == ADMIN)
    certified = [vault.trust.principal(conn, key_id) for key_id in conn.execute(query).scalars().all()]
    now = clock.now()
    return sorted({p.name for p in certified if not vault.trust.revoked(conn, p.keys.id, now)})


def _text(key_file: Path, trust_file: Path, recovery_file: Path) -> str:
    return (
        f"Your key is in {key_file}. Without it you read nothing here; keep a copy that only you can get.\n"
        f"{trust_file} says which administrator this machine trusts. Copy it to every machine of this "
        "warehouse, by another way than the database.\n"
        f"{recovery_file} opens everything when all other keys are lost. Move it off this machine NOW, to "
        "two places that are offline (a printed copy, a stick in a safe), and delete it here.\n"
    )
