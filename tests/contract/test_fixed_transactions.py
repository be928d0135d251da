"""What a whole command asks of the database: as much for many models as for few, also where they are signed.

Counted are statements, and the transactions that begin with them.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from kronkers_batch.cli.main import main
from kronkers_batch.store import exact
from tests.benchmarks import many_models
from tests.benchmarks.recorded import record_others

FEW, MANY = 2, 12
SIGNING = (["--all"], ["--root"], ["--require"])
READS = 8
"""Read transactions at most of a run's start and end, and of a model that is scored."""
OF_FACTS = 1


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How many of what began while the block ran: ``reads``, ``writes`` and ``statements``."""
    found: Counter[str] = Counter()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        kind = {"BEGIN": "reads", "BEGIN IMMEDIATE": "writes"}.get(statement, "statements")
        found[kind] += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def counts(folder: Path, command: str) -> Counter[str]:
    os.environ["KRONKERS_KEY_FILE"] = str(folder / "keys" / "identity.key")
    with counted() as found, pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_SECONDS", 600.0)  # else a slow machine looks at the schema once more
        assert main([command, "--conf", str(folder / "conf")]) == 0
    return found


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Path]]:
    """Projects of signed models by how many they are; a night of each is done."""
    made: dict[int, Path] = {}
    before = os.environ.get("KRONKERS_KEY_FILE")
    for count in (FEW, MANY):
        folder = made[count] = tmp_path_factory.mktemp(str(count))
        os.environ["KRONKERS_KEY_FILE"] = str(folder / "keys" / "identity.key")
        conf = ["--conf", str(folder / "conf")]
        many_models.alike(folder, count)
        assert main(["plan", *conf]) == 0
        for what in SIGNING:
            assert main(["sign", *what, "--yes", "--why", "a test", *conf]) == 0
        assert main(["run", "alike_0000", *conf]) == 0
        record_others(folder / "conf", "alike_0000")
        assert main(["run", *conf]) == 0
    yield made
    os.environ.pop("KRONKERS_KEY_FILE")
    if before is not None:
        os.environ["KRONKERS_KEY_FILE"] = before


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_command_asks_as_much_for_many_models_as_for_few(places, command):
    few, many = (counts(places[count], command) for count in (FEW, MANY))
    assert few == many


def test_a_run_with_nothing_to_do_reads_few_timestamps(places):
    """Each reading transaction is a time of its own, which another process's work may lie between."""
    found = counts(places[MANY], "run")
    assert found["reads"] - OF_FACTS <= READS


def test_a_plan_is_of_one_read(places):
    """Beside it stand the looks at the schema, at who asks, and at what was left unfinished."""
    assert counts(places[MANY], "plan")["reads"] == 4


def test_a_scored_model_takes_few_read_transactions(places):
    folder = places[FEW]
    os.environ["KRONKERS_KEY_FILE"] = str(folder / "keys" / "identity.key")
    conf = ["--conf", str(folder / "conf")]
    nothing = counts(folder, "run")
    with counted() as found:
        day = dt.date(2024, 2, 20)
        assert main(["run", "alike_0000", "--date", str(day), *conf]) == 0
    assert found["reads"] - nothing["reads"] <= READS


LOOK = """\
import sys
from kronkers_batch.cli.main import main
from kronkers_batch.store import exact
for command in (["plan"], ["models"], ["outputs", "alike_0000"], ["versions", "alike_0000"]):
    assert main([*command, "--conf", sys.argv[1]]) == 0
print("loaded:", *(name for name in ("polars", "numpy", "duckdb", "luigi") if name in sys.modules))
"""


def test_who_looks_loads_no_frames_and_no_graph(places):
    """They take as long to import as such a command takes in all."""
    folder = places[FEW]
    environment = os.environ | {"KRONKERS_KEY_FILE": str(folder / "keys" / "identity.key")}
    command = [sys.executable, "-c", LOOK, str(folder / "conf")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("loaded:")
