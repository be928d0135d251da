"""What keeps first models right, and rows, scores and models from leaving otherwise than they should."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, returns, swap
from tests.faults.mutations.kind import _

RIGHTS = "tests/e2e/test_rights.py::test_a_role_and_a_command"
OUT, NEW = "tests/e2e/test_handing_out.py::", "tests/e2e/test_new.py::"
INFERRED = "tests/unit/drafting/test_inference.py::"
DESCRIBED, PRINTED = "tests/e2e/test_described.py::", "tests/e2e/test_printed.py::"

MUTATIONS = [
    _("predict asks for no right", "queries.predictions:predict",
      drop("rights.require(...)"), f"{RIGHTS}[viewer-predict]"),
    _("data asks for no right", "queries.training_rows:training_rows",
      drop("rights.require(...)"), f"{RIGHTS}[reader-data]"),
    _("new asks for no right", "drafting.new_model:new_model",
      drop("rights.require_scope(...)"), f"{RIGHTS}[viewer-new]"),
    _("predict leaves no line", "queries.predictions:predict",
      drop("add_entry(...)"), f"{OUT}test_a_file_is_scored_as_a_night_scores_its_rows"),
    _("data leaves no line", "queries.training_rows:training_rows",
      drop("add_entry(...)"), f"{OUT}test_the_rows_of_fit_are_written_as_fit_gets_them"),
    _("export leaves no line", "queries.stored_models:stored_model",
      drop("add_entry(...)"), f"{OUT}test_a_stored_model_is_handed_out_as_its_language_wrote_it"),
    _("a file is scored unchecked", "pipeline.row_file:RowFile.checked",
      never("checks"), f"{OUT}test_a_file_that_a_night_would_refuse_is_refused"),
    _("a file may lack a feature", "pipeline.row_file:_refuse_absent",
      always("not absent"), f"{OUT}test_a_file_that_a_night_would_refuse_is_refused"),
    _("a file without rows is scored", "pipeline.row_file:RowFile.checked",
      never("not rows"), f"{OUT}test_a_file_that_a_night_would_refuse_is_refused"),
    _("new keeps what conf refuses", "drafting.new_model:new_model",
      drop("load(...)"), f"{NEW}test_what_conf_refuses_in_the_end_leaves_nothing"),
    _("new leaves some of its files", "drafting.writing_together:written",
      swap("path.rmdir() if ... else ...", "None"), f"{INFERRED}test_all_files_are_written_or_none"),
    _("a first line of values is one of names", "drafting.csv_form:_check_names",
      never("_VALUE.match(name)"), f"{NEW}test_what_gives_no_model_is_refused_and_nothing_is_written"),
    _("a postcode becomes a number", "drafting.column_types:_Guess.feed",
      never("rest.str.contains(_LEADING_ZERO).any()"),
      f"{INFERRED}test_the_type_of_a_column_is_that_of_all_its_texts"),
    _("a key of two equal rows", "drafting.row_keys:_Candidate.holds",
      returns("bool(self.hashes)"),
      f"{INFERRED}test_the_key_is_the_column_that_is_named_like_one_or_the_first_that_identifies_or_a_pair"),
    _("a trial may lack a class", "pipeline.trial:_thinned",
      swap("keep | ...", "keep"),
      "tests/unit/pipeline/test_trial_sample.py::test_a_sample_is_even_and_has_every_level_and_class"),
    _("a description is read without a line", "queries.listing:_description",
      drop("add_entry(...)"), f"{DESCRIBED}test_readers_see_how_a_version_describes_itself"),
    _("what a model prints is kept for nobody", "audit.runlog:_with_printed",
      returns("found"), f"{PRINTED}test_a_reader_sees_what_a_model_printed_and_the_whole_error"),
]  # fmt: skip
