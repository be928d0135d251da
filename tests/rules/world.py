"""A small real project for tests of rules: one department, one model of a few lines, a real warehouse.

Versions and outputs are put there as a night would, with the times, metrics and fingerprints that a rule is
about. Nothing stands in for a part of the program; where a rule is about a model's process, one is started.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from kronkers_batch.access.authorisation import authorise_all
from kronkers_batch.bootstrap import open_system
from kronkers_batch.config.fingerprint import scoring_definition
from kronkers_batch.config.spec import ModelSpec, Origin, Threshold
from kronkers_batch.declared.declaration import declaration, read_code
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import scoring_window
from kronkers_batch.digests import scoring_digest
from kronkers_batch.facts.gather import gather
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.pipeline.ingest import source_identity
from kronkers_batch.planning.decide import decide
from kronkers_batch.planning.facts import Facts
from kronkers_batch.planning.plan import Plan, Score
from kronkers_batch.registry.training import Golden, ModelVersion, Training
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.session.services import Services
from kronkers_batch.vault import grants, keyfile
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.warehouse.versions import OutputVersion
from tasks import run_services
from tasks.base_task import BaseTask, task_of

ROOT = Path(__file__).parents[2]
DAY = dt.date(2024, 1, 20)
MODEL, READER = "price", "reader"
HERE = Origin("conf/model/price.yaml", 7, "thresholds")

FILES = {
    "conf/config.yaml": """\
defaults:
  - schema
  - warehouse: sqlite
  - executor: local
  - alerts: none
  - _self_
executor: {piece_rows: 1024, chunk_rows: 1024}
""",
    "conf/department/sales.yaml": "owner: Ann\n",
    "conf/source/offers.yaml": """\
department: sales
kind: csv
path: data/offers.csv
columns: {id: integer, at: timestamp, x: float, n: integer, g: string, y: float}
key: [id]
time_column: at
""",
    "conf/source/still.yaml": """\
department: sales
kind: csv
path: data/offers.csv
columns: {id: integer, at: timestamp, x: float, n: integer, g: string, y: float}
key: [id]
""",
    "conf/model/price.yaml": """\
department: sales
owner: Ann
language: python
data: numpy
task: regression
code: models/price/model.py
source: offers
features: {x: float, n: float}
target: y
window: {train: 10d, holdout: 3d, score: 1d, label_delay: 2d}
""",
    "conf/model/reader.yaml": """\
department: sales
owner: Ann
language: python
data: numpy
task: regression
code: models/price/model.py
source: {output: price}
features: {id: float}
target: score
window: {train: 3d, holdout: 1d, score: 1d, label_delay: 1d}
""",
    "models/price/model.py": """\
import numpy as np


def fit(data, params):
    return float(np.mean(data["y"]))


def score(model, data):
    return data["x"] + model
""",
}


def offers(days: int = 24, rows: int = 6) -> pl.DataFrame:
    """Rows of consecutive days from 2024-01-01; the same every time."""
    count = days * rows
    first = dt.datetime(2024, 1, 1, 12)
    return pl.DataFrame(
        {
            "id": range(count),
            "at": [first + dt.timedelta(days=i // rows) for i in range(count)],
            "x": [float(i % 7) for i in range(count)],
            "n": [i % 5 for i in range(count)],
            "g": ["ab"[i % 2] for i in range(count)],
            "y": [float(i % 7) + 1 for i in range(count)],
        }
    )


class World:
    """The project in a folder, opened as its administrator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = self.open()

    @staticmethod
    def make(folder: Path) -> None:
        """A project before its first run; :func:`open` is that run."""
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        for group in ("warehouse", "executor", "alerts"):
            shutil.copytree(ROOT / "conf" / group, folder / "conf" / group)
        write(folder, offers())

    def open(self, *overrides: str, **options: Any) -> Services:
        """Another process's view of it."""
        services = open_system(self.folder / "conf", overrides, first_run=True, **options)
        authorise_all(services, services.config.models)
        return services

    def close(self) -> None:
        run_services._open.clear()
        self.services.close()

    def rows(self, frame: pl.DataFrame) -> None:
        """What the source holds from now on."""
        write(self.folder, frame)

    def spec(self, name: str = MODEL, **changes: Any) -> ModelSpec:
        """The model, declared with these changes from now on. A change of the definition is another one."""
        services = self.services
        changed = replace(services.config.models[name], **changes)
        models = {**services.config.models, name: changed}
        services.config = replace(services.config, models=models)
        services.run = Run()
        authorise_all(services, models)
        return changed

    # ------------------------------------------------------------ what a night decides

    def facts(self, date: dt.date = DAY, *names: str) -> Facts:
        """What a run of these models, or of the one, knows at its start."""
        return gather(self.services, date, names or (MODEL,), running=True, asked=True)

    def plan(self, date: dt.date = DAY, *names: str) -> Plan:
        """What that run does. The graph's tasks of this process are of it from now on."""
        self.services.run.plan = decide(self.facts(date, *names))
        run_services.provide(self.folder / "conf", (), self.services)
        return self.services.run.plan

    def score(self, date: dt.date = DAY) -> Score:
        """What a run does about the scores of a date."""
        found = self.plan(date).entries[f"score {MODEL}/{date}"]
        assert isinstance(found, Score)
        return found

    def task(self, key: str) -> BaseTask:
        """The task of the plan that was made last."""
        plan = self.services.run.plan
        assert plan is not None
        common = {"conf": str(self.folder / "conf"), "overrides": (), "run_id": "", "plan_id": "a plan"}
        return task_of(plan.entries[key], common, plan)

    # ------------------------------------------------------------ who works here

    def join(self, name: str, role: Role, scope: Scope) -> None:
        """Lets somebody in, who from now on is the one who works here."""
        services, folder = self.services, self.services.config.key_file.parent
        identity = Identity.generate(name)
        keyfile.create(folder / f"{name}.key", identity)
        vault = services.vault
        with services.db.write() as connection:
            vault.trust.add_principal(connection, vault.identity, identity.id, name, identity.public)
            grants.grant(vault.ring, connection, name, scope, role)
        self.act_as(folder / f"{name}.key")

    def act_as(self, key_file: Path) -> None:
        """From now on, whose key this is works here."""
        self.services.close()
        self.services = self.open(f"key_file={key_file}")

    # ------------------------------------------------------------ what a night leaves

    def version(
        self,
        date: dt.date = DAY,
        *,
        metrics: Mapping[str, float] | None = None,
        missed: Iterable[str] = (),
        definition: str = "",
        again: bool = False,
        champion: bool = False,
        artifact: bytes = b"a model",
        **fields: Any,
    ) -> ModelVersion:
        """A version as a training as of a date records it; of today's definition, unless one is named.

        ``again`` is a repetition of a definition that was trained before; ``champion`` promotes it.
        """
        model, today = self.services.model(MODEL), define(self.services, self.services.model(MODEL))
        told = {
            "model": MODEL,
            "department": model.department,
            "logical_date": date,
            "window": {"start": None, "end": None},
            "fingerprint": (definition or today.training) + (f"@{date}" if again else ""),
            "definition": today.flat if not definition else {**today.flat, "parameters.a": definition},
            "definition_fingerprint": definition or today.training,
            "fingerprints": {},
            "snapshot_id": "",
            "metrics": {"r2": 0.5} if metrics is None else metrics,
            "naive": 0.0,
            "parameters": {},
            "rows": {},
            "features": Schema(tuple(Column(f.name, f.type) for f in model.features)),
            "target": model.target,
            "golden": pl.DataFrame(),
            "runtime": {},
            "overrides": (),
            "verdict": tuple(missed),
            "why": "for a test",
            "run_id": "",
            "declaration": declaration(model, read_code(self.services, model)),
        }
        told |= fields
        told["golden"] = Golden.of(told["golden"])
        version = self.services.registry.record(Training(**told), artifact)
        if champion:
            self.promote(version)
        return version

    def promote(self, version: ModelVersion) -> None:
        self.services.registry.promote(version.model, version.number, why="for a test", force=True)

    def output(
        self,
        version: ModelVersion,
        date: dt.date = DAY,
        *,
        stats: Mapping[str, float] | None = None,
        missed: Iterable[str] = (),
        failed_checks: Iterable[str] = (),
    ) -> OutputVersion:
        """An output as scoring a date with a version leaves it: held where something is missed."""
        model = self.services.model(version.model)
        schema = Schema((Column("id", ColumnType.INTEGER), Column("score", ColumnType.FLOAT)))
        window = scoring_window(model, source_of(self.services, model.source), date)
        identity = source_identity(self.services, model.source, window)
        scoring = scoring_definition(model, self.services.config.sources)
        fingerprint = scoring_digest(scoring, version.id, identity)
        department = model.department
        writer = self.services.warehouse.begin(version.model, department, date, fingerprint, schema, ["id"])
        writer.put(0, pl.DataFrame({"id": [1, 2], "score": [0.25, 0.75]}))
        lineage = {"model_version": version.ref, "failed_checks": list(failed_checks)}
        values = {"rows": 2.0, "score.min": 0.25, "score.max": 0.75} if stats is None else stats
        return writer.finish(lineage, values, (*missed, *failed_checks))


def write(folder: Path, frame: pl.DataFrame) -> None:
    (folder / "data").mkdir(exist_ok=True)
    frame.write_csv(folder / "data/offers.csv", datetime_format="%Y-%m-%dT%H:%M:%S")


def threshold(name: str, low: float | None = None, high: float | None = None) -> Threshold:
    return Threshold(name, low, high, HERE)


def after(days: int) -> dt.date:
    """A date so many days after :data:`DAY`."""
    return DAY + dt.timedelta(days=days)
