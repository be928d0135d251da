"""The rules of what is measured, proven, kept and told of a model."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, reword, sets, swap, without
from tests.faults.mutations.kind import F, Mutation, _

STORED = "tests/contract/test_stored_models.py::"
GOLDEN = "tests/unit/steps/test_golden.py::"
TARGET = "tests/unit/steps/test_targets.py::"
PROOF, KEPT = "tests/e2e/test_proof.py::", "tests/e2e/test_kept_folder.py::"
FORMS, LOAD = "tests/unit/runtimes/test_forms.py::", "tests/unit/config/test_load.py::"
CONTENTS = "tests/unit/runtimes/test_contents.py::"
FAILURES = "tests/contract/test_failures.py::"

MEASURED = [
    _("the stored model may score otherwise than the fitted one", "steps.verify:_refuse_another",
      never("not same_scores(fitted, stored)"),
      f"{STORED}test_a_stored_model_that_scores_otherwise_than_the_fitted_one_is_refused"),
    _("the same rows may get other scores each time", "steps.verify:_refuse_another",
      never("not same_scores(stored, again)"),
      f"{STORED}test_a_model_that_scores_the_same_rows_otherwise_each_time_is_refused[python-whole]"),
    _("the packages that only fit loads are not named", "steps.verify:_naming_packages",
      sets("gone", "[]"),
      f"{STORED}test_what_only_fit_loads_is_not_there_later_and_that_is_said[r]"),
    _("no row is scored alone", "steps.independence:Trials.all",
      drop("self.alone(spread(rows), spread(scores))"),
      f"{STORED}test_a_model_that_cannot_score_one_row_is_refused"),
    _("no rows of one level are scored alone", "steps.independence:Trials.all",
      swap("self._one_level(rows, scores)", "[]"),
      f"{STORED}test_scores_that_depend_on_a_level_that_all_rows_have_are_refused"),
    _("rows are not scored in another order and in parts", "steps.independence:Trials.all",
      drop("self._rearranged(...)"),
      f"{STORED}test_scores_that_depend_on_the_rows_around_are_refused"),
    _("a model that must see all rows is tried row by row", "steps.verify:_tried",
      sets("kept", "trials.all(rows, scores)"),
      f"{STORED}test_a_model_that_cannot_score_one_row_is_refused"),
    _("odd rows that are refused are not told", "steps.verify:verify",
      never("refused"),
      f"{STORED}test_odd_rows_that_score_refuses_are_told_and_refuse_nothing"),
    _("the first output column is measured", "steps.verify:_measured",
      swap("scores[model.evaluate]", "scores[model.output_columns[0].name]"),
      f"{STORED}test_the_named_column_is_measured"),
    _("scores that are all NaN are measured", "steps.verify:_measured",
      never("nulls + nans == rows"),
      f"{STORED}test_scores_that_are_nan_are_counted_and_all_of_them_are_refused"),
    _("any number is a probability", "steps.verify:_measured",
      never("model.task is Task.BINARY and beyond"),
      f"{STORED}test_scores_that_are_no_probabilities_are_refused"),
    _("the measured column may be any of several", "config.model_build:_evaluate",
      never("said is None and len(can) > 1"),
      f"{LOAD}test_an_output_column_that_cannot_be_measured_is_refused[several]"),
    _("a text may be measured", "config.model_build:_evaluate",
      never("said is not None and said not in can"),
      f"{LOAD}test_an_output_column_that_cannot_be_measured_is_refused[text]"),
    _("the target's values are not looked at", "steps.train:train",
      drop("check_target(model, data)"),
      "tests/e2e/test_gates.py::test_a_target_that_is_none_of_the_task_is_refused_before_anything_is_fitted"),
    _("a binary target may be any number", "steps.targets:_wrong",
      swap("(target == 0) | (target == 1)", "target.is_finite()"),
      f"{TARGET}test_other_values_are_counted_and_refused"
      "[binary-fit0-holdout0-neither 0 nor 1 in 1 of 4 rows]"),
    _("a target may be infinite", "steps.targets:_wrong",
      swap("target.is_finite()", "target.is_not_null()"),
      f"{TARGET}test_other_values_are_counted_and_refused"
      "[regression-fit4-holdout4-no finite number (NaN or infinite) in 2 of 3 rows]"),
]  # fmt: skip

PROVEN = [
    _("a champion is opened without its golden rows", "steps.champion:open_champion",
      drop("_prove(...)"),
      f"{PROOF}test_golden_rows_are_scored_also_where_nothing_changed",
      f"{PROOF}test_a_package_by_path_that_changes_under_a_champion[python]"),
    _("older golden rows prove something of rows: whole", "steps.champion:_provable",
      swap("has_parts(golden) or model.rows is not RowsPolicy.WHOLE", "True"),
      f"{PROOF}test_a_version_of_an_older_program_is_proven_by_what_it_has"),
    _("packages by path are no part of the runtime", "steps.runtime:runtime_of",
      swap("by_path(services, model).items()", "()"),
      f"{PROOF}test_a_package_by_path_that_changes_under_a_champion[python]"),
    _("what changed under a champion is not told", "steps.score:Scored.message",
      never("self.proof"),
      f"{PROOF}test_a_package_by_path_that_changes_under_a_champion[python]"),
    _("compiled files change a package", "runtimes.contents:_contents",
      always("compiled or ..."),
      f"{CONTENTS}test_a_package_by_path_counts_by_its_files_without_those_that_languages_make"),
    _("lines of .pth files are no packages", "runtimes.languages.python:_linked",
      swap("_path_files(site)", "()"),
      f"{CONTENTS}test_a_package_by_path_counts_by_its_files_without_those_that_languages_make"),
    _("golden rows have no nulls", "steps.golden:odd_rows",
      swap("_with_nulls(model, parts)", "[]"),
      f"{GOLDEN}test_rows_with_nulls_where_the_data_has_some_and_with_unseen_levels"),
    _("golden rows have no unseen levels", "steps.golden:odd_rows",
      swap("texts[:MOST_UNSEEN]", "texts[:0]"),
      f"{GOLDEN}test_rows_with_nulls_where_the_data_has_some_and_with_unseen_levels"),
    _("the first level is tried, which is numbered rightly anyway", "steps.golden:one_level",
      swap("levels.max()", "levels.min()"),
      f"{GOLDEN}test_rows_of_one_level_are_those_of_the_last_one"),
    _("infinite scores make all others alike", "steps.golden:same_scores",
      swap("first.filter(first.is_finite())", "first"),
      f"{GOLDEN}test_same_scores[one7-other7-False]"),
    _("what golden rows need is remembered by the worker", "runtimes.worker:Worker.score",
      never("apart"),
      f"{STORED}test_what_was_scored_apart_is_not_remembered[julia]"),
    _("chance goes on from score to score", "runtimes.workers.worker:Session.score",
      drop("self.sow()"),
      f"{STORED}test_chance_that_the_seed_sets_is_the_same_each_time[python]"),
    _("an environment without a lock file is no warning", "steps.advice:warnings",
      swap("builder(model.language).unlocked(model.environment)", "''"),
      "tests/unit/steps/test_advice.py::test_an_environment_without_a_lock_file"),
]  # fmt: skip

KEPT_FILES = [
    _("files beside the code are no part of the definition", "config.fingerprint:_training",
      swap("{_FILES + name: digest for name, digest in ...}", "{}"),
      f"{KEPT}test_a_folder_is_found_kept_and_part_of_the_definition"),
    _("files beside the code are not kept", "steps.champion:open_champion",
      swap("as_trained(model, version, files)", "as_trained(model, version)"),
      f"{KEPT}test_a_folder_is_found_kept_and_part_of_the_definition"),
    _("files beside the code are not signed", "config.signing:model_definition",
      swap("{f'files.{name}': digest for name, digest in ...}", "{}"),
      f"{F}test_borrowed_keys.py::test_an_edited_file_is_refused[beside]"),
    _("hidden files are kept", "steps.kept:_is_own",
      without("not name.startswith('.')"),
      f"{KEPT}test_hidden_files_environments_and_declared_data_are_not_kept"),
    _("another model's folder is kept", "steps.kept:_closed",
      without("real in neighbours.above"),
      f"{KEPT}test_check_tries_what_a_version_will_hold"),
    _("a source's file is kept with a model", "steps.kept:_beside",
      without("not places.declared(real)"),
      f"{KEPT}test_hidden_files_environments_and_declared_data_are_not_kept"),
    _("a version keeps any number of files", "steps.kept:kept_code",
      never("len(files) > MOST_FILES"),
      f"{KEPT}test_more_than_a_version_can_keep_is_refused"),
]  # fmt: skip

TOLD = [
    _("a word of the data may be a name of code", "runtimes.scrub:Scrubber._is_name",
      swap("not (... or any(...))", "bool(text)"),
      f"{FORMS}test_words_and_numbers_of_the_data_go"),
    _("any number may be a count", "runtimes.scrub:Scrubber._is_count",
      always("int(digits) <= max(10 * most, 99)"),
      f"{FORMS}test_words_and_numbers_of_the_data_go[score returned {{count}} values for {{count}} rows]"),
    _("a number of an index is told", "runtimes.forms:_JULIA",
      reword("{call} at index\n", "{call} at index [{count}]\n"),
      f"{FORMS}test_an_index_may_be_a_value_and_goes"),
    _("numbers near a known count are told", "runtimes.scrub:Scrubber._is_known_count",
      swap("int(token) in self._given.counts", "int(token) <= max(self._given.counts, default=0) + 1"),
      f"{FORMS}test_known_counts_stay_everywhere_and_others_go"),
    _("what is missing in the rows is not told", "runtimes.diagnosis:about_rows",
      never("count"),
      f"{FAILURES}test_counts_and_what_is_missing_are_told_and_the_values_are_not"),
]  # fmt: skip

MUTATIONS: list[Mutation] = [*MEASURED, *PROVEN, *KEPT_FILES, *TOLD]
