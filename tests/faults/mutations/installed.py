"""What keeps an installed program from running what lies around it."""

from __future__ import annotations

from tests.faults.mutations.changes import never, swap
from tests.faults.mutations.kind import F, _

CONF, INSTALLED = f"{F}test_bad_config.py::test_conf_", "tests/e2e/test_installed.py::test_"

MUTATIONS = [
    _("who can write to a folder above decides what is run", "config.folder:_above",
      swap("owners <= {os.getuid(), 0}", "True"), f"{CONF}above_that_is_somebody_elses"),
    _("a configuration in another user's folder is taken for one's own", "config.folder:_above",
      swap("{found.stat().st_uid, (found / 'config.yaml').stat().st_uid}", "{found.stat().st_uid}"),
      f"{CONF}above_that_is_somebody_elses"),
    _("a folder that was named is looked for above", "config.folder:find_conf",
      swap("not said", "True"), f"{CONF}is_found_above_the_current_folder"),
    _("the command of pip imports what PYTHONPATH names", "cli.installed:entry",
      never("not sys.flags.isolated and ..."),
      f"{INSTALLED}the_command_reads_and_imports_nothing_from_elsewhere"),
]  # fmt: skip
