"""A rotation that is killed again and again: everything stays readable, and it comes to its end."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from kronkers_batch.store import clock
from kronkers_batch.store.ids import new_id
from kronkers_batch.store.tables import vault as t
from kronkers_batch.vault import rotation, sealing
from kronkers_batch.vault.context import DataKey, Kind, Role, Scope
from tests.warehouse_support import Office

CHECKOUT = Path(__file__).parents[2]
OPS, LATE = Scope("ops"), Scope("ops", "late")

# What `kronkers keys rotate` does: begin, or go on; then one short transaction after another.
ROTATE = """
import sys
from pathlib import Path
from kronkers_batch.vault import rotation
from kronkers_batch.vault.context import Scope
from tests.warehouse_support import Office
office, ops = Office.open(Path(sys.argv[1])), Scope("ops")
print("begins", flush=True)
with office.db.write() as conn:
    if not rotation.unfinished(conn, ops):
        rotation.begin(office.vault.ring, conn, ops)
moved = 1
while moved:
    with office.db.write() as conn:
        moved = rotation.rewrap(office.vault.ring, conn, ops, most=int(sys.argv[2]))
    print("moved", flush=True)
"""


def many_keys(office: Office, count: int) -> dict[str, bytes]:
    """So many data keys, wrapped as the vault wraps them: of the department and of a model, of every kind."""
    made: dict[str, bytes] = {}
    kinds = [Kind.SNAPSHOT, Kind.RECORD, Kind.OUTPUT, Kind.ARTIFACT]
    with office.db.write() as conn:
        ring = office.vault.ring
        parents = {scope: ring.active(conn, scope, make=True) for scope in (OPS, LATE)}
        rows = []
        for number in range(count):
            scope, kind = (OPS, LATE)[number % 2], kinds[number // 2 % 4]
            key = DataKey(new_id(), scope, kind, f"v{number}", sealing.generate_key())
            made[key.id] = key.key
            rows.append(
                {
                    "id": key.id, "kind": str(kind), "department": scope.department, "model": scope.model,
                    "version_id": key.version_id, "parent_id": parents[scope].id, "created": clock.now(),
                    "wrapped": ring.wrap_data_key(key, parents[scope]),
                }
            )  # fmt: skip
        conn.execute(insert(t.data_keys), rows)
    return made


def reads(office: Office, name: str, some: list[str], keys: dict[str, bytes]) -> None:
    """As a process that remembers nothing."""
    again = Office.open(office.root, name)
    with again.db.read() as conn:
        for key_id in some:
            assert again.vault.data_key(conn, key_id).key == keys[key_id]
    again.db.close()


def start(office: Office, batch: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ROTATE, str(office.root), str(batch)]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)


def kill_at_random(office: Office, batch: int, chance: random.Random) -> None:
    """One attempt to rotate, killed while it begins, or some transactions and a random time later."""
    process = start(office, batch)
    assert process.stdout
    for _ in range(chance.randrange(6)):
        process.stdout.readline()  # "begins" and then "moved"
    time.sleep(chance.uniform(0, 0.03))
    process.kill()
    process.wait()
    process.stdout.close()


def rotated_under_fire(office: Office, count: int, batch: int, kills: int) -> int:
    """Kills so many attempts; returns how many of them left a rotation half done."""
    keys = many_keys(office, count)
    office.member("ann", OPS, Role.READER)
    office.member("dan", LATE, Role.READER)
    ids, of_model = list(keys), list(keys)[1::2]
    chance, half_done = random.Random(7), 0
    for _ in range(kills):
        kill_at_random(office, batch, chance)
        reads(office, "me", chance.sample(ids, 40), keys)
        reads(office, "ann", chance.sample(ids, 40), keys)
        reads(office, "dan", chance.sample(of_model, 40), keys)
        with office.db.read() as conn:
            half_done += rotation.unfinished(conn, OPS)
    with start(office, 500) as last:
        assert last.stdout
        assert last.stdout.read().startswith("begins\nmoved\n")
    assert last.returncode == 0
    complete(office, keys)
    return half_done


def complete(office: Office, keys: dict[str, bytes]) -> None:
    """Nothing hangs under an older key, older keys are empty, and every key is what it was."""
    with office.db.read() as conn:
        assert not rotation.unfinished(conn, OPS)
        tree = conn.execute(select(t.tree_keys).where(t.tree_keys.c.department == "ops")).all()
        newest = {row.model: max(r.version for r in tree if r.model == row.model) for row in tree}
        assert set(newest) == {"", "late"}
        for row in tree:
            in_use = row.version == newest[row.model]
            assert row.state == ("active" if in_use else "retired")
            assert (row.wrapped is None) == (not in_use or row.model == "")
        parents = {row.id for row in tree if row.state == "active"}
        hanging = select(t.data_keys.c.parent_id).where(t.data_keys.c.department == "ops").distinct()
        assert set(conn.execute(hanging).scalars()) == parents
        assert conn.execute(select(func.count()).select_from(t.data_keys)).scalar_one() >= len(keys)
        vault = Office.open(office.root, "ann").vault
        assert all(vault.data_key(conn, key_id).key == key for key_id, key in keys.items())


def test_killed_a_few_times_over_two_thousand_keys(office):
    assert rotated_under_fire(office, 2_000, batch=50, kills=3) > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_fifty_times_over_a_hundred_thousand_keys(office):
    assert rotated_under_fire(office, 100_000, batch=rotation.BATCH, kills=50) > 25
