"""A first night that is killed right after any durable step: the next run ends as if nothing had happened.

What a night without a crash leaves is the oracle: the same scores for readers, one version a date, the same
champions. The ledger verifies, and nothing is half there once what was left is old enough to be swept.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from kronkers_batch.access import setup
from kronkers_batch.config.account import RECOVERY, RECOVERY_DRAFT
from kronkers_batch.registry import records
from kronkers_batch.store.tables.outputs import output_versions
from kronkers_batch.store.tables.registry import model_versions
from kronkers_batch.store.tables.snapshots import snapshots
from kronkers_batch.store.tables.vault import data_keys
from kronkers_batch.vault import pin
from tests.e2e.company import Project
from tests.faults.crashing import crashed

SHARES = 6  # of all steps: each is a test, and they run side by side


@dataclass(frozen=True)
class Night:
    """A night of some models: how many steps it has, and what it leaves where nothing happens."""

    models: tuple[str, ...]
    steps: int
    seen: dict[str, Any]


def fresh(folder: Path) -> Project:
    """A company in which nothing has run yet."""
    made = Project(folder / "company")
    made.folder.mkdir(parents=True)
    made.make()
    return made


def seen(project: Project, models: Sequence[str]) -> dict[str, Any]:
    """What readers and approvers see of some models."""
    return {
        model: {
            "scores": project.rows("read", model, "--limit", "100000"),
            "outputs": [
                [output[key] for key in ("output", "state", "head", "rows", "by")]
                for output in project.json("outputs", model)
            ],
            "versions": [
                [version[key] for key in ("version", "champion", "verdict")]
                for version in project.json("versions", model)
            ],
        }
        for model in models
    }


def night(folder: Path, *models: str) -> Night:
    """The same night without a crash."""
    project = fresh(folder)
    return Night(models, crashed(project, 0, "run", *models), seen(project, models))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Of one model."""
    return night(tmp_path_factory.mktemp("small"), "buys")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Of two models, of which one reads the other's scores of three earlier dates."""
    return night(tmp_path_factory.mktemp("whole"), "buys", "spends")


def half_there(project: Project) -> Iterator[str]:
    """What a killed run left and nobody takes away, although it is old enough to be swept."""
    with project.opened() as services:
        services.snapshots.sweep(dt.timedelta())
        services.registry.sweep(dt.timedelta())
        with services.db.read() as conn:
            for table in (snapshots, output_versions, model_versions):
                for row in conn.execute(select(table).where(table.c.state == "writing")):
                    yield f"{table.name}: {row.id} is being written"
            known = {row.id for table in (snapshots, model_versions) for row in conn.execute(select(table))}
            for key in conn.execute(select(data_keys).where(data_keys.c.shredded.is_(None))):
                if key.kind in ("snapshot", "artifact") and key.version_id not in known:
                    yield f"a key of no {key.kind}"
        for path in services.artifacts.list(""):
            if not known & set(path.split("/")):
                yield f"{path} of the artifact store"
        trusted = [one.warehouse for one in pin.every(services.config.key_file.parent / "trust.json")]
    recovery = list(project.home.rglob(f"{RECOVERY}*"))
    if not len(recovery) == len(trusted) == 1:
        yield f"{len(recovery)} recovery keys, {len(trusted)} trusted warehouses"
    for path in project.folder.rglob(".*"):
        if path.is_file() and path.name != ".lock":
            yield str(path)


def wrong_after(folder: Path, planned: Night, step: int) -> list[str]:
    """What differs from the night without a crash when it is killed after a step and run again."""
    project = fresh(folder)
    crashed(project, step, "run", *planned.models)
    again = project.run("run", *planned.models, code=None)
    found = [] if again.returncode == 0 else [f"exit code {again.returncode}: {again.stdout}{again.stderr}"]
    for model, expected in planned.seen.items():
        got = seen(project, [model])[model]
        found += [f"{model}: other {what}: {got[what]}" for what in expected if got[what] != expected[what]]
    verified = project.run("ledger", "verify", code=None)
    found += [verified.stderr] if verified.returncode else []
    return [f"after step {step}: {what}" for what in [*found, *half_there(project)]]


def test_killed_in_the_middle_of_a_small_night(small, tmp_path):
    """Every point of a larger night is long: they differ only in which step was the last."""
    assert not wrong_after(tmp_path, small, small.steps // 2)


def test_the_recovery_key_is_told_of_although_the_first_run_was_killed(tmp_path, monkeypatch):
    project = fresh(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(setup, "finish", lambda *_, **__: "")  # killed between the commit and this
        assert "MOVE-OFFLINE" not in project.run("access", "list").stderr
    (draft,) = project.home.rglob(f"{RECOVERY_DRAFT}*")
    assert "MOVE-OFFLINE" in project.run("access", "list").stderr
    assert not draft.exists()
    assert "MOVE-OFFLINE" not in project.run("access", "list").stderr


def test_what_was_left_is_swept_by_a_run(company, monkeypatch):
    pages = [company.folder / "var" / name for name in ("reports/runs/.unfinished-1", "cache/.unfinished-2")]
    for path in pages:
        path.touch()
        os.utime(path, (0, 0))
    young = pages[0].with_name(".unfinished-3")
    young.touch()
    with company.opened() as services, monkeypatch.context() as patch:
        patch.setattr(records, "insert_version", lambda *_: pytest.fail("killed"))
        version = services.registry.get("buys", 1)
        with pytest.raises(pytest.fail.Exception):
            services.registry.record(version.training, b"a model")
        (left,) = [p for p in services.artifacts.list("artifacts/sales/buys") if version.id not in p]
        long_ago = update(data_keys).where(data_keys.c.version_id == Path(left).name)
        with services.db.write() as conn:
            conn.execute(long_ago.values(created=data_keys.c.created - 2 * 86_400_000_000))
    company.run("run")
    with company.opened() as services:
        assert left not in services.artifacts.list("")
    assert [path.exists() for path in (*pages, young)] == [False, False, True]


ENDING = ("run", "buys", "--date", "2024-01-21", "--delete-expired", "warehouse.keep_snapshots=1s")
"""A second night, which lets the rows expire that the first one scored; not those that it was trained on."""


def wrong_after_expiry(folder: Path, first: Project, step: int) -> list[str]:
    """What is wrong after a second night that is killed after a step, and the next one after it."""
    shutil.copytree(first.folder, folder / "company")
    project = Project(folder / "company")
    crashed(project, step, *ENDING)
    done = [project.run("ledger", "verify", code=None), project.run(*ENDING, code=None)]
    done.append(project.run("ledger", "verify", code=None))
    found = [one.stdout + one.stderr for one in done if one.returncode]
    with project.opened() as services, services.db.read() as conn:
        (kept,) = conn.execute(select(model_versions.c.snapshot_id)).scalars().all()
        there = {row.id: row.state for row in conn.execute(select(snapshots))}
        lines = [one for one in services.ledger.entries(conn) if one.action == "discard"]
    if there.get(kept) != "ready":
        found.append("what the champion was trained on is gone")
    if not lines or any((line.details or {})["id"] in there for line in lines):
        found.append(f"{len(lines)} expired, and there is {there}")
    return [f"after step {step}: {what}" for what in [*found, *half_there(project)]]


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int]:
    """After a first night, and how many steps the second one has."""
    folder = tmp_path_factory.mktemp("second")
    project = fresh(folder)
    project.run("run", "buys", "--date", "2024-01-20")
    shutil.copytree(project.folder, folder / "copy/company")
    return project, crashed(Project(folder / "copy/company"), 0, *ENDING)


def test_killed_while_snapshots_expire(second, tmp_path):
    """In the middle of it. Every other point is long."""
    project, steps = second
    assert not wrong_after_expiry(tmp_path, project, steps - 8)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_at_every_point_of_an_end(second, tmp_path):
    project, steps = second
    wrong = []
    for step in range(1, steps):
        wrong += wrong_after_expiry(tmp_path / str(step), project, step)
    assert not wrong


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_point_of_a_night(whole, tmp_path, share):
    assert whole.steps > 70
    wrong: list[str] = []
    for step in range(1 + share, whole.steps + 1, SHARES):
        wrong += wrong_after(tmp_path / str(step), whole, step)
        shutil.rmtree(tmp_path / str(step))
    assert not wrong
