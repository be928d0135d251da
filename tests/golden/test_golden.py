"""The warehouse that an earlier release left: today's code opens, verifies, reads and scores it as it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kronkers_batch.store import exact, migrate
from tests.golden.make import (
    ARCHIVE,
    EXPECTED,
    HERE,
    MODELS,
    NEXT,
    OUTPUT,
    listed,
    scored_next,
    scores,
    told,
    unpack,
)

RELEASES = sorted(path.parent for path in HERE.glob(f"*/{ARCHIVE}"))


def expected_of(release: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release / EXPECTED).read_text())
    return found


def test_there_is_one():
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_it_is_verified_and_read_as_it_was(release, tmp_path):
    expected, company = expected_of(release), unpack(release / ARCHIVE, tmp_path / "company")
    company.by("admin").run("ledger", "verify")
    seen = json.loads(json.dumps(told(company)))
    for what, found in seen.items():
        assert found == expected[what], what
    company.by("admin").run("ledger", "verify")


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_a_new_date_is_scored_by_its_champions_to_the_same_numbers(release, tmp_path):
    expected, company = expected_of(release), unpack(release / ARCHIVE, tmp_path / "company")
    with company.opened() as services, services.db.read() as conn:
        assert migrate.revision(conn, "", exact.objects(conn)) == migrate.REVISIONS[-1]
    if list(sys.version_info[:2]) == expected["python"]:  # another parser may give the code another digest
        assert "train" not in {task for task, _ in company.plan("--date", NEXT)}
    assert scored_next(company) == expected["next"]
    for name in MODELS:
        *before, new = listed(company.json("outputs", name), OUTPUT)
        assert before == expected["outputs"][name]
        assert new[:4] == [f"{name}/{NEXT}#1", "published", True, len(expected["next"][name])]
        assert new[5] == expected["champions"][name]
    for output, rows in expected["scores"].items():
        assert scores(company, output) == rows
    company.by("admin").run("ledger", "verify")
