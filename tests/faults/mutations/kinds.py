"""Kinds of sources and checks: what every one must say, and what follows from it."""

from __future__ import annotations

from tests.faults.mutations.changes import always, never, returns, without
from tests.faults.mutations.kind import _

HERE = "tests/contract/test_kinds.py::test_"
SOURCE = "tests/contract/source/test_sources.py::test_"
CHECK = "tests/contract/check/test_checks.py::test_"
SAYS = f"{HERE}a_kind_that_does_not_say_where_its_rows_lie_is_refused"
MADE = "config.source_kind:SourceKind.__post_init__"
OUTSIDE = f"{SOURCE}where_definitions_are_signed_a_pattern_finds_nothing_outside_of_its_folder"

MUTATIONS = [
    _("a kind of source says nothing of its place", MADE, never("len(origins) != 1"), SAYS),
    _("a kind of source has a path of its own", MADE,
      never("key.leads not in allowed or ..."), SAYS),
    _("a kind of source takes a key that all have", MADE, never("key.name in _EVERYWHERE"), SAYS),
    _("a kind of source has no columns", MADE,
      never("not self.columns_required and ..."), SAYS),
    _("no kind of source has files", "config.source_kind:SourceKind.has_files", returns("False"),
      f"{HERE}what_a_kind_says_decides_what_is_claimed"),
    _("a new kind of files may be led astray", "access.authorisation:_refuse_led_astray",
      always("not SOURCE_KINDS[...].has_files"), OUTSIDE),
    _("a pattern finds files outside of the signed folder", "config.file_claims:Claims.astray",
      never("confined and ..."), OUTSIDE),
    _("what a source declares is claimed by nobody", "config.source_kind:SourceKind.claimed",
      returns("''"), f"{SOURCE}it_may_not_lead_to_what_another_department_declares",
      f"{SOURCE}it_may_not_lead_to_a_forbidden_place"),
    _("what was signed without options must be signed again", "config.signing:LATER", without("SourceSpec"),
      "tests/unit/config/test_signing.py::test_a_field_that_came_later_counts_where_it_is_not_the_default"),
    _("a kind that has no offending row drops some", "config.check_specs:_check",
      never("values['on_failure'] is OnFailure.DROP and not kind.may_drop"),
      f"{CHECK}who_has_no_offending_row_drops_none"),
    _("a module without a kind is passed over", "families:Family.__getitem__",
      never("found is None or ..."),
      f"{HERE}a_module_without_a_kind_of_its_name_is_an_error"),
]  # fmt: skip
