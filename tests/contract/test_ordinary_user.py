"""The contract as an ordinary user, for whom the sandbox is built by other means than for root.

Where an ordinary user runs the suite, that is it already. From root, pytest is started once more as another
user, in a mount namespace: the checkout and the interpreter may lie where that user cannot go.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USER = "12345"
AS_USER = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/checkout && mount --bind . /mnt/checkout
mkdir -m 1777 /mnt/tmp
if [ -n "$BASE" ]; then
    mkdir /mnt/base && mount --bind "$BASE" /mnt/base
    mount -t tmpfs -o mode=755 tmpfs "$HIDDEN"
    mkdir -p "$BASE" && mount --bind /mnt/base "$BASE"
fi
cd /mnt/checkout
export HOME=/mnt/tmp TMPDIR=/mnt/tmp
exec setpriv --reuid "$0" --regid "$0" --clear-groups --no-new-privs "$@"
"""
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=/mnt/tmp/t", "--timeout=600"]
CHOSEN = (
    "(test_keys_other or test_other_processes) and not off or test_its_own_folder or test_a_fork_bomb "
    "or test_no_door_opens or (test_its_packages or test_every_type or test_a_grandchild) and julia "
    "or test_too_much_memory and python"
)


def hidden_base() -> dict[str, str]:
    """Python's own installation, and the outermost folder above it that only its owner may enter."""
    base = Path(sys.base_prefix).resolve()
    closed = [folder for folder in reversed(base.parents) if not folder.stat().st_mode & 0o001]
    return {"BASE": str(base), "HIDDEN": str(closed[0])} if closed else {"BASE": ""}


def contract(*choice: str) -> str:
    """What pytest says of the contract's tests as an ordinary user, all of which must have passed."""
    python = Path("/mnt/checkout", Path(sys.executable).relative_to(ROOT))
    command = ["unshare", "--mount", "sh", "-c", AS_USER, USER, str(python), *PYTEST, *choice]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **hidden_base()}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return done.stdout


def passed(said: str) -> int:
    found = re.search(r"(\d+) passed", said)
    return int(found[1]) if found else 0


@pytest.mark.timeout(600)
def test_what_an_ordinary_user_meets_otherwise() -> None:
    if os.geteuid() == 0:
        assert passed(contract("-k", CHOSEN, "tests/contract")) >= 19


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_everything_as_an_ordinary_user() -> None:
    """The long tests, too; and what is only one language's."""
    if os.geteuid() == 0:
        said = contract("-m", "", "-k", "not ordinary_user", "tests/contract", "tests/unit/runtimes")
        assert passed(said) >= 330
