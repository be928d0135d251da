"""What one department's YAML or environment does to the night of all."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, swap
from tests.faults.mutations.kind import F, _

HERE = f"{F}test_one_stops_all.py::"
WORDS = f"{HERE}test_what_an_environment_holds_ends_in_words"
FORESAW = f"{HERE}test_what_nobody_foresaw_is_one_models_failure"
QUERY = f"{HERE}test_a_query_that_ends_the_process_or_writes_is_none"

MUTATIONS = [
    _("a file of an environment ends the night of all", "runtimes.languages.__init__:in_words",
      swap("(ValueError, RuntimeError)", "ZeroDivisionError"),
      f"{WORDS}[python-nul]", f"{WORDS}[julia-circle]", f"{WORDS}[r-dash]"),
    _("listing an environment ends the night of all", "runtimes.contents:environment_contents",
      swap("with in_words(environment): ...", "return _contents(roots, cache)"), f"{WORDS}[python-deep]"),
    _("a name that is no UTF-8 ends the night of all", "runtimes.contents:_contents",
      swap("os.fsencode(listed)", "listed.encode()"),
      f"{HERE}test_names_that_are_no_utf8_count_as_all_others"),
    _("what nobody foresaw refuses all", "access.authorisation:refusal",
      swap("Exception", "ZeroDivisionError"), FORESAW),
    _("an environment that cannot be looked at is signed", "access.as_declared:_contents",
      swap("known[key] = environment_contents(...)",
           "try: known[key] = environment_contents(model.language, model.environment, services.cache)\n"
           "except (MissingPart, ConfigError) as error: known[key] = f'none: {error.what}'"),
      f"{HERE}test_nobody_signs_an_environment_that_cannot_be_looked_at"),
    _("a signed model is switched off in silence", "access.stopped:switched_off",
      swap("_signed_as_enabled(services, name)", "False"),
      f"{HERE}test_a_signed_model_that_conf_alone_switches_off_is_not_left_out_in_silence"),
    _("a signed model is deleted in silence", "access.stopped:gone",
      returns("{}"), f"{HERE}test_a_signed_model_whose_file_is_deleted_is_not_left_out_in_silence"),
    _("subqueries in each other end the process", "data.select:parsed",
      never("len(sql) > LONGEST"), f"{QUERY}[endless]"),
    _("a query that is nested too deeply is a fault", "data.select:parsed",
      swap("RecursionError", "ZeroDivisionError"), f"{QUERY}[nested]", f"{QUERY}[sum]"),
    _("a query's WITH writes", "data.select:parsed",
      never("any(...)"),
      f"{QUERY}[copy]", f"{QUERY}[insert]", f"{QUERY}[delete]", f"{QUERY}[update]"),
    _("a name with a schema passes for one of WITH", "data.select:read_besides",
      swap("'.'.join(...)", "node['table_name']"),
      f"{HERE}test_a_name_with_a_schema_is_no_input_whatever_with_calls_its_own"),
    _("one input stands for another", "config.source_fields:_inputs",
      drop("_check_case(...)"), f"{HERE}test_inputs_that_differ_only_in_case_are_refused"),
    _("Hydra reads files that nobody checked", "config.compose:_hydra",
      swap("initialize(config_path=None, version_base='1.3')",
           "__import__('hydra').initialize_config_dir("
           "config_dir=__import__('os').path.abspath('conf'), version_base='1.3') "
           "if __import__('os').path.isdir('homes') else initialize(config_path=None, version_base='1.3')"),
      f"{HERE}test_no_file_says_of_the_root_what_was_not_checked[schema]",
      f"{HERE}test_no_file_says_of_the_root_what_was_not_checked[package]"),
    _("a group includes another file", "config.compose:check_files",
      never("'defaults' in tree.items"), f"{HERE}test_a_group_includes_no_other_file"),
    _("a folder's name passes for a link", "config.signing:_below",
      never("_LEADS in found"), f"{HERE}test_a_folder_with_an_arrow_in_its_name_is_no_link"),
]  # fmt: skip
