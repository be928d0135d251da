"""A module's name occurs once, so that an import or a traceback shows its room.

CONTRIBUTING.md says where the same name stands for the same thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[3]
MIGRATIONS = "kronkers_batch/store/migrations"
TABLES = "kronkers_batch/store/tables"
KINDS = [  # where a kind declares its keys, and where it works
    {"kronkers_batch/config/source_kinds", "kronkers_batch/data/source_kinds"},
    {"kronkers_batch/config/check_kinds", "kronkers_batch/data/check_kinds"},
    {"kronkers_batch/config/languages", "kronkers_batch/runtimes/languages"},
]
STEPS, GRAPH = {"ingest", "train", "score"}, {"kronkers_batch/pipeline", "tasks"}


def modules() -> list[str]:
    """The paths of all modules, without the folders' own and the migrations, which are numbered."""
    paths = [path for folder in ("kronkers_batch", "tasks") for path in (ROOT / folder).rglob("*.py")]
    names = [str(path.relative_to(ROOT)) for path in paths if path.name != "__init__.py"]
    return [name for name in names if not name.startswith(MIGRATIONS)]


def folders(paths: Iterable[str]) -> dict[str, set[str]]:
    """Of each name that occurs more than once, the folders that have it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder, _, name = path.removesuffix(".py").rpartition("/")
        found[name].add(folder)
    return {name: places for name, places in found.items() if len(places) > 1}


def is_allowed(name: str, places: set[str]) -> bool:
    """A kind in its two folders, a step and its task, the tables of a subject and its one module."""
    return places in KINDS or (name in STEPS and places == GRAPH) or (TABLES in places and len(places) == 2)


def repeated(paths: Iterable[str]) -> dict[str, set[str]]:
    """The names that occur more than once and belong to none of the exceptions."""
    return {name: places for name, places in folders(paths).items() if not is_allowed(name, places)}


def test_a_modules_name_occurs_once() -> None:
    assert repeated(modules()) == {}, "give the module a name that says what it holds"


def test_each_exception_is_needed() -> None:
    found = folders(modules())
    assert [kinds for kinds in KINDS if kinds not in found.values()] == []
    assert {name for name, places in found.items() if places == GRAPH} == STEPS
    assert any(TABLES in places for places in found.values())


def test_a_name_that_occurs_twice_is_found() -> None:
    first, second = KINDS[:2]
    assert repeated(["tasks/a.py", "kronkers_batch/config/a.py"]) == {"a": {"tasks", "kronkers_batch/config"}}
    assert repeated([f"{TABLES}/a.py", "tasks/a.py", "kronkers_batch/a.py"]).keys() == {"a"}
    assert repeated([f"{folder}/a.py" for folder in first | {"tasks"}]).keys() == {"a"}
    assert repeated([f"{folder}/a.py" for folder in first | second]).keys() == {"a"}
    assert repeated([f"{folder}/plan.py" for folder in GRAPH]).keys() == {"plan"}
    assert repeated([f"{folder}/a.py" for folder in first]) == {}
