"""What a model's code, its answers and its environment do to the machine and to the service."""

from __future__ import annotations

from tests.faults.mutations.kind import F, _

CODE = "tests/contract/test_hostile_code.py::"
ANSWERS = f"{F}test_hostile_answers.py::"
ENVIRONMENTS = f"{F}test_hostile_environments.py::"
SANDBOX = "tests/unit/runtimes/test_sandbox.py::"
SECCOMP = "tests/unit/runtimes/test_seccomp.py::"
WIRE = "tests/unit/frames/test_wire.py::"
READ = f"{ENVIRONMENTS}test_a_file_that_is_none_or_too_large_neither_hangs_the_service_nor_takes_its_memory"

MACHINE = [
    _("semaphores hold memory of no process", "runtimes/seccomp.py", '    "semget": (64, 190),\n', "",
      f"{CODE}test_no_door_opens", f"{CODE}test_without_bubblewrap_no_call_gets_through"),
    _("shared memory stays when it is unmapped", "runtimes/seccomp.py",
      "[*both, refuse, allow]", "[*both, allow, allow]",
      f"{CODE}test_no_door_opens", f"{SECCOMP}test_calls_that_are_refused_for_some_arguments"),
    _("/dev/zero is mapped instead", "runtimes/bubblewrap.py",
      ', "--dev-bind", UNMAPPABLE_ZERO, ZERO]', "]", f"{SANDBOX}test_zeros_can_be_read_and_not_be_mapped"),
    _("a worker goes on in the first process, without limits", "runtimes/bubblewrap.py",
      ', "/proc/key-users", "/proc/1")', ', "/proc/key-users")',
      f"{SANDBOX}test_nothing_is_to_be_had_of_the_first_process_which_has_no_limits"),
    _("empty files are not counted", "runtimes/watch.py", " + (f.f_files - f.f_ffree) * NAME for", " for",
      f"{CODE}test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together"),
    _("a worker opens as many files as the service may", "runtimes/limits.py",
      '        "nofile": (resource.RLIMIT_NOFILE, FILES),\n', "", f"{SANDBOX}test_limits_hold"),
    _("a core is piped to a program", "runtimes/limits.py", "CORE = 1\n", "CORE = 0\n",
      f"{SANDBOX}test_no_core_is_piped_to_a_program_either"),
]  # fmt: skip

SAID = [
    _("an answer is nested without end", "runtimes/protocol.py",
      'if fields[0].count(b"/") >= MAX_DEPTH:', "if False:",
      f"{ANSWERS}test_an_answer_that_is_nested_without_end_breaks_the_protocol_and_nothing_else"),
    _("a made-up number of rows is told", "frames/decode.py",
      'which = "fewer" if rows < expected.rows else "more"', 'which = f"{rows:,}"',
      f"{ANSWERS}test_a_number_of_rows_that_the_code_makes_up_is_not_told"),
    _("an artifact is larger than the scratch it lay in", "runtimes/worker.py",
      "blob(scratch_size(self._spec.resources))", "blob(self._spec.resources.memory)",
      f"{ANSWERS}test_an_artifact_that_does_not_fit_the_scratch_is_none"),
    _("one text in every row takes terabytes", "frames/decode.py",
      "if int(sizes[codes[~missing] - 1].sum()) > REPEATED * text_bound:", "if False:",
      f"{WIRE}test_one_text_in_every_row_is_bounded_as_it_is_stored"),
    _("a moment that cannot be shown is published", "frames/decode.py",
      "if header.kind in _RANGES and not _in_range(", "if False and not _in_range(",
      f"{WIRE}test_broken_frames_say_how"),
]  # fmt: skip

LYING = [
    _("a message tells whatever a worker says of its packages", "steps/champion.py",
      "    plain = _PACKAGE.fullmatch(name) and _VERSION.fullmatch(before) and _VERSION.fullmatch(now)\n",
      "    plain = True\n", "tests/unit/steps/test_changed_packages.py::test_what_is_no_version_is_counted"),
    _("a pipe in an environment is waited for", "runtimes/languages/base.py",
      "os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC", "os.O_RDONLY | os.O_CLOEXEC",
      f"{READ}[DESCRIPTION-pipe]", f"{READ}[Manifest.toml-pipe]"),
    _("a file of an environment takes all memory", "runtimes/languages/base.py",
      "most = first or LARGEST_TEXT + 1", "most = first or 2**60",
      f"{READ}[Project.toml-sparse]", f"{READ}[pyvenv.cfg-sparse]", f"{READ}[requirements.txt-sparse]"),
    _("a file of any size is hashed", "runtimes/contents.py",
      "if stat.S_ISREG(e.info.st_mode)) > LARGEST:", "if stat.S_ISREG(e.info.st_mode)) > 2**60:",
      "tests/unit/runtimes/test_contents.py::test_files_of_any_size_that_take_no_room_are_not_read"),
    _("a package's name in a manifest leads out of the packages", "runtimes/languages/julia.py",
      "if not all(name.isidentifier() and ", "if not all(name and ",
      f"{ENVIRONMENTS}test_a_packages_name_in_a_manifest_leads_to_no_token"),
    _("code of any size is read", "config/opening.py", "if most is None and len(found) > LARGEST:", "if False:",
      f"{ENVIRONMENTS}test_code_that_is_too_large_is_refused"),
]  # fmt: skip

MUTATIONS = [*MACHINE, *SAID, *LYING]
