"""The types that say what a table reads name its keys, and admit what stands for an absent one."""

from __future__ import annotations

import types
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from kronkers_batch.config import measure_fields, model_parts, task_fields
from kronkers_batch.config.fields import Table
from kronkers_batch.config.model_file import MODEL
from kronkers_batch.config.raw_model import ModelValues
from kronkers_batch.config.source_file import SOURCE, SourceValues

SHAPES = [
    (SOURCE, SourceValues),
    (MODEL, ModelValues),
    (model_parts.WINDOW, model_parts.WindowValues),
    (model_parts.RETRAIN, model_parts.RetrainValues),
    (model_parts.RESOURCES, model_parts.ResourcesValues),
    (task_fields.TARGET, task_fields.TargetValues),
    (task_fields.OUTPUT, task_fields.OutputValues),
    (measure_fields.MEASURE, measure_fields.MeasureValues),
]
FILLED = {("output", "columns")}  # by the task, where the file names none


def admits(hint: Any, value: object) -> bool:
    if isinstance(hint, types.UnionType):
        return any(admits(one, value) for one in get_args(hint))
    if is_typeddict(hint):
        return isinstance(value, dict)
    return isinstance(value, get_origin(hint) or hint)


@pytest.mark.parametrize(("table", "shape"), SHAPES, ids=[table.title for table, _ in SHAPES])
def test_a_type_says_what_its_table_reads(table: Table, shape: type) -> None:
    for name, hint in get_type_hints(shape).items():
        field = table[name]
        below = field.kind.table if field.kind.nested else None
        if below is None and (table.title, name) not in FILLED:
            assert admits(hint, field.default), name
