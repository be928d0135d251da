"""The sandbox's walls: what a worker sees, which calls it may make, whose memory it can reach."""

from __future__ import annotations

from tests.faults.mutations.kind import F, _

W = f"{F}test_walls.py::"
HOSTILE = "tests/contract/test_hostile_code.py::"
SECCOMP = "tests/unit/runtimes/test_seccomp.py::"
UNIT = "tests/unit/runtimes/test_walls.py::"
CONTENTS = "tests/unit/runtimes/test_contents.py::"
L = "runtimes/languages/"

CALLS = [
    _("workers make any system call", "runtimes/launch.py",
      'options = ["--seccomp", str(read)] if launch.calls else []', "options: list[str] = []",
      f"{HOSTILE}test_no_door_opens"),
    _("workers without bubblewrap make any system call", "runtimes/process.py",
      "_bare_workers_are_filtered = confine_this_thread()", "_bare_workers_are_filtered = True",
      f"{HOSTILE}test_without_bubblewrap_no_call_gets_through"),
    _("a virtual machine's host can be reached", "runtimes/seccomp.py", '    "socket": (41, 198),\n', "",
      f"{HOSTILE}test_no_door_opens"),
    _("a pair of datagram sockets can be connected elsewhere", "runtimes/seccomp.py",
      "(_EQUAL, 1, 0, SOCK_STREAM), refuse, allow]", "(_EQUAL, 1, 0, SOCK_STREAM), allow, allow]",
      f"{HOSTILE}test_no_door_opens"),
    _("clone makes namespaces", "runtimes/seccomp.py",
      "(_ANY_BIT, 0, 1, NAMESPACES), refuse, allow]", "(_ANY_BIT, 0, 1, NAMESPACES), allow, allow]",
      f"{SECCOMP}test_calls_that_are_refused_for_some_arguments"),
    _("the 32-bit calls are not filtered", "runtimes/seccomp.py",
      "(_RETURN, 0, 0, _KILL),", "(_RETURN, 0, 0, _ALLOW),",
      f"{SECCOMP}test_other_architectures_and_unknown_calls"),
    _("calls that are not known yet are allowed", "runtimes/seccomp.py",
      "code += [(_GREATER, 0, 1, NEWEST), _answer(errno.ENOSYS)]", "code += []",
      f"{SECCOMP}test_other_architectures_and_unknown_calls"),
    _("a worker has the session keyring of its starter", "runtimes/process.py",
      "    own_session_keyring()\n    return subprocess", "    return subprocess",
      f"{SECCOMP}test_a_worker_finds_nothing_in_the_session_keyring_of_its_starter"),
    _("the names of keys are shown", "runtimes/bubblewrap.py",
      'NOT_SHOWN = ("/proc/keys", "/proc/key-users", ', 'NOT_SHOWN = ("/proc/none", ',
      f"{HOSTILE}test_no_door_opens"),
    _("an ordinary user's worker may make user namespaces", "runtimes/bubblewrap.py",
      'argv += [] if root or nested else ["--disable-userns"]', "argv += []",
      f"{UNIT}test_no_user_namespace_can_be_made_inside_where_one_is_made"),
]  # fmt: skip

MEMORY = [
    _("each process of a worker has all of the memory", "runtimes/watch.py",
      "if self._family.takes_more(self._limit, self._sandboxed):", "if False:",
      f"{HOSTILE}test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together"),
    _("files in memory are not counted", "runtimes/watch.py",
      "files = _files(members) if sandboxed else 0", "files = 0",
      f"{HOSTILE}test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together"),
    _("grandchildren are not counted", "runtimes/watch.py",
      "line.append(parent)", "break",
      f"{UNIT}test_a_family_has_grandchildren_whose_parent_has_ended_and_nobody_else"),
    _("who holds a key can be looked into", "vault/undumpable.py",
      "    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, zero, zero, zero, zero)\n", "    del zero\n",
      f"{W}test_no_other_process_of_the_same_user_looks_into_one_that_holds_a_key"),
    _("a key is read before its memory is closed", "vault/keyfile.py",
      "    make_undumpable()  # before the first byte of a key is in memory\n", "",
      f"{W}test_the_key_file_is_read_by_an_undumpable_process_only"),
]  # fmt: skip

SHOWN = [
    _("an R library may be any folder", L + "r.py", "    if names and not found:", "    if False:",
      f"{W}test_an_r_library_that_is_no_library_is_refused_whatever_it_is"),
    _("an R library is shown with all that lies in it", L + "r.py",
      "return [folder] if whole else found", "return [folder]",
      f"{W}test_of_an_r_library_only_its_packages_are_shown"),
    _("a folder with any DESCRIPTION is an R package", L + "r.py",
      'and b"Built" in fields and', "and", f"{W}test_of_an_r_library_only_its_packages_are_shown"),
    _("a script says what R's home is", L + "r.py",
      'if said and _is_package(Path(os.fsdecode(said[1])) / "library" / "base"):', "if said:",
      f"{W}test_an_r_script_does_not_choose_what_is_shown"),
    _("pyvenv.cfg names any folder", L + "python.py",
      """_check_installed(home, config, "its line 'home' names a place")""", "pass",
      f"{W}test_a_line_in_pyvenv_cfg_names_an_installation_or_nothing"),
    _("an interpreter may be a link to anything", L + "python.py",
      '_check_installed(real.parent.parent, executable, "this is a link into a place")', "pass",
      f"{W}test_an_interpreter_that_is_a_link_elsewhere_is_refused"),
    _("a virtual environment is shown with all that lies in it", L + "python.py",
      "shown = [path for prefix in prefixes for path in inner(prefix, PARTS)]", "shown = [*prefixes]",
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("parts of an environment may be links out of it", L + "base.py",
      "if path.exists() and path.resolve().is_relative_to(real)]", "if path.exists() and real]",
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("links among packages lead anywhere", L + "python.py",
      "            yield from _importable(target, NESTED)\n        yield", "            yield target\n        yield",
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("lines of paths lead anywhere", L + "python.py",
      "        for entry in sorted(folder.iterdir())\n        for found in _importable(entry, NESTED)\n",
      "        for found in [folder]\n",
      f"{W}test_of_a_virtual_environment_nothing_else_is_shown"),
    _("a Julia project is shown with all that lies in it", L + "julia.py",
      "visible += [*_project_files(project), ", "visible += [project, ",
      f"{W}test_of_a_julia_project_only_what_julia_reads_is_shown"),
    _("a Julia manifest names any folder", L + "julia.py",
      "if name not in _own_name(folder):", 'if not (folder / "identity.key").exists() and False:',
      f"{W}test_of_a_julia_project_only_what_julia_reads_is_shown"),
    _("an executable shows what lies above it", L + "julia.py",
      'elif executable.parent.name == "bin" and (executable.parent.parent / "share" / "julia").is_dir():\n'
      "        yield from inner(executable.parent.parent, INSTALLATION_PARTS)",
      'elif executable.parent.name == "bin":\n        yield executable.parent.parent',
      f"{W}test_an_executable_does_not_show_its_neighbours"),
    _("hidden places are seen below what is shown", "runtimes/bubblewrap.py",
      "    for path in masked(shown, hidden):", "    for path in masked(shown, ()):",
      f"{W}test_hidden_places_are_masked_after_everything_that_is_shown"),
    _("an environment leads to forbidden places", "runtimes/bubblewrap.py",
      "if why := refusal(real):", 'if why := "":',
      f"{W}test_what_an_environment_leads_to_is_asked_of_the_forbidden_places",
      f"{W}test_check_names_the_line_of_an_environment_that_leads_to_a_forbidden_place"),
    _("a worker does not ask where its environment leads", "runtimes/worker.py",
      "            check_shown(command.visible, spec.walls.refusal)\n", "            pass\n",
      f"{UNIT}test_a_worker_is_not_started_where_its_environment_leads_to_a_forbidden_place"),
    _("a folder may be exchanged before it is mounted", "runtimes/launch.py",
      "if Identity(found.st_dev, found.st_ino) != wanted:", "if False:",
      f"{W}test_a_worker_that_sees_another_folder_than_was_looked_at_is_noticed"),
]  # fmt: skip

SIGNED = [
    _("an environment's files are not signed", "steps/permits.py",
      "contents=_contents(services, model),", 'contents="",',
      f"{W}test_changed_files_of_an_environment_need_a_new_signature"),
    _("a time set back hides a change", "runtimes/contents.py",
      "{i.st_size}:{i.st_mtime_ns}:{i.st_ctime_ns}", "{i.st_size}:{i.st_mtime_ns}",
      f"{CONTENTS}test_it_is_remembered_for_files_whose_times_are_old_enough"),
    _("young files are remembered", "runtimes/contents.py",
      "e.info.st_dev in trusted and e.info.st_ctime < now - SETTLED", "True",
      f"{CONTENTS}test_it_is_remembered_for_files_whose_times_are_old_enough"),
    _("a file exchanged after it was listed counts as the listed one", "runtimes/contents.py",
      "        if _Entry(entry.name, entry.path, os.fstat(descriptor)).state != entry.state:", "        if False:",
      f"{CONTENTS}test_files_that_change_while_they_are_read_are_an_error"),
    _("links in an environment do not count", "runtimes/contents.py",
      'kind, held = "link", os.fsencode(os.readlink(entry.path))', 'kind, held = "link", b""',
      f"{CONTENTS}test_every_change_of_a_file_changes_it"),
]  # fmt: skip

MUTATIONS = [*CALLS, *MEMORY, *SHOWN, *SIGNED]
