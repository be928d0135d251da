"""Nights of models without a target: the first version, and those that are compared with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.lab import project_of

MODEL = """\
department: sales
owner: Ann
language: python
source: orders
window: {train: 10d, holdout: 3d, score: 1d, label_delay: 0d}
"""
ODD = """\
task: anomaly
estimator: {_target_: sklearn.mixture.GaussianMixture, random_state: 7, predict: score_samples}
features: {a: float, amount: float}
output: {columns: {oddness: float}, higher_is: less_odd}
decision: {top: 10, by: oddness}
thresholds: {training: {stability.overlap: {min: 0.3}}}
"""
CLUSTERS = """\
task: clusters
code: models/parts/model.py
data: numpy
features: {a: float, amount: float}
thresholds: {training: {stability.rand: {min: 0.3}, clusters: {min: 3}, largest: {max: 0.9}}}
"""
PARTS = """\
import numpy as np
def fit(data, params):
    return np.quantile(data["amount"], [0.33, 0.67])
def score(model, data):
    return np.searchsorted(model, data["amount"])
"""
RULES = "task: rules\ncode: models/rules/model.py\ndata: numpy\nfeatures: {a: float, colour: category}\n"


@pytest.mark.timeout(300)
def test_the_first_version_is_promoted_and_the_next_is_compared_with_it(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    project.write("conf/model/odd.yaml", MODEL + ODD)
    project.write("conf/model/parts.yaml", MODEL + CLUSTERS)
    project.write("conf/model/rules.yaml", MODEL + RULES)
    project.write("models/parts/model.py", PARTS)
    project.write("models/rules/model.py", "def score(model, data):\n    return (data['a'] > 0.5) * 1.0\n")
    first = {found["model"]: found for found in project.json("run", "--date", "2024-01-19")["models"]}
    for name, metric in (("odd", "stability.overlap"), ("parts", "stability.rand")):
        assert first[name]["state"] == "published", first[name]
        assert f"{metric} is not judged: there is no champion yet" in first[name]["message"]
    assert "rules@1 promoted (unscored 0)" in first["rules"]["message"]
    assert project.json("plan", "--date", "2024-01-19")["tasks"] == []
    (row, *_), again = (
        project.rows("read", "parts", "--date", "2024-01-19"),
        ("--date", "2024-01-20", "--force"),
    )
    assert row["cluster"] in (0, 1, 2)
    for name, metric, chance in (("odd", "stability.overlap", 0.0), ("parts", "stability.rand", -1.0)):
        (found,) = project.json("train", name, *again)["models"]
        assert f"compared with {name}@1; by chance it would be {metric} " in found["message"]
        second = project.json("show", f"{name}@2")
        assert 0.3 < second["metrics"][metric] <= 1
        assert chance < second["naive prediction"][metric] < 0.3
    # What was usual is odd now: the estimator is the same, and its scores mean the opposite.
    project.edit("conf/model/odd.yaml", "higher_is: less_odd", "higher_is: odd")
    (found,) = project.json("train", "odd", "--date", "2024-01-20", code=1)["models"]
    assert "odd@3 not promoted: stability.overlap 0 is below 0.3" in found["message"]
    # A champion of another task, or one that needs what is gone, is no excuse.
    project.write("conf/model/parts.yaml", MODEL + ODD)
    (found,) = project.json("train", "parts", "--date", "2024-01-20", code=1)["models"]
    assert "parts@3 not promoted: stability.overlap is undefined" in found["message"]
    assert "stability.overlap is undefined: parts@2 is of the task clusters" in found["message"]


@pytest.mark.timeout(300)
def test_a_version_that_was_compared_with_nobody_does_not_replace_a_champion_by_itself(
    tmp_path: Path,
) -> None:
    """It was excused while there was none; since another version was promoted by hand, it is not."""
    project = project_of(tmp_path)
    project.write("conf/model/parts.yaml", MODEL + CLUSTERS + "promote: manual\n")
    project.write("models/parts/model.py", PARTS)
    for day in ("18", "19"):
        project.json("train", "parts", "--date", f"2024-01-{day}", "--force")
    project.run("promote", "parts@1", "--why", "looked at")
    project.edit("conf/model/parts.yaml", "promote: manual", "promote: automatic")
    (found,) = project.json("run", "parts", "--date", "2024-01-19")["models"]
    assert project.json("live", "parts")["champion"] == "parts@1", found
    assert [version["verdict"] for version in project.json("versions", "parts")] == ["passed", "passed"]
