"""Writes docs/reference/tasks.md from the kinds of tasks.

Run it as ``python -m kronkers_batch.config.task_reference``.
"""
# ruff: noqa: E501 - a paragraph of the page is one line

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from kronkers_batch.learning import TASKS, Goal, Loss, Metric, Task, UsesTarget

QUANTILES = (0.1, 0.5, 0.9)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "tasks.md"

_INTRODUCTION = """\
# Tasks: what a model predicts, and how it is judged

*Made from the program: `python -m kronkers_batch.config.task_reference`.* To change the page, change the files of `kronkers_batch/learning/`.

`task:` in a model says what it predicts. The task decides whether a model has a target and which, which columns it publishes, and by which numbers it is measured on the holdout: `thresholds.training` sets limits for these numbers. `conf/template/` has a template for each task.

- **skill** is `1 - loss / loss of the naive prediction`, both on the same rows of the holdout: 0 is no better than the naive prediction, 1 is perfect. The naive prediction knows no feature; it is computed from the rows that the model was fitted on.
- **unscored** is the share of holdout rows to which the model gave no score, or not all of its scores. They count in no other number.
- **refit** (with `window: {refit: true}`) is how far the scores of the final fit, on all labelled rows, are from those of the measured fit, as a share of what is allowed. A version with more than 1 is not promoted.
- A number that is undefined, such as the recall of a class without rows, misses every threshold on it.
- **stability.NAME** compares a version with the champion, on the same rows of the holdout. The first version of a model has no champion to be compared with: the number is undefined, and no threshold on it is judged; the table of the run says so. If there is a champion that cannot be compared, because it is of another task, needs a column that is gone, or fails, the number is undefined and misses every threshold on it. Instead of a naive prediction, the version keeps what the number would be by chance.
- Each row of the holdout counts once in each number, whatever its weight.

## Columns that are no features

| key | what it names | `fit` sees it | `score` sees it | refused |
|---|---|---|---|---|
| `target` (not for `anomaly` and `clusters`) | what is predicted | yes, as the last column | no | a target with one value only; a class without a row to fit. Rows without a value are left out, and counted |
| `weights` | how much a row counts in `fit` | yes, before the target; a declared estimator gets it as its weights | no | a missing or negative weight; weights that are all 0 |
| `train_only` | other columns for `fit` | yes, before the target; a declared estimator does not see them | no | |
| `audit_columns` | by what the model may be judged, such as sex or age | no | no | a feature, the target or another role of the same column. Nothing reads them yet |
| `exposure` (`count`) | over how much time, area or how many people a row counts | yes, as the last feature; a declared estimator does not get it as a feature, see [weights and exposure](worker-protocol.md#weights-and-exposure) | yes, as the last feature | a missing exposure, or one of 0 or less, in training and on a night; a model whose scores stay the same when the exposure doubles |
| `group` (`ranking`) | which rows are ordered together | yes, before the target, unless it is a feature; a declared estimator sees it only as a feature | only as a feature | a row without a group; groups of which none has an order |
| `target.event` (`survival`) | whether the time ended with the event | yes, before the time | no | an event that is missing, or neither 0 nor 1; a fit part without an event |

Weights change what a model predicts: with weights, its probabilities are those of the weighted rows. The metrics then show how they fit the rows as they are.

## Own measures

`measures:` names code of the department that judges the scores of the holdout, for every task with a target except `forecast` and `survival` ([how to write one](../how-to/own-measures.md)). These metrics are added to those of the task:

| metric | what it is | a threshold needs |
|---|---|---|
| NAME, of a measure without `metrics` | The mean over rows of what its function `loss` returned. | `max` |
| NAME.KEY, of a measure with `metrics` | The number KEY that its function `metric` returned. | `min` where `higher` is declared, `max` where `lower` is |

If `target.loss` names a measure without `metrics`, `skill` is by this loss; the naive prediction stays that of the task. A measure whose numbers are NaN or infinite, or depend on chance or on the order of the rows, is refused.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *(line for task in TASKS.values() for line in _section(task))])


def _section(task: Task) -> Iterator[str]:
    goal = task.example
    yield f"## {task}"
    yield ""
    yield f"Predicts {task.predicts}."
    yield ""
    yield from _target(task, goal)
    columns = ", ".join(f"`{name}: {kind}`" for name, kind in task.judge(goal).outputs(goal).items())
    other = "" if task.fixed(goal) else ", unless `output.columns` says otherwise"
    yield f"- **Output**{_of(task)}: {columns}{other}."
    if "quantiles" in task.keys and "quantiles" not in task.required:
        yield from _with_quantiles(task)
    if returned := task.returned(goal):
        names = ", ".join(f"`{name}`" for name in returned.values())
        yield f"- **`score` returns** {names}, by name, in any order. The program adds: {', '.join(f'`{name}`' for name in task.derived(goal))}."
    if task.wrong_score.there != task.wrong_score.what:
        yield f"- **Refused** after `fit`: scores that are {task.wrong_score.there}."
    yield from (f"- {detail}" for detail in task.details)
    if task.losses:
        yield f"- **Naive prediction**: {_first(task.naive)}"
        yield ""
        yield "| loss | for each row | source |"
        yield "|---|---|---|"
    for number, (name, loss) in enumerate(task.losses.items()):
        only = " (with `ordered: true`)" if name in task.of_ordered else ""
        said = " (the default)" if not number else only
        yield _row([f"`{name}`{said}", _first(loss.formula), loss.source])
    yield ""
    if task.metrics(goal):
        yield "| metric | what it is | range | source |"
        yield "|---|---|---|---|"
        for name, metric in task.metrics(goal).items():
            only = "" if name in task.metrics(replace(goal, ordered=False)) else " (with `ordered: true`)"
            yield _row([f"`{name}`{only}", _first(metric.formula), _between(metric), metric.source])
        yield ""


_USES = {
    UsesTarget.NEVER: "none",
    UsesTarget.MAYBE: "none, or one of another task: `target: {column: NAME, as: TASK}`. Then that task decides "
    "which target, outputs and metrics there are, and what may be declared",
}


def _target(task: Task, goal: Goal) -> Iterator[str]:
    if task.target in _USES:
        yield f"- **Target**: {_USES[task.target]}."
    else:
        yield f"- **Target**: {', '.join(map(str, task.target_types(goal)))}. Refused: a value that is {task.wrong_target.what}."
    if not task.learns:
        yield "- **Code** has `score` alone. It learns nothing from data: its workers get no training data, and `score` gets the null of its language (`None`, `NULL`, `nothing`) as the model. Code with `fit` is refused, and so is a declared estimator."
    if "positive" in task.keys:
        named = ", ".join(map(str, task.target_types(Goal(positive="Yes"))))
        yield f"- **Target with `positive`**: {named}, of two values. `positive: VALUE` says which of the two counts as true."
    if task.keys:
        needed = " (required)" if task.target is UsesTarget.ALWAYS else " (required with a target)"
        said = ", ".join(
            f"`{_KEYS.get(key, key)}`" + (needed if key in task.required else "") for key in task.keys
        )
        yield f"- **May be declared** besides: {said}. See [configuration](configuration.md)."


def _plain(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return "[" + ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value) + "]"


_KEYS = {
    "judged_as": "target.as",
    "at": "target.at",
    "event": "target.event",
    "horizons": "target.horizons",
    "higher_is": "output.higher_is",
    "top": "decision.top",
}


def _with_quantiles(task: Task) -> Iterator[str]:
    """What is otherwise where quantiles are declared that may be left out."""
    goal = replace(task.example, quantiles=QUANTILES)
    goal = replace(goal, panel=replace(goal.panel, point=0.5) if goal.panel else None)
    usual = task.metrics(task.example)
    columns = ", ".join(f"`{name}: {kind}`" for name, kind in task.outputs(goal).items())
    yield f"- **With `quantiles: [{', '.join(map(str, QUANTILES))}]`**: {columns}. `loss` is not declared. Metrics:"
    for name, metric in task.metrics(goal).items():
        said = "" if name in usual else f" {_first(metric.formula)}"
        yield f"  - `{name}`{':' if said else ''}{said}"
    gone = ", ".join(f"`{name}`" for name in usual if name not in task.metrics(goal))
    yield f"  - without {gone}"


def _of(task: Task) -> str:
    if not task.required:
        return ""
    said = {key: getattr(task.example, key) for key in task.required}
    shown = [f"`{_KEYS.get(key, key)}: {_plain(value)}`" for key, value in said.items()]
    return " for " + " and ".join(shown)


def _first(formula: Callable[..., object] | Loss) -> str:
    """The first paragraph of a docstring, as one line."""
    called = formula.func if isinstance(formula, partial) else formula
    text = (called.__doc__ or "").split("\n\n")[0]
    return " ".join(text.replace("``", "`").split())


def _between(metric: Metric) -> str:
    low, high = metric.range
    if math.isinf(low) and math.isinf(high):
        return ""
    return (
        f"from {low:g}" if math.isinf(high) else f"to {high:g}" if math.isinf(low) else f"{low:g} to {high:g}"
    )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
