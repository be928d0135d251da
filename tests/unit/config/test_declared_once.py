"""A key is declared in its table: schema, checker, overrides, fingerprints and page have it from there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import make_dataclass, replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

from kronkers_batch.config import (
    field_reference,
    fingerprint,
    fingerprint_fields,
    model_file,
    root,
    root_schema,
)
from kronkers_batch.config.fields import Counts, Field, Table, read_value
from kronkers_batch.config.kinds import integer
from kronkers_batch.config.load import load
from kronkers_batch.config.model_parts import RESOURCES, WINDOW
from kronkers_batch.config.nodes import Scalar
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.root_spec import ExecutorSpec
from kronkers_batch.config.saying import say_duration, say_share, say_size
from kronkers_batch.config.source_file import SOURCE
from kronkers_batch.config.spec import OnFailure, Resources, SourceSpec
from kronkers_batch.digests import Json
from kronkers_batch.errors import ConfigErrors
from tests.composing import differences
from tests.composing.both import REFUSED, hydra_root, root_here
from tests.config_project import ENVIRON, FILES, make

CHEER = Field("cheer", integer(0, 9), "How loud it cheers.", default=3, counts=Counts.SCORING)


@contextmanager
def declared(table: Table, field: Field) -> Iterator[None]:
    """A table that also has this field."""
    before = table.fields
    try:
        _set(table, (*before, field))
        yield
    finally:
        _set(table, before)


def _set(table: Table, fields: tuple[Field, ...]) -> None:
    object.__setattr__(table, "fields", fields)
    table.__dict__.pop("names", None)
    fingerprint_fields.model_keys.cache_clear()
    fingerprint_fields.source_keys.cache_clear()


def test_a_key_of_a_model_is_in_hydras_schema() -> None:
    with declared(model_file.MODEL, CHEER):
        made = OmegaConf.structured(root_schema.structure(model_file.MODEL))
    assert made.cheer == 3
    assert made.window.holdout == "14d"
    with pytest.raises(ValidationError):
        made.cheer = "loud"


def test_a_key_of_a_model_is_read_and_checked(tmp_path: Path) -> None:
    text = FILES["model/late.yaml"]
    with declared(model_file.MODEL, CHEER):
        load(make(tmp_path / "right", model__late=text + "cheer: 7\n"), (), ENVIRON)
        with pytest.raises(ConfigErrors) as error:
            load(make(tmp_path / "wrong", model__late=text + "cheer: 10\n"), (), ENVIRON)
    where = f"conf/model/late.yaml:{len(text.splitlines()) + 1}: cheer: "
    assert f"{where}found the number 10\n  -> allowed: a whole number from 0 to 9" in str(error.value)


def test_a_key_of_a_model_is_overridden(tmp_path: Path) -> None:
    conf = make(tmp_path)
    with declared(model_file.MODEL, CHEER):
        assert load(conf, ["model.late.cheer=7"], ENVIRON).models["late"].overrides == ("model.late.cheer=7",)
        with pytest.raises(ConfigErrors, match="did you mean 'cheer'"):
            load(conf, ["model.late.cheeer=7"], ENVIRON)
    with pytest.raises(ConfigErrors, match="the key 'cheer' is not known"):
        load(conf, ["model.late.cheer=7"], ENVIRON)


def test_a_key_of_a_model_counts(tmp_path: Path) -> None:
    config = load(make(tmp_path), (), ENVIRON)
    model = config.models["late"]
    object.__setattr__(model, "cheer", 7)  # the object that is made of the file is the other place to name it
    before = fingerprint.definition(model, config.sources)
    with declared(model_file.MODEL, CHEER):
        assert fingerprint_fields.model_keys()["cheer"] is Counts.SCORING
        assert fingerprint.scoring_definition(model, config.sources)["cheer"] == 7
        assert "cheer" not in fingerprint.training_definition(model, config.sources)
    assert fingerprint.definition(model, config.sources) == before


def test_a_key_of_a_model_is_on_the_page() -> None:
    with declared(model_file.MODEL, CHEER):
        page = field_reference.page()
    assert "| `cheer` | a whole number from 0 to 9 | 3 | How loud it cheers. |\n" in page
    assert "| `cheer` | scoring |\n" in page


def test_a_key_of_a_part_is_everywhere_too() -> None:
    key = Field("echo", integer(0, 9), "How long it echoes.", default=2)
    with declared(WINDOW, key):
        assert OmegaConf.structured(root_schema.structure(model_file.MODEL)).window.echo == 2
        assert fingerprint_fields.model_keys()["window.echo"] is Counts.TRAINING
        assert (
            "| `window.echo` | a whole number from 0 to 9 | 2 | How long it echoes. |\n"
            in field_reference.page()
        )
    with declared(RESOURCES, key):
        assert fingerprint_fields.model_keys()["resources.echo"] is Counts.NEVER  # as all resources


def test_a_key_of_a_source_is_everywhere(tmp_path: Path) -> None:
    key = Field("cheer", integer(0, 9), "How loud it cheers.", default=3, counts=Counts.NEVER)
    text = FILES["source/flights.yaml"]
    with declared(SOURCE, key):
        assert OmegaConf.structured(root_schema.structure(SOURCE)).cheer == 3
        assert fingerprint_fields.source_keys()["cheer"] is Counts.NEVER
        assert (
            "| `cheer` | a whole number from 0 to 9 | 3 | How loud it cheers. |\n" in field_reference.page()
        )
        load(make(tmp_path / "right", source__flights=text), ["source.flights.cheer=7"], ENVIRON)
        with pytest.raises(ConfigErrors, match="allowed: a whole number from 0 to 9"):
            load(make(tmp_path / "wrong", source__flights=text + "cheer: 10\n"), (), ENVIRON)


def test_a_key_of_a_kind_of_source_counts_as_it_says(tmp_path: Path) -> None:
    source = load(make(tmp_path), (), ENVIRON).sources["flights"]
    loud = replace(source, options={"cheer": 9})

    def counted(of: SourceSpec) -> dict[str, Json]:
        return fingerprint.source_fields("source", of, tuple(OnFailure))

    with declared(SOURCE, replace(CHEER, counts=Counts.NEVER)):
        assert counted(loud) == counted(source)
    with declared(SOURCE, replace(CHEER, counts=None)):
        assert counted(loud) != counted(source)


def test_a_key_of_the_root_is_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_dataclass("Executor", [("cheer", int, 3)], bases=(ExecutorSpec,), frozen=True)
    monkeypatch.setattr(root, "ExecutorSpec", made)
    described = root_schema.described()
    with declared(root_schema.EXECUTOR, CHEER):
        assert root_schema.described() != described  # what was remembered of Hydra is asked again
        assert hydra_root(differences.ROOT_FILES)["executor"]["cheer"] == 3
        assert root_here(differences.ROOT_FILES)["executor"]["cheer"] == 3
        assert root_here(differences.ROOT_FILES, ["executor.cheer=4"])["executor"]["cheer"] == 4
        assert root_here(differences.ROOT_FILES, ["executor.cheer=10"]) is REFUSED
        assert (
            "| `cheer` | a whole number from 0 to 9 | 3 | How loud it cheers. |\n" in field_reference.page()
        )
    assert root_here(differences.ROOT_FILES, ["executor.cheer=4"]) is REFUSED


def _all(table: Table) -> Iterator[Field]:
    for field in table.fields:
        yield field
        if field.kind.table is not None:
            yield from _all(field.kind.table)


@pytest.mark.parametrize("table", [root_schema.ROOT, SOURCE, model_file.MODEL], ids=lambda table: table.title)
def test_a_default_in_words_is_read_as_the_default(table: Table) -> None:
    said = [field for field in _all(table) if field.kind.say is not None and field.default is not None]
    assert len(said) > 1
    for field in said:
        problems = Problems()
        assert read_value(field.kind, Scalar("", 0, field.said), field.name, problems) == field.default
        assert not len(problems)


@pytest.mark.parametrize(
    ("amount", "found"),
    [
        (say_duration(dt.timedelta(0)), "0d"),
        (say_duration(dt.timedelta(weeks=2)), "14d"),
        (say_duration(dt.timedelta(hours=36)), "36h"),
        (say_duration(dt.timedelta(seconds=90)), "90s"),
        (say_duration(dt.timedelta(minutes=90)), "90m"),
        (say_size(4 * 2**30), "4GB"),
        (say_size(1536), "1536B"),
        (say_size(1536 * 1024), "1536KB"),
        (say_share(0.2), "20%"),
        (say_share(0.001), "0.1%"),
    ],
)
def test_amounts_in_words(amount: str, found: str) -> None:
    assert amount == found


def test_defaults_are_those_of_the_objects() -> None:
    """What a file leaves out is what an object has that is made without it."""
    assert Resources() == Resources(**{f.name: f.default for f in RESOURCES.fields})
    assert ExecutorSpec() == ExecutorSpec(**{f.name: f.default for f in root_schema.EXECUTOR.fields})
