"""The defences of paths, of values of the environment, and of files, and what breaks without each."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, swap
from tests.faults.mutations.kind import F, _

PLACES, UNIT = f"{F}test_places.py::", "tests/unit/config/test_places.py::"
VALUES, REDACTION = f"{F}test_environment_values.py::", "tests/unit/test_redaction.py::"
PRIVATE = f"{F}test_private_files.py::"
SWAPPED = f"{PLACES}test_a_link_that_is_swapped_while_it_is_read_gives_no_byte_of_a_forbidden_file"
EVERY_KEY = f"{UNIT}test_every_key_of_conf_that_holds_a_path_is_looked_at_and_all_are_said_at_once"

LEADING = [
    _("paths are not looked at when conf is loaded", "config.load:_Loader.load",
      drop("leading.check(...)"),
      f"{PLACES}test_a_source_that_is_the_services_key_file_is_refused_and_shows_nothing", EVERY_KEY),
    _("a link among the files of conf shows any file", "config.load:_Loader.file",
      never("Path(...).suffix.lower() not in _SUFFIXES"),
      f"{UNIT}test_a_file_of_conf_that_is_a_link_shows_no_other_file"),
    _("conf names another key file than the account's", "config.places:_keys",
      drop("key_files.append(...)"), f"{UNIT}test_conf_cannot_talk_the_environments_key_away"),
    _("a folder that holds a forbidden place is shown", "config.places:Places._root",
      never("shows_folder and is_in(place.path, real)"), EVERY_KEY),
    _("the keys of other programs are data", "config.places:_keys",
      swap("account.other_keys()", "()"), f"{UNIT}test_no_path_leads_to_keys_the_warehouse_or_the_machine"),
    _("a hard link to the database is a source", "config.places:Places._same_as_closed",
      never("found in self._known"),
      f"{PLACES}test_the_database_the_cache_and_another_department_are_refused",
      f"{UNIT}test_no_path_leads_to_keys_the_warehouse_or_the_machine"),
    _("another department's file is a source", "config.file_claims:Claim.against",
      always("department == self.department or ..."),
      f"{PLACES}test_the_database_the_cache_and_another_department_are_refused",
      f"{UNIT}test_a_file_that_another_department_declares_is_refused_until_it_is_shared"),
    _("a pattern finds another department's file", "config.file_claims:Claims.found_by",
      never("(why := claim.against(department)) and ..."),
      f"{UNIT}test_a_pattern_that_finds_another_departments_file_says_whose_it_is"),
    _("another department's code is a source", "config.file_claims:Claims.against",
      always("code"), f"{UNIT}test_a_source_may_not_be_another_departments_code_but_code_may_be_shared"),
    _("a hard link to another department's file is a source", "config.places:Places._twin",
      always("info is None or ..."), f"{UNIT}test_other_names_of_another_departments_file"),
    _("a package lists files outside of the folder of packages", "data.sources.package_file:locate",
      always("'..' not in f.parts and ..."),
      f"{PLACES}test_a_package_lists_nothing_outside_of_the_folder_of_packages"),
]  # fmt: skip

OPENING = [
    _("what was opened is not judged", "config.opening:opened",
      swap("places.opened_refusal(...)", "''"), f"{SWAPPED}[csv]", f"{SWAPPED}[parquet]",
      f"{SWAPPED}[pattern]", f"{SWAPPED}[view]"),
    _("a CSV file is judged, and read by its name", "data.sources.csvfile:_unpacked",
      swap("file.reading", "str(file.path)"),
      "tests/contract/source/test_sources.py::test_what_was_judged_is_what_is_read[csv]"),
    _("a Parquet file is judged, and read by its name", "data.sources.parquet_file:read",
      swap("_opened(file.reading, place)", "_opened(str(file.path), place)"),
      "tests/contract/source/test_sources.py::test_what_was_judged_is_what_is_read[parquet]"),
    _("a pipe is a file", "config.opening:opened",
      never("not stat.S_ISREG(info.st_mode)"),
      f"{PLACES}test_pipes_devices_folders_and_sockets_are_refused_without_waiting"),
    _("a link leads elsewhere after it was signed", "config.file_claims:Claims.astray",
      always("real == claim.path"),
      f"{PLACES}test_a_link_that_is_changed_after_it_was_signed_is_not_followed"),
    _("a file that was deleted while it was opened has a name", "config.opening:opened",
      never("info.st_nlink == 0"),
      f"{PLACES}test_a_file_that_is_deleted_while_it_is_opened_is_not_known_by_its_old_name"),
    _("an export goes beside the keys", "queries.exports:judge.judged",
      never("(why := places.refusal(real))"),
      f"{PLACES}test_exports_and_public_lines_stay_out_of_forbidden_places"),
    _("an export that is refused is recorded as one", "queries.exports:check",
      drop("judge(places, path)(...)"),
      f"{PLACES}test_exports_and_public_lines_stay_out_of_forbidden_places"),
]  # fmt: skip

ENVIRONMENT = [
    _("errors hold values of the environment", "errors:KronkersError.__init__",
      swap("(redact(what), redact(where), redact(fix))", "(what, where, fix)"),
      f"{REDACTION}test_an_error_is_redacted_when_it_is_made"),
    _("what is printed holds values of the environment", "texts:leaving",
      swap("redact(text)", "text"), f"{VALUES}test_what_is_printed_that_is_no_error_hides_it_too"),
    _("the record holds values of the environment", "ledger.ledger:Ledger.append",
      drop("details = redacted(details)"), f"{VALUES}test_what_is_printed_that_is_no_error_hides_it_too"),
    _("signed definitions are kept with values of the environment", "access.as_declared:_wanted",
      swap("redacted(fields)", "fields"),
      f"{VALUES}test_a_signed_path_is_compared_by_its_value_and_kept_without_it"),
    _("a signature covers what is shown of a value", "access.as_declared:_wanted",
      swap("signing.fingerprint(kind, fields)", "signing.fingerprint(kind, redacted(fields))"),
      f"{VALUES}test_a_signed_path_is_compared_by_its_value_and_kept_without_it"),
    _("a short value shows in a path", "config.interpolation:_Resolver.text",
      drop("redaction.add(whole, text)"),
      f"{VALUES}test_a_short_value_is_hidden_in_the_path_that_it_is_a_part_of"),
    _("a value shows once it was quoted", "redaction:_forms",
      drop("yield quote(form)"),
      f"{REDACTION}test_a_value_is_shown_as_it_is_written_whatever_it_went_through"),
    _("rows are printed with what stands for a value in place of data", "cli.printing:Out.__init__",
      swap("texts.in_json if json else texts.visible",
           "(lambda t: texts.in_json(redact(t))) if json else texts.leaving"),
      f"{VALUES}test_rows_are_printed_as_they_are_whatever_the_environment_holds"),
]  # fmt: skip

FILES = [
    _("folders are for all to enter", "private:FILE",
      swap("0o700", "0o755"),
      f"{PRIVATE}test_a_night_under_any_umask_is_closed_to_others_and_open_to_its_owner",
      f"{PRIVATE}test_files_appear_whole_and_private"),
    _("a umask takes the owner's own rights to a file", "private:_new",
      drop("os.fchmod(descriptor, mode)"),
      f"{PRIVATE}test_a_night_under_any_umask_is_closed_to_others_and_open_to_its_owner[0o777]"),
    _("a umask takes the owner's own rights to a folder", "private:make_folder",
      drop("folder.chmod(mode)"), f"{PRIVATE}test_files_appear_whole_and_private"),
    _("a cache stays open to others", "private:own_folder",
      never("info.st_uid == os.geteuid() and ..."),
      f"{PRIVATE}test_a_cache_that_others_could_write_to_is_closed_again"),
    _("a file gets its name in another folder than it was made in", "private:writing",
      swap("os.rename(...)", "os.rename(path.parent / temporary, path)"),
      f"{PRIVATE}test_a_folder_that_is_swapped_for_a_link_while_a_file_is_written_leads_nowhere"),
    _("others may write to the folder of a key", "private:_judge_folder",
      never("writable or ..."), f"{PRIVATE}test_a_folder_of_keys_that_others_may_write_to_is_refused",
      f"{PRIVATE}test_a_key_file_through_a_link_is_judged_with_both_folders"),
    _("another user's key file is used", "private:read",
      never("info.st_uid not in ({os.geteuid()} if secret else {0, os.geteuid()})"),
      f"{PRIVATE}test_files_of_another_user_are_refused"),
    _("a pipe is a trust file", "private:read",
      never("not stat.S_ISREG(info.st_mode)"), f"{PRIVATE}test_each_of_the_files_is_judged_as_it_was_opened"),
    _("of two pins that are added at once one is lost", "private:locked",
      drop("fcntl.flock(descriptor, fcntl.LOCK_EX)"),
      f"{PRIVATE}test_pins_that_are_added_at_once_are_all_there"),
]  # fmt: skip

MUTATIONS = [*LEADING, *OPENING, *ENVIRONMENT, *FILES]
