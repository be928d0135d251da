"""For all tests: a PostgreSQL server, and the tables of the contract after a verbose run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kronkers_batch.families import Member
from tests import postgres as servers
from tests.contract import table


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
