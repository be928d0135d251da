from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kronkers_batch.config import field_reference, root_spec, spec
from kronkers_batch.config import fingerprint as fp
from kronkers_batch.config import fingerprint_fields as fields
from kronkers_batch.config.definition_changes import changes
from kronkers_batch.config.fingerprint_fields import Counts
from kronkers_batch.config.imported import Imported
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.load import load
from kronkers_batch.config.own_measure import Direction, Measure
from kronkers_batch.config.secret import Secret
from kronkers_batch.digests import canonical, scoring_digest
from kronkers_batch.frames.panel import Panel
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import TASKS, Goal
from tests.config_project import ENVIRON, FILES, make

DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> root_spec.Config:
    return load(make(tmp_path_factory.mktemp("project")), (), ENVIRON)


PARTS = {
    "model": (spec.CodeFile, spec.Estimator),
    "source": (spec.InputRef,),
    "features": (spec.Feature,),
    "windows": (spec.Windows,),
    "goal": (Goal,),
    "panel": (Panel,),
    "measures": (Measure,),
}


def _names(cls: Any) -> set[str]:
    return {f.name for f in dataclasses.fields(cls)}


# Which key each field of ModelSpec comes from, where it is not of the same name; or what it counts for.
SAID: dict[str, str | Counts] = {
    "model.path": "code",
    "model.is_folder": Counts.NEVER,
    "model.target": "estimator._target_",
    "model.arguments": "estimator.arguments",
    "model.formula": "estimator.formula",
    "model.predict": "estimator.predict",
    "model.predict_arguments": "estimator.predict_arguments",
    "model.per_quantile": "estimator.per_quantile",
    "model.categories": "estimator.categories",
    "model.origin": Counts.NEVER,
    "environment": "environment.executable",
    "features.name": "features",
    "features.type": "features",
    "features.levels": "features",
    "features.reference": "features",
    "features.nulls": "features",
    "features.origin": Counts.NEVER,
    "target": "target.column",
    "goal.positive": "target.positive",
    "goal.classes": "target.classes",
    "goal.ordered": "target.ordered",
    "goal.loss": "target.loss",
    "goal.quantiles": "output.quantiles",
    "goal.weights": "weights",
    "goal.exposure": "exposure",
    "goal.judged_as": "target.as",
    "goal.higher_is": "output.higher_is",
    "goal.top": "decision.top",
    "goal.group": "group",
    "goal.at": "target.at",
    "goal.event": "target.event",
    "goal.horizons": "target.horizons",
    "fit_only": "train_only",
    **dict.fromkeys(("measures.name", "measures.language", "measures.metrics"), "measures"),
    "measures.path": Counts.NEVER,  # what the file holds does
    "own_loss": "target.loss",
    "panel.time": "time.column",
    "panel.step": "time.step",
    "panel.season": "time.season",
    "panel.target": Counts.BOTH,  # its history is sent at night
    "panel.least": "target.min",
    "panel.under": "new_series.under",
    "panel.point": "output.evaluate",
    "panel.origins": "window.holdout",
    "panel.every": "window.holdout",
    **{
        f"panel.{key}": key
        for key in ("series", "horizon", "future", "past", "static", "gaps", "ended", "history")
    },
    "target_type": Counts.TRAINING,  # of the source
    "windows.train": "window.train",
    "windows.holdout": "window.holdout",
    "windows.score": "window.score",
    "windows.label_delay": "window.label_delay",
    "windows.holdout_share": "window.holdout_share",
    "windows.holdout_by": "window.holdout_by",
    "windows.refit": "window.refit",
    "input_checks": "checks.input",
    "output_checks": "checks.output",
    "output_columns": "output.columns",
    "evaluate": "output.evaluate",
    "retention": "output.retention",
    "training_thresholds": "thresholds.training",
    "output_thresholds": "thresholds.output",
    "retrain": "retrain.every",
    "resources": "resources.workers",
    "imported": "artifact",  # its digest, as that of code
    "overrides": Counts.NEVER,  # what they change counts, not how it was said
    "origin": Counts.NEVER,
    "origins": Counts.NEVER,
}
FIELDS = sorted(
    _names(spec.ModelSpec) - set(PARTS)
    | {f"{part}.{name}" for part, classes in PARTS.items() for c in classes for name in _names(c)}
    - {"goal.panel"}
)
SERIES = Panel(
    ("s",), "t", "y", DAY, DAY, DAY, ("f",), ("p",), ("c",), "zero", DAY, DAY, DAY, 0.0, 0.5, 3, DAY
)


MEASURE = Measure("cost", LANGUAGES["python"], Path("cost.py"), {"hits": Direction.HIGHER})


def _counts(field: str) -> Counts:
    said = SAID.get(field, field)
    return said if isinstance(said, Counts) else fields.model_keys()[said]


def test_every_field_is_classified() -> None:
    keys = {said for field in FIELDS if not isinstance(said := SAID.get(field, field), Counts)}
    alike = ("environment.", "resources.", "estimator.function", "golden")  # as the first of their mapping
    others = {k for k in fields.model_keys() if k not in keys and not k.startswith(alike)}
    # Two of them name what output.evaluate and target.column may name.
    assert others == {"defaults", "decision.by", "target.time", "new_series.use"}
    assert set(SAID) <= set(FIELDS)
    for mapping in ("environment.", "resources."):
        assert len({c for k, c in fields.model_keys().items() if k.startswith(mapping)}) == 1
    assert {_key(field) for field in _names(spec.SourceSpec)} - set(SOURCE_SAID) <= set(fields.source_keys())
    mappings = ("csv.quote", "csv.null")  # as csv.delimiter
    assert set(fields.source_keys()) - set(mappings) <= {_key(field) for field in _names(spec.SourceSpec)}
    assert _names(spec.CheckSpec) == {"kind", "columns", "arguments", "on_failure", "up_to", "origin"}
    assert _names(spec.OutputColumn) == {"name", "type"}


def _other(value: Any) -> Any:
    """Some other value of the same type."""
    at = spec.Origin("elsewhere", 99, "x")
    match value:
        case bool():
            return not value
        case spec.Language():
            return LANGUAGES["r"]
        case spec.Task():
            return TASKS["regression"]
        case spec.RowsPolicy():
            return spec.RowsPolicy.WHOLE
        case spec.Unseen():
            return spec.Unseen.ERROR
        case spec.Promote():
            return spec.Promote.MANUAL
        case spec.ColumnType():
            return spec.ColumnType.INT32
        case str():
            return value + "x"
        case int() | float():
            return value + 0.125 if isinstance(value, float) else value + 1
        case dt.timedelta():
            return value + dt.timedelta(days=1)
        case spec.Origin():
            return at
        case Path():
            return Path("/elsewhere")
        case spec.Schema():
            return value.select(value.names[1:])
        case spec.Resources():
            return replace(value, workers=77, memory=1, time_limit=dt.timedelta(1), threads=5)
        case spec.Environment():
            return replace(value, venv="/venv")
        case spec.Retrain():
            return spec.Retrain(None)
        case None:
            return Secret("x")
        case tuple():
            return (
                value[1:]
                if value
                else ((spec.CheckSpec("rows", (), {"min": 5}, spec.OnFailure.DROP, 0.5, at),))
            )
        case _:
            return {**value, "more": spec.InputRef("flights") if "flights" in value else "x"}


MORE: dict[str, Any] = {
    "overrides": ("x",),
    "features.levels": ("a", "b"),
    "goal.classes": ("a", "b", "c"),
    "goal.quantiles": (0.5,),
    "imported": Imported(Path("/fitted.rds")),
    "goal.horizons": (90.0,),
    "fit_only": (Column("w", ColumnType.FLOAT),),
    "audit_columns": ("carrier",),
}
"""Other values of lists, whose types say too little."""


def _prints(model: spec.ModelSpec, sources: Any) -> tuple[str, str]:
    return (
        fp.training_fingerprint(model, sources, code_digest="c", environment_digest="e"),
        scoring_digest(fp.scoring_definition(model, sources), "1", "i"),
    )


def _expect(counts: Counts) -> tuple[bool, bool]:
    return (counts in (Counts.TRAINING, Counts.BOTH), counts in (Counts.SCORING, Counts.BOTH))


@pytest.mark.parametrize("name", FIELDS)
def test_what_counts_of_a_model_is_what_the_table_says(config: root_spec.Config, name: str) -> None:
    model = config.models["delay" if name in ("model.path", "model.is_folder") else "late"]
    top, _, below = name.partition(".")
    old = getattr(model, top, None)
    if top == "panel":
        model = replace(model, goal=replace(model.goal, panel=SERIES))
        changed = replace(SERIES, **{below: MORE.get(name) or _other(getattr(SERIES, below))})
        changed = replace(model, goal=replace(model.goal, panel=changed))
    elif not below:
        value = MORE.get(name) or _other(old)
        changed = replace(model, **{top: value})
    elif top == "features":
        value = MORE.get(name) or _other(getattr(old[0], below))
        changed = replace(model, features=(replace(old[0], **{below: value}), *old[1:]))
    elif top == "measures":
        model = replace(model, measures=(MEASURE,))
        changed = replace(model, measures=(replace(MEASURE, **{below: _other(getattr(MEASURE, below))}),))
    elif top == "source":
        changed = replace(
            model, source=spec.InputRef(source="joined") if below == "source" else spec.InputRef(output="x")
        )
    else:
        value = MORE.get(name) or _other(getattr(old, below))
        changed = replace(model, **{top: replace(old, **{below: value})})
    assert changed != model
    before, after = _prints(model, config.sources), _prints(changed, config.sources)
    assert tuple(a != b for a, b in zip(before, after, strict=True)) == _expect(_counts(name))


# Which key each field of SourceSpec comes from, where it is not of the same name; or what it counts for.
SOURCE_SAID: dict[str, str | Counts] = {
    "schema": "columns",
    "csv": "csv.delimiter",
    "origin": Counts.NEVER,
    "origins": Counts.NEVER,
    "options": Counts.BOTH,  # keys of a kind, which say it themselves
}


def _key(field: str) -> str:
    said = SOURCE_SAID.get(field, field)
    return field if isinstance(said, Counts) else said


def _source_counts(field: str) -> Counts:
    said = SOURCE_SAID.get(field, field)
    return said if isinstance(said, Counts) else fields.source_keys()[said]


@pytest.mark.parametrize("name", sorted(_names(spec.SourceSpec)))
def test_what_counts_of_a_source_is_what_the_table_says(config: root_spec.Config, name: str) -> None:
    model = config.models["late"]
    source = replace(config.sources["flights"], checks=())
    sources = {**config.sources, "flights": source}
    changed = replace(source, **{name: _other(getattr(source, name))})
    if name == "inputs":
        changed = replace(source, inputs={"j": spec.InputRef(source="joined")})
    assert changed != source
    before, after = _prints(model, sources), _prints(model, {**sources, "flights": changed})
    assert tuple(a != b for a, b in zip(before, after, strict=True)) == _expect(_source_counts(name))


def test_digests_count(config: root_spec.Config) -> None:
    model, sources = config.models["late"], config.sources
    prints = {
        fp.training_fingerprint(model, sources, code_digest=c, environment_digest=e)
        for c, e in (("", ""), ("a", ""), ("", "a"))
    }
    assert len(prints) == 3
    scores = {
        scoring_digest(fp.scoring_definition(model, sources), c, i)
        for c, i in (("a", "b"), ("b", "a"), ("a", "c"))
    }
    assert len(scores) == 3


def test_the_code_of_a_measure_counts_and_the_direction_of_its_numbers_does_not(
    config: root_spec.Config,
) -> None:
    model, sources = replace(config.models["late"], measures=(MEASURE,)), config.sources
    one = fp.definition(model, sources, measures={"cost": "a"})
    assert changes(one, fp.definition(model, sources, measures={"cost": "b"})) == [
        "measures.cost.code: changed"
    ]
    lower = replace(MEASURE, metrics={"hits": Direction.LOWER})
    assert fp.definition(replace(model, measures=(lower,)), sources, measures={"cost": "a"}) == one
    loss = replace(MEASURE, metrics={})
    assert changes(one, fp.definition(replace(model, measures=(loss,)), sources, measures={"cost": "a"})) == [
        'measures.cost.metrics: removed ["hits"]'
    ]


def test_a_query_counts_the_sources_below_it(config: root_spec.Config) -> None:
    model = config.models["delay"]
    flights = replace(config.sources["flights"], csv={"null": "NULL"})
    changed = {**config.sources, "flights": flights}
    assert fp.training_fingerprint(model, config.sources) != fp.training_fingerprint(model, changed)


def test_checks_that_warn_count_for_nothing_and_those_that_fail_for_scoring(config: root_spec.Config) -> None:
    model = config.models["late"]
    at = spec.Origin("", 0, "")
    for policy, expected in (
        (spec.OnFailure.WARN, (False, False)),
        (spec.OnFailure.FAIL, (False, True)),
        (spec.OnFailure.DROP, (True, True)),
    ):
        check = spec.CheckSpec("nulls", ("origin",), {"allowed": False}, policy, 0.0, at)
        before = _prints(model, config.sources)
        after = _prints(replace(model, input_checks=(check,)), config.sources)
        assert tuple(a != b for a, b in zip(before, after, strict=True)) == expected


def test_the_same_files_elsewhere_have_the_same_fingerprints(
    config: root_spec.Config, tmp_path: Path
) -> None:
    text = "# a comment\n\n" + FILES["model/late.yaml"].replace("owner: Ada Lovelace", "owner:   'Someone'")
    other = load(make(tmp_path / "elsewhere", model__late=text), (), ENVIRON)
    for name in config.models:
        assert _prints(config.models[name], config.sources) == _prints(other.models[name], other.sources)


def test_a_definition_explains_itself(config: root_spec.Config, tmp_path: Path) -> None:
    old = config.models["late"]
    new = load(
        make(tmp_path),
        ["model.late.estimator.C=0.25", "+model.late.parameters.a.b=1", "~model.late.features.origin"],
        ENVIRON,
    )
    before = fp.definition(old, config.sources, code_digest="x")
    after = fp.definition(new.models["late"], new.sources, code_digest="y")
    assert changes(before, after) == [
        "code: changed",
        "estimator.arguments.C: 0.5 -> 0.25",
        'features: ["distance","carrier","origin"] -> ["distance","carrier"]',
        'features.origin: removed "category"',
        "parameters.a.b: added 1",
    ]
    assert changes(before, before) == []


def test_dots_in_names_do_not_make_two_definitions_one(config: root_spec.Config) -> None:
    model = config.models["late"]
    one = replace(model, parameters={"a.b": 1})
    two = replace(model, parameters={"a": {"b": 1}})
    assert _prints(one, config.sources)[0] != _prints(two, config.sources)[0]


def test_no_secret_enters() -> None:
    with pytest.raises(TypeError):
        fp.plain({"a": Secret("x")})


def test_the_fingerprints_are_pinned() -> None:
    at = spec.Origin("f", 1, "")
    assert canonical({"b": [1, 1.5, None, True, "ä"], "a": {}}) == '{"a":{},"b":[1,1.5,null,true,"ä"]}'
    source = spec.SourceSpec(
        "s", "d", "", "csv", spec.Schema(()), (), "t", (), (), at, path="/x", csv={"null": "NA"}
    )
    counted = fp.source_fields("source", source, tuple(spec.OnFailure)) | {"source.inputs": {}}
    assert fp.fingerprint("source", counted) == (
        "cfa00cbbe17dac48612364c180e718c93920733f5a1011622c85f36475bd949a"
    )


def test_the_reference_page_is_current() -> None:
    assert field_reference.PAGE.read_text(encoding="utf-8") == field_reference.page(), (
        "run: python -m kronkers_batch.config.field_reference"
    )
