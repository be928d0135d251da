"""Rows of runs and of their events that somebody puts into the database, before a night or while it runs."""

import json
import os

import pytest

from kronkers_batch.runtimes.pool import WorkerPool
from tests.faults.departments import Departments
from tests.faults.test_forged_logs import change

DATE = "2024-01-20"


def plant(company: Departments, run_id: str, state: str) -> None:
    """A row of a run that never was."""
    change(
        company,
        "INSERT INTO runs (id, logical_date, started, state, trigger) "
        f"VALUES ('{run_id}', '{DATE}', 1, '{state}', 'command')",
    )


@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_runs_id_that_is_a_path_deletes_no_file(company: Departments, is_absolute):
    """A run that is no longer alive is taken off the list, and its file beside it."""
    nightly = company.by("nightly")
    wanted = (
        nightly.key_file if is_absolute else os.path.relpath(nightly.key_file, company.folder / "var/runs")
    )
    plant(company, str(wanted), "running")
    done = nightly.run("run", code=4)
    assert nightly.key_file.exists()
    assert "an id that is not valid" in done.stderr
    assert "delete the row" in done.stderr


def test_a_runs_page_lies_where_pages_lie_whatever_its_row_says(company: Departments):
    plant(company, "../../homes/x", "finished")
    done = company.by("nightly").run("report", "--run", "../../homes/x", code=4)
    assert "an id that is not valid" in done.stderr
    run_id = company.by("nightly").json("runs")[0]["id"]
    change(company, f"UPDATE runs SET logical_date = '../../homes/x' WHERE id = '{run_id}'")
    company.by("nightly").run("report", "--run", run_id)
    assert {path.name for path in (company.folder / "homes").iterdir()} == {
        "admin",
        "nightly",
        "ann",
        "bob",
        "vic",
    }
    assert not list((company.folder / "homes").rglob("*.html"))


def test_a_second_row_that_names_the_warehouse_ends_in_words(company: Departments):
    change(company, "INSERT INTO warehouse (id, created) VALUES ('01m8d8wq0dk57yqhgd36fwap00', 1)")
    done = company.by("nightly").run("run", code=4)
    assert "the table warehouse has more than one row" in done.stderr


NO_KEY = "UPDATE data_keys SET wrapped = NULL, shredded = 1 WHERE version_id LIKE 'definitions%'"
ANOTHER = "UPDATE definitions SET kind = 'source', name = 'nothing' WHERE kind = 'model' AND name = 'leavers'"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (NO_KEY, "you cannot open the details of the signed definition any more"),
        (ANOTHER, "somebody removed signatures from the database"),
    ],
    ids=["its key", "its rows"],
)
def test_what_was_signed_is_not_made_away_with_to_take_a_model_out(signing_company, statement, words):
    """By who may also edit YAML: a model that nobody knows of any more would be missed by nobody."""
    made = signing_company
    made.run("run")  # the account remembers which models were signed
    change(made, statement)
    assert made.by("admin").run("ledger", "verify", code=4).stderr
    (made.folder / "conf/model/leavers.yaml").unlink()
    done = made.run("run", "--json", code=None)
    found = {one["model"]: one for one in json.loads(done.stdout)["models"]}
    assert found["leavers"]["state"] == "refused", done.stdout
    assert words in found["leavers"]["message"]
    assert done.returncode == 1, done.stderr


# ---------------------------------------------------------------- while a night runs


HELD = "thresholds: {training: {auc: {min: 0.999999}}"
IN_THE_NIGHT = {
    "what was held is taken out": "DELETE FROM events WHERE task = 'train' AND state = 'held'",
    "what was held is done": "UPDATE events SET state = 'done' WHERE task = 'train' AND state = 'held'",
    "somebody else was refused": "INSERT INTO events (position, run_id, seq, at, kind, principal, "
    "model, department, task, state, subject, logical_date, "
    "seconds, message, reason) SELECT position + 100, run_id, seq + 100, at, kind, principal, "
    "'payroll', department, 'score', 'refused', subject, logical_date, 0, "
    "message, reason FROM events WHERE task = 'train' AND state = 'held'",
}


@pytest.mark.parametrize("what", IN_THE_NIGHT)
def test_what_a_night_says_is_what_it_met_whatever_becomes_of_its_events(company, monkeypatch, what):
    company.edit("conf/model/leavers.yaml", "thresholds: {training: {}", HELD)
    company.edit("conf/model/leavers.yaml", "penalty: 1.0", "penalty: 2.0")
    empty = WorkerPool.empty

    def attacked(pool: WorkerPool) -> None:
        empty(pool)
        if not done:
            done.append(what)
            change(company, IN_THE_NIGHT[what])

    done: list[str] = []
    monkeypatch.setattr(WorkerPool, "empty", attacked)
    night = company.by("nightly").run("run", "--json", code=None)
    assert done
    told = json.loads(night.stdout)
    assert {one["model"]: one["state"] for one in told["models"]}["leavers"] == "held"
    assert night.returncode == 4, night.stderr
    assert "the table events" in night.stderr
    assert "payroll" not in company.by("admin").run("ledger", "show").stdout
