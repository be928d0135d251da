"""Files and folders are made in one way: by :mod:`kronkers_batch.private`."""

import ast
import os
from pathlib import Path

import pytest

from kronkers_batch import private

ROOT = Path(private.__file__).parents[1]

# What makes, renames or writes files. `rename` and `replace` are methods of frames and texts too, so they are
# looked for as functions of `os`.
MAKING = {
    "O_CREAT", "O_EXCL", "fsync", "fdatasync", "fchmod", "mkdir", "makedirs", "touch", "write_bytes",
    "write_text", "mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory",
}  # fmt: skip
OF_OS = {"rename", "renames", "replace", "link", "symlink"}

PAGE = {"write_text"}  # of the documentation, or the committed schema: a developer writes it anew
OTHERS = {
    "kronkers_batch/cli/printing.py": {"open"},  # standard output and error
    "kronkers_batch/cli/command_reference.py": PAGE,
    "kronkers_batch/config/field_reference.py": PAGE,
    "kronkers_batch/config/task_reference.py": PAGE,
    "kronkers_batch/data/uniqueness.py": {"TemporaryFile"},  # encrypted, and without a name
    "kronkers_batch/events/event_reference.py": PAGE,
    "kronkers_batch/ledger/actions.py": PAGE,
    "kronkers_batch/policy/permissions.py": PAGE,
    "kronkers_batch/runtimes/launch.py": {"open"},  # in memory: what a worker is started with
    "kronkers_batch/runtimes/sandbox.py": {"mkdir", "mkdtemp", "write_bytes"},  # in memory: its scratch
    "kronkers_batch/session/space.py": {"TemporaryFile"},  # tries whether there is room
    "kronkers_batch/store/artifacts.py": {"makedirs"},  # of an object store
    "kronkers_batch/store/columns.py": PAGE,
    "kronkers_batch/store/described.py": {"TemporaryDirectory", *PAGE},
}


def made(source: str) -> set[str]:
    """By what a module makes or writes files."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in OF_OS:
                found.add(f"os.{name}")
            case ast.Attribute(attr=name) | ast.alias(name=name) if name in MAKING:
                found.add(name)
            case ast.Call(func=ast.Name(id="open"), args=[path, ast.Constant(value=str(mode)), *_]):
                # An open descriptor is no new file.
                if set(mode) & set("wax+") and not (isinstance(path, ast.Name) and path.id == "descriptor"):
                    found.add("open")
    return found


def test_nothing_else_makes_files():
    paths = [*(ROOT / "kronkers_batch").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")]
    there = {str(path.relative_to(ROOT)): made(path.read_text()) for path in paths}
    workers = "kronkers_batch/runtimes/workers/"  # they run alone, in the sandbox
    found = {name: by for name, by in there.items() if by and not name.startswith(workers)}
    assert found.pop("kronkers_batch/private.py") >= {"O_CREAT", "O_EXCL", "fsync", "os.rename", "mkdir"}
    assert found == OTHERS


@pytest.mark.parametrize(
    "text",
    [
        "os.replace(a, b)", "os.open(a, os.O_CREAT)", "from tempfile import mkstemp", "open(a, 'wb')",
        "path.write_text('x')", "os.fsync(1)", "open(a, 'r+b')",
    ],
)  # fmt: skip
def test_each_way_of_making_a_file_is_seen(text):
    assert made(text)


def test_a_file_that_stays_is_closed_to_others_and_is_a_file(tmp_path):
    path = tmp_path / "log"
    path.write_text("a")
    path.chmod(0o644)
    os.close(private.open_kept(path, os.O_RDWR, closed=False))
    assert path.stat().st_mode & 0o777 == 0o644
    os.close(private.open_kept(path, os.O_RDWR))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "a"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError):
        private.open_kept(tmp_path / "pipe", os.O_RDWR)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        private.open_kept(tmp_path / "link", os.O_RDWR)
