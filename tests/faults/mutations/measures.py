"""What a department's own measures must be, who signs them, and what they change."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, reword, swap
from tests.faults.mutations.kind import _

ASKED = "pipeline.own_measures:Asked"
WRONG = "tests/contract/test_measures.py::test_what_is_no_measure_is_refused_by_its_name_and_file"
DECLARED = "tests/unit/config/test_own_measures.py::test_"
NIGHT = "tests/e2e/test_own_measures.py::test_"
SIGNED = "tests/faults/test_own_measures.py::test_whoever_signs_a_model_signs_its_measures"
JUDGED = f"{NIGHT}a_version_is_judged_by_the_measures_of_its_department"
ANEW = f"{NIGHT}changed_code_of_a_measure_trains_anew_and_a_comment_does_not"
REFUSED = f"{DECLARED}what_cannot_be_is_refused_with_its_line"
GUARDED = f"{DECLARED}the_file_of_a_measure_is_guarded_as_code_is"

MUTATIONS = [
    _("a measure may draw random numbers", f"{ASKED}._refuse_chance",
      never("not np.array_equal(one, other)"), f"{WRONG}[python]"),
    _("a loss may hang on the order of rows", f"{ASKED}.loss",
      drop("self._refuse_other(first[moved.to_numpy()], ...)"), f"{WRONG}[python]"),
    _("a loss may hang on other rows", f"{ASKED}.loss",
      drop("self._refuse_other(first[part.to_numpy()], ...)"), f"{WRONG}[r]"),
    _("a metric may hang on the order of rows", f"{ASKED}.metrics",
      drop("self._refuse_other(...)"), f"{WRONG}[r]"),
    _("a measure may give NaN", f"{ASKED}.once", always("not wrong.any()"), f"{WRONG}[r]"),
    _("rows in another order may be in theirs", "pipeline.own_measures:another_order",
      swap("order if (...).any() else order[::-1].copy()", "np.arange(count)"),
      "tests/unit/pipeline/test_own_measures.py::test_another_order_is_none_of_theirs"),
    _("skill is by the task's loss though another one is named", "pipeline.own_measures:OwnMeasures.added",
      never("measure.name == model.own_loss"), JUDGED),
    _("the naive prediction costs what the model costs", "pipeline.own_measures:OwnMeasures.added",
      swap("replace(rows, scores=naive)", "rows"), JUDGED),
    _("rows without a score are judged", "pipeline.own_measures:judged_rows",
      swap("pl.all_horizontal(pl.all().fill_nan(None).is_not_null())", "pl.all_horizontal(pl.lit(True))"),
      "tests/unit/pipeline/test_own_measures.py::test_rows_without_a_score_are_left_out"),
    _("the code of a measure is not signed", "access.as_declared:model_wanted",
      swap("_measures(services, model)", "{}"), SIGNED),
    _("a measure is read again after it was looked at", "declared.measure_code:read_measures",
      always("model.name not in run.measure_code"), SIGNED),
    _("changed code of a measure does not train", "pipeline.definitions:define",
      swap("measure_digests(services, model)", "{}"), ANEW),
    _("a version does not say which code judged it", "declared.declaration:declaration",
      never("measures"), JUDGED),
    _("a measure may be called as a metric of the task", "config.measure_goal:_refuse_taken_names",
      never("wrong"), REFUSED),
    _("skill may be by a metric", "config.measure_goal:_refuse_metric_as_loss",
      never("name and ..."), REFUSED),
    _("a model without target may have measures", "config.measure_goal:_fits",
      never("nothing_known"), REFUSED),
    _("a forecast may have measures", "config.measure_goal:_fits", never("judge.of_series"), REFUSED),
    _("a measure may lie in a forbidden place", "config.leading:_code_files",
      swap("model.measures", "()"), GUARDED),
    _("others may read a department's measure", "config.file_claims:Claims.__init__",
      swap("model.measures", "()"), GUARDED),
    _("check loads no measure", "diagnostics.model_probes:_questions",
      swap("model.measures", "()"), f"{NIGHT}a_measure_that_cannot_be_loaded_is_an_error_before_a_night"),
    _("a metric may lack a declared number", "runtimes.workers.worker:numbers_by_name",
      never("lacks"), f"{WRONG}[python]"),
    _("a metric may have another number", "runtimes.workers.worker:numbers_by_name",
      never("len(result) > len(names)"), f"{WRONG}[python]"),
    _("a metric in R may have another number", "runtimes/workers/worker.R",
      reword('if (more > 0L) stop("metric', 'if (FALSE) stop("metric'), f"{WRONG}[r]"),
    _("a metric in Julia may have another number", "runtimes/workers/worker.jl",
      reword("others > 0 && throw", "false && throw"), f"{WRONG}[julia]"),
    _("a loss may be of another number of rows", "runtimes.workers.worker:one_a_row",
      never("values.shape != (rows,)"), f"{WRONG}[python]"),
]  # fmt: skip
