"""Whatever can move data, run code or use a key changes the fingerprint that is signed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from kronkers_batch.config import root_spec, signing, spec
from kronkers_batch.config.imported import Imported
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.load import load
from kronkers_batch.config.own_measure import Direction, Measure
from kronkers_batch.config.secret import Secret
from kronkers_batch.frames.panel import Panel
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from tests.config_project import ENVIRON, make

ORIGIN = spec.Origin("f", 1, "k")
PROJECT = Path("/project")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> root_spec.Config:
    return load(make(tmp_path_factory.mktemp("project")), (), ENVIRON)


PANEL = Panel(
    ("s",), "t", "y", *map(dt.timedelta, (1, 7, 28)), ("a",), ("b",), ("c",), "zero",
    *map(dt.timedelta, (28, 56, 365)), 0.0, 0.5, 8, dt.timedelta(7),
)  # fmt: skip


def full(name: str) -> Any:
    """An object of a class of the specification with something in every field."""
    check = spec.CheckSpec("rows", ("a",), {"min": 1}, spec.OnFailure.FAIL, 0.5, ORIGIN)
    column = Column("a", ColumnType.CATEGORY, ("x", "y"))
    source = spec.SourceSpec(
        name="s", department="d", description="d", kind="query", schema=Schema((column,)),
        key=("a",), time_column="a", checks=(check,), shared_with=("e",), origin=ORIGIN,
        path="/project/a.csv",
        package="p", url=Secret("postgresql://u:p@h/d"), query="q", watermark="w",
        inputs={"t": spec.InputRef(source="below")}, output="o", csv={"null": "NA"}, memory=5,
    )  # fmt: skip
    model = spec.ModelSpec(
        name="m", department="d", owner="o", description="d", language=LANGUAGES["python"],
        task=TASKS["binary"],
        model=spec.Estimator("t", {"a": 1}, "f", ORIGIN, "p", {"b": 2}, "q"),
        parameters={"p": 1}, data="pandas",
        environment=spec.Environment("/e", "/v", "/l", "/r", "/p"), source=spec.InputRef(source="s"),
        features=(spec.Feature("a", ColumnType.FLOAT, ORIGIN, ("x",), "x"),), key=("a",), target="t",
        target_type=ColumnType.FLOAT,
        windows=spec.Windows(dt.timedelta(1), dt.timedelta(2), dt.timedelta(3), dt.timedelta(4), 0.1, "g"),
        input_checks=(check,), output_checks=(check,),
        output_columns=(spec.OutputColumn("o", ColumnType.FLOAT),), evaluate="o", retention=dt.timedelta(9),
        schedule="daily", training_thresholds=(spec.Threshold("a", 0.0, 1.0, ORIGIN),),
        output_thresholds=(spec.Threshold("b", 0.0, 1.0, ORIGIN),), retrain=spec.Retrain(dt.timedelta(3)),
        promote=spec.Promote.MANUAL, rows=spec.RowsPolicy.WHOLE, unseen=spec.Unseen.ERROR,
        resources=spec.Resources(), seed=1, enabled=True, overrides=("x=1",), origin=ORIGIN,
        origins={"seed": ORIGIN},
        goal=Goal("p", ("a",), True, "l", (0.5,), "w", "e", "j", "h", 7, "g", 3, "v", (9.0,), PANEL),
        fit_only=(Column("w", ColumnType.CATEGORY, ("x",)),), audit_columns=("a",),
        measures=(Measure("c", LANGUAGES["r"], Path("/c.R"), {"hits": Direction.HIGHER}),), own_loss="c",
    )  # fmt: skip
    root = root_spec.Config(
        root=PROJECT / "conf", home=PROJECT / "var", logical_date=dt.date(2024, 1, 1), key_file=Path("/k"),
        departments={}, sources={}, models={},
        warehouse=root_spec.WarehouseSpec(Secret("postgresql://u:p@h/d"), "/a", "/c", dt.timedelta(9)),
        executor=root_spec.ExecutorSpec(), overrides=(),
        alerts={"to": {"url": Secret("x"), "who": "ann"}},
    )  # fmt: skip
    return {"model": model, "source": source, "config": root}[name]


def other(value: Any) -> Any:
    """Some other value of the same type."""
    match value:
        case bool():
            return not value
        case spec.Task():
            return next(m for m in TASKS.values() if m is not value)
        case spec.Language():
            return next(m for m in LANGUAGES.values() if m is not value)
        case StrEnum():
            return next(m for m in type(value) if m is not value)
        case "query":  # a kind of source is one of those that there are
            return "parquet"
        case str():
            return value + "x"
        case int() | float():
            return value + 1
        case dt.timedelta() | dt.date():
            return value + dt.timedelta(days=1)
        case Path():
            return value / "x"
        case Secret():
            return Secret(value.reveal() + "x")
        case spec.Origin():
            return spec.Origin("g", 2, "z")
        case Schema():
            return Schema((*value.columns, Column("more", ColumnType.FLOAT)))
        case tuple():
            return ()
        case None:  # a model that is fitted here
            return Imported(Path("/fitted.rds"))
    raise TypeError(type(value))


def variants(value: Any, path: str = "") -> Iterator[tuple[str, type | None, str, Any]]:
    """Every object that differs in one place: the place, the class and field there, and the object."""
    if dataclasses.is_dataclass(value) and not isinstance(value, spec.Origin | Schema):
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            below = list(variants(item, f"{path}.{field.name}"))
            for where, cls, name, changed in below:
                own = (type(value), field.name) if cls is None else (cls, name)
                yield where, *own, replace(value, **{field.name: changed})  # type: ignore[type-var]
    elif isinstance(value, dict):
        for key, item in value.items():
            for where, cls, name, changed in variants(item, f"{path}.{key}"):
                yield where, cls, name, {**value, key: changed}
        yield (
            f"{path}+",
            None,
            "",
            {**value, "more": next(iter(value.values()))} if value else {"more": ORIGIN},
        )
    elif isinstance(value, tuple) and value:
        yield f"{path}-", None, "", ()
        for where, cls, name, changed in variants(value[0], f"{path}.0"):
            yield where, cls, name, (changed, *value[1:])
    else:
        yield path, None, "", other(value)


def fingerprint(name: str, value: Any) -> str:
    if name == "config":
        if value.home == PROJECT / "var":  # places count relative to the project
            value = replace(value, home=value.root.parent / "var")
        return signing.fingerprint("house", signing.root_definition(value))
    below = replace(full("source"), name="below", inputs={})
    sources = {"below": below, "belowx": below, "s": full("source"), "sx": full("source")}
    if name == "source":
        fields = signing.source_definition(value, {**sources, value.name: value}, PROJECT)
    else:
        fields = signing.model_definition(value, sources, PROJECT)
    return signing.fingerprint(name, fields)


CASES = [(n, w, c, f, v) for n in ("model", "source", "config") for w, c, f, v in variants(full(n))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0] + case[1])
def test_every_field_counts_that_is_not_left_out(case: tuple[str, str, type, str, Any]) -> None:
    name, where, cls, field, changed = case
    same = fingerprint(name, changed) == fingerprint(name, full(name))
    left_out = field in signing.LEFT_OUT.get(cls, ()) or field == "origin"
    assert same == left_out, f"{where} ({cls.__name__}.{field})"


def test_what_the_files_of_an_imported_model_hold_counts_and_not_where_they_lie() -> None:
    model = replace(full("model"), imported=Imported(Path("/fitted.rds"), Path("/golden.csv")))
    sources = {"s": full("source"), "below": replace(full("source"), name="below", inputs={})}

    def signed(model: spec.ModelSpec, **digests: str) -> dict[str, Any]:
        return signing.model_definition(model, sources, PROJECT, imported=digests)

    usual = signed(model, artifact="a", golden="b")
    assert signed(replace(model, imported=Imported(Path("/other.rds"))), artifact="a", golden="b") == usual
    for other in ({"artifact": "x", "golden": "b"}, {"artifact": "a", "golden": "x"}, {"artifact": "a"}):
        assert signed(model, **other) != usual


def test_the_cases_reach_every_field_of_every_class() -> None:
    reached = {(c, f) for _, _, c, f, _ in CASES}
    classes = (
        root_spec.Config, root_spec.WarehouseSpec, root_spec.ExecutorSpec, spec.ModelSpec,
        spec.SourceSpec, spec.Estimator, spec.Environment, spec.Windows, spec.Threshold,
        spec.Retrain, spec.OutputColumn, spec.Resources, spec.CheckSpec, spec.Feature,
        spec.InputRef, Goal, Panel, Column, Measure,
    )  # fmt: skip
    # Those without anything in them, and those that hold another of the classes.
    others = {
        "departments",
        "sources",
        "models",
        "source",
        "environment",
        "windows",
        "model",
        "retrain",
        "goal",
        "panel",
    }
    others |= {"resources", "warehouse", "executor"}
    for cls in classes:
        wanted = {(cls, f.name) for f in dataclasses.fields(cls) if f.name not in others}
        assert wanted <= reached, cls


def test_little_is_left_out() -> None:
    """Whatever is added here moves no data, runs no code and uses no key."""
    assert {cls.__name__: sorted(names) for cls, names in signing.LEFT_OUT.items()} == {
        "ModelSpec": ["description", "origins", "owner"],
        "Measure": ["path"],
        "SourceSpec": ["description", "origins"],
        "Config": ["definitions", "departments", "key_file", "models", "overrides", "root", "sources"],
        "ExecutorSpec": ["chunk_rows", "kept_workers", "piece_rows", "workers"],
    }


def test_what_is_left_out_are_fields() -> None:
    for cls, names in (*signing.LEFT_OUT.items(), *signing.LATER.items()):
        assert set(names) <= {f.name for f in dataclasses.fields(cls)}


def test_a_field_that_came_later_counts_where_it_is_not_the_default(config: root_spec.Config) -> None:
    """Else each release that adds one would stop the nights of whoever signed before it."""
    assert {
        root_spec.WarehouseSpec: {"keep_snapshots": config.warehouse.keep_snapshots},
        spec.SourceSpec: {"options": config.sources["flights"].options},
        spec.Estimator: {
            name: getattr(spec.Estimator("", {}, "", ORIGIN), name) for name in ("per_quantile", "categories")
        },
        spec.Windows: {
            name: getattr(config.models["late"].windows, name) for name in ("holdout_by", "refit")
        },
        spec.Feature: {
            name: getattr(spec.Feature("", ColumnType.FLOAT, ORIGIN), name)
            for name in ("levels", "reference", "nulls")
        },
        spec.ModelSpec: {
            name: getattr(config.models["late"], name)
            for name in ("goal", "fit_only", "audit_columns", "imported", "measures", "own_loss")
        },
        Goal: {
            name: getattr(Goal(), name)
            for name in ("judged_as", "higher_is", "top", "group", "at", "event", "horizons", "panel")
        },
    } == signing.LATER
    assert "warehouse.keep_snapshots" not in signing.root_definition(config)
    said = replace(config, warehouse=replace(config.warehouse, keep_snapshots=dt.timedelta(9)))
    assert signing.root_definition(said)["warehouse.keep_snapshots"] == 9 * 86_400
    flights = config.sources["flights"]
    assert not [key for key in signed(config, flights) if "options" in key]
    assert (
        signed(config, replace(flights, options={"pause": dt.timedelta(9)}))["sources.flights.options.pause"]
        == 9 * 86_400
    )


def signed(config: root_spec.Config, source: spec.SourceSpec) -> dict[str, Any]:
    return signing.source_definition(source, {source.name: source}, config.root.parent)


def test_code_and_environment_count_by_their_contents(config: root_spec.Config) -> None:
    model = config.models["delay"]
    assert isinstance(model.model, spec.CodeFile)

    def made(**digests: Any) -> dict[str, Any]:
        return signing.model_definition(model, config.sources, config.root.parent, **digests)

    assert made(code="1")["code"] == "1"
    assert made(measures={"cost": "3"})["measures.cost.code"] == "3"
    assert made(environment="2")["environment"] == "2"
    assert (
        len({signing.fingerprint("model", made(**d)) for d in ({}, {"code": "1"}, {"environment": "1"})}) == 3
    )


def test_every_source_behind_a_query_counts(config: root_spec.Config) -> None:
    reader = replace(config.models["late"], source=spec.InputRef(source="joined"))
    flights = replace(config.sources["flights"], path="/elsewhere.csv")
    fields = signing.model_definition(reader, config.sources, config.root.parent)
    changed = signing.model_definition(reader, {**config.sources, "flights": flights}, config.root.parent)
    assert {k for k in fields if fields[k] != changed[k]} == {"sources.flights.path"}
    assert fields["sources.flights.path"] == "project:data/flights.csv"


def test_another_checkout_gives_the_same_fingerprint(config: root_spec.Config, tmp_path: Path) -> None:
    again = load(make(tmp_path / "other"), (), ENVIRON)
    assert signing.root_definition(again) == signing.root_definition(config)
    for name, model in config.models.items():
        one = signing.model_definition(model, config.sources, config.root.parent)
        assert signing.model_definition(again.models[name], again.sources, again.root.parent) == one


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "data").mkdir()
    assert signing.place(str(tmp_path / "data/*.csv"), tmp_path) == "project:data/*.csv"
    (tmp_path / "data").rmdir()
    (tmp_path / "data").symlink_to(tmp_path / "there")
    assert (
        signing.place(str(tmp_path / "data/*.csv"), tmp_path) == "project:data/*.csv -> project:there/*.csv"
    )


def test_a_password_does_not_count_and_a_host_does() -> None:
    def made(url: str) -> str:
        return signing.address(Secret(url), PROJECT)

    assert made("postgresql://u:one@h/d") == made("postgresql://u:two@h/d")
    for url in ("postgresql://u:one@i/d", "postgresql://v:one@h/d", "postgresql://u:one@h/e"):
        assert made(url) != made("postgresql://u:one@h/d")
    assert made("sqlite:////project/x.db") == "sqlite:project:x.db"
    assert made("sqlite:////elsewhere/x.db") == "sqlite:/elsewhere/x.db"
