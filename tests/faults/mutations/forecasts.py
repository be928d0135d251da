"""Time series: what rows of them may not be, what a forecast may not see, and how it is measured."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, swap
from tests.faults.mutations.kind import _

SERIES = "tests/unit/pipeline/test_series.py::"
RULES = "tests/rules/test_series.py::test_"
GOALS = "tests/unit/config/test_forecast_goals.py::"
NIGHTS = "tests/e2e/test_forecasts.py::"
STEPS = f"{SERIES}test_rows_that_cannot_be_steps_of_series_are_refused_with_their_number"
AHEAD = f"{SERIES}test_what_must_be_known_ahead_is_refused_where_it_is_not"
GAPS = f"{SERIES}test_steps_without_a_row_are_an_error_or_zero_or_missing"
LEFT = f"{SERIES}test_series_that_ended_or_are_new_are_counted_and_not_forecast"
UNSEEN = f"{SERIES}test_nothing_from_the_origin_on_is_asked_but_what_is_known_ahead"
NAIVE = f"{SERIES}test_the_naive_forecast_is_what_was_there_a_season_before"
REFUSED = f"{GOALS}test_what_of_it_cannot_be_is_refused_with_its_line"
BELIEVED = f"{NIGHTS}test_what_cannot_be_believed_is_not_recorded"

MUTATIONS = [
    # ---- rows
    _("two rows may be one step", "pipeline.steps:grid_of", drop("_refuse_twice(model, panel, rows)"), STEPS),
    _("a row may have no series or time", "pipeline.steps:grid_of",
      drop("_refuse_without(model, panel, rows, (*panel.series, panel.time))"), STEPS),
    _("a time may be between two steps", "pipeline.steps:_refuse_off_grid",
      swap("int((late != 0).sum())", "0"), STEPS),
    _("a static value may change", "pipeline.steps:grid_of",
      drop("_refuse_changing(model, panel, rows)"), STEPS),
    _("a target before the origin may be missing", "pipeline.steps:Grid.complete",
      drop("self._refuse_unknown(rows)"), STEPS),
    _("a step may lack its row", "pipeline.steps:Grid.complete",
      drop("self._refuse_gaps(rows, spans, steps)"), GAPS),
    _("no row means zero, whatever is declared", "pipeline.steps:Grid._filled",
      swap("panel.gaps == 'zero'", "True"), GAPS,
      f"{RULES}a_step_without_a_row_is_what_gaps_says"),
    _("a night reads nothing of what is known ahead", "declared.windows:scoring_window",
      swap("midnight(date) + panel.horizon if panel.future else midnight(date)", "midnight(date)"),
      f"{RULES}a_night_reads_the_history_and_what_is_known_ahead"),
    _("a series is as old as its history", "pipeline.origins:origin_of",
      swap("step - pl.col(BORN)", "step - pl.col(FIRST)"),
      "tests/unit/pipeline/test_series.py::"
      "test_series_that_ended_or_are_new_are_counted_and_not_forecast"),
    _("a night does not see how old a series is", "declared.windows:scoring_window",
      swap("max(train, panel.history) if train else train", "panel.history or train"),
      f"{RULES}a_night_reads_the_history_and_what_is_known_ahead"),
    _("what a query's sources drop becomes zeros", "config.forecast_goal:_checks_of_sources",
      drop("waiting += ..."),
      "tests/unit/config/test_forecast_goals.py::test_a_check_of_what_a_query_reads_may_make_no_zeros"),
    _("a row ahead may be missing", "pipeline.origins:_ahead", never("lacking"), AHEAD),
    _("what is known ahead may be missing", "pipeline.origins:_ahead",
      swap("values.null_count()", "0"), AHEAD,
      f"{NIGHTS}test_rows_that_cannot_be_forecast_from_hold_the_night"),
    _("a series without a history is left out in silence", "pipeline.origins:_unknown",
      never("count and not panel.under"), AHEAD),
    _("nothing is forecast, in silence", "pipeline.origins:origin_of", never("not alive.height"), AHEAD),
    _("a series that ended is forecast", "pipeline.origins:origin_of",
      swap("spans.filter(~silent & ~young)", "spans.filter(~young)"), LEFT,
      f"{RULES}series_that_ended_or_are_new_get_no_forecast"),
    _("a new series is forecast", "pipeline.origins:origin_of",
      swap("spans.filter(~silent & ~young)", "spans.filter(~silent)"), LEFT),
    _("series that are left out are not counted", "pipeline.forecasting:scored",
      swap("'; '.join(origin.remarks())", "''"),
      f"{NIGHTS}test_forecasts_are_published_with_their_origin"),
    _("late rows are gaps", "pipeline.steps:refuse_late", never("any(step in known for step in before)"),
      f"{SERIES}test_rows_that_end_before_the_date_are_late_unless_it_is_always_so"),
    _("a night does not see that rows are late", "pipeline.forecasting:scored", drop("refuse_late(grid)"),
      f"{NIGHTS}test_rows_that_cannot_be_forecast_from_hold_the_night"),
    # ---- what a model sees
    _("the history goes beyond the origin", "pipeline.origins:origin_of",
      swap("pl.lit(step, pl.Int64)", "pl.lit(step + 1, pl.Int64)"), UNSEEN,
      f"{RULES}nothing_from_the_origin_on_is_asked_but_what_is_known_ahead"),
    _("what is known to the origin only is known ahead", "frames.panel:Panel.ahead",
      swap("(*self.series, self.time, *self.future, *self.static)",
           "(*self.series, self.time, *self.future, *self.static, *self.past)"), UNSEEN),
    _("a history is cut", "pipeline.origins:Origin._parts",
      swap("rows + length > CHUNK_ROWS", "len(part) > 1"),
      f"{SERIES}test_histories_are_asked_in_parts_and_never_cut"),
    _("a model is fitted on the holdout", "pipeline.forecasting:training_data",
      swap("known.filter(pl.col(STEP) < first)", "known.filter(pl.col(STEP) < 0)"),
      f"{NIGHTS}test_a_model_never_sees_a_target_from_the_origin_on"),
    # ---- what is believed of it
    _("a series may be forecast otherwise beside others", "pipeline.forecasting:verify",
      never("model.rows is not RowsPolicy.WHOLE"),
      f"{BELIEVED}[company-the model gives a series another forecast when the series is forecast]"),
    _("the stored model may forecast otherwise than the fitted one", "pipeline.forecasting:verify",
      drop("refuse_another(...)"),
      f"{BELIEVED}[outside-the stored model, loaded in a new worker, gives other scores than]"),
    _("a forecast may be below the least", "learning.forecast:Forecast.wrong_scores", returns("0"),
      f"{BELIEVED}[below-score gave a forecast below target.min for]",
      f"{NIGHTS}test_a_night_holds_no_forecast_below_the_least"),
    _("a forecast of a night may be below the least", "pipeline.forecasting:_with_keys",
      drop("_refuse_below(model, scores)"), f"{NIGHTS}test_a_night_holds_no_forecast_below_the_least"),
    _("a champion of another kind of task is used", "pipeline.score:_refuse_other_rows",
      never("task.of_series is not model.task.of_series"),
      f"{NIGHTS}test_a_champion_of_another_kind_of_task_is_not_used"),
    _("golden forecasts lose their history", "pipeline.golden:_parted",
      swap("plain.filter(before)", "plain.filter(~before)"),
      "tests/unit/pipeline/test_golden.py::test_histories_are_kept_with_what_was_forecast_from_them"),
    _("half of the words of a question are forgotten", "runtimes.given:Given.__init__",
      swap("deque[_Chunk](maxlen=RECENT * parts)", "deque[_Chunk](maxlen=RECENT)"),
      "tests/unit/runtimes/test_given.py::test_training_is_remembered_and_of_chunks_the_newest"),
    # ---- measuring
    _("the naive forecast knows no season", "pipeline.origins:Origin.naive",
      swap("pl.col('point').fill_null(pl.col(LAST))", "pl.col(LAST)"), NAIVE),
    _("the naive forecast has no season's quantiles", "pipeline.origins:Origin.naive",
      swap("(point + pl.col(f'q{n}').fill_null(0)).alias(f'q{n}')", "point.alias(f'q{n}')"), NAIVE),
    _("a series without a scale costs something", "learning.forecast:_mean",
      swap("steps(rows).where(steps(rows).scaled)", "steps(rows)"),
      "tests/contract/test_tasks.py::test_its_metrics_are_what_others_compute_and_lie_in_their_ranges[forecast]"),
    _("a target below the least is one", "learning.forecast:Forecast.fits_target",
      returns("target.is_finite()"),
      "tests/contract/test_tasks.py::test_targets_that_do_not_fit_are_counted[forecast]"),
    # ---- declarations
    _("keys of series are ignored on other tasks", "config.forecast_goal:check",
      drop("_refuse_keys(raw, task, problems)"),
      f"{GOALS}test_keys_of_series_are_refused_where_the_task_has_none"),
    _("features may be missing", "config.raw_model:read_model",
      drop("forecast_fields.refuse_without_features(...)"),
      f"{GOALS}test_keys_of_series_are_refused_where_the_task_has_none"),
    _("what a forecast cannot have is ignored", "config.forecast_goal:_whole",
      swap("_NOT_FOR_SERIES.items()", "{}.items()"), REFUSED),
    _("what a forecast needs is replaced", "config.forecast_goal:_whole", never("not there"), REFUSED),
    _("a length may be no multiple of a step", "config.forecast_goal:_durations",
      never("length % panel.step"), REFUSED),
    _("a column may have two roles in a forecast", "config.forecast_goal:_roles", never("earlier"), REFUSED),
    _("the origin may hide a column of the key", "config.forecast_goal:_roles",
      never("name == ORIGIN and ..."), REFUSED),
    _("rows that a check drops become zeros", "config.forecast_goal:check",
      drop("_refuse_drops(raw, panel, linker, problems)"), REFUSED),
    _("a column may be called as one of the program's own", "config.forecast_goal:_roles",
      never("name.startswith(':')"), REFUSED),
    _("outputs of models ahead are forecast from", "config.link:Linker.reads_output",
      never("now.output"), REFUSED),
    _("the source may select by another time", "config.forecast_goal:_time",
      never("panel.time != time_column"), REFUSED),
    _("a quantile that is none counts as the forecast", "config.forecast_goal:_quantiles",
      never("goal.quantiles and said is not None and panel.point is None"), REFUSED),
]  # fmt: skip
