"""How much of the program the tests reach, by lines and branches, and the least that they must.

``python -m tests.floors`` reads what a run with ``--cov`` measured, and ends with 1 below a floor.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FLOORS = {
    "": 92.0,
    "kronkers_batch/planning/": 97.0,
    "kronkers_batch/policy/": 97.0,
    "kronkers_batch/vault/": 97.0,
}
"""Percent of lines and branches, by the beginning of the path; empty is all of the program."""
_REACHED, _THERE = ("covered_lines", "covered_branches"), ("num_statements", "num_branches")


def percent(files: Mapping[str, Mapping[str, Any]], beginning: str) -> float:
    """What is reached of the files whose path begins so; of no file, nothing."""
    summaries = [file["summary"] for name, file in files.items() if name.startswith(beginning)]

    def added(names: Iterable[str]) -> int:
        return sum(summary[name] for summary in summaries for name in names)

    there = added(_THERE)
    return 100 * added(_REACHED) / there if there else 0.0


def main() -> int:
    """Prints each floor with what was reached."""
    from coverage import Coverage

    measured = Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    found = {beginning: percent(files, beginning) for beginning in FLOORS}
    for beginning, floor in FLOORS.items():
        print(f"coverage: {found[beginning]:.1f} % of {beginning or 'all'} (at least {floor:.0f})")
    return int(any(found[beginning] < floor for beginning, floor in FLOORS.items()))


if __name__ == "__main__":
    sys.exit(main())
