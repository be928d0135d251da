"""What ``check`` asks of workers, and whom it tells."""

from __future__ import annotations

from tests.faults.mutations.changes import always, never, sets, swap
from tests.faults.mutations.kind import _

HERE = "tests/unit/diagnostics/test_model_probes.py::test_"
KEY = "diagnostics.model_probes:_key"
DECIDES = f"{HERE}what_decides_the_answer_makes_another_question"

MUTATIONS = [
    _("another department's answer is believed", KEY,
      swap("model.department", "''"),
      f"{HERE}another_table_and_another_department_are_other_questions"),
    _("another kind of table's answer is believed", KEY,
      swap("model.data", "''"), f"{HERE}another_table_and_another_department_are_other_questions"),
    _("the answer of one with other limits is believed", KEY,
      sets("limits", "()"), f"{DECIDES}[more0]", f"{DECIDES}[more1]", f"{DECIDES}[more2]"),
    _("the answer outside the sandbox is believed inside", KEY,
      sets("limits", "resources.memory, resources.threads, resources.start_limit"),
      f"{HERE}what_loads_outside_the_sandbox_is_asked_again_inside"),
    _("another environment's answer is believed", KEY,
      sets("environment", "('', '')"), f"{DECIDES}[more3]"),
    _("the answer of other files beside the code is believed", KEY,
      swap("[part for path, raw in code.contents().items() for part in (str(path), raw)]", "[code.text]"),
      f"{HERE}other_code_and_other_files_beside_it_are_other_questions"),
    _("the answer of other parameters is believed", KEY,
      swap("repr(asked.arguments)", "''"), f"{HERE}another_estimator_or_parameter_is_another_question"),
    _("only the first model that asked is told", "diagnostics.model_probes:probe_models",
      swap("question.models", "question.models[:1]"),
      f"{HERE}each_model_is_told_with_its_own_file_and_lines"),
    _("a model is told another's file and line", "diagnostics.model_probes:_in_words_of",
      swap("_at_code(model, error, question.measure)",
           "_at_code(question.models[0], error, question.measure)"),
      f"{HERE}each_model_is_told_with_its_own_file_and_lines"),
    _("a model is told another's environment", "diagnostics.model_probes:_in_words_of",
      swap("text.replace(asked, own)", "text"), f"{HERE}the_environments_line_is_the_models_own_too"),
    _("what does not load is no problem", "diagnostics.model_probes:probe_models",
      always("error is None"), f"{HERE}what_is_wrong_is_asked_again_and_what_is_right_is_not"),
    _("nothing is asked", "diagnostics.model_probes:probe_models",
      never("cache.get(...) != _GOOD"), f"{HERE}models_that_ask_the_same_are_one_question"),
]  # fmt: skip
