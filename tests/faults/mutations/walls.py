"""The sandbox's walls: what a worker sees, which calls it may make, whose memory it can reach."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, sets, swap, without
from tests.faults.mutations.kind import F, _

W = f"{F}test_walls.py::"
HOSTILE = "tests/contract/test_hostile_code.py::"
SECCOMP = "tests/unit/runtimes/test_seccomp.py::"
UNIT = "tests/unit/runtimes/test_walls.py::"
CONTENTS = "tests/unit/runtimes/test_contents.py::"
L = "runtimes/languages/"

CALLS = [
    _("workers make any system call", "runtimes.launch:opened",
      never("launch.calls"), f"{HOSTILE}test_no_door_opens"),
    _("workers without bubblewrap make any system call", "runtimes.process:_confine_bare_workers",
      swap("confine_this_thread()", "True"), f"{HOSTILE}test_without_bubblewrap_no_call_gets_through"),
    _("a virtual machine's host can be reached", "runtimes.seccomp:REFUSED",
      without("'socket'"), f"{HOSTILE}test_no_door_opens"),
    _("a pair of datagram sockets can be connected elsewhere", "runtimes.seccomp:program",
      swap("[..., (_EQUAL, 1, 0, SOCK_STREAM), refuse, allow]", "[(_LOAD, 0, 0, _SECOND), allow]"),
      f"{HOSTILE}test_no_door_opens"),
    _("clone makes namespaces", "runtimes.seccomp:program",
      swap("[..., (_ANY_BIT, 0, 1, NAMESPACES), refuse, allow]", "[allow]"),
      f"{SECCOMP}test_calls_that_are_refused_for_some_arguments"),
    _("the 32-bit calls are not filtered", "runtimes.seccomp:program",
      swap("_KILL", "_ALLOW"), f"{SECCOMP}test_other_architectures_and_unknown_calls"),
    _("calls that are not known yet are allowed", "runtimes.seccomp:program",
      swap("[(_GREATER, 0, 1, NEWEST), _answer(...)]", "[]"),
      f"{SECCOMP}test_other_architectures_and_unknown_calls"),
    _("a worker has the session keyring of its starter", "runtimes.process:_start",
      drop("own_session_keyring()"),
      f"{SECCOMP}test_a_worker_finds_nothing_in_the_session_keyring_of_its_starter"),
    _("the names of keys are shown", "runtimes.bubblewrap:NOT_SHOWN",
      swap("('/proc/keys', '/proc/key-users', '/proc/1')", "('/proc/none', '/proc/1')"),
      f"{HOSTILE}test_no_door_opens"),
    _("an ordinary user's worker may make user namespaces", "runtimes.bubblewrap:_alone",
      always("root or nested"), f"{UNIT}test_no_user_namespace_can_be_made_inside_where_one_is_made"),
]  # fmt: skip

MEMORY = [
    _("each process of a worker has all of the memory", "runtimes.watch:Watch._look",
      never("self._family.takes_more(...)"),
      f"{HOSTILE}test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together"),
    _("files in memory are not counted", "runtimes.watch:Family.takes_more",
      never("sandboxed"),
      f"{HOSTILE}test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together"),
    _("grandchildren are not counted", "runtimes.watch:Family.members",
      swap("line.append(parent)", "break"),
      f"{UNIT}test_a_family_has_grandchildren_whose_parent_has_ended_and_nobody_else"),
    _("who holds a key can be looked into", "vault.undumpable:make_undumpable",
      drop("ctypes.CDLL(None).prctl(...)"),
      f"{W}test_no_other_process_of_the_same_user_looks_into_one_that_holds_a_key"),
    _("a key is read before its memory is closed", "vault.keyfile:read_private",
      drop("make_undumpable()"), f"{W}test_the_key_file_is_read_by_an_undumpable_process_only"),
]  # fmt: skip

SHOWN = [
    _("an R library may be any folder", "runtimes.languages.r:_packages",
      never("names and not found"), f"{W}test_an_r_library_that_is_no_library_is_refused_whatever_it_is"),
    _("an R library is shown with all that lies in it", "runtimes.languages.r:_packages",
      always("whole"), f"{W}test_of_an_r_library_only_its_packages_are_shown"),
    _("a folder with any DESCRIPTION is an R package", "runtimes.languages.r:_is_package",
      without("b'Built' in fields"), f"{W}test_of_an_r_library_only_its_packages_are_shown"),
    _("a script says what R's home is", "runtimes.languages.r:_find_home",
      without("_is_package(...)"), f"{W}test_an_r_script_does_not_choose_what_is_shown"),
    _("pyvenv.cfg names any folder", "runtimes.languages.python:_prefixes",
      drop("_check_installed(home, ...)"), f"{W}test_a_line_in_pyvenv_cfg_names_an_installation_or_nothing"),
    _("an interpreter may be a link to anything", "runtimes.languages.python:_prefixes",
      drop("_check_installed(real.parent.parent, ...)"),
      f"{W}test_an_interpreter_that_is_a_link_elsewhere_is_refused"),
    _("a virtual environment is shown with all that lies in it", "runtimes.languages.python:_visible",
      sets("shown", "[*prefixes]"), f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("parts of an environment may be links out of it", "runtimes.languages.__init__:inner",
      always("path.resolve().is_relative_to(real)"),
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("links among packages lead anywhere", "runtimes.languages.python:_linked",
      swap("_importable(target, ...)", "[target]"),
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("lines of paths lead anywhere", "runtimes.languages.python:_path_files",
      swap("[found for folder in folders if ... for entry in ... for found in ...]",
           "[found for found in folders if found.is_dir()]"),
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("a Julia project is shown with all that lies in it", "runtimes.languages.julia:command",
      swap("_project_files(...)", "[project]"), f"{W}test_of_a_julia_project_only_what_julia_reads_is_shown"),
    _("a Julia manifest names any folder", "runtimes.languages.julia:_path_dependencies",
      never("name not in _own_name(folder)"), f"{W}test_of_a_julia_project_only_what_julia_reads_is_shown"),
    _("an executable shows what lies above it", "runtimes.languages.julia:_installation",
      swap("if executable.parent.name == 'bin' and ...: ...\nelse: ...",
           "if executable.parent.name == 'bin': yield executable.parent.parent\nelse: yield executable"),
      f"{W}test_an_executable_does_not_show_its_neighbours"),
    _("hidden places are seen below what is shown", "runtimes.bubblewrap:bubblewrap",
      swap("masked(shown, hidden)", "masked(shown, ())"),
      f"{W}test_hidden_places_are_masked_after_everything_that_is_shown"),
    _("an environment leads to forbidden places", "runtimes.bubblewrap:check_shown",
      swap("refusal(real)", "''"), f"{W}test_what_an_environment_leads_to_is_asked_of_the_forbidden_places",
      f"{W}test_check_names_the_line_of_an_environment_that_leads_to_a_forbidden_place"),
    _("a worker does not ask where its environment leads", "runtimes.conversation:Conversation.__init__",
      drop("check_shown(...)"),
      f"{UNIT}test_a_worker_is_not_started_where_its_environment_leads_to_a_forbidden_place"),
    _("a folder may be exchanged before it is mounted", "runtimes.launch:shown_elsewhere",
      never("Identity(...) != wanted"),
      f"{W}test_a_worker_that_sees_another_folder_than_was_looked_at_is_noticed"),
]  # fmt: skip

SIGNED = [
    _("an environment's files are not signed", "access.as_declared:model_wanted",
      swap("_contents(services, model)", "''"),
      f"{W}test_changed_files_of_an_environment_need_a_new_signature"),
    _("a time set back hides a change", "runtimes.contents:_Entry.state",
      swap("i.st_ctime_ns", "0"), f"{CONTENTS}test_it_is_remembered_for_files_whose_times_are_old_enough"),
    _("young files are remembered", "runtimes.contents:_is_quiet",
      always("e.info.st_dev in trusted and ..."),
      f"{CONTENTS}test_it_is_remembered_for_files_whose_times_are_old_enough"),
    _("a file exchanged after it was listed counts as the listed one", "runtimes.contents:_file",
      never("_Entry(...).state != entry.state"),
      f"{CONTENTS}test_files_that_change_while_they_are_read_are_an_error"),
    _("links in an environment do not count", "runtimes.contents:_digest",
      swap("os.fsencode(os.readlink(entry.path))", "b''"),
      f"{CONTENTS}test_every_change_of_a_file_changes_it"),
]  # fmt: skip

MUTATIONS = [*CALLS, *MEMORY, *SHOWN, *SIGNED]
