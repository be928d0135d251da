"""What happens when a threshold is missed, a model fails, or its data is wrong."""

import re

import polars as pl

from tests.e2e.company import visits


def outcome(project, *words, code=1):
    return {m["model"]: m for m in project.json("run", *words, code=code)["models"]}


def test_a_training_that_misses_its_threshold_is_not_promoted(project):
    project.edit("conf/model/buys.yaml", "auc: {min: 0.6}", "auc: {min: 0.999}")
    assert project.plan() == []  # a threshold is no reason to train
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    result = outcome(project)["buys"]
    assert result["state"] == "held"
    assert "auc" in result["message"]
    assert project.json("live", "buys")["champion"] == "buys@1"
    # Each night says that what is declared is not what scores.
    result = outcome(project, "buys", "--date", "2024-01-21")["buys"]
    assert result["training"]["state"] == "held"
    assert "buys@2 is of today's definition and was not promoted: auc " in result["training"]["message"]
    # A threshold that holds again promotes the recorded version and computes nothing.
    project.edit("conf/model/buys.yaml", "auc: {min: 0.999}", "auc: {min: 0.6}")
    assert project.states()["buys"] == "trained"
    assert project.json("live", "buys")["champion"] == "buys@2"
    assert len(project.json("versions", "buys")) == 2


def test_a_version_that_passed_and_was_not_promoted_is_promoted_by_the_next_run_in_words(project):
    """So one is whose run was killed before its promotion; here, one that was to be promoted by hand."""
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.edit("conf/model/buys.yaml", "unseen: missing", "unseen: missing\npromote: manual")
    for _night in range(2):
        message = outcome(project, code=0)["buys"]["message"]
        assert "buys@2 waits for an approver to run `kronkers promote buys@2 --why REASON`" in message
    assert project.json("live", "buys")["champion"] == "buys@1"
    project.edit("conf/model/buys.yaml", "promote: manual", "promote: automatic")
    (task,) = [t for t in project.json("plan")["tasks"] if t["task"] == "train"]
    assert task["reason"] == "passed, and not promoted yet, nothing computed"
    message = outcome(project, code=0)["buys"]["message"]
    assert "buys@2 promoted: it passed its thresholds, and was not promoted then" in message
    assert project.json("live", "buys")["champion"] == "buys@2"
    assert len(project.json("versions", "buys")) == 2
    # A decision of a person stands: what was rolled back, and what was passed over, is not promoted again.
    project.run("rollback", "buys", "--why", "too eager")
    assert "train" not in {task for task, _ in project.plan()}
    assert project.json("live", "buys")["champion"] == "buys@1"


def test_without_a_champion_the_table_says_by_which_threshold(fresh):
    fresh.edit("conf/model/buys.yaml", "auc: {min: 0.6}", "auc: {min: 0.999}")
    message = outcome(fresh, "buys")["buys"]["message"]
    assert "buys has no champion: buys@1 was not promoted, since auc " in message


def test_an_output_that_misses_its_threshold_is_held_until_the_threshold_lets_it_go(project):
    project.edit("conf/model/buys.yaml", "rows: {min: 5}", "rows: {min: 500}")
    result = outcome(project, "--date", "2024-01-21")
    assert result["buys"]["state"] == "held"
    assert "rows" in result["buys"]["message"]
    assert result["spends"]["state"] in ("failed", "blocked")  # it reads the output that is held
    project.run("read", "buys", "--date", "2024-01-21", code=2)
    assert outcome(project, "--date", "2024-01-21")["buys"]["state"] == "held"
    project.edit("conf/model/buys.yaml", "rows: {min: 500}", "rows: {min: 5}")
    assert project.states("--date", "2024-01-21") == {"buys": "published", "spends": "published"}
    outputs = [o for o in project.json("outputs", "buys") if "2024-01-21" in o["output"]]
    assert [o["state"] for o in outputs] == ["published"]  # judged anew, not computed anew


def test_one_models_failure_stops_no_other(project):
    project.write(
        "models/spends/model.py",
        "def fit(data, params):\n    raise ValueError('no luck')\n\n\n"
        "def score(model, data):\n    return data['x']\n",
    )
    project.write("conf/model/never.yaml", (project.folder / "conf/model/spends.yaml").read_text())
    result = outcome(project, "--date", "2024-01-21")
    assert result["buys"]["state"] == "published"
    assert {result[name]["state"] for name in ("spends", "never")} == {"failed"}
    said = "training failed: model {0} (model.py:2): fit failed: ValueError: no luck"
    assert said.format("spends") in result["spends"]["message"]
    assert result["never"]["message"].startswith(
        f"scores blocked: its training failed; {said.format('never')}"
    )
    assert result["never"]["message"].count("no luck") == 1


def test_a_check_on_inputs_stops_the_model_that_declares_it(project):
    project.edit("conf/model/buys.yaml", 'expression: "x > -50"', 'expression: "x > 0"')
    result = outcome(project, "--date", "2024-01-21")
    assert result["buys"]["state"] == "failed"
    assert "x > 0" in result["buys"]["message"]
    assert "31.4" not in result["buys"]["message"]


def test_a_failed_source_is_told_with_each_model_that_waits_for_it(project):
    project.edit("conf/source/visits.yaml", "{column: x, min: -100, max: 100}", "{column: x, min: 0, max: 1}")
    result = outcome(project, "--date", "2024-01-21")
    assert {r["state"] for r in result.values()} == {"blocked"}
    assert "range(x)" in result["buys"]["message"]
    assert "range(x)" in result["spends"]["message"]


def test_the_page_of_a_run_says_what_happened(project):
    page = project.folder / "var/reports/2024-01-20.html"
    text = page.read_text()
    assert page.stat().st_mode & 0o777 == 0o600
    assert "buys@1" in text
    assert "<script" not in text
    assert "://" not in text


def test_a_target_that_is_none_of_the_task_is_refused_before_anything_is_fitted(project):
    rows = visits()
    project.data(rows.with_columns(y=pl.col("y").cast(pl.Int64) + (pl.col("id") % 40 == 7)))
    project.edit("conf/source/visits.yaml", "y: boolean", "y: integer")
    code = "def fit(data, params):\n    raise ValueError\n\n\ndef score(model, data):\n    return 1\n"
    project.write("models/buys/model.py", code)
    said = outcome(project, "buys", "--date", "2024-01-21")["buys"]["message"]
    assert re.search(r"the target y is neither 0 nor 1 in \d+ of 400 rows", said)
    assert "conf/model/buys.yaml:" in said
