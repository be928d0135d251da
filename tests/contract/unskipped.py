"""A pytest plugin: a case that is skipped, or allowed to fail, fails. No language is let off."""

from __future__ import annotations

from collections.abc import Generator

import pytest

SAID = "no case of the contract may be skipped or expected to fail: a language that lacks its needs fails it"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped or hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"{SAID}\n{report.longrepr or ''}"
        vars(report).pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"{SAID}\n{report.longrepr or ''}"
    return report
