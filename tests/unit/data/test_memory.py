"""Memory must not grow with the number of rows: the same work on four times the rows, in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.interpreter


ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import resource, sys
from pathlib import Path
from tests.data_support import ALL, Store, check, rows, schema, source
folder, size, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
columns = schema(id="integer", a="float", b="float", c="float", name="string")
path = folder / f"x.{kind}"
import duckdb
made = f'''select (hash(i) >> 1)::bigint as id, random() a, random() b, random() c, 'name ' || i as name
    from range({size}) t(i)'''
form = "(format parquet, row_group_size 50000)" if kind == "parquet" else "(format csv)"
with duckdb.connect() as con:
    con.execute("set memory_limit = '200MB'")
    con.execute("set threads = 1")
    con.execute("set preserve_insertion_order = false")
    con.execute(f"copy ({made}) to '{path}' {form}")
checks = (check("range", "a", min=0.0, max=1.0), check("nulls", "b"))
spec = source(kind, columns, path=path, key=("id",), checks=checks)
store = Store(folder / f"store{size}")
ref = store.ingest(spec, chunk_rows=65536, piece_rows=16384)
assert ref.rows == size
assert sum(f.height for f in store.snapshots.read(ref)) == size
print()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak(folder: Path, size: int, kind: str) -> int:
    """Peak memory in MB of an ingest and a read of ``size`` rows."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(size), kind]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["parquet", pytest.param("csv", marks=pytest.mark.long)])
def test_four_times_the_rows_take_about_the_same_memory(tmp_path: Path, kind: str) -> None:
    small, large = peak(tmp_path / "small", 400_000, kind), peak(tmp_path / "large", 1_600_000, kind)
    # 1.2 million rows more are 70 MB of columns; keys (8 bytes a row) may take 10 of them.
    assert large - small < 60, (small, large)
