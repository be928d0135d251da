"""Nights of a small company: what runs, what does not, and why."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.company import ROOT

DONE = {"buys": "published", "spends": "published"}
QUIET = {"buys": "up to date", "spends": "up to date"}


def test_the_first_night_trains_and_publishes_and_doing_it_again_does_nothing(project):
    # `project` is a copy of one whose first night was run.
    assert [r["head"] for r in project.json("outputs", "buys")][-1] is True
    versions = project.json("versions", "buys")
    assert [v["version"] for v in versions] == ["buys@1"]
    assert versions[0]["champion"]
    assert project.plan() == []
    assert project.states() == QUIET
    rows = project.rows("read", "buys", "--date", "2024-01-20")
    assert len(rows) == 40
    assert all(0 < row["score"] < 1 for row in rows)
    assert set(rows[0]) == {"id", "score"}


def test_the_next_night_scores_and_does_not_train(project):
    planned = project.plan("--date", "2024-01-21")
    assert ("score", "buys") in planned
    assert not [p for p in planned if p[0] == "train"]
    assert project.states("--date", "2024-01-21") == DONE
    assert len(project.json("versions", "buys")) == 1
    assert len(project.json("versions", "spends")) == 1


def test_a_changed_comment_or_layout_runs_nothing(project):
    project.edit("models/buys/model.py", "def fit(data, params):", "# words\n\n\ndef fit( data,   params ):")
    project.edit("conf/model/buys.yaml", "owner: Ann", "owner: Zoe # new")
    assert project.plan() == []
    assert project.states() == QUIET


def test_a_changed_parameter_retrains_that_model_alone(project):
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    (planned,) = project.json("plan")["tasks"]
    assert (planned["task"], planned["subject"]) == ("train", "buys")
    assert "penalty" in planned["reason"]
    assert project.states() == {"buys": "trained", "spends": "up to date"}
    assert [v["version"] for v in project.json("versions", "buys")] == ["buys@1", "buys@2"]
    assert len(project.json("versions", "spends")) == 1


def test_changed_code_retrains_and_the_new_champion_scores_the_next_run(project):
    project.edit("models/buys/model.py", "np.ones(len(x))", "2 * np.ones(len(x))")
    assert ("train", "buys") in project.plan()
    project.run("run")
    assert project.json("live", "buys")["champion"] == "buys@2"
    # Tonight's scores were by the champion as of the run; the next run scores with the new one.
    assert project.json("outputs", "buys")[-1]["by"] == "buys@1"
    project.run("run")
    assert project.json("outputs", "buys")[-1]["by"] == "buys@2"
    assert project.states() == QUIET


def test_an_override_is_part_of_the_definition_of_the_model_it_names(project):
    planned = project.plan("model.buys.parameters.penalty=3.0")
    assert planned == [("train", "buys")]


def test_changed_source_data_is_scored_anew_and_trains_nothing(project):
    path = project.folder / "data/visits.csv"
    frame = pl.read_csv(path, try_parse_dates=True)
    project.data(frame.with_columns(x=pl.col("x") + 0.25))
    planned = project.plan()
    assert ("score", "buys") in planned
    assert not [p for p in planned if p[0] == "train"]
    project.run("run")
    assert project.json("outputs", "buys")[-1]["output"] == "buys/2024-01-20#2"


def test_a_date_can_be_read_as_it_was(project):
    before = project.rows("read", "buys", "--date", "2024-01-20")
    path = project.folder / "data/visits.csv"
    project.data(pl.read_csv(path, try_parse_dates=True).with_columns(x=pl.col("x") + 0.25))
    project.run("run")
    after = project.rows("read", "buys", "--date", "2024-01-20")
    assert before != after
    assert project.rows("read", "buys", "--date", "2024-01-20", "--version", "1") == before
    key = str(before[0]["id"])
    (row,) = project.rows("read", "buys", "--date", "2024-01-20", "--key", key)
    assert row == {"logical_date": "2024-01-20"} | after[0]
    everything = project.rows("read", "buys")
    assert {r["logical_date"] for r in everything} >= {"2024-01-18", "2024-01-20"}


def test_outputs_of_the_newest_dates_are_listed_and_that_there_are_more(project):
    every = [one["output"] for one in project.json("outputs", "buys")]
    dates = sorted({ref.partition("/")[2].partition("#")[0] for ref in every})
    assert len(dates) > 1
    shown = project.run("outputs", "buys", "--limit", "1").stdout
    assert f"{len(dates) - 1} earlier dates are not shown: kronkers outputs buys --limit 0" in shown
    assert all((ref in shown) == (dates[-1] in ref) for ref in every)
    shown = project.run("outputs", "buys", "--limit", "0").stdout
    assert "earlier dates" not in shown
    assert all(ref in shown for ref in every)
    assert [one["output"] for one in project.json("outputs", "buys", "--limit", "1")] == [
        ref for ref in every if dates[-1] in ref
    ]
    assert "at least 0" in project.run("outputs", "buys", "--limit", "-1", code=2).stderr


def test_sql_over_decrypted_outputs(project):
    (row,) = project.rows("sql", "select count(*) as n, min(score) >= 0 as ok from buys")
    assert row["ok"] is True
    assert row["n"] >= 40


def test_promotion_and_rollback(project):
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.run("run")
    assert project.json("live", "buys")["champion"] == "buys@2"
    assert project.json("rollback", "buys", "--why", "too eager")["champion"] == "buys@1"
    assert project.json("promote", "buys@2", "--why", "after all")["champion"] == "buys@2"
    differences = project.json("diff", "buys@1", "buys@2")
    assert any("penalty" in d["what"] for d in differences)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json", "xlsx"])
def test_scores_are_exported_on_purpose(project, suffix):
    target = project.folder / f"out.{suffix}"
    project.run("read", "buys", "--date", "2024-01-20", "--to", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    if suffix == "csv":
        assert pl.read_csv(target).height == 40
    if suffix == "parquet":
        assert pl.read_parquet(target).columns == ["id", "score"]
    project.run("read", "buys", "--to", str(target), code=2)  # never replaced unasked


def test_a_champion_scores_with_the_code_that_it_was_trained_with(project):
    before = project.rows("read", "buys", "--date", "2024-01-20")
    # Today's code would score otherwise, and its training is not promoted.
    project.edit("conf/model/buys.yaml", "auc: {min: 0.6}", "auc: {min: 0.999}")
    project.edit("models/buys/model.py", "return 1 / (1 + np.exp(", "return 0.5 / (1 + np.exp(")
    project.edit("conf/model/buys.yaml", "rows: {min: 5}", "rows: {min: 6}")
    project.run("run", "--date", "2024-01-21", code=1)
    (output,) = [o for o in project.json("outputs", "buys") if "2024-01-21" in o["output"]]
    assert output["by"] == "buys@1"
    after = project.rows("read", "buys", "--date", "2024-01-21")
    assert max(row["score"] for row in after) > 0.5
    assert max(row["score"] for row in before) > 0.5


def test_a_change_that_is_taken_back_is_a_change(project):
    """Else the champion would go on with parameters that nobody wants any more."""
    for penalty, before in ((2.0, 1.0), (1.0, 2.0), (2.0, 1.0)):
        project.edit("conf/model/buys.yaml", f"penalty: {before}", f"penalty: {penalty}")
        project.run("run", "--date", "2024-01-21")
        newest = project.json("versions", "buys")[-1]
        assert newest["champion"]
        assert newest["why"] == f"definition changed: parameters.penalty: {before} -> {penalty}"
        assert ("train", "buys") not in project.plan("--date", "2024-01-21")
    project.run("rollback", "buys", "--why", "the penalty of before was better")
    assert ("train", "buys") not in project.plan("--date", "2024-01-22")
    project.edit("conf/model/buys.yaml", "penalty: 2.0", "penalty: 1.0")
    assert ("train", "buys") not in project.plan("--date", "2024-01-22")
    assert len(project.json("versions", "buys")) == 4


def test_asking_for_a_training_after_a_change_was_taken_back(project):
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.run("train", "buys", "--date", "2024-01-20")
    project.edit("conf/model/buys.yaml", "penalty: 2.0", "penalty: 1.0")
    project.run("train", "buys", "--date", "2024-01-20")
    assert [v["version"] for v in project.json("versions", "buys") if v["champion"]] == ["buys@3"]


def test_code_that_does_not_parse_is_told_with_its_model_and_file(project):
    project.edit("models/buys/model.py", "def design(data):", "def design(data:")
    told = {m["model"]: m["message"] for m in project.json("run", "--date", "2024-01-21", code=1)["models"]}
    assert "training failed: model buys (model.py): the code does not parse: SyntaxError: " in told["buys"]
    assert told["buys"].startswith("scores published: buys/2024-01-21#1")
    assert "correct model.py" in told["buys"]


def test_several_tasks_at_once_give_what_one_at_a_time_gives(project):
    assert project.states("--date", "2024-01-21", "executor.workers=2") == DONE
    assert len(project.rows("read", "buys", "--date", "2024-01-21")) == 40
    assert project.states("--date", "2024-01-21") == QUIET


def test_several_tasks_at_once_are_run_by_the_program_that_set_up_installs(project):
    """Each of their processes loads the program's file again, and must not run the command again."""
    program = [str(Path(sys.executable).with_name("kronkers")), "run", "--conf", str(project.folder / "conf")]
    words = ["--date", "2024-01-21", "executor.workers=2"]
    environment = project.environment()
    done = subprocess.run([*program, *words], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert project.states("--date", "2024-01-21") == QUIET
    project.edit("conf/source/visits.yaml", "{rows: {min: 1}}", "{rows: {min: 1000000}}")
    done = subprocess.run([*program, *words], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout


def test_luigis_own_command_line_runs_the_graph(project):
    words = ["luigi", "--module", "tasks.nightly", "Nightly", "--date", "2024-01-21", "--local-scheduler"]
    environment = project.environment() | {"KRONKERS_CONF": str(project.folder / "conf")}
    program = [sys.executable, "-m", *words]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert project.states("--date", "2024-01-21") == QUIET


def test_the_table_names_tonights_output_and_counts_those_of_earlier_dates(fresh):
    told = {m["model"]: m["scores"]["message"] for m in fresh.json("run")["models"]}
    assert told["buys"].startswith("buys/2024-01-20#1 published")
    assert "3 earlier dates" in told["buys"]
    assert "earlier" not in told["spends"]


def test_the_report_is_a_task_too(project):
    page = project.folder / "var/reports/2024-01-20.html"
    page.unlink()
    words = ["luigi", "--module", "tasks.report_task", "Report", "--date", "2024-01-20", "--local-scheduler"]
    environment = project.environment() | {"KRONKERS_CONF": str(project.folder / "conf")}
    program = [sys.executable, "-m", *words]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "buys@1" in page.read_text()
    again = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert "1 complete ones were encountered" in again.stderr + again.stdout
