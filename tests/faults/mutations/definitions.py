"""The defences against what a department's own YAML, data and environments could get or stop."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, swap, without
from tests.faults.mutations.kind import F, _

HERE = f"{F}test_hostile_definitions.py::"
SENDS = f"{HERE}test_a_department_sends_no_secret_of_others_to_a_server_of_its_own"
QUERY = f"{HERE}test_a_query_reads_of_an_inputs_file_only_what_is_declared"
LINK = f"{HERE}test_a_link_to_a_database_that_is_changed_after_it_was_looked_at_is_not_followed"
MANIFEST = f"{HERE}test_a_manifest_leads_a_worker_nowhere_and_ends_in_words"
LARGE = f"{HERE}test_files_that_are_larger_than_memory_end_in_words"
INTERPOLATION = f"{HERE}test_interpolations_take_little_time_and_memory"
VALUES = f"{HERE}test_values_that_nothing_can_be_done_with_are_refused_with_their_line"

LATER = "tests/unit/config/test_signing.py::test_a_field_that_came_later_counts_where_it_is_not_the_default"

MUTATIONS = [
    _("a new release asks everybody to sign again", "config.signing:_fields",
      never("field.name in later and ..."), LATER),
    _("a field that came later is not signed at all", "config.signing:_fields",
      without("item == later[field.name]"), LATER),
    _("conf sends the service's key anywhere", "config.interpolation:_Resolver.from_environment",
      never("name in account.SECRETS"), f"{SENDS}[KRONKERS_KEY]", f"{SENDS}[KRONKERS_PASSPHRASE]"),
    _("a variable is anybody's", "config.load:_Loader.load",
      drop("variables.check(self.uses, self.problems)"), f"{SENDS}[HR_PASSWORD]",
      f"{HERE}test_a_secret_of_the_root_is_no_departments"),
    _("a server is told the account's own password", "data.sources.postgres:_parameters",
      swap("_NOT_OURS", "{}"), f"{HERE}test_a_server_is_told_nothing_that_its_url_does_not_say"),
    _("a server is waited for as long as its URL says", "data.sources.postgres:_parameters",
      drop("_refuse_waiting(given, place)"),
      f"{HERE}test_a_server_that_never_answers_keeps_nobody_waiting_for_ever"),
    _("a query reads its inputs' files itself", "data.sources.duckdb_query:_statement",
      swap("select.read_besides(...)", "[]"), QUERY),
    _("a database is judged, and opened by its name", "data.sources.sqlite_file:opened",
      never("not _has_opened(file)"), LINK),
    _("a hard link to what a pattern finds is nobody's", "config.file_claims:Claims.twins",
      swap("self._patterns", "()"),
      f"{HERE}test_a_hard_link_to_a_file_that_anothers_pattern_finds_is_refused"),
    _("one environment's parser answers for all", "pipeline.definitions:_Parser.digest",
      without("repr(self._model.environment)"),
      f"{HERE}test_what_one_environments_parser_says_of_code_counts_for_no_other"),
    _("defaults nest for ever", "config.interpolation:_Resolver.from_environment",
      never("self.depth > MAX_DEPTH"), INTERPOLATION),
    _("texts grow for ever", "config.interpolation:_Resolver.text",
      never("self.length > MAX_BYTES"), INTERPOLATION),
    _("a duration may be of any length", "config.kinds:parse_duration",
      never("found > LONGEST"), VALUES),
    _("a size may be of any size", "config.kinds:_size",
      swap("not 0 < found <= LARGEST", "not found"), VALUES),
    _("a pattern looks into each folder again and again", "config.source_file:read_source",
      never("values['path'].split('/').count('**') > 1"), VALUES),
    _("the text for null may be of any length", "config.source_fields:_csv",
      never("len(found['null']) > _NULL"), VALUES),
    _("a name is compared in every way there is", "data.sources.files:_digits_only",
      swap("f'(?>{opened}?{re.escape(part)})'", "f'{opened}?{re.escape(part)}'"),
      f"{HERE}test_no_pattern_and_no_file_name_take_long"),
]  # fmt: skip
