"""One suite for every kind of source: a kind joins by being there, and fails without a maker in ``makers/``.

A maker says how the source is declared (``DECLARED``, and ``BESIDE`` for other files of conf); ``write`` puts
rows where it finds them, ``remove`` takes the place away, and ``SPOILED`` is what an error says of where a
value stands that does not fit. A kind that names a place has ``{path}`` in ``DECLARED``, and it in ``PATH``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.access import authorisation
from kronkers_batch.config.places import Places
from kronkers_batch.config.source_file import SOURCE
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.data.window import Window
from kronkers_batch.errors import AccessRefused, ConfigErrors, KronkersError, MissingPart, SourceError
from tests.contract.source.project import (
    KINDS,
    OF_FILES,
    ROWS,
    TYPES,
    WITH_PLACE,
    Project,
    frame,
    makers_of,
    spoiled,
)
from tests.data_support import MARKER, day
from tests.faults.test_control_characters import is_clean

ALL_ROWS = frame(ROWS).select(list(TYPES)).rows()


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    before = list(sys.path)
    yield Project(tmp_path / "project", request.param)
    sys.path[:] = before


of_every_kind = pytest.mark.parametrize("project", KINDS, indirect=True)
of_files = pytest.mark.parametrize("project", OF_FILES, indirect=True)
with_a_place = pytest.mark.parametrize("project", WITH_PLACE, indirect=True)


def test_every_kind_has_a_maker():
    assert makers_of().keys() == SOURCE_KINDS.keys()


# ---------------------------------------------------------------- what is read


@of_every_kind
def test_what_is_declared_is_read_in_its_types(project):
    project.write()
    got = pl.concat(project.frames())
    assert got.schema == TYPES
    assert got.rows() == ALL_ROWS


@of_every_kind
def test_frames_have_the_size_that_is_asked_for(project):
    project.write(ROWS * 5)
    assert [one.height for one in project.frames(chunk_rows=8)] == [8, 8, 4]


@of_every_kind
def test_a_window_is_half_open(project):
    project.write()
    assert [row[0] for row in project.rows(day("2013-06-01"))] == [1, 2]
    assert [row[0] for row in project.rows(Window(None, day("2013-06-01").start))] == [0]
    assert [row[0] for row in project.rows(Window(day("2013-06-02").start, None))] == [3]
    assert project.rows(day("2020-01-01")) == []


@of_every_kind
def test_a_place_with_no_rows_gives_no_rows(project):
    project.write([])
    assert project.rows() == []


# ---------------------------------------------------------------- what is wrong with it


def refused(project: Project, what: type[KronkersError] | tuple[type[KronkersError], ...]) -> KronkersError:
    """The error of reading all, which says where a source is declared, and what to do."""
    with pytest.raises(what) as caught:
        project.rows()
    assert re.search(r"conf/source/\w+\.yaml:1: source (things|below)", caught.value.where)
    assert caught.value.fix
    return caught.value


@of_every_kind
def test_a_value_that_does_not_fit_is_an_error_with_its_place_and_no_data(project):
    project.maker.write(project.folder, spoiled(f"{MARKER}\x1b]0;x\x07\u202e"))
    error = refused(project, SourceError)
    assert re.search(project.maker.SPOILED, f"{error.where}: {error.what}")
    assert "declared float" in str(error)
    assert MARKER not in f"{error}{error.__cause__ or ''}"
    assert is_clean(str(error))


@of_every_kind
def test_a_declared_column_that_is_not_there_is_an_error(project):
    project.maker.write(project.folder, frame(ROWS).drop("x"))
    assert "1 declared column is not there: x" in str(refused(project, SourceError))


@of_every_kind
def test_a_place_that_is_not_there_is_an_error(project):
    project.write()
    project.maker.remove(project.folder)
    refused(project, (SourceError, MissingPart))


# ---------------------------------------------------------------- how it is declared


@of_every_kind
def test_a_key_that_it_needs_and_one_that_is_not_its_own_are_errors_with_file_and_line(project):
    kind = SOURCE_KINDS[project.kind]
    own = {key.name for key in kind.keys}
    for key in kind.keys:
        if key.required:
            project.declare(without=key.name)
            with pytest.raises(ConfigErrors) as caught:
                project.config()
            where = f"conf/source/things.yaml:1: {key.name}: "
            assert f"{where}a source of kind {project.kind} needs the key '{key.name}'" in str(caught.value)
    other = next(key for one in SOURCE_KINDS.values() for key in one.keys if key.name not in own)
    project.declare(more=f"{other.name}: 1")
    with pytest.raises(ConfigErrors) as caught:
        project.config()
    where = f"conf/source/things.yaml:{project.line(other.name)}: {other.name}: "
    assert f"{where}the key '{other.name}' is not for a source of kind {project.kind}" in str(caught.value)


@of_every_kind
def test_its_keys_are_on_the_reference_page(project):
    for key in SOURCE_KINDS[project.kind].keys:
        assert key.words in SOURCE[key.name].doc
    assert project.kind in SOURCE["kind"].kind.allowed


# ---------------------------------------------------------------- what tells that its rows changed


@of_every_kind
def test_its_identity_changes_with_its_rows_and_not_otherwise(project):
    project.write()
    first = project.identity()
    assert project.identity() == first
    assert project.identity(day("2013-06-01")) != first
    project.write([*ROWS, (4, "2013-06-02T00:00:01Z", 4.0, "e", True)])
    assert project.identity() != first


@of_every_kind
def test_its_identity_changes_with_what_is_declared(project):
    project.write()
    first = project.identity()
    project.declare(more="description: other words")
    assert project.identity() == first
    for other in ({"more": "checks: [{column: x, nulls: false}]"}, {"key": "[id, name]"}, {"ids": "float"}):
        project.declare(**other)
        assert project.identity() != first


# ---------------------------------------------------------------- where it may not lead


@with_a_place
def test_it_may_not_lead_to_a_forbidden_place(project):
    key = SOURCE_KINDS[project.kind].place_key
    link = project.folder / "data/link"
    link.symlink_to(project.keys / "me.key")
    for path in (project.keys / "me.key", link):
        project.declare(path=path)
        with pytest.raises(ConfigErrors) as caught:
            project.config()
        where = f"conf/source/things.yaml:{project.line(key)}: {key}: "
        assert f"{where}the path is refused: it is this account's key file" in str(caught.value)


@with_a_place
def test_it_may_not_lead_to_what_another_department_declares(project):
    project.write()
    project.declare(name="theirs")
    theirs = project.folder / "conf/source/theirs.yaml"
    theirs.write_text(theirs.read_text().replace("department: operations", "department: planning"))
    with pytest.raises(ConfigErrors, match="the department planning declares it"):
        project.config()
    theirs.write_text(theirs.read_text() + "shared_with: [operations]\n")
    mine = project.folder / "conf/source/things.yaml"
    mine.write_text(mine.read_text() + "shared_with: [planning]\n")
    assert project.rows() == ALL_ROWS


@with_a_place
def test_a_link_that_is_turned_after_it_was_loaded_is_not_followed(project):
    project.write()
    config = project.config()
    elsewhere = project.folder / "elsewhere"
    project.path.rename(elsewhere)
    project.path.symlink_to(elsewhere)
    places = Places.of(config, project.environ)
    assert project.rows(config=config, places=places) == ALL_ROWS  # as it is loaded now, it leads there
    project.path.unlink()
    project.path.write_bytes(elsewhere.read_bytes())
    with pytest.raises(SourceError, match="its link was changed after the configuration was loaded"):
        project.rows(config=config, places=places)


@with_a_place
def test_what_was_judged_is_what_is_read(project, monkeypatch):
    """The link is turned right after the opened file was found allowed, and back before the next look."""
    good, bad, link = project.folder / "good", project.folder / "bad", project.path
    project.write([(9, ROWS[0][1], 9.0, MARKER, True)])
    link.rename(bad)
    project.write()
    link.rename(good)
    link.symlink_to(good)
    config = project.config()
    judge, look, looks = Places.opened_refusal, os.open, []

    def lead_to(target: Path) -> None:
        link.unlink()
        link.symlink_to(target)

    def led_back(path: object, *asked: object, **more: object) -> int:
        if str(path) == str(link):
            lead_to(good)
        return look(path, *asked, **more)

    def judged_and_turned(self: Places, *asked: object, **more: object) -> str:
        looks.append(judge(self, *asked, **more))
        lead_to(bad)
        return looks[-1]

    places = Places.of(config, project.environ)
    monkeypatch.setattr(Places, "opened_refusal", judged_and_turned)
    monkeypatch.setattr(os, "open", led_back)
    assert project.rows(config=config, places=places) == ALL_ROWS
    assert looks == [""] * len(looks) != []


@of_files
def test_where_definitions_are_signed_a_pattern_finds_nothing_outside_of_its_folder(project):
    project.write()
    pattern = project.path.with_name(f"*{project.path.suffix}")
    project.declare(path=pattern)
    assert project.rows() == ALL_ROWS
    config = project.config()
    places = Places.of(config, project.environ)
    places.confined = True
    authorisation._refuse_led_astray(config.sources["things"])
    assert project.rows(config=config, places=places) == ALL_ROWS

    outside = project.folder / "outside"
    outside.write_bytes(project.path.read_bytes())
    (project.path.parent / f"z{project.path.suffix}").symlink_to(outside)
    with pytest.raises(AccessRefused, match="a link to a file outside the signed folder"):
        authorisation._refuse_led_astray(config.sources["things"])
    with pytest.raises(SourceError, match="a link to a file outside the signed folder"):
        project.rows(config=config, places=places)


@of_files
def test_a_file_that_changes_while_it_is_read_is_an_error(project):
    project.write()
    rows = project.frames(chunk_rows=2)
    next(rows)
    os.utime(project.path, (1, 1))
    with pytest.raises(SourceError, match="the files changed while the program read them"):
        list(rows)


@of_files
def test_the_name_of_a_file_that_a_pattern_found_is_not_shown(project):
    project.maker.write(project.folder, spoiled("wrong"))
    project.path.rename(project.path.with_name(f"{MARKER}\x1b[31m{project.path.suffix}"))
    project.declare(path=project.path.with_name(f"*{project.path.suffix}"))
    error = refused(project, SourceError)
    assert MARKER not in str(error)
    assert is_clean(str(error))
    assert f"/*{project.path.suffix}, file 1 of 1 in the order of their names" in str(error)
