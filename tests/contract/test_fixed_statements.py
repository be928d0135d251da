"""Facts about many models take as many statements as about few, on both databases.

300 models (on PostgreSQL 60) are made in one transaction, as the stores make them, but for the worker.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, event, insert, update

from kronkers_batch.access.setup import initialise, make_ledger, open_vault
from kronkers_batch.config.secret import Secret
from kronkers_batch.data.snapshots import Snapshots, Wanted
from kronkers_batch.errors import IntegrityError, KronkersError
from kronkers_batch.registry import champions, records
from kronkers_batch.registry.records import Draft
from kronkers_batch.registry.registry import Registry
from kronkers_batch.registry.standing import Asked
from kronkers_batch.store import clock
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.engine import Database
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables.outputs import output_versions
from kronkers_batch.store.tables.registry import champions as promotions
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.vault import identity
from kronkers_batch.vault.context import DataKey, Kind, Scope
from kronkers_batch.vault.manifest import ChunkEntry, Manifest, seal_manifest
from kronkers_batch.vault.sealing import generate_key
from kronkers_batch.vault.verified import Verified
from kronkers_batch.warehouse import log, output_chunks
from kronkers_batch.warehouse.output_chunks import Place
from kronkers_batch.warehouse.warehouse import Warehouse
from tests.contract import databases
from tests.data_support import ALL, Store, schema, source, write_csv
from tests.warehouse_support import DAY, KEY, NEXT, SCHEMA, Office, training

MODELS = [f"m{n:03}" for n in range(300)]
FEWER = 60  # on a server, where each statement takes longer
ASKED = Asked("d" * 64, ("f" * 64, "e" * 64))
SIZES = (2, 20, 300)


@pytest.fixture(scope="module", params=databases.KINDS)
def many(request, tmp_path_factory):
    """300 models with a champion and an output each; opens it anew, with nothing remembered."""
    root = tmp_path_factory.mktemp("many")
    with databases.address(request, root) as url:
        on_server = Database(Secret(url)).path is None
        made = _made(root, url, MODELS[:FEWER] if on_server else MODELS)
        yield made
        made().db.close()


def _made(root, url, models):
    def opened() -> Office:
        db = Database(Secret(url), wait=5)
        vault = open_vault(db, root / "keys" / "me.key")
        ledger, artifacts = make_ledger(db, vault), ArtifactStore(str(root / "artifacts"))
        vault.homes = dict.fromkeys(MODELS, "ops")
        return Office(root, db, vault, Warehouse(db, vault, ledger), Registry(db, artifacts, vault, ledger))

    db = Database(Secret(url))
    db.migrate()
    initialise(db, root / "keys" / "me.key", ["ops", "fleet"])
    db.close()
    office = opened()
    with office.db.write() as conn:
        for model in models:
            _model(office, conn, model)
    office.db.close()
    return opened


def _model(office: Office, conn: Connection, model: str) -> None:
    vault, scope = office.vault, Scope("ops", model)
    parent = vault.ring.active(conn, scope, make=True)

    def new_key(kind: Kind, version: str) -> DataKey:
        return vault.ring._keep(conn, DataKey(new_id(), scope, kind, version, generate_key()), parent)

    for fingerprint in ("e" * 64, "f" * 64):
        version = f"{model}-{fingerprint[0]}"
        keys = [new_key(kind, version) for kind in (Kind.ARTIFACT, Kind.RECORD)]
        draft = Draft(version, keys[0], keys[1], ChunkEntry(0, 0, "0" * 64, size=1))
        row = records.insert_version(conn, vault, draft, training(model=model, fingerprint=fingerprint))
        champions.append(conn, vault, keys[1], row, "promote", "why")
    place, number, created = Place("ops", model, DAY.isoformat(), new_id()), 1, clock.now()
    data_key, key = (new_key(kind, place.version_id) for kind in (Kind.OUTPUT, Kind.RECORD))
    manifest = Manifest(
        kind=Kind.OUTPUT,
        department="ops",
        name=model,
        version_id=place.version_id,
        created=created,
        chunks=(),
        schema=SCHEMA,
        lineage={},
        extra={
            "format": output_chunks.FORMAT,
            "date": place.date,
            "number": number,
            "fingerprint": "a",
            "key": list(KEY),
            "stats": {},
            "filters": [],
            "filter_check": "",
        },
    )
    sealed, signed = seal_manifest(vault, key, manifest)
    conn.execute(
        insert(output_versions).values(
            id=place.version_id,
            model=model,
            department="ops",
            logical_date=place.date,
            number=number,
            fingerprint="a",
            state="finished",
            token=1,
            created=created,
            key_id=data_key.id,
            record_key_id=key.id,
            manifest=sealed,
            signer=signed.principal,
            signer_key=signed.key_id,
            signature=signed.value,
        )
    )
    log.append(conn, vault, key, place, log.PUBLISH, place.version_id)


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """The statements of a block."""
    found: list[str] = []

    def seen(_conn, _cursor, statement, *_more):
        found.append(statement)

    engine = db._opened()
    event.listen(engine, "before_cursor_execute", seen)
    yield found
    event.remove(engine, "before_cursor_execute", seen)


@contextmanager
def checked(monkeypatch) -> Iterator[list[tuple[bytes, bytes, bytes]]]:
    """What is verified by the primitive itself, with nothing remembered before."""
    found: list[tuple[bytes, bytes, bytes]] = []
    primitive = identity.Ed25519PublicKey

    def load(raw: bytes):
        key = primitive.from_public_bytes(raw)

        def verify(signature: bytes, message: bytes) -> None:
            found.append((raw, message, signature))
            key.verify(signature, message)

        return SimpleNamespace(verify=verify)

    with monkeypatch.context() as patched:
        patched.setattr(identity, "Ed25519PublicKey", SimpleNamespace(from_public_bytes=load))
        patched.setattr(identity, "_VERIFIED", Verified())
        yield found


def test_what_there_is_of_many_models_takes_as_many_statements_as_of_few(many):
    counts = set()
    for size in SIZES:
        office, models = many(), MODELS[:size]
        models = models if office.db.path is not None else models[:FEWER]
        with office.db.read() as conn, counted(office.db) as statements:
            found = office.registry.standings(dict.fromkeys(models, ASKED), within=conn)
            outputs = office.warehouse.standings([(m, d) for m in models for d in (DAY, NEXT)], within=conn)
        counts.add(len(statements))
        office.db.close()
        assert not [v for v in (*found.values(), *outputs.values()) if isinstance(v, KronkersError)]
        for model in models:
            one = found[model]
            assert (one.champion.number, one.then.number, one.newest.number, one.last.number) == (2, 2, 2, 2)
            assert {v.number: v.training.fingerprint[0] for v in one.found.values()} == {1: "e", 2: "f"}
            assert (one.promoted, one.by_promoter) == (2, True)
            assert one.champion.training.golden.rows.height == 1
            assert [v.ref for v in outputs[model, DAY].versions] == [f"{model}/{DAY}#1"]
            assert outputs[model, DAY].head == outputs[model, DAY].versions[0]
            assert outputs[model, NEXT] == type(outputs[model, NEXT])((), None)
    assert len(counts) == 1
    assert counts.pop() <= 16


def test_each_signature_is_checked_once_a_process(many, monkeypatch):
    office = many()
    asked = dict.fromkeys(MODELS[:20], ASKED)
    with checked(monkeypatch) as signatures:
        for _ in range(3):
            again = many()  # another opening: nothing but good signatures is remembered
            again.registry.standings(asked)
            again.warehouse.standings([(model, DAY) for model in asked])
            again.registry.champion("m001")
            again.db.close()
        assert len(signatures) == len(set(signatures)) > 4 * 20
        before = len(signatures)
        office.registry.standings(asked)
        assert len(signatures) == before
    office.db.close()


def test_what_is_asked_of_one_model_is_what_is_asked_of_many(many):
    office = many()
    one = office.registry.standings({"m007": ASKED})["m007"]
    assert office.registry.champion("m007").id == one.champion.id
    assert (one.newest.number, one.found["e" * 64].number, one.by_promoter) == (2, 1, True)
    assert office.warehouse.find("m007", DAY, "a") == office.warehouse.head("m007", DAY)
    none = office.registry.standings({"nobody": Asked("x"), "m007": Asked("")}, at=1)
    assert (none["nobody"].champion, none["nobody"].last, none["nobody"].promoted) == (None, None, 0)
    assert (none["m007"].then, none["m007"].newest, none["m007"].champion.number) == (None, None, 2)
    office.db.close()


@contextmanager
def changed(office: Office, table, where, **values) -> Iterator[None]:
    """What somebody does with an account on the database, and takes back."""
    with office.db.unchecked(write=True) as conn:
        before = conn.execute(table.select().where(where)).mappings().one()
        conn.execute(update(table).where(where).values(**values))
    yield
    with office.db.unchecked(write=True) as conn:
        conn.execute(update(table).where(where).values(**before))


@pytest.mark.parametrize("what", ["champions", "model_versions", "outputs"])
def test_one_models_damage_stops_no_other(many, what):
    office, models = many(), MODELS[:5]
    table, where = {
        "champions": (promotions, (promotions.c.model == "m003") & (promotions.c.sequence == 2)),
        "model_versions": (model_versions, model_versions.c.id == "m003-f"),
        "outputs": (output_versions, output_versions.c.model == "m003"),
    }[what]
    with changed(office, table, where, signature=b"x" * 64):
        found = office.registry.standings(dict.fromkeys(models, ASKED))
        outputs = office.warehouse.standings([(model, DAY) for model in models])
    mine, theirs = (outputs, found) if what == "outputs" else (found, outputs)
    wrong = {str(key) for key, value in mine.items() if isinstance(value, KronkersError)}
    assert wrong == {"m003" if mine is found else str(("m003", DAY))}
    assert all(isinstance(v, IntegrityError) for v in mine.values() if isinstance(v, KronkersError))
    assert not any(isinstance(value, KronkersError) for value in theirs.values())
    office.db.close()


@pytest.mark.parametrize("value", [b"\xff", "no number"])
def test_a_value_of_another_type_stops_no_other_either(many, value):
    """SQLite stores anything in any column; a statement for many meets it."""
    office, models = many(), MODELS[:5]
    if office.db.path is None:
        office.db.close()
        return  # PostgreSQL takes no such value
    where = (promotions.c.model == "m003") & (promotions.c.sequence == 2)
    with office.db.unchecked(write=True) as conn:
        (at,) = conn.execute(promotions.select().with_only_columns(promotions.c.at).where(where)).one()
        conn.exec_driver_sql("UPDATE champions SET at = ? WHERE model = 'm003' AND sequence = 2", (value,))
    found = office.registry.standings(dict.fromkeys(models, ASKED))
    with office.db.unchecked(write=True) as conn:
        conn.execute(update(promotions).where(where).values(at=at))
    assert [m for m, one in found.items() if isinstance(one, KronkersError)] == ["m003"]
    assert isinstance(found["m003"], IntegrityError)
    office.db.close()


def test_which_of_many_snapshots_are_frozen_takes_as_many_statements_as_of_few(tmp_path):
    store = Store(tmp_path)
    path = write_csv(tmp_path / "things.csv", "id,x\n1,2.5\n")
    spec = source("csv", schema(id="integer", x="float"), path=path, key=("id",))
    kept = [store.ingest(spec, identity=f"i{n}") for n in range(2)]
    scopes = (Scope("operations"), Scope("planning"), Scope("operations", "m"))
    counts = set()
    for size in SIZES:
        vault = open_vault(store.db, store.keys / "me.key")
        snapshots = Snapshots(store.db, store.artifacts, vault)
        asked = [Wanted("things", ALL, f"i{n}", scopes) for n in range(size)]
        with store.db.read() as conn, counted(store.db) as statements:
            found = snapshots.find_many(asked, within=conn)
        counts.add(len(statements))
        assert [found[wanted] for wanted in asked] == [*kept, *[None] * (size - 2)]
    assert len(counts) == 1
    store.db.close()
