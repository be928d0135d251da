"""Makes a golden warehouse: a small company as one release leaves it, which every later one opens as it is.

``python -m tests.golden.make RELEASE`` makes ``tests/golden/RELEASE``: ``warehouse.tar.xz`` (conf, models,
data, database, artifacts, checkpoints, keys and trust files) and ``expected.json`` (what its people see in
it). Make one for each release, with its code, and never again: ``test_golden.py`` opens each with today's.

The keys in it are test keys. They are public, and open nothing else.

Nothing in it depends on where it lies or when it is opened. Paths in conf are relative; the archive has no
owners; what a machine remembers (caches, pages) is left out. Its clock stood in 2024, so that nothing in it
is of the future. Its models add and multiply and do nothing else, which is the same on every machine and in
every version of a language. What a later release may say better (sentences, pages) is not in
``expected.json``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
from sqlalchemy import select

from kronkers_batch.config.account import RECOVERY
from kronkers_batch.store.tables.snapshots import snapshots as table
from tests.e2e.company import ROOT
from tests.faults.departments import Departments

HERE = Path(__file__).parent
ARCHIVE, EXPECTED = "warehouse.tar.xz", "expected.json"
KEPT = ("conf", "models", "data", "homes", "var/warehouse.db", "var/artifacts", "var/checkpoints")
MODELS = ("buys", "refunds", "spends", "stays")
NEXT = "2024-01-16"  # nobody has scored it yet
PEOPLE = ("admin", "nightly", "ann", "vic", "dora", "rex", "recovery")
VERSION = ("version", "champion", "as_of", "created", "metrics", "why")
OUTPUT = ("output", "state", "head", "rows", "created", "by", "missed")
LEDGER = ("number", "at", "principal", "action", "subject", "on", "details")
EVENT = ("model", "task", "state", "found")

MODEL = """\
department: {department}
owner: {owner}
description: {name}, as they were in the golden warehouse
task: {task}
language: {language}
code: models/{name}/model.{suffix}
parameters: {{shift: 0}}
source: {source}
features: {features}
target: {target}
window: {{train: {train}, holdout: 1d, score: 1d, label_delay: 1d}}
promote: automatic
rows: independent
unseen: missing
thresholds: {thresholds}
"""
NO_THRESHOLD = "{training: {}, output: {rows: {min: 1}}}"


def model(name: str, **changes: str) -> str:
    """The YAML of a model."""
    fields = {
        "department": "support", "owner": "Bob", "task": "regression", "language": "python", "suffix": "py",
        "source": "visits", "features": "{x: float, colour: category}", "target": "z", "train": "5d",
        "thresholds": NO_THRESHOLD,
    }  # fmt: skip
    return MODEL.format(name=name, **(fields | changes))


FILES = {
    "conf/config.yaml": """\
defaults:
  - schema
  - warehouse: sqlite
  - executor: local
  - alerts: none
  - _self_
""",
    "conf/department/sales.yaml": "title: Sales\nowner: Ann\n",
    "conf/department/support.yaml": "title: Support\nowner: Bob\n",
    "conf/source/visits.yaml": """\
department: sales
shared_with: [support]
description: Visits to the shop
kind: csv
path: data/visits.csv
columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean, z: float}
key: [id]
time_column: at
checks:
  - {rows: {min: 1}}
""",
    "conf/source/buys_scores.yaml": """\
department: sales
shared_with: [support]
description: The scores of buys
kind: output
output: buys
columns: {id: integer, score: float}
key: [id]
""",
    "conf/source/scored.yaml": """\
department: support
description: Visits with the score of buys
kind: query
inputs: {visits: {source: visits}, buys: {source: buys_scores}}
query: select v.id, v.at, v.x, b.score as buys, v.z from visits v join buys b using (id)
columns: {id: integer, at: timestamp, x: float, buys: float, z: float}
key: [id]
time_column: at
""",
    "conf/model/buys.yaml": model(
        "buys", department="sales", owner="Ann", task="binary", target="y",
        thresholds="{training: {auc: {min: 0.6}}, output: {rows: {min: 5}, score: {min: 0, max: 1}}}",
    ),
    "conf/model/spends.yaml": model("spends", source="scored", features="[x, buys]", train="2d"),
    "conf/model/refunds.yaml": model("refunds", language="r", suffix="R"),
    "conf/model/stays.yaml": model(
        "stays", language="julia", suffix="jl",
        thresholds="{training: {skill: {min: 0}}, output: {score: {max: 500}}}",
    ),
    "models/buys/model.py": """\
import numpy as np


def fit(data, params):
    x, y = data["x"].to_numpy(), data["y"].to_numpy(dtype=float)
    return np.array([x[y == 1].mean(), x[y == 0].mean(), params["shift"]])


def score(model, data):
    middle = (model[0] + model[1]) / 2
    return np.clip(0.5 + (data["x"].to_numpy() - middle + model[2]) / 8, 0, 1)
""",
    "models/spends/model.py": """\
import numpy as np


def fit(data, params):
    return np.array([data["z"].mean() - 2 * data["x"].mean(), 2.0, data["buys"].mean()])


def score(model, data):
    return model[0] + model[1] * data["x"].to_numpy() + (data["buys"].to_numpy() - model[2]) / 16
""",
    "models/refunds/model.R": """\
fit <- function(data, params) c(mean(data$z) - 2 * mean(data$x), 2 + params$shift)
score <- function(model, data) model[1] + model[2] * data$x + (data$colour == "red") / 4
""",
    "models/stays/model.jl": """\
mean(x) = sum(x) / length(x)
fit(data, params) = [mean(data.z) - 2 * mean(data.x), 2.0]
score(model, data) = model[1] .+ model[2] .* data.x .+ (codes(data.colour) .== 1) ./ 4
""",
}  # fmt: skip


def visits(days: int = 18, a_day: int = 12) -> pl.DataFrame:
    """Rows from 2024-01-01; one of the 13th makes an output of stays too high."""
    rng = np.random.default_rng(11)
    n = days * a_day
    x = rng.integers(-3_000, 3_000, n) / 1_000
    x[12 * a_day + 5] = 1_000.25
    at = np.datetime64("2024-01-01T00:00:00") + np.arange(n) * np.timedelta64(86_400 // a_day, "s")
    return pl.DataFrame(
        {
            "id": np.arange(n) + 7_000,
            "at": at.astype("datetime64[us]"),
            "x": x,
            "colour": np.array(["blue", "green", "red"])[rng.integers(0, 3, n)],
            "y": x + rng.integers(-1_000, 1_000, n) / 1_000 > 0,
            "z": 2 * x + rng.integers(0, 100, n) / 100,
        }
    )


# ---------------------------------------------------------------- what happened in the company


@contextlib.contextmanager
def at(timestamp: str) -> Iterator[None]:
    """The present is another one: every time and every id of this process is of it."""
    began, present = time.perf_counter_ns(), dt.datetime.fromisoformat(timestamp + ":00+00:00")
    start = int(present.timestamp()) * 1_000_000_000
    with mock.patch("time.time_ns", side_effect=lambda: start + time.perf_counter_ns() - began):
        yield


def live(folder: Path) -> Departments:
    """The company after six nights, with all that happens to versions, outputs, people and keys."""
    admin = Departments(folder, "admin")
    admin.home.mkdir(parents=True)
    for name, text in FILES.items():
        admin.write(name, text)
    for group in ("warehouse", "executor", "alerts"):
        shutil.copytree(ROOT / "conf" / group, folder / "conf" / group)
    admin.data(visits())
    nightly = admin.by("nightly")
    with at("2024-01-11T04:00"):
        admin.run("run", "--date", "2024-01-10")
        admin.join("nightly", "approver", "sales", "support")
        admin.join("ann", "operator", "sales")
        admin.join("vic", "viewer", "support")
        admin.join("rex", "reader", "support")
        admin.join("dora", "reader", "sales/buys")
    with at("2024-01-12T04:00"):
        nightly.run("run", "--date", "2024-01-11")
    admin.edit("conf/model/buys.yaml", "shift: 0", "shift: 0.25")
    admin.edit("conf/model/refunds.yaml", "shift: 0", "shift: 0.5")
    admin.edit("conf/model/refunds.yaml", "promote: automatic", "promote: manual")
    with at("2024-01-13T04:00"):
        nightly.run("run", "--date", "2024-01-12")  # buys@2 is promoted; refunds@2 waits
        nightly.run("promote", "refunds@2", "--why", "it is steeper")
    with at("2024-01-13T05:00"):
        nightly.run("rollback", "refunds", "--why", "too steep")
    with at("2024-01-14T04:00"):
        nightly.run("run", "--date", "2024-01-13", code=1)  # the output of stays is held
        admin.run("access", "revoke", "rex", "support", "--why", "he left")
    broken = admin.folder / "data/visits.csv"
    with at("2024-01-15T04:00"):
        broken.write_text(broken.read_text() + "9999,2024-01-14T23:00:00,many,red,true,1\n")
        nightly.run("run", "--date", "2024-01-14", code=1)  # what was found is kept for readers
    admin.data(visits())
    with at("2024-01-16T04:00"):
        nightly.run("run", "--date", "2024-01-15")  # under the new keys
        admin.run("keys", "shred", "spends/2024-01-10#1", "--why", "asked for")
    shutil.copytree(admin.key_file.parent, admin.by("recovery").key_file.parent)
    next(admin.by("recovery").home.rglob(f"{RECOVERY}*")).replace(admin.by("recovery").key_file)
    return nightly


# ---------------------------------------------------------------- what its people see


def told(nightly: Departments) -> dict[str, Any]:
    """What every later release must show of it, as those see it who may. It reads, so the ledger grows."""
    outputs = [output["output"] for name in MODELS for output in nightly.json("outputs", name)]
    return {
        "ledger": listed(nightly.by("admin").json("ledger", "show"), LEDGER),
        "log": listed(nightly.json("log", "--date", "2024-01-14")["events"], EVENT),
        "versions": {name: listed(nightly.json("versions", name), VERSION) for name in MODELS},
        "outputs": {name: listed(nightly.json("outputs", name), OUTPUT) for name in MODELS},
        "champions": {name: nightly.json("live", name)["champion"] for name in MODELS},
        "champions then": nightly.json("live", "refunds", "--at", "2024-01-13T04:59:00Z")["champion"],
        "scores": {output: scores(nightly, output) for output in outputs},
        "snapshots": snapshots(nightly),
        "people": {who: rights(nightly.by(who)) for who in PEOPLE},
    }


def listed(rows: list[dict[str, Any]], keys: tuple[str, ...]) -> list[list[Any]]:
    """Of rows that a command prints, what is stored as it was."""
    return [[row[key] for key in keys] for row in rows]


def scores(person: Departments, output: str) -> list[list[Any]]:
    """The rows of one version of an output, whether readers see it or it is held."""
    name, _, rest = output.partition("/")
    date, _, number = rest.partition("#")
    rows = person.rows("read", name, "--date", date, "--version", number, "--limit", "1000")
    return [list(row.values()) for row in rows]


def snapshots(person: Departments) -> dict[str, list[Any]]:
    """Of each snapshot its source, its number of rows and a digest of them."""
    found = {}
    with person.opened() as services:
        with services.db.read() as conn:
            ids = conn.execute(select(table.c.id).order_by(table.c.id)).scalars().all()
        for snapshot_id in ids:
            ref = services.snapshots.get(snapshot_id)
            rows = [row for frame in services.snapshots.read(ref) for row in frame.iter_rows()]
            digest = hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()
            found[snapshot_id] = [ref.source, len(rows), digest]
    return found


def rights(person: Departments) -> dict[str, Any]:
    """Somebody's roles, and with which exit codes they list and read a model of each department."""
    asked = [(word, name) for name in ("buys", "refunds") for word in ("versions", "read")]
    return {
        "roles": person.json("access", "whoami")["roles"],
        **{f"{word} {name}": person.run(word, name, code=None).returncode for word, name in asked},
    }


def scored_next(nightly: Departments) -> dict[str, list[list[Any]]]:
    """Scores a date that nobody has scored, with the champions that are there."""
    nightly.run("run", "--date", NEXT)
    return {name: scores(nightly, f"{name}/{NEXT}#1") for name in MODELS}


# ---------------------------------------------------------------- the archive


def pack(folder: Path, archive: Path) -> None:
    """What is kept of a company; without owners and times, which are those of the machine that made it."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if Path(member.name).name in (".cache", ".lock"):
            return None
        member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
        member.mtime = int(dt.datetime(2024, 1, 16, tzinfo=dt.UTC).timestamp())
        return member

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for name in KEPT:
            packed.add(folder / name, name, filter=plain)


def unpack(archive: Path, folder: Path) -> Departments:
    """The company in a new folder, closed to everybody but who runs this, as the nightly service sees it."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return Departments(folder, "nightly")


def main() -> None:
    """Make the golden warehouse of a release."""
    (release,) = sys.argv[1:]
    kept = HERE / release
    kept.mkdir()
    with tempfile.TemporaryDirectory() as made:
        live(Path(made) / "live")
        pack(Path(made) / "live", kept / ARCHIVE)
        company = unpack(kept / ARCHIVE, Path(made) / "copy")
        expected = told(company) | {"next": scored_next(company), "python": list(sys.version_info[:2])}
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in expected.items())
    (kept / EXPECTED).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
