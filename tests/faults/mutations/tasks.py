"""What each kind of task means: what its target may be, what its scores are, what they are measured by."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, swap
from tests.faults.mutations.kind import _

TARGET = "tests/unit/pipeline/test_targets.py::"
MEASURED = "tests/unit/pipeline/test_measured.py::"
GOALS = "tests/unit/config/test_goals.py::"
TASKS = "tests/contract/test_tasks.py::"
EACH = "tests/contract/test_each_task.py::"

MUTATIONS = [
    _("a positive value may be one of many", "pipeline.targets:check_target",
      never("model.goal.positive and ..."),
      f"{TARGET}test_a_target_of_three_values_where_one_is_positive_is_refused"),
    _("a target may have one value", "pipeline.targets:check_target",
      never("model.judge.send(data.fit[model.target], model.goal).n_unique() < 2"),
      f"{TARGET}test_a_target_of_one_value_teaches_nothing",
      f"{TARGET}test_a_positive_value_that_no_row_has_is_refused"),
    _("a positive value may never occur", "pipeline.targets:check_target",
      swap("model.judge.send(data.fit[model.target], model.goal)", "data.fit[model.target]"),
      f"{TARGET}test_a_positive_value_that_no_row_has_is_refused"),
    _("each quantile is fitted alike", "config.model_build:_estimator",
      swap("Estimator(target, given['arguments'], given['formula'], where, given['predict'], "
           "given['predict_arguments'], given['per_quantile'], categories)",
           "Estimator(target, given['arguments'], given['formula'], where, given['predict'], "
           "given['predict_arguments'], '', categories)"),
      f"{GOALS}test_an_estimator_may_be_fitted_once_a_quantile"),
    _("a target has a level for all that was not seen", "runtimes.model_worker:Worker._encode",
      swap("encode(chunk, schema, int64=self._int64, unseen=unseen, closed=target)",
           "encode(chunk, schema, int64=self._int64, unseen=unseen)"),
      f"{EACH}test_it_publishes_what_its_language_computes[multiclass-python]"),
    _("columns may differ only in case", "config.model_goal:refuse_names_alike",
      never("name.casefold() == other.casefold()"), f"{GOALS}test_what_cannot_be_is_refused_with_its_line"),
    _("a check of today is held against the columns of then", "pipeline.score:_refuse_absent",
      never("absent"),
      "tests/unit/pipeline/test_as_trained.py::test_a_check_on_a_column_that_the_champion_lacks_is_said"),
    _("a class may be absent when the model is fitted", "pipeline.targets:check_target",
      drop("_refuse_unseen_classes(model, data.fit[model.target], where)"),
      f"{TARGET}test_a_class_that_no_row_of_the_fit_has_is_refused_by_name"),
    _("any text is a class", "learning.multiclass:Multiclass.fits_target",
      swap("target.cast(pl.String).is_in(goal.classes)", "target == target"),
      f"{TARGET}test_a_value_that_is_no_class_is_counted_and_not_shown"),
    _("a count may be no whole number", "learning.count:Count.fits_target",
      swap("number == number.round()", "number == number"),
      f"{TARGET}test_counts_are_whole_and_not_negative"),
    _("a weight may be negative", "pipeline.targets:check_roles",
      never("wrong or not found.sum()"), f"{TARGET}test_weights_that_are_none_are_counted"),
    _("an exposure may be 0", "pipeline.targets:check_exposure",
      never("wrong"), f"{TARGET}test_an_exposure_is_more_than_nothing_in_fit_holdout_and_night"),
    _("an exposure may be lost when rows are scored", "pipeline.verify:verify",
      drop("_refuse_deaf_to_exposure(fresh, model, usual, again)"),
      "tests/contract/test_stored_models.py::test_counts_that_do_not_change_with_their_exposure_are_refused"),
    _("an exposure of 0 is scored at night", "pipeline.scored_rows:scored_rows",
      drop("check_exposure(model, frame)"), f"{EACH}test_an_exposure_of_0_is_not_scored"),
    _("the exposure is no column of the model", "config.model_build:build",
      swap("features + model_goal.exposure_feature(raw)", "features"),
      f"{GOALS}test_roles_become_columns_of_fit_and_score"),
    _("probabilities need not add up to 1", "learning.multiclass:Multiclass.derive",
      never("apart"), f"{MEASURED}test_the_class_is_the_most_probable_one_and_the_first_of_equal_ones"),
    _("classes are measured in the order in which they were returned", "pipeline.measuring:measured",
      swap("scores.select(model.measured)", "scores.select(pl.col(f'^probability.*$'))"),
      f"{MEASURED}test_each_class_is_measured_by_its_own_column"),
    _("all quantiles may be one number", "learning.quantiles:Quantiles.contradiction",
      returns("None"), f"{MEASURED}test_quantiles_that_are_one_number_are_refused"),
    _("a rate knows no exposure", "learning.count:Count.naive_scores",
      swap("rows.units[:, None] * naive", "rows.units[:, None] * 0 + naive"),
      f"{MEASURED}test_a_rate_counts_over_the_exposure_of_each_row"),
    _("a score of 0 is an expected count", "learning.count:Count.wrong_scores",
      swap("scores.to_series().cast(pl.Float64).fill_nan(None) <= 0", "scores.to_series() < 0"),
      f"{TASKS}test_scores_that_do_not_fit_are_counted[count]"),
    _("skill is of another loss than the declared one", "learning.__init__:Task.loss",
      swap("rows.goal.loss or next(iter(self.losses))", "next(iter(self.losses))"),
      f"{TASKS}test_its_losses_are_what_others_compute_and_skill_is_of_the_declared_one[regression]"),
    _("absolute errors are held against the mean", "learning.regression:Regression.naive",
      swap("np.median(truth) if goal.loss == 'absolute' else truth.mean()", "truth.mean()"),
      f"{TASKS}test_no_other_constant_costs_less_than_the_naive_prediction[regression]"),
    _("a version scores with today's classes", "declared.declaration:as_trained",
      swap("Goal.of(then.get('goal', {}))", "model.goal"),
      "tests/unit/pipeline/test_as_trained.py::test_it_keeps_its_classes_and_loss"),
    _("a key of another task is read", "config.model_goal:_keys",
      never("getattr(goal, name) and name not in allowed"),
      f"{GOALS}test_what_cannot_be_is_refused_with_its_line"),
    _("a feature may be a weight, too", "config.model_goal:_role",
      never("role != 'group' and name in seen"),
      f"{GOALS}test_what_cannot_be_is_refused_with_its_line"),
    _("a target that is said otherwise trains nothing anew", "config.fingerprint:_training",
      swap("_said(model, Counts.TRAINING) | _goal(model)", "_said(model, Counts.TRAINING)"),
      "tests/unit/config/test_fingerprint.py"
      "::test_what_counts_of_a_model_is_what_the_table_says[goal.positive]"),
]  # fmt: skip
