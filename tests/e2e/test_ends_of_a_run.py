"""What goes wrong at the end of a run is said after the table of what happened, with its own exit code."""

import json
import shutil
import time

import pytest

from kronkers_batch import stopping
from tasks.ingest import Ingest
from tests.e2e.test_access import NEXT

# A folder that nobody can make, whoever runs the tests.
NOWHERE = "/proc/self/kronkers"


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_checkpoint_that_cannot_be_written_is_pending_and_fails_no_night(project, form):
    words = ["run", "--date", NEXT, f"warehouse.checkpoints={NOWHERE}"]
    pages = set((project.folder / "var/reports/runs").iterdir())
    done = project.run(*words, *(["--json"] if form == "json" else []))
    said = done.stderr
    assert "the command did its work, but could not write the checkpoint of the ledger" in said
    assert NOWHERE in said
    assert "->" in said
    if form == "json":
        told = json.loads(done.stdout)
        assert {m["model"]: m["state"] for m in told["models"]} == {
            "buys": "published",
            "spends": "published",
        }
        assert (told["exit_code"], told["problems"]) == (0, [])
        assert told["warnings"] == [said.removeprefix("kronkers: ").strip()]
    else:
        for words in ("buys    published", "spends  published", "report: "):
            assert words in done.stdout
        (page,) = set((project.folder / "var/reports/runs").iterdir()) - pages
        assert "could not write the checkpoint of the ledger" in page.read_text()
    # It was done, and every command says what is left until one of them has done it.
    points = project.folder / "var/checkpoints"
    before = len(list(points.rglob("*.json")))
    aside = points.rename(points.with_name("aside"))
    points.write_text("in the way")
    assert "could not write the checkpoint of the ledger" in project.run("models").stderr
    points.unlink()
    aside.rename(points)
    assert project.run("models").stderr == ""
    assert len(list(points.rglob("*.json"))) == before + 1
    assert len(project.rows("read", "buys", "--date", NEXT)) == 40
    assert f"{NEXT}: all is well" in project.run("report", "--date", NEXT).stdout


def test_snapshots_that_expire_are_told_below_the_table(project):
    words = ["run", "buys", "--date", NEXT, "warehouse.keep_snapshots=1s"]
    project.run(*words, "warehouse.keep_snapshots=90d")
    time.sleep(1.1)
    held = project.run(*words)
    assert "they are more than half of the" in held.stderr
    assert f"kronkers run buys --date {NEXT} --delete-expired" in held.stderr
    told = json.loads(project.run(*words, "--delete-expired", "--json").stdout)
    assert told["warnings"] == []
    (of_buys,) = [note for note in told["remarks"] if " of sales, unused for 1 second, deleted" in note]
    assert of_buys in project.run("report", "--date", NEXT).stdout
    shown = project.json("show", "buys@1")
    assert shown["rows of the snapshot"] == "kept"
    assert project.json("show", f"buys/{NEXT}#1")["rows that were scored"].startswith("expired on ")
    project.run("show", f"buys/{NEXT}#1")
    project.run("ledger", "verify")
    assert len(project.rows("read", "buys", "--date", NEXT)) == 40


def test_a_ledger_that_was_rewritten_meanwhile_ends_in_its_own_code(project, monkeypatch):
    """Found when the checkpoint is to be written: 4, also where a model failed."""
    import sqlite3

    import tasks.ending

    project.run("run")
    expire = tasks.ending.expire_outputs

    def rewritten(services, date, names, *asked):
        with sqlite3.connect(project.folder / "var/warehouse.db") as connection:
            connection.execute("update ledger set principal = 'nobody' where seq = 1")
            connection.execute("update ledger set principal = 'nobody' where action = 'publish'")
        return expire(services, date, names, *asked)

    monkeypatch.setattr(tasks.ending, "expire_outputs", rewritten)
    project.edit("models/buys/model.py", "    X, y =", "    raise ValueError('no')\n    X, y =")
    done = project.run("run", "--date", NEXT, code=4)
    assert "buys   failed" in done.stdout or "buys    failed" in done.stdout, done.stdout
    assert "ledger" in done.stderr


def test_a_page_that_cannot_be_written_fails_no_night_and_is_written_by_the_next(project):
    reports = project.folder / "var/reports"
    shutil.rmtree(reports)
    reports.write_text("in the way")
    done = project.run("run", "--date", NEXT)
    assert "buys    published" in done.stdout
    assert "report: " not in done.stdout
    assert "pages: not written yet; the next run tries again. " in done.stderr
    assert "the path does not lead to a file" in done.stderr
    (run,) = project.json("runs", "--limit", "1")
    reports.unlink()
    assert project.run("run", "--date", "2024-01-22").stderr == ""
    assert f"Run {run['id']}" in (reports / f"runs/{run['id']}.html").read_text()
    assert "all is well" in (reports / f"{NEXT}.html").read_text()


def test_an_end_that_failed_is_on_the_pages_until_a_run_of_the_date_ends_well(project, monkeypatch):
    from kronkers_batch.audit import checkpoint
    from kronkers_batch.errors import IntegrityError

    def broken(_services):
        raise IntegrityError("entry 7 was changed", where="ledger", fix="Do not use it.")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write", broken)
        assert "entry 7 was changed" in project.run("run", "--date", NEXT, code=4).stderr
    failed = project.json("runs", "--limit", "1")[0]["id"]
    needs = f"needs attention: the end of run {failed} failed"
    assert needs in project.run("report", "--date", NEXT).stdout
    assert f"<p>{needs}" in (project.folder / f"var/reports/{NEXT}.html").read_text()
    assert "needs attention: every model is done" in project.run("report", "--run", failed).stdout
    assert project.states("--date", NEXT) == {"buys": "up to date", "spends": "up to date"}
    assert f"{NEXT}: all is well" in project.run("report", "--date", NEXT).stdout


def test_no_task_begins_after_a_stop(project, monkeypatch):
    """Ctrl-C between two tasks: the run says that it was stopped, and leaves all that is due to the next."""
    begun = []
    with stopping.heard() as stop, monkeypatch.context() as patch:
        patch.setattr(Ingest, "work", lambda self: begun.append(self))
        stop()
        assert "readers see only complete results" in project.run("run", "--date", NEXT, code=130).stderr
    (run,) = project.json("runs", "--date", NEXT)
    assert {m["model"]: m["state"] for m in run["models"]} == {"buys": "interrupted", "spends": "interrupted"}
    assert not begun
    assert project.json("run", "--date", NEXT)["exit_code"] == 0
