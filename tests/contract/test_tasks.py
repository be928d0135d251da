"""One suite for every kind of task: each file of `learning/` joins."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from kronkers_batch.learning import TASKS, Task
from tests.contract import tasks


@pytest.fixture(params=tasks.KINDS)
def kind(request) -> str:
    return str(request.param)


@pytest.fixture
def task(kind) -> Task:
    return TASKS[kind]


@pytest.fixture
def cases(kind):
    return tasks.cases(kind)


@pytest.fixture
def rows(cases):
    return cases.drawn(np.random.default_rng(3))


def test_it_says_all_that_is_asked_of_it(task):
    assert isinstance(task, Task)
    assert task.predicts
    assert task.target_types
    assert any(kind in task.measured_types for kind in task.columns.values())
    assert all(set(task.needs(name)) <= {"min", "max"} for name in task.ranges)
    assert task.wrong_target.what
    assert task.wrong_target.fix
    assert task.wrong_score.what
    assert task.wrong_score.there


def test_its_metrics_are_what_others_compute_and_lie_in_their_ranges(task, cases, rows):
    truth, score = rows
    found = task.measured(truth, score, task.naive(truth))
    assert list(found) == list(task.ranges)
    assert set(cases.ORACLES) == set(task.metrics)
    for name, oracle in cases.ORACLES.items():
        assert found[name] == pytest.approx(oracle(truth, score), abs=1e-9), name
    for name, (least, most) in task.ranges.items():
        assert least <= found[name] <= most, name


def test_the_naive_prediction_has_no_skill_and_the_truth_has_all(task, rows):
    truth, _ = rows
    naive = task.naive(truth)
    assert task.measured(truth, np.full(len(truth), naive), naive)["skill"] == pytest.approx(0)
    assert task.measured(truth, truth, naive)["skill"] == 1


def test_rows_without_a_prediction_count_as_unscored_and_in_nothing_else(task, rows):
    truth, score = rows
    holes = np.where(np.arange(len(score)) % 4 == 0, np.nan, score)
    there = ~np.isnan(holes)
    found = task.measured(truth, holes, 0.5)
    assert found.pop("unscored") == pytest.approx(0.25, abs=0.01)
    assert found == {
        name: value for name, value in task.measured(truth[there], score[there], 0.5).items() if name in found
    }


def test_nothing_to_measure_is_not_a_number(task):
    none = np.array([])
    found = task.measured(none, none, 0.5)
    assert found.pop("unscored") == 0
    assert all(math.isnan(value) for value in found.values())


def test_huge_scores_warn_of_nothing(task, rows):
    truth, _ = rows
    task.measured(truth, np.full(len(truth), 1e308), 0.5)


def test_targets_that_do_not_fit_are_counted(task, cases):
    for values in cases.TARGETS:
        assert task.wrong_targets(pl.Series(values, strict=False)) == 0
    for values in cases.WRONG_TARGETS:
        assert task.wrong_targets(pl.Series(values)) == len(values)


def test_scores_that_do_not_fit_are_counted(task, cases, rows):
    _, score = rows
    fitting = [*score, None, float("nan")]
    assert task.wrong_scores(pl.Series(fitting)) == 0
    assert task.wrong_scores(pl.Series([*fitting, *cases.WRONG_SCORES])) == len(cases.WRONG_SCORES)
    assert all(isinstance(said, str) for said in task.remarks(pl.Series(score)))


def test_looking_at_them_loads_no_frames():
    code = "import sys\nfrom kronkers_batch.learning import TASKS\nlist(TASKS.values())\n"
    code += "assert not {'numpy', 'polars'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", code], check=True)
