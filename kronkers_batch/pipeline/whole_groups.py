"""Groups that are measured as a whole: each is on one side of the holdout, and some have an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import DataError

if TYPE_CHECKING:
    import polars as pl


def on_one_side(
    model: ModelSpec, fit: pl.DataFrame, held_out: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows to fit and those held out, with all rows of a group held out where one of them is.

    Raises DataError where a row has no group, or no row is left to fit.
    """
    import polars as pl

    group, where = model.goal.group, str(model.origins.get("group", model.origin))
    if not group:
        return fit, held_out
    if nulls := fit[group].null_count() + held_out[group].null_count():
        raise DataError(
            f"{nulls:,} rows have no {group}, by which rows are ordered together",
            where=where,
            fix="leave such rows out in a query source, or give each a group of its own",
        )
    both = fit[group].is_in(held_out[group].unique().implode())
    if fit.height and both.all():
        raise DataError(
            f"every {group} of the training window has rows in the holdout, so that none is left to fit",
            where=where,
            fix="name a column whose groups end, such as a query or a session, and not a customer",
        )
    return fit.filter(~both), pl.concat([fit.filter(both), held_out])


def numbers_of(model: ModelSpec, rows: pl.DataFrame) -> pl.Series | None:
    """The number of its group for each row; None where there are no groups."""
    import polars as pl

    if not model.goal.group:
        return None
    return rows[model.goal.group].cast(pl.String).rank("dense").cast(pl.Int64)


def refuse_without_order(model: ModelSpec, part: pl.DataFrame, name: str) -> None:
    """Raises DataError where no group of these rows has several rows of which one is relevant."""
    import polars as pl

    group = model.goal.group
    if not group:
        return
    target = pl.col(model.target).cast(pl.Float64)
    sizes = part.group_by(group).agg(pl.len().alias("rows"), target.max().alias("most"))
    if not ((sizes["rows"] > 1) & (sizes["most"] > 0)).any():
        alone = int((sizes["rows"] == 1).sum())
        raise DataError(
            f"no group of the {name} part has an order: of {sizes.height:,} groups {alone:,} have one row, "
            "and in the others nothing is relevant",
            where=str(model.origins.get("group", model.origin)),
            fix="name the column whose equal values belong together, such as a query or a session",
        )
