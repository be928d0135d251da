"""What is believed of a model that was fitted elsewhere, and what is said of environments."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, returns, reword, swap
from tests.faults.mutations.kind import Mutation, _

CONFIG = "tests/unit/config/test_model_import.py::"
ROWS = "tests/unit/pipeline/test_importing.py::"
PROBES = "tests/unit/diagnostics/test_model_probes.py::"
LACKS = "test_what_each_environment_lacks_is_said_with_its_line_and_where_to_put_it"
NIGHT = "tests/e2e/test_imported.py::"

MUTATIONS: list[Mutation] = [
    _("golden rows of the importer may get other scores", "pipeline.importing:_proven",
      always("golden.same_scores(expected, found.select(expected.columns))"),
      f"{NIGHT}test_import_tries_a_file_before_it_replaces_another"),
    _("golden rows of the importer are not kept", "pipeline.importing:with_given",
      returns("kept"), f"{ROWS}test_given_rows_are_golden_rows_of_the_version"),
    _("an imported model gets the levels of today's rows", "config.model_import:_unknown_levels",
      never("feature.type is ColumnType.CATEGORY and not feature.levels"),
      f"{CONFIG}test_what_is_right_and_what_is_wrong"),
    _("an imported model gets a level that it does not know", "config.model_import:_unknown_levels",
      never("raw.values['unseen'] is Unseen.OTHER"), f"{CONFIG}test_what_is_right_and_what_is_wrong"),
    _("arguments of a fit that is never called", "config.model_import:read",
      swap("_needless(raw)", "()"), f"{CONFIG}test_what_is_right_and_what_is_wrong"),
    _("an artifact may be exchanged after the look at it", "declared.artifact_file:require",
      never("found != digest"),
      f"{ROWS}test_files_that_are_missing_large_or_exchanged_are_refused"),
    _("artifacts of any size are read", "declared.artifact_file:_refuse_size",
      never("size > most"), f"{ROWS}test_files_that_are_missing_large_or_exchanged_are_refused"),
    _("another artifact is the same definition", "config.fingerprint:_training",
      drop("found |= digests.get('imported', {})"),
      f"{CONFIG}test_a_new_file_is_a_changed_definition_and_age_is_none"),
    _("an artifact is not signed", "config.signing:model_definition",
      swap("dict(imported or {})", "{}"),
      "tests/unit/config/test_signing.py::"
      "test_what_the_files_of_an_imported_model_hold_counts_and_not_where_they_lie"),
    _("an artifact is signed without a look at it", "access.as_declared:model_wanted",
      swap("artifact_file.digests(services, model)", "{}"),
      f"{NIGHT}test_an_imported_model_scores_as_it_did_where_it_was_fitted"),
    _("another department's artifact may be declared", "config.file_claims:Claims.__init__",
      never("model.imported is not None"), f"{CONFIG}test_the_files_are_their_departments_alone"),
    _("an imported model is trained again by age", "facts.gather:_Gathering._declared",
      swap("None if spec.imported else spec.retrain.every", "spec.retrain.every"),
      f"{NIGHT}test_an_imported_model_scores_as_it_did_where_it_was_fitted"),
    _("one model's environment hides those of all others", "diagnostics.model_probes:_ask",
      always("model.environment == Environment()"), f"{PROBES}{LACKS}"),
    _("a missing table package is the code's fault", "runtimes.diagnosis:model_error",
      never("verb == 'model' and _missing(spec, message) == spec.data"), f"{PROBES}{LACKS}"),
    _("an interpreter that may not be run is started", "runtimes.languages.__init__:require_runnable",
      never("path.is_file() and ..."), f"{PROBES}{LACKS}"),
    _("the second class of an imported model is the true one", "runtimes.workers.worker:true_class",
      swap("names.index(wanted)", "1"), "tests/contract/test_imported_classes.py::test_in_python"),
    _("logits of an imported model are taken for predictions", "runtimes/workers/worker.R",
      reword("refuse_link(model, predict, given)", "NULL"),
      f"{NIGHT}test_what_is_wrong_with_a_file_is_told_with_its_line_and_runs_nowhere_else"),
]  # fmt: skip
