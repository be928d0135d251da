"""Overrides of a model change what is there, add what is not, and say which of the two is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from kronkers_batch.config.load import load
from kronkers_batch.errors import ConfigErrors
from tests.config_project import ENVIRON, FILES, make

LATE = FILES["model/late.yaml"] + "parameters: {depth: 3, more: {rate: 0.1}, none: null, list: [1]}\n"


def parameters(tmp_path: Path, *overrides: str) -> object:
    conf = make(tmp_path, model__late=LATE)
    return (
        load(conf, [o.replace("P.", "model.late.parameters.") for o in overrides], ENVIRON)
        .models["late"]
        .parameters
    )


def test_a_mapping_changes_the_keys_that_are_there(tmp_path: Path) -> None:
    found = parameters(tmp_path, "model.late.parameters={depth: 4, more: {rate: 0.2}}")
    assert found == {"depth": 4, "more": {"rate": 0.2}, "none": None, "list": [1]}


@pytest.mark.parametrize(
    ("override", "key"),
    [("model.late.parameters={depht: 4}", "depht"), ("model.late.parameters={more: {rat: 1}}", "more.rat")],
)
def test_a_misspelt_key_in_a_mapping_is_not_added(tmp_path: Path, override: str, key: str) -> None:
    with pytest.raises(ConfigErrors) as error:
        parameters(tmp_path, override)
    (problem,) = error.value.problems
    assert f"there is no key '{key}' to change" in str(problem)
    assert f"to add it write +{override}" in str(problem)


def test_a_mapping_with_a_plus_adds_keys(tmp_path: Path) -> None:
    found = parameters(tmp_path, "+model.late.parameters={new: 4, more: {newer: 1}}", "P.none=1")
    assert found == {"depth": 3, "more": {"rate": 0.1, "newer": 1}, "none": 1, "list": [1], "new": 4}


def test_a_mapping_may_have_every_key_of_a_table(tmp_path: Path) -> None:
    changed = load(make(tmp_path), ["model.late.resources={threads: 3}"], ENVIRON).models["late"].resources
    assert (changed.threads, changed.workers) == (3, 2)


def test_a_key_that_is_null_may_be_added(tmp_path: Path) -> None:
    assert parameters(tmp_path, "+P.none=1", "P.depth=1") == {
        "depth": 1,
        "more": {"rate": 0.1},
        "none": 1,
        "list": [1],
    }


def test_keys_below_a_null_may_be_added(tmp_path: Path) -> None:
    found = parameters(tmp_path, "+P.none.a.b=1", "++P.none.c=2")
    assert found == {"depth": 3, "more": {"rate": 0.1}, "none": {"a": {"b": 1}, "c": 2}, "list": [1]}


@pytest.mark.parametrize(
    "override", ["+P.more=1", "+P.more=[1]", "+P.depth=1", "+P.list=[2]", "+P.depth={a: 1}"]
)
def test_what_is_there_is_not_added(tmp_path: Path, override: str) -> None:
    with pytest.raises(ConfigErrors, match="the key to add exists already"):
        parameters(tmp_path, override)


def test_a_value_that_a_template_leaves_open_is_given(tmp_path: Path) -> None:
    template = FILES["template/classifier.yaml"] + "parameters:\n  rounds: ???\n"
    given = load(make(tmp_path, template__classifier=template), ["model.late.parameters.rounds=3"], ENVIRON)
    assert given.models["late"].parameters == {"rounds": 3}


def test_a_value_that_nobody_gives_is_missing(tmp_path: Path) -> None:
    template = FILES["template/classifier.yaml"] + "parameters:\n  rounds: ???\n"
    with pytest.raises(ConfigErrors) as error:
        load(make(tmp_path, template__classifier=template), (), ENVIRON)
    (problem,) = error.value.problems
    where = f"conf/template/classifier.yaml:{len(template.splitlines())}: parameters.rounds: "
    assert str(problem).startswith(f"{where}the value of 'parameters.rounds' is missing")
