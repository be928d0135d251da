"""What is said of a run is what happened: in the table, on the pages, in the exit code and a day later."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from tests.e2e.company import Project

NIGHT, NEXT = "2024-01-20", "2024-01-21"


def page(project: Project, date: str = NEXT) -> str:
    return (project.folder / f"var/reports/{date}.html").read_text()


def verdict_of(text: str) -> str:
    """The first sentence of a page."""
    return re.search(r"<p>(.*?)</p>", text, re.S)[1]


def row(text: str, model: str) -> str:
    return re.search(rf"<tr><td>{model}</td>.*?</tr>", text, re.S)[0]


def test_a_held_model_is_held_on_the_table_and_the_page_each_night(project):
    project.edit("conf/model/buys.yaml", "rows: {min: 5}", "rows: {min: 500}")
    for _again in range(2):
        states = project.states("--date", NEXT, code=1)
        assert states == {"buys": "held", "spends": "blocked"}
        assert verdict_of(page(project)).startswith("needs attention: buys (held), spends (blocked)")
        assert "rows 40" in row(page(project), "buys")
        assert "kronkers run buys --date 2024-01-21" in row(page(project), "spends")


def test_the_page_of_a_date_merges_its_runs_and_each_run_has_its_own(project):
    project.edit("models/spends/model.py", "def score", "raise ValueError('no luck')\n\n\ndef score")
    first = project.json("run", "--date", NEXT, code=1)
    second = project.json("run", "buys", "--date", NEXT)
    assert second["models"][0]["state"] == "up to date"
    text = page(project)
    assert verdict_of(text).startswith("needs attention: spends (failed)")
    assert first["run"] in row(text, "buys")
    for run in (first["run"], second["run"]):
        assert f'href="runs/{run}.html"' in text
        assert (project.folder / f"var/reports/runs/{run}.html").stat().st_mode & 0o777 == 0o600
    told = project.json("report", "--run", first["run"])
    assert {m["model"]: m["state"] for m in told["models"]} == {"buys": "published", "spends": "failed"}
    assert "no luck" in project.run("report", "--date", NEXT).stdout
    listed = project.json("runs", "--date", NEXT)
    assert [(r["id"], r["state"], r["exit_code"]) for r in listed] == [
        (second["run"], "finished", 0),
        (first["run"], "finished", 1),
    ]
    assert "needs attention: spends (failed)" in project.run("runs").stdout
    assert project.json("runs", "--limit", "1")[0]["id"] == second["run"]
    assert "kronkers runs" in project.run("report", "--run", "nosuch", code=2).stderr
    assert "at least 1" in project.run("runs", "--limit", "0", code=2).stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_run_that_is_stopped_is_shown_as_interrupted(project, how):
    project.edit(
        "models/spends/model.py",
        "def score(model, data):",
        "def score(model, data):\n    import time; time.sleep(60)",
    )
    process = subprocess.Popen(
        project.command("run", "--date", NEXT),
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Who runs the tests in the background of a script has this signal ignored, here and in all below.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(600):
        if project.json("runs", "--limit", "1")[0]["state"] == "running" and "buys" in scored(project):
            break
        time.sleep(0.1)
    assert project.json("report", "--date", NEXT)["models"] == []  # a run that still runs has no verdict
    process.send_signal(how)
    process.wait(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    if how == signal.SIGKILL:
        assert project.json("runs", "--limit", "1")[0]["state"] == "interrupted"  # nobody has written it down
        project.run("report", "--date", NEXT)
    said = verdict_of(page(project))
    assert said.startswith("needs attention: spends (interrupted)"), said
    (run,) = project.json("runs", "--date", NEXT)
    assert {m["model"]: m["state"] for m in run["models"]} == {"buys": "published", "spends": "interrupted"}
    word = "stopped by hand" if how == signal.SIGINT else "killed"
    assert f"interrupted ({word}): 1 of 2 models not done" in project.run("runs", "--limit", "1").stdout
    # The next run goes on, and the date is well.
    project.edit("models/spends/model.py", "time.sleep(60)", "")
    assert project.json("run", "--date", NEXT)["exit_code"] == 0
    assert verdict_of(page(project)).startswith("all is well")
    assert not list((project.folder / "var/runs").iterdir())


def scored(project: Project) -> list[str]:
    done = project.json("log", "--date", NEXT)["events"]
    return [e["model"] for e in done if e["task"] == "score"]


def test_scoring_and_training_are_told_apart(project):
    project.edit("models/buys/model.py", "    X, y =", "    raise ValueError('no luck')\n    X, y =")
    told = {m["model"]: m for m in project.json("run", "--date", NEXT, code=1)["models"]}["buys"]
    assert told["state"] == "failed"
    assert told["scores"] == {
        "state": "published",
        "message": "buys/2024-01-21#1 published (40 rows) by buys@1",
    }
    assert told["training"]["state"] == "failed"
    assert "no luck" in told["training"]["message"]
    assert "published: buys/2024-01-21#1" in row(page(project), "buys")


def test_a_past_date_that_is_scored_again_says_what_it_replaces(project):
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    assert project.states()["buys"] == "trained"
    (planned,) = [t for t in project.json("plan", "buys")["tasks"] if t["task"] == "score"]
    why = "champion changed: buys@1 -> buys@2; replaces buys/2024-01-20#1, which readers get now"
    assert planned["reason"] == why
    done = project.run("run", "buys")
    assert done.stderr == f"buys, {NIGHT}: {why}\n"
    assert "buys/2024-01-20#2 published (40 rows) by buys@2" in done.stdout


def test_output_that_is_closed_is_as_dev_null(project):
    program = " ".join(map(str, project.command("run", "--date", NEXT)))
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = subprocess.run(
            ["bash", "-c", f"exec {program} {closed}"],
            env=project.environment() | {"PWD": os.getcwd()},
            check=False,
        )
        assert done.returncode == 0, closed
    assert {r["exit_code"] for r in project.json("runs", "--date", NEXT)} == {0}


def test_alerts_that_nothing_reads_are_refused(project):
    project.write("conf/alerts/mail.yaml", "email: {to: ops@example.org, smtp: mail.example.org}\n")
    for words in (["check", "alerts=mail"], ["run", "alerts=mail"]):
        said = project.run(*words, code=2).stderr
        assert "conf/alerts/mail.yaml:1: alerts.email: the program does not send alerts yet" in said
    assert "the program does not send alerts yet" in project.run("check", "+alerts.foo=1", code=2).stderr
    assert json.loads(project.run("runs", "--json").stdout)[0]["date"] == NIGHT
