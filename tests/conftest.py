"""For all tests: which run, a PostgreSQL server, a warehouse, and the tables of the contract (verbose runs).

``--fast`` runs the unit tests except those marked ``interpreter``: they start a model's
interpreter, a server, or the program as a process of its own. One that does and is not marked fails there.
"""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kronkers_batch.families import Member
from tests import postgres as servers
from tests.contract import table
from tests.office_fixture import office, office_template

__all__ = ["office", "office_template"]

INTERPRETER = "interpreter"
UNIT = Path(__file__).parent / "unit"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what starts interpreters and servers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        fast = [
            item
            for item in items
            if item.path.is_relative_to(UNIT) and not item.get_closest_marker(INTERPRETER)
        ]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(fast)])
        items[:] = fast


def pytest_collection_finish() -> None:
    """Thousands of tests are there to the end: no collection of garbage need walk through them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def fast(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--fast`` nothing is started."""
    if not request.config.getoption("--fast"):
        yield
        return

    def refused(_self: object, command: Any, *_rest: Any, **_options: Any) -> None:
        pytest.fail(f"starts a process and is not marked {INTERPRETER}: {command}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", refused)
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where tests run in several processes, only this one sees all of them."""
    if terminalreporter.verbosity < 1:
        return
    outcomes: dict[str, str] = {}
    for kind in ("passed", "failed", "error", "skipped", "xfailed", "xpassed"):
        for report in terminalreporter.stats.get(kind, []):
            outcomes[report.nodeid] = kind
    for family, kinds in table.FAMILIES.items():
        if text := table.lines(outcomes, kinds):
            terminalreporter.section(f"the contract of each {family}")
            for line in text:
                terminalreporter.line(line)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A task or a language is called by its name."""
    return str(val) if isinstance(val, Member) else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    """A real server, started when the first test asks for it."""
    with servers.running() as server:
        yield server
