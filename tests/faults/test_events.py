"""Events and what they tell stand or fall together; subscribers and lost claims do no harm."""

from __future__ import annotations

import ast
import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

import tasks.base_task
from kronkers_batch import subscribers
from kronkers_batch.access.authorisation import authorise_all
from kronkers_batch.audit import commits, runlog
from kronkers_batch.data import sources
from kronkers_batch.data.window import Window
from kronkers_batch.declared.declaration import as_trained, read_code
from kronkers_batch.declared.workers import worker_spec
from kronkers_batch.events import event_log as structured
from kronkers_batch.events import outbox
from kronkers_batch.events.types import Event, Kind
from kronkers_batch.pipeline import score
from kronkers_batch.pipeline.champion import open_champion
from kronkers_batch.pipeline.golden import unpacked
from kronkers_batch.runtimes.model_worker import start
from kronkers_batch.store import pending
from kronkers_batch.store.engine import Database
from kronkers_batch.store.tables.runs import events, runs
from tests.faults.departments import Departments

ROOT = Path(__file__).parents[2]
NEXT = "2024-01-21"


def posted(company: Departments, after: int = 0) -> list[outbox.Posted]:
    """Every event, in order."""
    with company.opened() as services, services.db.read() as conn:
        return outbox.after(conn, after, 10_000)


def newest(company: Departments) -> int:
    return posted(company)[-1].position


def lines(company: Departments) -> list[dict[str, object]]:
    """The structured log."""
    text = structured.path_in(company.folder / "var").read_text()
    return [json.loads(line) for line in text.splitlines()]


# ---------------------------------------------------------------- in the transaction of what it tells


def test_what_changes_what_people_see_is_told_though_nothing_is_recorded_afterwards(company, monkeypatch):
    before = newest(company)
    monkeypatch.setattr(tasks.base_task.BaseTask, "_record", lambda *_: None)
    company.run("run", "--date", NEXT)
    company.run("train", "buys", "--date", NEXT, "--force")
    company.run("rollback", "buys", "--why", "too bold")
    company.run("promote", "buys@2", "--why", "not so bold")
    company.run("keys", "shred", f"buys/{NEXT}#1", "--why", "asked for", code=3)  # nightly is no admin
    company.by("admin").run("keys", "shred", f"buys/{NEXT}#1", "--why", "asked for")
    told = [(e.kind, e.subject, bool(e.run)) for e in posted(company, before)]
    for wanted in (
        ("published", f"buys/{NEXT}#1", True),
        ("published", f"leavers/{NEXT}#1", True),
        ("trained", "buys@2", True),
        ("promoted", "buys@2", True),
        ("rolled back", "buys@1", False),
        ("promoted", "buys@2", False),
        ("shredded", f"buys/{NEXT}#1", False),
    ):
        assert told.count(wanted) == 1, (wanted, told)
    frozen = [e for e in posted(company, before) if e.kind == Kind.INGESTED]
    assert {e.model for e in frozen} == {"visits", "people"}
    assert {e.who for e in posted(company, before)} == {"nightly", "admin"}
    positions = [e.position for e in posted(company)]
    assert positions == list(range(1, len(positions) + 1))


@pytest.mark.parametrize("kind", ["ingested", "published", "judged anew", "trained", "rolled back"])
def test_what_no_event_can_tell_is_not_done(company, monkeypatch, kind):
    if kind == "rolled back":
        company.run("train", "buys", "--force")
    if kind == "judged anew":
        company.edit("conf/model/buys.yaml", "rows: {min: 5}", "rows: {min: 500}")
    record_in = runlog.record_in

    def refuse(services, connection, run_id, department, event, found=""):
        if event.kind == kind:
            raise sqlite3.OperationalError("no event")
        record_in(services, connection, run_id, department, event, found)

    def state() -> list[object]:
        with closing(sqlite3.connect(company.folder / "var/warehouse.db")) as database:
            return [
                database.execute(query).fetchall()
                for query in (
                    "select model, logical_date, action from output_log where model = 'buys'",
                    "select model, number from model_versions where model = 'buys'",
                    "select model, action from champions where model = 'buys'",
                    "select source from snapshots where state = 'ready' and source = 'visits'",
                )
            ]

    monkeypatch.setattr(runlog, "record_in", refuse)
    before = state()
    if kind == "rolled back":
        company.run("rollback", "buys", "--why", "no", code=1)
    elif kind == "trained":
        company.run("train", "buys", "--force", code=1)
    elif kind == "judged anew":
        company.run("run", "buys", code=1)
    else:
        company.run("run", "buys", "--date", NEXT, code=1)
    after = state()
    if kind == "published":  # its data was frozen before
        before, after = before[:3], after[:3]
    assert after == before


def test_every_call_that_changes_what_people_see_hands_an_event_down():
    names = {"record", "promote", "rollback", "judge", "expire", "shred", "ingest"}
    rooms = {"registry", "warehouse", "snapshots"}
    found = []
    for path in (*(ROOT / "kronkers_batch").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            function = call.func
            if isinstance(function, ast.Attribute) and function.attr in names:
                owner = function.value
                if isinstance(owner, ast.Attribute) and owner.attr in rooms:
                    found.append((path.name, function.attr))
                    assert "event" in {keyword.arg for keyword in call.keywords}, (path, call.lineno)
    assert {name for _, name in found} == names


def test_a_killed_run_is_told_of_and_its_page_is_written_by_the_next(company, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(subscribers, "tell", lambda _services: ([], {}))  # killed before this
        first = company.json("run", "--date", NEXT)["run"]
    page = company.folder / f"var/reports/runs/{first}.html"
    assert not page.exists()
    with company.opened() as services, services.db.write() as conn:  # and another before its end
        dead = {"id": "0" * 26, "logical_date": NEXT, "started": 1, "state": "running", "trigger": "command"}
        conn.execute(runs.insert().values(**dead, token=1))
    before = newest(company)
    company.run("run", "buys", "--date", NEXT)
    assert page.exists()
    (interrupted,) = [e for e in posted(company, before) if e.kind == Kind.INTERRUPTED]
    assert (interrupted.run, interrupted.next) == ("0" * 26, f"kronkers run --date {NEXT}")
    with company.opened() as services, services.db.read() as conn:
        row = conn.execute(select(runs).where(runs.c.id == "0" * 26)).one()
    assert (row.state, row.token) == ("interrupted", 2)


def test_a_model_that_is_well_again_is_told_once(company):
    company.edit("models/buys/model.py", "def score", "raise ValueError('no')\n\n\ndef score")
    company.run("run", "--date", NEXT, code=1)
    company.edit("models/buys/model.py", "raise ValueError('no')\n\n\ndef score", "def score")
    before = newest(company)
    for _ in range(2):
        company.run("run", "--date", NEXT)
    recovered = [e.model for e in posted(company, before) if e.kind == Kind.RECOVERED]
    assert sorted(recovered) == ["buys", "leavers"]  # both have the same code


# ---------------------------------------------------------------- the structured log


def test_the_log_has_a_line_for_each_event_and_no_word_of_any_data(company):
    before = newest(company)
    company.edit("conf/model/buys.yaml", "rows: {min: 5}", "rows: {min: 500}")
    with (company.folder / "data/visits.csv").open("a") as file:
        file.write(f"987654,{NEXT}T23:00:00,zebracrossing,red,true\n")
    company.run("run", "--date", NEXT, code=1)
    company.run("rollback", "buys", "--why", "zebra stripes", code=2)
    told = lines(company)
    assert [line["position"] for line in told][-len(posted(company, before)) :] == [
        e.position for e in posted(company, before)
    ]
    assert all(list(line) == list(structured.FIELDS) for line in told)
    text = structured.path_in(company.folder / "var").read_text()
    assert "zebra" not in text
    assert "987654" not in text
    failed = [line for line in told if line["kind"] == "failed"]
    assert failed
    assert {line["next"] for line in failed} == {f"kronkers log --date {NEXT}"}


def test_a_log_that_cannot_be_written_is_a_warning(company):
    path = structured.path_in(company.folder / "var")
    path.unlink()
    path.mkdir()
    done = company.run("run", "--date", NEXT)
    assert "log: not written yet; the next run tries again." in done.stderr
    assert "report: " in done.stdout
    path.rmdir()
    before = newest(company)
    assert company.run("run", "--date", NEXT).stderr == ""
    assert before in [line["position"] for line in lines(company)]


# ---------------------------------------------------------------- claims of runs


def test_a_run_that_was_taken_over_publishes_nothing_more_and_says_so(company, monkeypatch):
    begin = score.scoring_window

    def taken(model, *rest):
        with closing(sqlite3.connect(company.folder / "var/warehouse.db")) as database:
            database.execute("update runs set token = token + 1 where state = 'running'")
            database.commit()
        return begin(model, *rest)

    before = newest(company)
    monkeypatch.setattr(score, "scoring_window", taken)
    done = company.run("run", "--date", NEXT, code=4)
    assert "another process took this run over" in done.stderr
    assert "kronkers runs" in done.stderr
    kinds = [e.kind for e in posted(company, before)]
    assert "published" not in kinds
    assert "ended" not in kinds
    monkeypatch.setattr(score, "scoring_window", begin)
    assert company.states("--date", NEXT) == {"buys": "published", "leavers": "published"}


def test_no_worker_is_waited_for_inside_a_write_transaction(company):
    with company.opened() as services:
        authorise_all(services, ["buys"])
        version, model = services.registry.get("buys", 1), services.model("buys")
        with (
            services.db.write(),
            pytest.raises(RuntimeError, match="the start of a worker is waited for inside"),
        ):
            start(
                worker_spec(
                    services, replace(model, model=read_code(services, model)), version.training.features
                )
            )
        rows, _ = next(iter(unpacked(version.training.golden.rows)))
        with open_champion(services, as_trained(model, version), version) as worker:
            with services.db.write(), pytest.raises(RuntimeError, match="a worker is waited for inside"):
                worker.score(rows)
            assert worker.score(rows).height == rows.height


def test_no_source_is_waited_for_inside_a_write_transaction(company):
    with company.opened() as services:
        source, window = services.source("visits"), Window(None, None)
        rest = {"sources": services.config.sources, "places": services.places, "chunk_rows": 1000}
        with services.db.write(), pytest.raises(RuntimeError, match="a source is waited for inside"):
            sources.read(source, window, None, **rest)
        assert next(sources.read(source, window, None, **rest)).height


# ---------------------------------------------------------------- what is pending


def test_keys_that_a_reader_keeps_in_the_log_are_told_of_until_they_are_gone(company, monkeypatch):
    monkeypatch.setattr(Database.scrub, "__defaults__", (0.1,))  # how long it waits is not asked here
    admin = company.by("admin")
    database = company.folder / "var/warehouse.db"
    with closing(sqlite3.connect(database)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from runs").fetchall()
        shredded = admin.json("keys", "shred", "buys/2024-01-20#1", "--why", "asked for")
        assert "still in the write-ahead log" in shredded["warning"]
        for words in (("models",), ("run", "--date", NEXT)):
            assert "deleted keys are still in the write-ahead log" in company.run(*words).stderr
        reader.rollback()
    assert company.run("models").stderr == ""
    with company.opened() as services, services.db.read() as conn:
        assert not pending.is_marked(conn, pending.SCRUB)


def test_keys_are_pending_from_the_transaction_that_deletes_them(company, monkeypatch):
    admin = company.by("admin")
    with monkeypatch.context() as patch:
        patch.setattr(Database, "scrub", lambda _self: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            admin.run("keys", "shred", "buys/2024-01-20#1", "--why", "asked for")
    with company.opened() as services, services.db.read() as conn:
        assert pending.is_marked(conn, pending.SCRUB)
    company.run("models")
    with company.opened() as services, services.db.read() as conn:
        assert not pending.is_marked(conn, pending.SCRUB)


# ---------------------------------------------------------------- the commit of the definitions


def git(company: Departments, *words: str) -> str:
    who = ["-c", "user.name=Ann Smith", "-c", "user.email=ann@example.org"]
    done = subprocess.run(
        ["git", *who, *words], cwd=company.folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def started(company: Departments) -> outbox.Posted:
    return [e for e in posted(company) if e.kind == Kind.STARTED][-1]


def test_a_run_tells_of_which_commit_its_definitions_are(company):
    assert started(company).commit is None
    git(company, "init", "--quiet")
    git(company, "add", "conf", "models")
    git(company, "commit", "--quiet", "--message", "first")
    company.run("run", "--date", NEXT)
    commit = started(company).commit
    assert commit is not None
    assert (commit.id, commit.author, commit.clean) == (git(company, "rev-parse", "HEAD"), "Ann Smith", True)
    last = [line for line in lines(company) if line["kind"] == "started"][-1]
    assert last["commit"] == {"id": commit.id, "author": "Ann Smith", "clean": True}
    assert company.json("runs", "--limit", "1")[0]["commit"]["author"] == "Ann Smith"


def test_a_version_tells_of_which_commit_it_is(company):
    """What it was trained on stays, whatever is committed later; who had no repository has none."""
    assert company.json("show", "buys@1")["commit"] is None
    git(company, "init", "--quiet")
    git(company, "add", "conf", "models")
    git(company, "commit", "--quiet", "--message", "first")
    commit = {"id": git(company, "rev-parse", "HEAD"), "author": "Ann Smith", "clean": True}
    company.run("train", "buys", "--date", NEXT)
    company.edit("models/buys/model.py", "1.0", "1.5")
    company.run("train", "buys", "--date", NEXT, "--force")
    git(company, "commit", "--quiet", "--all", "--message", "second")
    found = [version["commit"] for version in company.json("versions", "buys")]
    assert found == [None, commit, commit | {"clean": False}]
    assert company.json("show", "buys@2")["commit"] == commit
    assert "Ann Smith" in company.run("show", "buys@2").stdout


@pytest.mark.parametrize("what", ["changed", "new", "beside", "deleted"])
def test_definitions_that_are_not_as_committed_are_not_clean(company, what):
    """Asked as a run asks at its start."""
    git(company, "init", "--quiet")
    company.write("models/buys/notes.txt", "as it was")
    git(company, "add", "conf", "models")
    git(company, "commit", "--quiet", "--message", "first")
    if what == "changed":
        company.edit("models/buys/model.py", "1.0", "1.5")
    elif what == "new":
        company.write("conf/department/extra.yaml", "title: Extra\nowner: Eve\n")
    elif what == "beside":
        company.write("models/buys/helper.py", "x = 1\n")
    else:
        (company.folder / "models/buys/notes.txt").unlink()
    with company.opened() as services:
        commit = commits.of_definitions(services.config)
    assert commit is not None
    assert commit.clean is False


def test_a_repositorys_own_settings_start_no_program(company):
    """Who can write to the repository would run it with the keys of whoever starts the night."""
    git(company, "init", "--quiet")
    program = company.folder / "stolen"
    company.write("evil", f"#!/bin/sh\necho x > {program}\n")
    evil = company.folder / "evil"
    evil.chmod(0o755)
    company.write(".gitattributes", "* filter=f diff=f\n")
    git(company, "add", "conf", "models", ".gitattributes")
    git(company, "commit", "--quiet", "--message", "first")
    for name in (
        *("core.fsmonitor", "core.pager", "core.sshCommand", "gpg.program", "diff.external"),
        *("filter.f.clean", "filter.f.smudge", "filter.f.process", "diff.f.textconv", "core.editor"),
    ):
        git(company, "config", name, str(evil))
    git(company, "config", "log.showSignature", "true")
    company.edit("conf/department/sales.yaml", "Sales", "Shop")
    company.run("run", "leavers", "--date", NEXT)
    assert not program.exists()
    assert started(company).commit.clean is False


@pytest.mark.parametrize("how", ["no git", "broken", "hangs"])
def test_no_run_fails_for_want_of_a_commit(company, monkeypatch, how):
    git(company, "init", "--quiet")
    if how == "no git":
        monkeypatch.setenv("PATH", str(company.folder))
    elif how == "broken":
        (company.folder / ".git/HEAD").write_text("nothing")
    if how == "hangs":
        monkeypatch.setattr(commits, "_SECONDS", 0)
    with company.opened() as services:
        assert commits.of_definitions(services.config) is None


def test_events_of_a_run_know_their_principal_and_date(company):
    with company.opened() as services, services.db.read() as conn:
        rows = conn.execute(select(events).where(events.c.run_id.is_not(None))).all()
    assert {row.principal for row in rows} == {"nightly"}
    assert {row.logical_date for row in rows} <= {"2024-01-20", "2024-01-19", "2024-01-18", ""}


def test_an_event_that_does_not_say_enough_is_not_written(company):
    before = newest(company)
    with company.opened() as services, pytest.raises(ValueError, match="subject"):
        runlog.record(services, "", "sales", Event("buys", "score", "done", 0.0, "", "", kind=Kind.PUBLISHED))
    assert newest(company) == before
