"""What goes wrong at the end of a run is said after the table of what happened, with its own exit code."""

import json
import shutil

import pytest

from tests.e2e.test_access import NEXT

# A folder that nobody can make, whoever runs the tests.
NOWHERE = "/proc/self/kronkers"


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_checkpoint_that_cannot_be_written(project, form):
    words = ["run", "--date", NEXT, f"warehouse.checkpoints={NOWHERE}"]
    done = project.run(*words, *(["--json"] if form == "json" else []), code=1)
    said = done.stderr
    assert "what was done is kept, but no checkpoint of the ledger was written" in said
    assert NOWHERE in said
    assert "->" in said
    if form == "json":
        told = json.loads(done.stdout)
        assert {m["model"]: m["state"] for m in told["models"]} == {
            "buys": "published",
            "spends": "published",
        }
        assert told["exit_code"] == 1
        assert told["problems"] == [said.removeprefix("kronkers: ").strip()]
    else:
        for words in ("buys    published", "spends  published", "report: "):
            assert words in done.stdout
        failed = project.json("runs", "--limit", "1")[0]["id"]
        needs = f"needs attention: the end of run {failed} failed"
        assert needs in project.run("report", "--date", NEXT).stdout
        assert f"<p>{needs}" in (project.folder / f"var/reports/{NEXT}.html").read_text()
        assert "needs attention: every model is done" in project.run("report", "--run", failed).stdout
    # It was done, and the run's own record says with which code it ended.
    assert len(project.rows("read", "buys", "--date", NEXT)) == 40
    assert project.states("--date", NEXT) == {"buys": "up to date", "spends": "up to date"}
    assert f"{NEXT}: all is well" in project.run("report", "--date", NEXT).stdout


def test_a_ledger_that_was_rewritten_meanwhile_ends_in_its_own_code(project, monkeypatch):
    """Found when the checkpoint is to be written: 4, also where a model failed."""
    import sqlite3

    import tasks.run

    project.run("run")
    expire = tasks.run.expire_outputs

    def rewritten(services, date, names, *asked):
        with sqlite3.connect(project.folder / "var/warehouse.db") as connection:
            connection.execute("update ledger set principal = 'nobody' where seq = 1")
            connection.execute("update ledger set principal = 'nobody' where action = 'publish'")
        return expire(services, date, names, *asked)

    monkeypatch.setattr(tasks.run, "expire_outputs", rewritten)
    project.edit("models/buys/model.py", "    X, y =", "    raise ValueError('no')\n    X, y =")
    done = project.run("run", "--date", NEXT, code=4)
    assert "buys   failed" in done.stdout or "buys    failed" in done.stdout, done.stdout
    assert "ledger" in done.stderr


def test_a_page_that_cannot_be_written(project):
    reports = project.folder / "var/reports"
    shutil.rmtree(reports)
    reports.write_text("in the way")
    done = project.run("run", "--date", NEXT, code=1)
    assert "buys    published" in done.stdout
    assert "report: " not in done.stdout
    assert "the path does not lead to a file" in done.stderr
