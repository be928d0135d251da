"""The ``kronkers`` that pip installs: the same program, isolated from PYTHONPATH.

The launcher of a checkout starts Python with ``-I``. The one that pip writes does not, and a program that
holds keys must not import what lies in PYTHONPATH; so it starts itself again.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path
from typing import NoReturn

MODULE = "kronkers_batch.cli.installed"


def entry() -> NoReturn:
    """Runs the command of ``sys.argv`` isolated, and ends the process with its exit code."""
    if not sys.flags.isolated and _is_found_isolated():
        os.execv(sys.executable, [sys.executable, "-I", "-m", MODULE, *sys.argv[1:]])  # noqa: S606
    from kronkers_batch.cli.main import entry as run

    run()


def _is_found_isolated() -> bool:
    """Whether an isolated interpreter finds this package: not in a user's own packages, nor by PYTHONPATH."""
    here = Path(__file__).resolve()
    named = [Path(name).resolve() for name in os.environ.get("PYTHONPATH", "").split(os.pathsep) if name]
    if site.ENABLE_USER_SITE:
        named.append(Path(site.getusersitepackages()).resolve())
    return not any(here.is_relative_to(folder) for folder in named)


if __name__ == "__main__":
    entry()
