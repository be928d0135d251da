"""Forged champions, heads, versions and checkpoints, by who has an account on the database and the store.

They may write to both. Without a key they can copy, move and delete rows; with an operator's key of the
*other* department they can also sign. Whatever they do is refused at use, or noticed: at the end of the next
night where it is new, by ``kronkers ledger verify`` always.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kronkers_batch.audit import checkpoint
from kronkers_batch.errors import AccessRefused, IntegrityError, KronkersError
from kronkers_batch.ledger import checkpoints
from kronkers_batch.ledger.checkpoints import Checkpoint, Head
from kronkers_batch.policy.ledger_keys import LedgerKeys
from kronkers_batch.registry import champions
from kronkers_batch.session.services import Services
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.tables import metadata
from kronkers_batch.vault.context import Kind, Scope
from tests.faults.departments import Departments

NEXT = "2024-01-21"


def change(company: Departments, *statements: str) -> None:
    """What somebody with an account does with a program of their own."""
    with closing(sqlite3.connect(company.database)) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        changed = sum(max(db.execute(statement).rowcount, 0) for statement in statements)
        db.commit()
    assert changed, "the attack did nothing"


@contextmanager
def by(company: Departments, who: str) -> Iterator[Services]:
    """The parts in the hands of one of the people."""
    with company.by(who).opened() as services:
        yield services


def nightly(company: Departments) -> None:
    """What a night does at its end."""
    with by(company, "nightly") as services:
        checkpoint.compare(services)
        checkpoint.write(services)


@pytest.fixture(scope="module")
def _twice(_company: Path) -> Path:
    folder, kept = _company.with_name("company"), _company.with_name("twice")
    shutil.rmtree(folder)
    shutil.copytree(_company, folder)
    company = Departments(folder)
    company.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    source = company.folder / "data/visits.csv"
    source.write_text(source.read_text().replace(",red,", ",green,"))
    company.run("run", "buys")
    shutil.copytree(folder, kept)
    return kept


@pytest.fixture
def twice(_twice: Path) -> Departments:
    """Two champions, and two outputs of the same night, in sales."""
    folder = _twice.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(_twice, folder)
    return Departments(folder)


class Kept:
    """The company's database and checkpoints, to be put back after each attack."""

    def __init__(self, company: Departments) -> None:
        self.company = company
        self.points = company.folder / "var/checkpoints"
        self._copy = company.folder / "kept"
        shutil.copytree(company.folder / "var", self._copy)

    def put_back(self) -> None:
        var = self.company.folder / "var"
        for path in var.glob("warehouse.db*"):
            path.unlink()
        shutil.rmtree(self.points)
        for path in self._copy.glob("warehouse.db*"):
            shutil.copy(path, var)
        shutil.copytree(self._copy / "checkpoints", self.points)


def copied(table: str, where: str, **values: str) -> str:
    """A statement that puts in another row like one that is there, with other values."""
    columns = [column.name for column in metadata.tables[table].columns]
    said = ", ".join(values.get(name, name) for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {said} FROM {table} WHERE {where}"


FIRST = "model = 'buys' AND sequence = 1"
LAST = "model = 'buys' AND sequence = 2"
ATTACKS: dict[str, list[str]] = {
    "a promotion is copied to the end": [copied("champions", FIRST, sequence="3")],
    "the last promotion is taken away": [f"DELETE FROM champions WHERE {LAST}"],
    "all promotions are taken away": ["DELETE FROM champions"],
    "promotions change places": [
        "UPDATE champions SET sequence = sequence + 10 WHERE model = 'buys'",
        "UPDATE champions SET sequence = 13 - sequence WHERE model = 'buys'",
    ],
    "a promotion is given to another version": [
        "UPDATE champions SET version_id = (SELECT id FROM model_versions WHERE model = 'leavers') "
        "WHERE model = 'buys'"
    ],
    "a promotion is moved to another model": [f"UPDATE champions SET model = 'leavers' WHERE {LAST}"],
    "a promotion is dated back": [f"UPDATE champions SET at = at - 1 WHERE {LAST}"],
    "a promotion is called a rollback": [f"UPDATE champions SET action = 'rollback' WHERE {LAST}"],
    "the reason is exchanged": [
        f"UPDATE champions SET details = (SELECT details FROM champions WHERE sequence = 1) WHERE {LAST}"
    ],
    "a head is copied to the end": [copied("output_log", FIRST, sequence="3")],
    "the last head is taken away": [f"DELETE FROM output_log WHERE {LAST}"],
    "a head points at another version": [
        "UPDATE output_log SET head = (SELECT version_id FROM output_log WHERE model = 'leavers')"
    ],
    "a head is copied to another date": [
        copied("output_log", FIRST, logical_date="'2024-01-19'")
    ],
    "heads change places": [
        "UPDATE output_log SET sequence = sequence + 10 WHERE model = 'buys'",
        "UPDATE output_log SET sequence = 13 - sequence WHERE model = 'buys'",
    ],
    "a model version is taken away": ["DELETE FROM model_versions WHERE model = 'buys' AND number = 1"],
    "a model version is copied": [copied("model_versions", "number = 2", id="'x'", number="3")],
    "model versions change numbers": [
        "UPDATE model_versions SET number = number + 10 WHERE model = 'buys'",
        "UPDATE model_versions SET number = 13 - number WHERE model = 'buys'",
    ],
    "a model version is given to another department": ["UPDATE model_versions SET department = 'hr'"],
    "an output version is taken away": ["DELETE FROM output_versions WHERE model = 'buys' AND number = 1"],
    "an output version is copied": [copied("output_versions", "number = 2", id="'x'", number="3")],
    "an output version is unfinished again": [
        "UPDATE output_versions SET state = 'writing' WHERE number = 2"
    ],
    "a model version is deleted": ["UPDATE model_versions SET state = 'deleted' WHERE model = 'buys'"],
    "a model version is put by": ["UPDATE model_versions SET state = 'kept' WHERE model = 'buys'"],
    "an output's key is shredded": [
        "UPDATE data_keys SET wrapped = NULL, shredded = 1 WHERE id = "
        "(SELECT key_id FROM output_versions WHERE model = 'buys' AND number = 1)"
    ],
    "an output has another's key": [
        "UPDATE output_versions SET key_id = (SELECT key_id FROM output_versions WHERE model = 'leavers') "
        "WHERE model = 'buys' AND number = 1"
    ],
    "a model version's key is shredded": [
        "UPDATE data_keys SET wrapped = NULL, shredded = 1 WHERE id = "
        "(SELECT key_id FROM model_versions WHERE model = 'buys' AND number = 1)"
    ],
    "another row names the warehouse": [
        "INSERT INTO warehouse (id, created) VALUES ('01m8d8wq0dk57yqhgd36fwap00', 1)"
    ],
    "an output version is deleted": ["UPDATE output_versions SET state = 'deleted' WHERE number = 2"],
    "outputs change manifests": [
        "UPDATE output_versions SET manifest = (SELECT manifest FROM output_versions WHERE number = 2) "
        "WHERE model = 'buys'"
    ],
    "a snapshot is taken away": [
        "DELETE FROM snapshots WHERE id = (SELECT min(id) FROM snapshots WHERE state = 'ready')"
    ],
    "a snapshot is copied": [copied("snapshots", "state = 'ready' LIMIT 1", id="'x'")],
    "a snapshot has another's manifest": [
        "UPDATE snapshots SET manifest = (SELECT manifest FROM snapshots WHERE department LIKE 'hr%' LIMIT 1)"
    ],
    "a grant is given to another": [
        copied(
            "grants",
            "role = 'approver' LIMIT 1",
            id="'x'",
            principal_id="(SELECT id FROM principals WHERE name = 'vic')",
        )
    ],
    "a grant is made a higher one": ["UPDATE grants SET role = 'admin' WHERE role = 'viewer'"],
    "a grant is taken away": ["DELETE FROM grants WHERE role = 'viewer'"],
    "a public key is given to another": [copied("principal_keys", "authority = 'none' LIMIT 1", id="'x'")],
    "somebody is made an administrator": ["UPDATE principal_keys SET authority = 'admin'"],
    "somebody is renamed": ["UPDATE principals SET name = 'nobody' WHERE name = 'vic'"],
    "the owner of a public key is another": [
        "UPDATE principal_keys SET principal_id = (SELECT id FROM principals WHERE name = 'nightly')"
    ],
    "lines of the ledger are taken away": [
        "DELETE FROM ledger WHERE seq > (SELECT max(seq) - 3 FROM ledger)"
    ],
}  # fmt: skip


def test_whatever_is_done_without_a_key_is_noticed(twice):
    """Each by the verification, which says more than that something is wrong."""
    kept = Kept(twice)
    twice.by("admin").run("ledger", "verify")
    for name, statements in ATTACKS.items():
        change(twice, *statements)
        done = twice.by("admin").run("ledger", "verify", code=None)
        assert done.returncode == 4, f"{name}: {done.stdout}{done.stderr}"
        assert "unexpected" not in done.stderr, f"{name}: {done.stderr}"
        assert "->" in done.stderr, name
        kept.put_back()
    twice.by("admin").run("ledger", "verify")


NOTICED_AT_NIGHT = [
    "a promotion is copied to the end",
    "the last promotion is taken away",
    "all promotions are taken away",
    "a head is copied to the end",
    "the last head is taken away",
    "a model version is taken away",
    "a model version is copied",
    "an output version is deleted",
    "an output version is unfinished again",
    "a model version is deleted",
    "a model version is put by",
    "a snapshot is taken away",
    "a snapshot is copied",
    "a grant is given to another",
    "a grant is made a higher one",
    "somebody is made an administrator",
    "lines of the ledger are taken away",
]


def test_what_is_new_is_noticed_at_the_end_of_the_night(twice):
    """By counts, whatever time the rows say that they are of; other changes of what is old, by verify."""
    kept = Kept(twice)
    nightly(twice)
    for name in NOTICED_AT_NIGHT:
        change(twice, *ATTACKS[name])
        with pytest.raises(IntegrityError) as caught:
            nightly(twice)
        assert caught.value.fix, name
        kept.put_back()
    nightly(twice)


def test_a_night_that_finds_a_difference_says_so_after_its_table_and_on_its_page(company):
    company.run("run", "--date", NEXT)
    change(company, "DELETE FROM champions WHERE model = 'leavers'")
    done = company.run("run", "buys", "--date", "2024-01-22", code=4)
    assert "buys   published" in done.stdout
    assert done.stdout.index("published") < len(done.stdout)
    assert "kronkers: " in done.stderr
    assert "champions has fewer rows than the ledger recorded" in done.stderr
    reports = company.folder / "var/reports"
    assert "needs attention" in (reports / "2024-01-22.html").read_text()
    (run,) = (each["id"] for each in company.json("report", "--date", "2024-01-22")["runs"])
    assert "champions has fewer rows than the ledger recorded" in (reports / f"runs/{run}.html").read_text()
    # Nor is it the last point from which the next night would go on.
    assert (
        "champions has fewer rows than the ledger recorded"
        in company.run("run", "buys", "--date", "2024-01-22", code=4).stderr
    )
    assert company.json("report", "--date", "2024-01-22")["events"][-1]["task"] == "verify"


def test_a_version_made_tonight_and_exchanged_is_noticed_tonight(company):
    """Between its recording and the end of the run, by somebody whose signature is believed."""
    with by(company, "nightly") as services:
        point = services.ledger.verify()
    company.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 3.0")
    with closing(sqlite3.connect(company.database)) as db:
        before = db.execute("SELECT manifest FROM model_versions WHERE model = 'buys'").fetchone()[0]
    company.run("run", "buys")
    with closing(sqlite3.connect(company.database)) as db:
        db.execute("UPDATE model_versions SET manifest = ? WHERE model = 'buys' AND number = 2", [before])
        db.commit()
    newest = sorted((company.folder / "var/checkpoints").rglob("*.json"))[-1]
    newest.unlink()  # as if the run were not over yet
    assert point.seq > 0
    with pytest.raises(IntegrityError, match="differs from the one that entry"):
        nightly(company)


# ---------------------------------------------------------------- rows of another warehouse


@pytest.mark.parametrize("table", ["champions", "output_log", "ledger", "revocations"])
def test_rows_of_another_warehouse_mean_nothing_here(company, signing_company, table):
    """True there, signed there, about a model of the same name."""
    if table == "revocations":
        signing_company.by("admin").run("access", "revoke", "vic", "sales")
    with closing(sqlite3.connect(company.database)) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        db.execute("ATTACH ? AS other", [str(signing_company.database)])
        if table not in ("revocations", "ledger"):
            db.execute(f"DELETE FROM {table}")
        if table == "ledger":
            db.execute("DELETE FROM ledger WHERE seq > 5")
            db.execute("INSERT INTO ledger SELECT * FROM other.ledger WHERE seq > 5")
        else:
            db.execute(f"INSERT INTO {table} SELECT * FROM other.{table}")
        db.commit()
        db.execute("DETACH other")
    done = company.by("admin").run("ledger", "verify", code=4)
    assert "->" in done.stderr


# ------------------------------------------------------------ with an operator's key of the other department


def test_a_promotion_that_bob_signs_for_sales_is_not_believed(twice):
    with by(twice, "bob") as bob, bob.db.unchecked(write=True) as conn:
        row = conn.exec_driver_sql("SELECT * FROM model_versions WHERE model = 'buys' AND number = 1").one()
        key = bob.vault.new_data_key(conn, Scope("hr"), Kind.RECORD, "x")
        champions.append(conn, bob.vault, key, row, "promote", "mine")
    for words in (("models",), ("live", "buys")):
        assert twice.by("ann").run(*words, code=4).stdout == ""
    with pytest.raises(IntegrityError):
        nightly(twice)


def test_a_line_that_bob_writes_about_sales_is_noticed(twice):
    with by(twice, "bob") as bob, bob.db.write() as conn:
        with pytest.raises(AccessRefused, match="needs the role approver on sales"):
            bob.ledger.append(conn, "bob", "promote", "buys@1", department="sales/buys")
        bob.ledger._keys.require = lambda *_: None  # with a program of his own
        bob.ledger.append(conn, "bob", "promote", "buys@1", department="sales/buys")
    with pytest.raises(IntegrityError, match="records an action for which its signer had no permission"):
        nightly(twice)
    assert "had no permission at that time" in twice.by("admin").run("ledger", "verify", code=4).stderr


def test_a_line_about_a_promotion_that_was_none_is_noticed(twice):
    """By who may promote."""
    with by(twice, "nightly") as service, service.db.write() as conn:
        service.ledger.append(conn, "nightly", "promote", "buys@1", department="sales/buys")
    with pytest.raises(IntegrityError, match="buys: the database names other versions as in use"):
        nightly(twice)
    assert (
        "buys: the database names other versions" in twice.by("admin").run("ledger", "verify", code=4).stderr
    )


def test_a_checkpoint_that_bob_signs_is_no_point_to_go_on_from(twice):
    """He forges, and signs a checkpoint of what he forged: the night verifies from its own."""
    change(twice, *ATTACKS["the last promotion is taken away"])
    with by(twice, "bob") as bob:
        store, keys = ArtifactStore(str(twice.folder / "var/checkpoints")), LedgerKeys(bob.vault)
        checkpoints.write(keys, store, bob.ledger.verify(), {"champions": 2}, {})
    with pytest.raises(IntegrityError, match="champions has fewer rows than the ledger recorded"):
        nightly(twice)


# ------------------------------------------------------------ checkpoints, by who can write to their address


def files(company: Departments) -> list[Path]:
    return sorted((company.folder / "var/checkpoints").rglob("*.json"))


def _renamed(points: list[Path]) -> None:
    shutil.copy(points[0], points[0].with_name("999999999999-1.json"))


def _counted(points: list[Path]) -> None:
    value = json.loads(points[-1].read_bytes())
    value["counts"]["champions"] -= 1
    points[-1].write_bytes(json.dumps(value, indent=1).encode() + b"\n")


def _first_format(points: list[Path]) -> None:
    value = json.loads(points[-1].read_bytes())
    del value["counts"]
    value["format"] = "kronkers-batch checkpoint 1"
    points[-1].write_bytes(json.dumps(value, indent=1).encode() + b"\n")


def _linked(points: list[Path]) -> None:
    points[-1].rename(points[-1].with_suffix(".old"))
    points[-1].symlink_to(points[-1].with_suffix(".old"))


def _huge(points: list[Path]) -> None:
    with points[-1].open("ab") as file:
        file.truncate(1 << 40)


FORGED: dict[str, Callable[[list[Path]], object]] = {
    "an older one under a newer name": _renamed,
    "other counts": _counted,
    "no counts": _first_format,
    "a link": _linked,
    "a huge one": _huge,
    "nothing in it": lambda points: points[-1].write_bytes(b""),
    "no text": lambda points: points[-1].write_bytes(b"\xff" * 100),
    "a list": lambda points: points[-1].write_bytes(b"[" * 5000),
    "an older one in its place": lambda points: shutil.copy(points[0], points[-1]),
}


def test_checkpoints_that_are_forged_are_refused_in_words(twice):
    kept = Kept(twice)
    for name, forge in FORGED.items():
        forge(files(twice))
        with pytest.raises(KronkersError) as caught:
            nightly(twice)
        assert caught.value.fix, name
        done = twice.by("admin").run("ledger", "verify", code=None)
        assert done.returncode in (1, 4), name
        assert "->" in done.stderr, name
        kept.put_back()
    nightly(twice)


def _pipe(points: list[Path]) -> None:
    points[-1].unlink()
    os.mkfifo(points[-1])


def _folder(points: list[Path]) -> None:
    points[-1].unlink()
    points[-1].mkdir()


@pytest.mark.parametrize("how", ["the newest", "all", "a pipe", "a folder"])
def test_where_checkpoints_are_gone_more_is_verified_not_less(twice, how):
    gone = {
        "the newest": lambda points: points[-1].unlink(),
        "all": lambda points: [path.unlink() for path in points],
        "a pipe": _pipe,
        "a folder": _folder,
    }
    gone[how](files(twice))
    nightly(twice)  # it writes another one
    gone[how](files(twice))
    change(
        twice,
        *ATTACKS["an output version is deleted" if how == "all" else "a model version is copied"],
    )
    with pytest.raises(IntegrityError):
        nightly(twice)


def test_whoever_never_ran_before_verifies_everything(twice):
    """Ann's first run: nobody else's checkpoint is hers."""
    with by(twice, "ann") as ann:
        store, keys = ArtifactStore(str(twice.folder / "var/checkpoints")), LedgerKeys(ann.vault)
        with ann.db.read() as conn:
            assert checkpoints.own(conn, keys, store) is None
        checkpoint.write(ann)
        with ann.db.read() as conn:
            point = checkpoints.own(conn, keys, store)
        assert isinstance(point, Checkpoint)
        assert point.head == Head(point.seq, point.hash)


def test_a_checkpoint_of_an_older_version_of_the_program_is_compared_and_then_everything_is(twice):
    with by(twice, "nightly") as services:
        keys, store = LedgerKeys(services.vault), ArtifactStore(str(twice.folder / "var/checkpoints"))
        head = services.ledger.verify()
        old = Checkpoint(keys.warehouse, head.seq, head.hash, 9_000_000_000_000_000, keys.signer, b"")
        made = Checkpoint(*list(vars(old).values())[:5], keys.sign(old.payload())[1])
        store.write(f"ledger/{keys.warehouse}/{head.seq:012d}-{old.at}.json", made.to_bytes())
        with services.db.read() as conn:
            assert checkpoints.newest(conn, keys, store) == [made]
    change(twice, *ATTACKS["an output version is deleted"])
    with pytest.raises(IntegrityError, match="the database lacks it"):
        nightly(twice)


# ---------------------------------------------------------------- an index that lies


def test_an_index_that_leaves_a_revocation_out_hides_it_from_nobody(company):
    """Made partial, filled, and called whole again: a look-up by it finds nothing."""
    company.by("admin").run("access", "revoke", "vic", "sales")
    with closing(sqlite3.connect(company.database, isolation_level=None)) as db:
        index = "sqlite_autoindex_revocations_1"
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [index]).fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with company.database.open("r+b") as file:  # an empty leaf of an index
        file.seek((page - 1) * size)
        file.write(b"\x0a\x00\x00\x00\x00" + (size % 65536).to_bytes(2, "big") + b"\x00")
    with closing(sqlite3.connect(company.database)) as db:
        assert db.execute("SELECT subject FROM revocations NOT INDEXED").fetchall() != []
        subject = db.execute("SELECT subject FROM revocations NOT INDEXED").fetchone()
        assert db.execute("SELECT at FROM revocations WHERE subject = ?", subject).fetchall() == []
    assert company.by("vic").json("access", "whoami")["roles"]["sales"] == "none"
    done = company.by("admin").run("ledger", "verify", code=4)
    assert "an index does not have the rows of its table" in done.stderr
    with pytest.raises(IntegrityError, match="an index does not have the rows"):
        nightly(company)
