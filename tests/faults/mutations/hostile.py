"""What a model's code, its answers and its environment do to the machine and to the service."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, sets, swap, without
from tests.faults.mutations.kind import F, _

CODE = "tests/contract/test_hostile_code.py::"
ANSWERS = f"{F}test_hostile_answers.py::"
ENVIRONMENTS = f"{F}test_hostile_environments.py::"
SANDBOX = "tests/unit/runtimes/test_sandbox.py::"
SECCOMP = "tests/unit/runtimes/test_seccomp.py::"
SWAPPED = "tests/unit/runtimes/test_walls.py::test_memory_that_a_process_moved_to_swap_counts"
WIRE = "tests/unit/frames/test_wire.py::"
READ = f"{ENVIRONMENTS}test_a_file_that_is_none_or_too_large_neither_hangs_the_service_nor_takes_its_memory"

MACHINE = [
    _("semaphores hold memory of no process", "runtimes.seccomp:ABSENT",
      without("'semget'"), f"{CODE}test_no_door_opens",
      f"{CODE}test_without_bubblewrap_no_call_gets_through"),
    _("shared memory stays when it is unmapped", "runtimes.seccomp:program",
      swap("[*both, refuse, allow]", "[*both, allow, allow]"), f"{CODE}test_no_door_opens",
      f"{SECCOMP}test_calls_that_are_refused_for_some_arguments"),
    _("huge pages are taken", "runtimes.seccomp:program",
      swap("[..., (_ANY_BIT, 0, 1, HUGE_PAGES), refuse]", "[(_LOAD, 0, 0, _FOURTH)]"),
      f"{CODE}test_no_door_opens", f"{SECCOMP}test_calls_that_are_refused_for_some_arguments"),
    _("/dev/zero is mapped instead", "runtimes.bubblewrap:_alone",
      swap("[..., '--dev-bind', UNMAPPABLE_ZERO, ZERO]", "['--proc', '/proc', '--dev', '/dev']"),
      f"{SANDBOX}test_zeros_can_be_read_and_not_be_mapped"),
    _("a worker goes on in the first process, without limits", "runtimes.bubblewrap:NOT_SHOWN",
      without("'/proc/1'"), f"{SANDBOX}test_nothing_is_to_be_had_of_the_first_process_which_has_no_limits"),
    _("empty files are not counted", "runtimes.watch:_files",
      without("(f.f_files - f.f_ffree) * NAME"),
      f"{CODE}test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together"),
    _("what a process moved to swap is not looked for", "runtimes.watch:Family.takes_more",
      never("_swaps()"), SWAPPED),
    _("what a process moved to swap is not counted", "runtimes.watch:own",
      without("sizes.get('SwapPss', 0)"), SWAPPED),
    _("a worker opens as many files as the service may", "runtimes.limits:limited",
      without("'nofile'"), f"{SANDBOX}test_limits_hold"),
    _("a core is piped to a program", "runtimes.limits:CORE",
      sets("CORE", "0"), f"{SANDBOX}test_no_core_is_piped_to_a_program_either"),
]  # fmt: skip

SAID = [
    _("an answer is nested without end", "runtimes.protocol:unflatten",
      never("fields[0].count(b'/') >= MAX_DEPTH"),
      f"{ANSWERS}test_an_answer_that_is_nested_without_end_breaks_the_protocol_and_nothing_else"),
    _("a made-up number of rows is told", "frames.decode:decode",
      swap("'fewer' if rows < expected.rows else 'more'", "f'{rows:,}'"),
      f"{ANSWERS}test_a_number_of_rows_that_the_code_makes_up_is_not_told"),
    _("an artifact is larger than the scratch it lay in", "runtimes.model_worker:Worker.save",
      swap("scratch_size(self._spec.resources)", "self._spec.resources.memory"),
      f"{ANSWERS}test_an_artifact_that_does_not_fit_the_scratch_is_none"),
    _("one text in every row takes terabytes", "frames.decode:_decode_levels",
      never("int(...) > REPEATED * text_bound"),
      f"{WIRE}test_one_text_in_every_row_is_bounded_as_it_is_stored"),
    _("a time that cannot be shown is published", "frames.decode:_decode_plain",
      never("header.kind in _RANGES"), f"{WIRE}test_broken_frames_say_how"),
    _("a time that cannot be shown is published, as text", "frames.tables:_convert",
      drop("result = of_years(result)"),
      "tests/unit/frames/test_tables.py::test_a_value_that_does_not_fit_is_counted_not_shown"),
    _("a whole number is rounded to a float", "runtimes.diagnosis:as_declared",
      swap("c.type in numbers and frame.schema[c.name] == pl.Boolean", "c.type in numbers"),
      f"{ANSWERS}test_a_score_is_what_the_model_gave_or_is_refused[float-2**53 + 1-None-python]"),
    _("a large number becomes infinite", "frames.tables:_to_float.convert",
      swap("pl.select(pl.when(kept).then(result)).to_series()", "result"),
      "tests/unit/frames/test_tables.py::test_a_value_that_does_not_fit_is_counted_not_shown"),
    _("a column has a level for each byte", "frames.decode:_decode_column",
      swap("rows + UNUSED", "header.level_bytes"), f"{WIRE}test_broken_frames_say_how"),
    _("a score is a text that no source may hold", "frames.decode:_decode_levels",
      never("any(...)"), f"{WIRE}test_broken_frames_say_how"),
    _("a long text of a worker takes 200 times its memory", "frames.wire:unquoted",
      swap("binascii.a2b_qp(...)", "__import__('urllib.parse').parse.unquote_to_bytes(raw)"),
      f"{WIRE}test_a_long_text_of_a_worker_takes_no_more_memory_than_it_has"),
    _("a text is encoded in another way, too", "frames.wire:unquoted",
      never("b'=' in raw or ..."), f"{WIRE}test_what_is_not_percent_encoded_is_refused"),
]  # fmt: skip

LYING = [
    _("a message tells whatever a worker says of its packages", "pipeline.champion:_change",
      sets("plain", "True"),
      "tests/unit/pipeline/test_changed_packages.py::test_what_is_no_version_is_counted"),
    _("a pipe in an environment is waited for", "runtimes.languages.__init__:bytes_of",
      without("os.O_NONBLOCK"), f"{READ}[DESCRIPTION-pipe]", f"{READ}[Manifest.toml-pipe]"),
    _("a file of an environment takes all memory", "runtimes.languages.__init__:bytes_of",
      swap("LARGEST_TEXT + 1", "2 ** 60"), f"{READ}[Project.toml-sparse]", f"{READ}[pyvenv.cfg-sparse]",
      f"{READ}[requirements.txt-sparse]"),
    _("a file of any size is hashed", "runtimes.contents:_contents",
      never("sum(...) > LARGEST"),
      "tests/unit/runtimes/test_contents.py::test_files_of_any_size_that_take_no_room_are_not_read"),
    _("a package's name in a manifest leads out of the packages", "runtimes.languages.julia:_packages",
      always("name.isidentifier()"), f"{ENVIRONMENTS}test_a_packages_name_in_a_manifest_leads_to_no_token"),
    _("code of any size is read", "config.opening:read_text",
      never("most is None and len(found) > LARGEST"),
      f"{ENVIRONMENTS}test_code_that_is_too_large_is_refused"),
]  # fmt: skip

MUTATIONS = [*MACHINE, *SAID, *LYING]
