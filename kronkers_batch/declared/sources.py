"""From a model's ``source:`` to the source's specification, its identity and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kronkers_batch.config.forecast_fields import key_columns
from kronkers_batch.config.source_kinds import output
from kronkers_batch.config.spec import InputRef, ModelSpec, SourceSpec
from kronkers_batch.data.stated import Heads
from kronkers_batch.data.window import Window
from kronkers_batch.declared.windows import days
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.session.services import Services
from kronkers_batch.warehouse.versions import Head

if TYPE_CHECKING:
    import polars as pl


def source_of(services: Services, ref: InputRef) -> SourceSpec:
    """The declared source, or the one that another model's output is."""
    if ref.source:
        return services.source(ref.source)
    return output_source(services, services.model(ref.output))


def output_source(services: Services, upstream: ModelSpec) -> SourceSpec:
    """An output as a source: the upstream model's key columns and predicted columns."""
    return SourceSpec(
        name=f"output.{upstream.name}",
        department=upstream.department,
        description=f"the output of {upstream.name}",
        kind=output.KIND.name,
        schema=output_schema(upstream, source_of(services, upstream.source)),
        key=upstream.key,
        time_column="",
        checks=(),
        shared_with=(),
        origin=upstream.origin,
        output=upstream.name,
    )


def output_schema(model: ModelSpec, source: SourceSpec) -> Schema:
    """What a model publishes: the key, of the columns of its source, and the predicted columns."""
    keys = key_columns(model.key, source.schema, model.goal.panel)
    return Schema((*keys, *(Column(c.name, c.type) for c in model.output_columns)))


def head_ids(services: Services, hole: Heads) -> list[str]:
    """The version ids that a reader of a model's output sees in a window, in order of their dates."""
    return [head.id for head in _heads(services, hole)]


def has_heads(services: Services, model: str, window: Window) -> bool:
    """Whether every date of a window has a published output; without a start, whether any date has."""
    wanted = set(days(window))
    if not wanted:
        return services.warehouse.newest_head(model) is not None
    return wanted <= {head.date for head in _heads(services, Heads(model, window.start, window.end))}


def read_output(
    services: Services, model: str, window: Window, *, purpose: str = ""
) -> Iterator[pl.DataFrame]:
    """The rows of a model's published output for the dates of a window, chunk by chunk.

    ``purpose`` is the source that reads them, for the ledger. Raises SourceError naming the dates that have
    no published output.
    """
    heads = _heads(services, Heads(model, window.start, window.end))
    absent = sorted(set(days(window)) - {head.date for head in heads})
    if absent:
        more = f" and {len(absent) - 1} more dates" if len(absent) > 1 else ""
        raise SourceError(
            f"{model} has no published output for {absent[0]}{more}",
            fix=f"run it for those dates first: kronkers run {model} --date {absent[0]}; if the output "
            "is held, the run says why",
        )
    for head in heads:
        recorded = ("read", {"for": purpose})
        yield from services.warehouse.rows.read(model, date=head.date, version=head.number, recorded=recorded)


def _heads(services: Services, hole: Heads) -> list[Head]:
    """The heads of the dates that begin in a window; only their logs are read."""
    return services.warehouse.heads(hole.model, first=hole.first, last=hole.last)
