"""What Hydra refuses, and files and overrides here would take in silence; what a table says of its keys."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, swap, without
from tests.faults.mutations.kind import _

OVERRIDES, REFERENCES = "tests/unit/config/test_overrides.py::", "tests/unit/config/test_interpolation.py::"

MUTATIONS = [
    _("a misspelt key in a mapping is added", "config.overrides:_child",
      never("override.change == 'set' and ..."),
      f"{OVERRIDES}test_a_misspelt_key_in_a_mapping_is_not_added",
      "tests/composing/test_composing.py::test_generated_models_mean_the_same"),
    _("what is added replaces a mapping", "config.overrides:_child",
      swap("isinstance(old, Mapping) and isinstance(new, Mapping)", "isinstance(old, Mapping)"),
      f"{OVERRIDES}test_what_is_there_is_not_added[+P.more=1]"),
    _("a value that nobody gave is three question marks", "config.load:put_together",
      drop("problems.add(...)"), f"{OVERRIDES}test_a_value_that_nobody_gives_is_missing"),
    _("a root's value that nobody gave is three question marks", "config.compose:_hydra",
      swap("OmegaConf.to_container(...)", "OmegaConf.to_container(composed, resolve=False)"),
      "tests/composing/test_composing.py::test_both_refuse[home=???]"),
    _("dots lead around", "config.interpolation:_Resolver.one",
      never("dots > len(path)"), f"{REFERENCES}test_dots_lead_up_and_not_out_of_the_file"),
    _("what a key counts for is not asked", "config.fingerprint_fields:_counted",
      swap("key.counts or above", "above"),
      "tests/unit/config/test_fingerprint.py::test_what_counts_of_a_model_is_what_the_table_says[key]"),
    _("what was remembered of another schema is used", "config.remembered:key",
      without("repr(root_schema.described())"),
      "tests/unit/config/test_remembered.py::test_another_schema_has_another_key"),
]  # fmt: skip
