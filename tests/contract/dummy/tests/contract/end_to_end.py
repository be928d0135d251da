"""Run in a copy of the program to which the dummy kinds were added: from YAML to checked rows and pages."""

from __future__ import annotations

import pytest

from kronkers_batch.cli.main import main
from kronkers_batch.config import field_reference
from kronkers_batch.config.places import Places
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.errors import CheckFailed
from tests.contract.source.project import Project
from tests.data_support import ALL


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project", "lines")
    made.write()
    return made


def checked(project: Project, action: str) -> CheckedRows:
    project.declare(more=f"checks: [{{column: id, even: true, on_failure: {action}}}]")
    config = project.config()
    places = Places.of(config, project.environ)
    return CheckedRows(
        config.sources["things"], ALL, None, sources=config.sources, places=places, chunk_rows=10
    )


def test_a_check_of_a_new_kind_judges_rows_of_a_source_of_a_new_kind(project):
    with pytest.raises(CheckFailed, match=r"things\.yaml:8: checks\.0: even\(id\): 2 of 4 rows"):
        list(checked(project, "fail"))
    rows = checked(project, "drop, up_to: 50%")
    assert [number for frame in rows for number in frame["id"]] == [0, 2]
    assert [result.message() for result in rows.results][-1] == "even(id): dropped, 2 of 4 rows"


def test_both_are_on_the_reference_page():
    page = field_reference.page()
    assert "csv, lines, parquet: file or glob" in page
    assert (
        "| `skip` | a whole number from 0 | 0 | lines: how many lines stand before the first object. |"
        in page
    )
    assert "| `even` | true or false |  | `true`: only even numbers; nulls pass. |" in page


def test_the_command_line_checks_them(project, monkeypatch, capsys):
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    project.declare(more="checks: [{column: x, even: true}]")
    assert main(["check", "--conf", str(project.folder / "conf")]) == 2
    said = capsys.readouterr().err
    assert "conf/source/things.yaml:8: checks.0.even: 'even' is not for the column 'x' of type float" in said
    project.declare(more="skips: 1")
    assert main(["check", "--conf", str(project.folder / "conf")]) == 2
    assert "the key 'skips' is not known" in capsys.readouterr().err
