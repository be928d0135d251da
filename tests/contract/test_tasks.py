"""One suite for every kind of task: each file of `learning/` joins."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from kronkers_batch.learning import TASKS, Goal, Rows, Task, UsesTarget
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
def drawn(cases) -> list[Rows]:
    return [cases.drawn(np.random.default_rng(3), goal) for goal in cases.CASES]


def naive_of(task: Task, rows: Rows):
    return task.naive(rows.truth, rows.units, rows.goal)


def frame(task: Task, rows: Rows) -> pl.DataFrame:
    names = task.fixed(rows.goal) or ("score",)
    return pl.DataFrame(dict(zip(names, rows.score.T, strict=True)))


def test_it_says_all_that_is_asked_of_it(task, cases):
    assert isinstance(task, Task)
    assert task.predicts
    assert set(task.required) <= set(task.keys)
    for goal in (*cases.CASES, task.example):
        assert bool(task.target_types(goal)) == (task.target is UsesTarget.ALWAYS)
        outputs = task.outputs(goal)
        measured = task.fixed(goal) or tuple(outputs)
        assert all(outputs[name] in task.measured_types for name in measured)
        assert set(task.returned(goal)) | set(task.derived(goal)) <= set(outputs)
        assert all(set(task.needs(name, goal)) <= {"min", "max"} for name in task.ranges(goal))
        assert Goal.of(goal.to_json()) == goal
    assert bool(task.wrong_target.what and task.wrong_target.fix) == (task.target is UsesTarget.ALWAYS)
    assert bool(task.losses) == (task.target is UsesTarget.ALWAYS)
    assert task.wrong_score.what
    assert task.wrong_score.there


def test_its_metrics_are_what_others_compute_and_lie_in_their_ranges(task, cases, drawn):
    for rows in drawn:
        found, oracles = task.measured(rows, naive_of(task, rows)), cases.oracles(rows.goal)
        assert list(found) == list(task.ranges(rows.goal))
        assert set(oracles) == set(task.metrics(rows.goal))
        for name, oracle in oracles.items():
            iterates = name.startswith("calibration")
            assert found[name] == pytest.approx(oracle(rows), abs=1e-6 if iterates else 1e-12), name
        for name, (least, most) in task.ranges(rows.goal).items():
            assert least <= found[name] <= most, name


def test_its_losses_are_what_others_compute_and_skill_is_of_the_declared_one(task, cases, drawn):
    for rows in drawn:
        naive = naive_of(task, rows)
        assert ("skill" in task.measured(rows, naive)) == bool(task.losses)
        if not task.losses:
            continue
        reference = rows.scored(task.naive_scores(naive, rows))
        for name, loss in task.losses.items():
            assert loss.formula(rows).shape == rows.truth.shape
            assert loss.formula(rows).mean() == pytest.approx(cases.losses(rows)[name], rel=1e-12), name
        declared = rows.goal.loss or next(iter(task.losses))
        expected = 1 - cases.losses(rows)[declared] / cases.losses(reference)[declared]
        assert task.measured(rows, naive)["skill"] == pytest.approx(expected, rel=1e-9)


def test_no_other_constant_costs_less_than_the_naive_prediction(task, drawn):
    rng = np.random.default_rng(5)
    for rows in drawn if task.losses else ():
        naive = naive_of(task, rows)

        def cost(constant, rows=rows):
            return task.loss(rows.scored(task.naive_scores(constant, rows))).mean()

        for _ in range(50):
            other = naive * np.exp(rng.normal(size=len(naive)) * 0.05)
            if task.fixed(rows.goal) and abs(naive.sum() - 1) < 1e-9:
                other = other / other.sum()
            assert cost(other) >= cost(naive) - 1e-12


def test_the_naive_prediction_has_no_skill_and_the_truth_has_all(task, cases, drawn):
    for rows in drawn if task.losses else ():
        naive = naive_of(task, rows)
        plain = rows.scored(task.naive_scores(naive, rows))
        assert task.measured(plain, naive)["skill"] == pytest.approx(0)
        assert task.measured(rows.scored(cases.perfect(rows)), naive)["skill"] == pytest.approx(1)


def test_rows_without_a_prediction_count_as_unscored_and_in_nothing_else(task, drawn):
    for rows in drawn:
        naive, holes = naive_of(task, rows), rows.score.copy()
        holes[::4, -1] = np.nan  # one of several is enough
        there = ~np.isnan(holes).any(axis=1)
        found = task.measured(rows.scored(holes), naive)
        assert found.pop("unscored") == pytest.approx(0.25, abs=0.01)
        others = task.measured(rows.where(there), naive)
        assert found == {name: value for name, value in others.items() if name in found}


def test_nothing_to_measure_is_not_a_number(task, drawn):
    for rows in drawn:
        found = task.measured(rows.where(np.zeros(len(rows.truth), bool)), naive_of(task, rows))
        assert found.pop("unscored") == 0
        assert all(math.isnan(value) for value in found.values())


def test_what_compares_with_the_champion_is_undefined_without_one(task, drawn):
    for rows in drawn:
        alone = task.measured(replace(rows, champion=None), naive_of(task, rows))
        assert set(task.comparing(rows.goal)) == {name for name, value in alone.items() if math.isnan(value)}
        assert list(task.by_chance(rows)) == list(task.comparing(rows.goal))
        assert task.by_chance(replace(rows, champion=None)) == {}
        nothing = replace(rows, champion=np.full(len(rows.truth), np.nan))
        found = task.measured(nothing, naive_of(task, rows))
        assert found == pytest.approx(alone, nan_ok=True)


def test_the_order_of_the_rows_changes_no_metric(task, drawn):
    for rows in drawn:
        order = np.random.default_rng(1).permutation(len(rows.truth))
        naive, shuffled = naive_of(task, rows), rows.where(order)
        assert task.measured(shuffled, naive) == pytest.approx(task.measured(rows, naive), rel=1e-9)


def test_huge_scores_warn_of_nothing(task, drawn):
    for rows in drawn:
        task.measured(rows.scored(np.full(rows.score.shape, 1e308)), naive_of(task, rows))


def test_targets_that_do_not_fit_are_counted(task, cases):
    for goal, values in cases.TARGETS:
        series = pl.Series("y", values, strict=False)
        assert task.wrong_targets(series, goal) == 0
        known = series.drop_nulls()
        assert not np.isnan(task.truth(known, goal)).any()
        assert task.send(known, goal).len() == known.len()
    for goal, values in cases.WRONG_TARGETS:
        assert task.wrong_targets(pl.Series("y", values), goal) == len(values)


def test_scores_that_do_not_fit_are_counted(task, cases, drawn):
    for rows in drawn:
        fitting = frame(task, rows)
        nothing = pl.DataFrame(
            {name: [None, float("nan")] for name in fitting.columns}, schema=fitting.schema
        )
        fitting = pl.concat([fitting, nothing])
        assert task.wrong_scores(fitting, rows.goal) == 0
        assert all(isinstance(said, str) for said in task.remarks(fitting, rows.goal))
        if len(fitting.columns) == len((cases.WRONG_SCORES or [[]])[0]):
            wrong = pl.DataFrame(cases.WRONG_SCORES, schema=fitting.schema, orient="row")
            assert task.wrong_scores(pl.concat([fitting, wrong]), rows.goal) == len(cases.WRONG_SCORES)


def test_looking_at_them_loads_no_frames():
    code = "import sys\nfrom kronkers_batch.learning import TASKS\nlist(TASKS.values())\n"
    code += "assert not {'numpy', 'polars'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", code], check=True)
