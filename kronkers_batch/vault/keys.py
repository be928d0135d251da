"""Data keys: one for each version's data, wrapped under the key of its model or department."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, insert, select

from kronkers_batch.errors import IntegrityError, NotFound
from kronkers_batch.store import clock, seen, transaction
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import sealing
from kronkers_batch.vault.context import DataKey, Kind, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.key_cache import KeyCache
from kronkers_batch.vault.tree import Tree, TreeKey
from kronkers_batch.vault.trust import Trust

_NAMES = ("kind", "department", "model", "version_id")  # as in the table's index
_NAMED = select(t.data_keys.c.id, *(t.data_keys.c[name] for name in _NAMES))
_BY_NAME = select(t.data_keys.c.id).where(*(t.data_keys.c[name] == bindparam(name) for name in _NAMES))
_FILTERS = _NAMED.where(t.data_keys.c.kind == str(Kind.FILTER))


class Keyring(Tree):
    """The tree, and the data keys that hang on it."""

    def __init__(self, identity: Identity, trust: Trust) -> None:
        super().__init__(identity, trust)
        self._data: KeyCache[str, DataKey] = KeyCache()
        self._ids: KeyCache[tuple[Scope, Kind, str], str] = KeyCache()

    def forget(self) -> None:
        """Drops every remembered key."""
        super().forget()
        self._data.clear()
        self._ids.clear()

    def new_data_key(self, conn: Connection, scope: Scope, kind: Kind, version_id: str) -> DataKey:
        """Makes the key of one version and wraps it. One a (kind, scope, version id).

        Raises AccessRefused as :meth:`active`.
        """
        parent = self.active(conn, scope, make=True)
        return self._keep(conn, DataKey(new_id(), scope, kind, version_id, sealing.generate_key()), parent)

    def record_key(self, conn: Connection, parent: TreeKey, purpose: str) -> DataKey | None:
        """The key of small records of one purpose under a tree key; None where it was not made yet.

        Raises IntegrityError where another one was planted under its name.
        """
        wanted = self._record_key(parent, purpose)
        found = self.find_data_key(conn, parent.scope, Kind.RECORD, wanted.version_id)
        if found is not None and not hmac.compare_digest(found.key, wanted.key):
            raise IntegrityError(
                f"somebody put another key for new records ({purpose}) into the database",
                where=f"key of {parent.scope}",
                fix="Nothing was encrypted with it. Find out who can write to the database, then make a "
                f"new key: kronkers keys rotate {parent.scope}",
            )
        return found

    def make_record_key(self, conn: Connection, parent: TreeKey, purpose: str) -> DataKey:
        """Keeps that key, so that what is sealed under it opens after the next rotation too."""
        return self._keep(conn, self._record_key(parent, purpose), parent)

    def _record_key(self, parent: TreeKey, purpose: str) -> DataKey:
        # Derived, so that nobody can plant it; by the tree key's random id, so that nobody knows the name of
        # the next one.
        fields = (self.trust.warehouse, parent.scope.department, parent.scope.model, purpose, parent.id)
        key = sealing.derive(parent.view, encode("kronkers-batch record key 1", *fields))
        return DataKey(new_id(), parent.scope, Kind.RECORD, _named(purpose, parent.id), key)

    def _keep(self, conn: Connection, key: DataKey, parent: TreeKey) -> DataKey:
        conn.execute(
            insert(t.data_keys).values(
                id=key.id,
                kind=str(key.kind),
                department=key.scope.department,
                model=key.scope.model,
                version_id=key.version_id,
                parent_id=parent.id,
                wrapped=self.wrap_data_key(key, parent),
                created=clock.now(),
            )
        )
        # Not remembered: the transaction may still be undone.
        return key

    def data_key(self, conn: Connection, key_id: str) -> DataKey:
        """Opens a data key.

        Raises NotFound when it was shredded or never was, AccessRefused without a grant, IntegrityError.
        """
        if known := self._data.get(key_id):
            return known
        row = seen.row(conn, t.data_keys, key_id)
        if row is None:
            raise NotFound("the key of this data is not in the database", where=key_id, fix=sealing.RESTORE)
        where = f"{row.kind} {Scope(row.department, row.model)} {row.version_id}"
        if row.wrapped is None:
            raise NotFound(
                "somebody shredded this data: its key is gone, and nobody can read it again", where=where
            )
        if row.kind not in list(Kind):
            raise IntegrityError(
                "somebody changed a data key: its kind is unknown", where=where, fix=sealing.RESTORE
            )
        scope, kind = Scope(row.department, row.model), Kind(row.kind)
        parent = self.tree_key(conn, row.parent_id)
        if parent.scope != scope:
            raise IntegrityError(
                "somebody changed a data key: it belongs to another department or model",
                where=where,
                fix=sealing.RESTORE,
            )
        context = self._data_context(row.id, scope, kind, row.version_id, parent.id)
        under = parent.view if kind is Kind.RECORD else self.need_full(parent)
        key = DataKey(row.id, scope, kind, row.version_id, sealing.unseal(under, context, row.wrapped, where))
        self._data.put(key_id, key)
        return key

    def fetch_data_keys(self, conn: Connection, key_ids: Iterable[str]) -> None:
        """Has :meth:`data_key` find these in one statement, where ``conn`` is a read transaction."""
        seen.fetch(conn, t.data_keys, [id for id in key_ids if self._data.get(id) is None])

    def fetch_filter_keys(self, conn: Connection) -> None:
        """Has :meth:`find_data_key` find every scope's filter key in one statement, as above."""
        seen.load(conn, _FILTERS)
        self.fetch_data_keys(conn, [row.id for row in seen.loaded(conn, _FILTERS) or ()])

    def fetch_record_keys(self, conn: Connection, scopes: Iterable[Scope], purpose: str) -> None:
        """Has :meth:`record_key` find those of many scopes in two statements, as above."""
        newest = ((scope, self._newest(conn, scope)) for scope in scopes)
        asked = [(scope, _named(purpose, row.id)) for scope, row in newest if row is not None]
        names = [(str(Kind.RECORD), scope.department, scope.model, name) for scope, name in asked]
        found = seen.load_for(conn, _NAMED, _NAMES, names)
        self.fetch_data_keys(conn, [row.id for row in found])

    def find_data_key(self, conn: Connection, scope: Scope, kind: Kind, version_id: str) -> DataKey | None:
        """The data key of this scope, kind and version; None where none was made. Raises as data_key."""
        named = dict(zip(_NAMES, (str(kind), scope.department, scope.model, version_id), strict=True))
        known = seen.loaded(conn, _FILTERS if kind is Kind.FILTER else _NAMED, **named)
        if known is not None:
            return self.data_key(conn, known[0].id) if known else None
        # In a write transaction it is asked each time: what was made in one that was undone is no key.
        writes = transaction.writes(conn)
        key_id = None if writes else self._ids.get((scope, kind, version_id))
        if key_id is None:
            key_id = conn.execute(_BY_NAME, named).scalar()
            if key_id is not None and not writes:
                self._ids.put((scope, kind, version_id), key_id)
        return None if key_id is None else self.data_key(conn, key_id)

    def wrap_data_key(self, key: DataKey, parent: TreeKey) -> bytes:
        """The data key under its parent: records under the view key, all else under the key itself."""
        under = parent.view if key.kind is Kind.RECORD else self.need_full(parent)
        context = self._data_context(key.id, key.scope, key.kind, key.version_id, parent.id)
        return sealing.seal(under, context, key.key)

    def forget_data_key(self, key_id: str) -> None:
        """Drops one remembered data key."""
        self._data.drop(key_id)

    def _data_context(self, key_id: str, scope: Scope, kind: Kind, version_id: str, parent: str) -> bytes:
        return encode(
            "kronkers-batch wrapped data key 1",
            self.trust.warehouse,
            key_id,
            scope.department,
            scope.model,
            str(kind),
            version_id,
            parent,
        )


def _named(purpose: str, parent: str) -> str:
    """What stands as the version id of the record key of a purpose under a tree key."""
    return f"{purpose} {parent}"
