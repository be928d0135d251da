"""Who is operator of one model freezes for that model, and for nothing else."""

from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import insert, select, update

from kronkers_batch.data.publishing import Publisher
from kronkers_batch.data.reference import READY, lookup
from kronkers_batch.data.snapshots import Snapshots, Wanted
from kronkers_batch.errors import AccessRefused, IntegrityError
from kronkers_batch.store import clock
from kronkers_batch.store.tables.snapshots import snapshots as table
from kronkers_batch.vault import grants, keyfile
from kronkers_batch.vault.context import Kind, Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.manifest import Manifest, seal_manifest
from kronkers_batch.vault.pin import read
from kronkers_batch.vault.vault import Vault
from tests.data_support import ALL, PLACES, Store, schema, source, unnoted

OPERATIONS, PLANNING = Scope("operations"), Scope("planning")
# Named as the source is: a grant on a model must not count for a source of the same name.
OWN = Scope("operations", "things")
OTHER = Scope("operations", "other")
WHOLE = {"places": PLACES, "sources": {}, "chunk_rows": 1000, "piece_rows": 250, "add_entry": unnoted}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def spec(tmp_path: Path):
    path = tmp_path / "things.parquet"
    pl.DataFrame({"id": range(100), "x": [float(i) for i in range(100)]}).write_parquet(path)
    return source("parquet", schema(id="integer", x="float"), path=path, key=("id",))


def member(store: Store, name: str, scope: Scope, role: Role = Role.OPERATOR) -> Snapshots:
    """Somebody with one grant, and snapshots as they see them."""
    identity = Identity.generate(name)
    keyfile.create(store.keys / f"{name}.key", identity)
    with store.db.write() as conn:
        store.vault.trust.add_principal(conn, store.vault.identity, identity.id, name, identity.public)
        grants.grant(store.vault.ring, conn, name, scope, role)
    pin = read(store.keys / "trust.json", store.vault.trust.warehouse)
    return Snapshots(store.db, store.artifacts, Vault(identity, pin))


def test_an_operator_of_one_model_freezes_for_it_alone(store, spec):
    dora, eve = member(store, "dora", OWN), member(store, "eve", OTHER)
    ref = dora.ingest(spec, ALL, "i1", None, scope=OWN, **WHOLE)
    assert ref.scope == OWN
    assert sum(f.height for f in dora.read(ref)) == 100
    assert dora.find("things", ALL, "i1", [OPERATIONS, OWN]) == ref
    for who, scopes in ((store.snapshots, [OPERATIONS]), (store.snapshots, [OPERATIONS, OTHER])):
        assert who.find("things", ALL, "i1", scopes) is None
    assert eve.find("things", ALL, "i1", [OPERATIONS, OTHER, OWN]) is None
    with pytest.raises(AccessRefused):
        list(eve.read(ref))
    # The department's key opens its models' snapshots too, but a training of the department's does not look.
    assert sum(f.height for f in store.snapshots.read(ref)) == 100
    asked = [Wanted("things", ALL, "another identity", (scope,)) for scope in (OWN, OPERATIONS)]
    assert dora.frozen_before(asked) == {asked[0]}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.READER])
def test_below_operator_nothing_is_frozen(store, spec, role):
    low = member(store, "low", OWN, role)
    with pytest.raises(AccessRefused, match="operator"):
        low.ingest(spec, ALL, "i1", None, scope=OWN, **WHOLE)


@pytest.mark.parametrize(
    "scope", [OPERATIONS, OTHER, Scope("planning"), Scope("planning", "things")], ids=str
)
def test_an_operator_of_one_model_freezes_under_nothing_else(store, spec, scope):
    dora = member(store, "dora", OWN)
    with pytest.raises(AccessRefused):
        dora.ingest(spec, ALL, "i1", None, scope=scope, **WHOLE)


@pytest.mark.parametrize("scope", [OPERATIONS, OTHER, PLANNING], ids=str)
def test_a_snapshot_that_is_called_somebody_elses_is_refused(store, spec, scope):
    """Whoever writes to the database gives it another owner, and what it would be found by."""
    dora = member(store, "dora", OWN)
    ref = dora.ingest(spec, ALL, "i1", None, scope=OWN, **WHOLE)
    with store.db.write() as conn:
        wanted = lookup(store.vault, conn, scope, "things", ALL, "i1")
        conn.execute(update(table).where(table.c.id == ref.id).values(department=str(scope), lookup=wanted))
    with pytest.raises(IntegrityError):
        store.snapshots.find("things", ALL, "i1", [scope])


def test_a_snapshot_signed_for_the_department_by_an_operator_of_one_model_is_refused(store, spec):
    """With a data key of their own model, and a manifest that says it is the department's."""
    dora = member(store, "dora", OWN)
    ref = dora.ingest(spec, ALL, "i1", None, scope=OWN, **WHOLE)
    vault, forged = dora._vault, "f" * 26
    with store.db.write() as conn:
        wanted = lookup(store.vault, conn, OPERATIONS, "things", ALL, "i1")
        key = vault.new_data_key(conn, OWN, Kind.SNAPSHOT, forged)
        real = dora._get(ref.id).manifest
        manifest = Manifest(
            Kind.SNAPSHOT,
            "operations",
            "things",
            forged,
            clock.now(),
            (),
            real.schema,
            real.lineage,
            real.extra,
        )
        blob, signature = seal_manifest(vault, key, manifest)
        row = dict(conn.execute(select(table).where(table.c.id == ref.id)).one()._mapping)
        row |= {"id": forged, "department": "operations", "lookup": wanted, "key_id": key.id, "state": READY}
        row |= {"manifest": blob, "signer": signature.principal, "signature": signature.value}
        conn.execute(insert(table).values(**row))
    with pytest.raises(IntegrityError, match="dora signed without the role operator there"):
        store.snapshots.find("things", ALL, "i1", [OPERATIONS])


def test_what_another_department_froze_is_not_believed(store, spec):
    """It reads the same shared source; its operators answer for their own models only."""
    planner = member(store, "planner", PLANNING)
    planner.ingest(spec, ALL, "i1", None, scope=PLANNING, **WHOLE)
    assert store.snapshots.find("things", ALL, "i1", [PLANNING]) is not None
    assert store.snapshots.find("things", ALL, "i1", [OPERATIONS]) is None


def test_the_rights_are_asked_where_it_is_written(store, spec):
    """Not only by the step that chooses the scope."""
    dora = member(store, "dora", OWN)
    with pytest.raises(AccessRefused):
        Publisher(store.db, store.artifacts, dora._vault).begin(spec, OPERATIONS, ALL, "i1", "a" * 26)
