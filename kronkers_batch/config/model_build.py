"""One model against its source's columns, its code file and its language; then the frozen object."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Any

from kronkers_batch.config import (
    check_specs,
    code_folder,
    forecast_goal,
    known_at,
    measure_goal,
    model_goal,
    model_import,
    model_limits,
    model_target,
)
from kronkers_batch.config.fields import Bad
from kronkers_batch.config.forecast_fields import held_out, key_columns
from kronkers_batch.config.languages import Language
from kronkers_batch.config.link import Linker
from kronkers_batch.config.nodes import walk
from kronkers_batch.config.paths import safe_path
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.source_file import check_columns
from kronkers_batch.config.spec import (
    CheckSpec,
    CodeFile,
    Environment,
    Estimator,
    Feature,
    ModelSpec,
    OutputColumn,
    Resources,
    Retrain,
    Windows,
)
from kronkers_batch.frames.schema import Column, ColumnType

_T = ColumnType
# The types that a model may see a column as: never one that loses more than precision.
_WIDER: dict[ColumnType, tuple[ColumnType, ...]] = {
    _T.FLOAT: (_T.FLOAT, _T.FLOAT32),
    _T.FLOAT32: (_T.FLOAT32, _T.FLOAT),
    _T.INTEGER: (_T.INTEGER, _T.FLOAT, _T.FLOAT32, _T.CATEGORY),
    _T.INT32: (_T.INT32, _T.INTEGER, _T.FLOAT, _T.FLOAT32, _T.CATEGORY),
    _T.BOOLEAN: (_T.BOOLEAN, _T.INT32, _T.INTEGER, _T.FLOAT, _T.FLOAT32, _T.CATEGORY),
    _T.DATE: (_T.DATE, _T.TIMESTAMP),
    _T.TIMESTAMP: (_T.TIMESTAMP,),
    _T.STRING: (_T.CATEGORY, _T.STRING),
    _T.CATEGORY: (_T.CATEGORY, _T.STRING),
}


def build(raw: RawModel, linker: Linker) -> ModelSpec | None:
    """The model, or None with what is wrong reported."""
    values, problems, before = raw.values, linker.problems, len(linker.problems)
    linker.department(values["department"], raw)
    code, environment = _code(raw, linker.project, problems), _environment(raw, linker.project, problems)
    model_limits.check(raw, problems)
    if (columns := _source_columns(raw, linker)) is None:
        return None
    key, features = _key(raw, linker, columns), _features(raw, columns, problems)
    imported = model_import.read(raw, features, linker.project, problems)
    target_type = _goal(raw, columns, linker, problems)
    evaluate, measures = model_goal.evaluated(raw, problems), measure_goal.measures(raw, linker)
    input_checks, output_checks = _checks(raw, columns, key, linker)
    language, task, source = values["language"], values["task"], values["source"]
    if len(problems) > before or code is None or evaluate is None:
        return None
    if language is None or task is None or source is None or model_target.was_refused(raw, target_type):
        return None  # reported where the file was read
    return ModelSpec(
        name=raw.name,
        department=values["department"] or "",
        owner=values["owner"] or "",
        description=values["description"],
        language=language,
        task=task,
        model=code,
        parameters=values["parameters"],
        data=values["data"],
        environment=environment,
        source=source,
        features=features + model_goal.exposure_feature(raw),
        key=key,
        target=model_target.named(raw),
        target_type=target_type,
        windows=_windows(raw),
        input_checks=input_checks,
        output_checks=output_checks,
        output_columns=tuple(OutputColumn(name, kind) for name, kind in _predicted(raw).items()),
        evaluate=evaluate,
        retention=values["output"]["retention"],
        schedule=values["schedule"],
        training_thresholds=model_limits.thresholds(raw, "training"),
        output_thresholds=model_limits.thresholds(raw, "output"),
        retrain=Retrain(**values["retrain"]),
        promote=values["promote"],
        rows=values["rows"],
        unseen=values["unseen"],
        resources=Resources(**values["resources"]),
        seed=values["seed"],
        enabled=values["enabled"],
        overrides=raw.overrides,
        origin=raw.tree.origin(""),
        origins={dotted: node.origin(dotted) for dotted, node in walk(raw.tree)},
        goal=raw.goal,
        fit_only=model_goal.fit_only(raw, columns),
        audit_columns=values["audit_columns"],
        imported=imported,
        measures=measures,
        own_loss=measure_goal.own_loss(raw),
    )


def _goal(
    raw: RawModel, columns: MappingType[str, Column], linker: Linker, problems: Problems
) -> ColumnType | None:
    """Reports what of the target and of series cannot be; the type of the target in its source."""
    found = model_goal.check(raw, columns, problems)
    forecast_goal.check(raw, columns, linker, problems)
    return found


def _predicted(raw: RawModel) -> dict[str, ColumnType]:
    return {name: ColumnType(kind) for name, kind in raw.values["output"]["columns"].items()}


def _checks(
    raw: RawModel, columns: MappingType[str, Column], key: tuple[str, ...], linker: Linker
) -> tuple[tuple[CheckSpec, ...], tuple[CheckSpec, ...]]:
    """The checks of the input, with those of what is known too late, and those of the output."""
    types, said, problems = (
        {name: c.type for name, c in columns.items()},
        raw.values["checks"],
        linker.problems,
    )
    scored = {one.name: one.type for one in key_columns(key, columns, raw.goal.panel)} | _predicted(raw)
    known = check_specs.resolve(said["input"], types, problems)
    known += known_at.checks(raw, columns, linker, problems)
    return known, check_specs.resolve(said["output"], scored, problems)


def _windows(raw: RawModel) -> Windows:
    said = raw.values["window"]
    more = {"holdout": held_out(said["holdout"], raw.goal.panel), "refit": raw.refits}
    return Windows(**{**said, **more})  # type: ignore[arg-type]


def _source_columns(raw: RawModel, linker: Linker) -> MappingType[str, Column] | None:
    ref = raw.values["source"]
    if raw.tree.reported:
        return None  # a template that could not be read may say what is missing here
    return linker.columns(ref) if ref is not None and linker.reference(ref, raw, "source") else None


def _code(raw: RawModel, project: Path, problems: Problems) -> CodeFile | Estimator | None:
    code, estimator, language = raw.values["code"], raw.values["estimator"], raw.values["language"]
    has = [k for k in ("code", "estimator") if k in raw.tree.items]
    if not has and raw.tree.reported:
        return None
    if len(has) != 1:
        what = "both 'code' and 'estimator' are given" if has else "neither 'code' nor 'estimator' is given"
        problems.add(
            raw.at("code").origin("code"), what, "write one of them: code: PATH, or estimator: {...}"
        )
        return None
    if code is not None:
        where = raw.at("code").origin("code")
        try:
            path = safe_path(code, project)
        except Bad as bad:  # already reported where the value was read
            problems.add(where, bad.what, bad.fix)
            return None
        if path.is_dir():
            return code_folder.main_file(path, code, language, where, problems)
        if not path.is_file():
            code_folder.report_missing(code, raw.at("code"), where, project, problems)
            return None
        return CodeFile(path, where)
    if estimator is None or language is None:
        return None
    return _estimator(raw, estimator, language, problems)


def _estimator(
    raw: RawModel, given: dict[str, Any], language: Language, problems: Problems
) -> Estimator | None:
    where = raw.at("estimator").origin("estimator")
    wanted = language.estimator_key
    other = next(key for key in ("_target_", "function") if key != wanted)
    target = given[wanted]
    if target is None:
        if given[other] is not None:
            what = f"'{other}' is not for the language {language}"
            problems.add(where, what, f"write {wanted}: ...")
        return None
    if not re.match(language.estimator_pattern, target):
        at = raw.at("estimator", wanted).origin(f"estimator.{wanted}")
        problems.add(at, f"found the text {target[:60]!r}", f"allowed: {language.estimator_words}")
    if given["formula"] and not language.has_formula:
        at = raw.at("estimator", "formula").origin("estimator.formula")
        problems.add(at, f"a formula is not for the language {language}", "delete it")
    if given["per_quantile"] and not raw.values["output"]["quantiles"]:
        at = raw.at("estimator", "per_quantile").origin("estimator.per_quantile")
        problems.add(at, "'per_quantile' is for output.quantiles, and there are none", "delete it")
    categories = given["categories"].replace("levels", "")
    if categories and (wanted != "_target_" or raw.values["data"] != "pandas"):
        at = raw.at("estimator", "categories").origin("estimator.categories")
        problems.add(at, "'categories' is for tables of pandas in Python", "delete it, or write data: pandas")
    model_goal.check_method(raw, target, given["predict"], problems)
    return Estimator(
        target,
        given["arguments"],
        given["formula"],
        where,
        given["predict"],
        given["predict_arguments"],
        given["per_quantile"],
        categories,
    )


def _environment(raw: RawModel, project: Path, problems: Problems) -> Environment:
    values, language = raw.values["environment"], raw.values["language"]
    allowed = tuple(values) if language is None else language.environment_keys
    for key in values:
        if values[key] and key not in allowed:
            where = raw.at("environment", key).origin(f"environment.{key}")
            what = f"'{key}' is not for the language {language}"
            problems.add(where, what, f"allowed: {', '.join(allowed)}")
    if len([k for k in ("executable", "venv") if values[k]]) == 2:
        where = raw.at("environment").origin("environment")
        problems.add(where, "both 'executable' and 'venv' are given", "keep one of them")
    # An executable without a slash is looked up on the PATH by the runtime.
    return Environment(
        **{
            k: v if not v or (k == "executable" and "/" not in v) else str(safe_path(v, project))
            for k, v in values.items()
        }
    )


def _key(raw: RawModel, linker: Linker, columns: MappingType[str, Column]) -> tuple[str, ...]:
    key, problems = linker.key(raw), linker.problems
    if not key:
        what = "the key is missing, here and in the source"
        problems.add(
            raw.at("key").origin("key"), what, "write key: [COLUMN, ...] with the columns that identify a row"
        )
    if raw.values["key"] is not None:
        check_columns(key, columns, raw.at("key"), "key", problems)
    model_goal.refuse_names_alike(raw, problems)
    for name in raw.values["output"]["columns"]:
        if name.casefold() in {k.casefold() for k in key}:
            where = raw.at("output", "columns", name).origin(f"output.columns.{name}")
            problems.add(where, f"the output column '{name}' is also a key column", "give it another name")
    if not raw.values["output"]["columns"]:
        problems.add(
            raw.at("output").origin("output.columns"), "there are no output columns", "write {score: float}"
        )
    return key


def _features(raw: RawModel, columns: MappingType[str, Column], problems: Problems) -> tuple[Feature, ...]:
    found = []
    for key, name, said in forecast_goal.seen(raw, columns):
        kind, where = said.type, said.node.origin(f"{key}.{name}")
        if name not in columns:
            problems.add(where, f"there is no column '{name}' in the source", suggest(name, columns))
            continue
        if name == model_target.named(raw):
            problems.add(
                where,
                f"the target '{name}' is also a feature",
                "remove it from the features: the model would see the answer",
            )
        allowed = _WIDER[columns[name].type]
        if kind is not None and kind not in allowed:
            what = f"the column '{name}' is {columns[name].type} and cannot be used as {kind}"
            problems.add(where, what, f"allowed: {', '.join(allowed)}")
        natural = _T.CATEGORY if columns[name].type is _T.STRING else columns[name].type
        if (said.levels or said.reference) and (kind or natural) is not _T.CATEGORY:
            what = f"the feature '{name}' is {kind or natural}, and only a category has levels"
            problems.add(where, what, "write type: category, or remove levels and reference")
        nulls = said.nulls or forecast_goal.may_lack(raw, key)
        found.append(Feature(name, kind or natural, where, said.levels, said.reference, nulls))
    return tuple(found)
