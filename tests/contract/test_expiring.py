"""Snapshots expire alike on both databases, also while somebody opens one."""

import threading

import pytest
from sqlalchemy import false, select

from kronkers_batch.access.setup import initialise, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.data.expiring import Due, Limit, use
from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.errors import NotFound
from kronkers_batch.registry import trained_on
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.vault.context import Scope
from tests.contract import databases
from tests.data_support import Store, schema, source, write_csv

OPERATIONS = Scope("operations")


class At(Store):
    """The same in a database of any kind."""

    def __init__(self, folder, url):
        self.folder, self.keys = folder, folder / "keys"
        self.keys.mkdir(mode=0o700, parents=True)
        self.db = Database(Secret(url), wait=5)
        self.db.migrate()
        initialise(self.db, self.keys / "me.key", ["operations", "planning"])
        self.artifacts = ArtifactStore(str(folder / "artifacts"))
        self.vault = open_vault(self.db, self.keys / "me.key")
        self.snapshots = Snapshots(self.db, self.artifacts, self.vault)


@pytest.fixture(params=databases.KINDS)
def store(request, tmp_path):
    with databases.address(request, tmp_path) as url:
        made = At(tmp_path, url)
        yield made
        made.db.close()


def frozen(store, count):
    path = write_csv(store.folder / "things.csv", "id,x\n1,0.5\n")
    spec = source("csv", schema(id="integer", x="float"), path=path, key=("id",))
    return [store.ingest(spec, identity=f"i{n}") for n in range(count)]


def limit():
    return Limit(clock.now() + 1, 0, trained_on.needed)


def unnoted(_conn, _source, _told):
    pass


def end(store, ids, within):
    return store.snapshots.expiry.end(OPERATIONS, ids, within, unnoted, lambda _conn, _count: None)


def test_what_is_due_ends(store):
    refs, expiry = frozen(store, 3), store.snapshots.expiry
    assert expiry.due(Limit(1, 0, trained_on.needed)) == {}
    assert expiry.due(limit()) == {OPERATIONS: Due(3, refs[0].created)}
    assert expiry.due(Limit(clock.now() + 1, refs[1].created, trained_on.needed))[OPERATIONS].count == 1
    ids = expiry.oldest(OPERATIONS, limit(), 2)
    assert ids == [ref.id for ref in refs[:2]]
    assert end(store, ids, limit()).count == 2
    assert end(store, ids, limit()).count == 0
    assert expiry.count(OPERATIONS) == 1
    assert expiry.in_words(refs[0].id).startswith("expired on 20")
    assert expiry.in_words(refs[2].id) == "kept"
    assert expiry.in_words("0" * 26).startswith("not there")
    with store.db.read() as conn:
        assert conn.execute(select(table.c.id)).scalars().all() == [refs[2].id]
    assert {path.split("/")[-2] for path in store.artifacts.list("snapshots")} == {refs[2].id}


def test_what_another_department_has_is_left(store):
    (ref,) = frozen(store, 1)
    other = store.snapshots.expiry.end(
        Scope("planning"), [ref.id], limit(), unnoted, lambda _conn, _count: None
    )
    assert other.count == 0
    assert store.snapshots.get(ref.id) == ref


def test_what_somebody_opens_meanwhile_stays(store):
    """Who opens it marks it in a transaction that is not done yet when its end begins."""
    (ref,) = frozen(store, 1)
    before, marked, ended = limit(), threading.Event(), []

    def ends():
        marked.wait(10)
        ended.append(end(store, [ref.id], before).count)

    thread = threading.Thread(target=ends)
    thread.start()
    with store.db.write() as conn:
        use(conn, ref.id)
        marked.set()
        thread.join(1)
        assert ended == []  # it waits
    thread.join(10)
    assert ended == [0]
    assert store.snapshots.get(ref.id) == ref


def test_what_ended_cannot_be_opened(store):
    (ref,) = frozen(store, 1)
    assert end(store, [ref.id], Limit(clock.now() + 1, 0, lambda _id: false())).count == 1
    with pytest.raises(NotFound, match="expired on"), store.db.write() as conn:
        use(conn, ref.id)
