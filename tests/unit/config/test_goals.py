"""What a model says of its target and of columns with a role, and what of it cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from kronkers_batch.config import fingerprint, task_reference
from kronkers_batch.config.load import load
from kronkers_batch.config.spec import Estimator
from kronkers_batch.errors import ConfigErrors
from kronkers_batch.frames.schema import Column, ColumnType
from kronkers_batch.learning import Goal
from tests.config_project import ENVIRON, FILES, make

HEAD = """\
department: operations
owner: Ada Lovelace
language: python
estimator: {_target_: sklearn.linear_model.LogisticRegression}
source: flights
features: [distance]
"""
MULTI = "task: multiclass\ntarget: {column: carrier, classes: [AA, UA, DL]%s}\n"
MANY = f"task: multiclass\ntarget: {{column: carrier, classes: {list(range(201))}}}\n"

ODD = """\
estimator: {_target_: sklearn.ensemble.IsolationForest, predict: score_samples}
task: anomaly
output: {higher_is: less_odd}
"""
LASTS = "task: survival\ntarget: {time: air_time, event: %s}\n"
RULES = "language: julia\ncode: models/delay/model.jl\n"

RIGHT = {
    "task: binary\ntarget: {column: carrier, positive: UA}\n": Goal(positive="UA"),
    "task: binary\ntarget: {column: flight, positive: 7}\n": Goal(positive="7"),
    "task: binary\ntarget: {column: late, positive: false, loss: log}\n": Goal(positive="false", loss="log"),
    "task: binary\ntarget: {column: late}\n": Goal(),
    "task: binary\ntarget: {column: late, loss: brier}\n": Goal(),
    "task: regression\ntarget: {column: air_time, loss: absolute}\n": Goal(loss="absolute"),
    MULTI % "": Goal(classes=("AA", "UA", "DL")),
    MULTI % ", ordered: true, loss: ranked": Goal("", ("AA", "UA", "DL"), True, "ranked"),
    "task: multiclass\ntarget: {column: flight, classes: [1, 2, 3]}\n": Goal(classes=("1", "2", "3")),
    "task: count\ntarget: flight\nexposure: air_time\n": Goal(exposure="air_time"),
    "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.1, 0.5]}\n": Goal(quantiles=(0.1, 0.5)),
    "task: binary\ntarget: late\nweights: air_time\n": Goal(weights="air_time"),
    "task: ranking\ntarget: {column: flight, at: 3}\ngroup: carrier\n": Goal(group="carrier", at=3),
    "task: ranking\ntarget: late\ngroup: distance\n": Goal(group="distance"),
    RULES + LASTS % "late, horizons: [90, 365]": Goal(event="late", horizons=(90.0, 365.0)),
    RULES + LASTS % "flight, horizons: [0.5]": Goal(event="flight", horizons=(0.5,)),
    ODD: Goal(higher_is="less_odd"),
    ODD + "decision: {top: 20, by: score}\n": Goal(higher_is="less_odd", top=20),
    "task: clusters\ntarget:\nweights: air_time\n": Goal(weights="air_time"),
    RULES + "task: rules\n": Goal(),
    RULES + "task: rules\ntarget: {column: late, as: binary, loss: log}\n": Goal(
        loss="log", judged_as="binary"
    ),
    RULES + "task: rules\ntarget: {column: carrier, as: multiclass, classes: [AA, UA, DL]}\n": Goal(
        classes=("AA", "UA", "DL"), judged_as="multiclass"
    ),
}
WRONG = {
    MULTI % ""
    + "thresholds: {output: {class.mean: {min: 1}}}\n": "there is no statistic or output column of numbers",
    "task: binary\ntarget: {column: late, positive: 1}\n": "'late' is boolean, which has no value '1'",
    "task: binary\ntarget: {column: flight, positive: true}\n": "is integer, which has no value 'true'",
    "task: binary\ntarget: {column: flight, positive: '01'}\n": "is integer, which has no value '01'",
    "task: multiclass\ntarget: {column: flight, classes: [1, 2, x]}\n": "which has no value 'x'",
    "task: multiclass\ntarget: {column: carrier, classes: [a, A, b]}\n": "differ only in case",
    "task: multiclass\ntarget: {column: carrier, classes: [a, a.mean, b]}\n": "reads as a statistic of",
    MULTI % "" + "output: {columns: {CLASS: string}}\n": "'class' and 'CLASS' differ only in case",
    MULTI % "" + "output: {columns: {UA: float}}\n": "score returns 'UA' already, for the task multiclass",
    "task: regression\ntarget: air_time\noutput: {columns: {a: float, A: float}}\n": "differ only in case",
    "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.1234561, 0.1234562]}\n": "two quantiles are",
    "task: binary\ntarget: late\nrows: whole\nwindow: {holdout_by: carrier}\n": "rows: whole needs all",
    "task: binary\ntarget: carrier\n": "the task binary cannot predict this type -> allowed types: boolean, "
    "float, float32, integer, int32; or say which value is true: target: {column: NAME, positive: VALUE}",
    "task: binary\ntarget: {column: carier, positive: UA}\n": "target: there is no column 'carier'",
    "task: binary\ntarget: {positive: UA}\n": "the key 'column' is missing",
    "task: binary\ntarget: {column: late, positve: UA}\n": "the key 'positve' is not known",
    "task: binary\ntarget: {column: air_time, positive: 1.5}\n": "found the number 1.5",
    "task: binary\ntarget: [late]\n": "found a list, where a mapping (key: value) is expected",
    "task: binary\ntarget: {column: late, loss: absolute}\n": "the task binary has no loss 'absolute'",
    "task: regression\ntarget: {column: air_time, positive: 1}\n": "'target.positive' is not for the task "
    "regression -> remove it; it is for: binary",
    "task: binary\ntarget: {column: late, classes: [a, b, c]}\n": "'target.classes' is not for the task",
    "task: multiclass\ntarget: carrier\n": "the task multiclass needs 'target.classes' -> write it, such as "
    "classes: [A, B, C]",
    "task: multiclass\ntarget: {column: carrier, classes: [AA, UA]}\n": "there are two classes -> declare",
    "task: multiclass\ntarget: {column: carrier, classes: [AA]}\n": "there is one class",
    "task: multiclass\ntarget: {column: carrier, classes: [AA, UA, AA]}\n": "a class is listed twice",
    "task: multiclass\ntarget: {column: carrier, classes: [AA, UA, 'a/../b']}\n": "is not safe as a column",
    MANY: "there are 201 classes",
    "task: multiclass\ntarget: {column: distance, classes: [1, 2, 3]}\n": "is float, and the task multiclass "
    "cannot predict this type",
    MULTI % ", loss: ranked": "the loss 'ranked' needs classes whose order means something",
    MULTI % "" + "output: {evaluate: class}\n": "'output.evaluate' is not for the task multiclass",
    MULTI % ""
    + "output: {columns: {probability.AA: integer}}\n": "the task multiclass has the output column "
    "'probability.AA' already, as float",
    MULTI % "" + "thresholds: {training: {recall.ZZ: {min: 0.5}}}\n": "there is no metric 'recall.ZZ'",
    "task: quantiles\ntarget: air_time\n": "the task quantiles needs 'output.quantiles'",
    "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.5, 0.1]}\n": "the quantiles are not ascending",
    "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.1, 1]}\n": "the quantiles are not ascending",
    "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.1, 0.1]}\n": "the quantiles are not ascending",
    "task: regression\ntarget: air_time\nexposure: flight\n": "'exposure' is not for the task regression -> "
    "remove it; it is for: count",
    "task: count\ntarget: flight\nexposure: carrier\n": "'carrier' is string, and exposure must be numbers",
    "task: count\ntarget: flight\nexposure: flight\n": "the target 'flight' is also named as exposure",
    "task: count\ntarget: flight\nexposure: distance\n": "'distance' is a feature and named as exposure",
    "task: binary\ntarget: late\nwindow: {holdout_by: patient}\n": "there is no column 'patient'",
    "task: binary\ntarget: late\nweights: nothing\n": "there is no column 'nothing' in the source",
    "task: binary\ntarget: late\nweights: air_time\ntrain_only: [air_time]\n": "'air_time' has two roles",
    "task: binary\ntarget: late\ntrain_only: [air_time, distance]\n": "is a feature and named as train_only",
    "task: binary\ntarget: late\naudit_columns: [sex]\n": "there is no column 'sex' in the source",
    "task: binary\ntarget: late\naudit_columns: distance\n": "is a feature and named as audit_columns",
    "task: binary\ntarget: late\ntrain_only: late\n": "the target 'late' is also named as train_only",
    "task: binary\n": "the key 'target' is missing -> add target: a column's name",
    "task: binary\ntarget:\n": "the key 'target' is missing",
    ODD + "target: late\n": "target: the task anomaly has no target -> remove it, or declare another task",
    "task: clusters\ntarget: {column: late}\n": "the task clusters has no target",
    ODD + "decision: {top: 20, by: nothing}\n": "decision.by: there is no output column 'nothing'",
    ODD + "decision: {by: flights}\n": "decision.by: there is no output column 'flights'",
    ODD + "decision: {top: 0}\n": "decision.top: found the number 0",
    ODD.replace("{higher", "{columns: {a: float, b: float, c: string}, higher")
    + "decision: {by: c}\n": "the output column 'c' is string, which cannot be measured for the task anomaly",
    ODD.replace(
        "{higher", "{columns: {a: float, b: float}, higher"
    ): "several output columns could be measured",
    ODD.replace("{higher", "{columns: {a: float, b: float}, evaluate: a, higher")
    + "decision: {by: b}\n": "'decision.by' and 'output.evaluate' name different columns",
    ODD.replace(
        ", predict: score_samples", ""
    ): "does not say which method scores: the task anomaly has no usual "
    "one -> add predict: score_samples or decision_function",
    ODD.replace("output", "parameters"): "scikit-learn's score_samples is low for odd rows, and "
    "output.higher_is does not say so -> write output: {higher_is: less_odd}",
    ODD + "thresholds: {training: {skill: {min: 0}}}\n": "there is no metric 'skill'",
    ODD + "exposure: air_time\n": "'exposure' is not for the task anomaly",
    "task: binary\ntarget: late\ndecision: {top: 5}\n": "'decision.top' is not for the task binary -> "
    "remove it; it is for: anomaly",
    "task: binary\ntarget: late\noutput: {higher_is: odd}\n": "'output.higher_is' is not for the task binary",
    "task: binary\ntarget: {column: late, as: binary}\n": "'target.as' is not for the task binary -> "
    "remove it; it is for: rules",
    "task: clusters\noutput: {columns: {cluster: float}}\n": "no output column can be measured",
    "task: rules\n": "'estimator' is for fit, and a model of the task rules learns nothing from data",
    RULES
    + LASTS
    % "late": "the task survival needs 'target.horizons' -> write it, such as horizons: [90.0, 365.0]",
    RULES
    + "task: survival\ntarget: {time: air_time, horizons: [9]}\n": "the task survival needs 'target.event'",
    RULES + "task: survival\ntarget: {event: late, horizons: [9]}\n": "the key 'time' is missing -> add time",
    RULES + "task: survival\ntarget: air_time\n": "'target.column' is not for the task survival -> write "
    "time: COLUMN",
    RULES + LASTS % "late, horizons: [9, 9]": "the horizons are not ascending numbers above 0",
    RULES + LASTS % "late, horizons: [0, 9]": "the horizons are not ascending numbers above 0",
    RULES + LASTS % "carrier, horizons: [9]": "'carrier' is string, and an event is a boolean, or 0 and 1",
    RULES + LASTS % "lates, horizons: [9]": "there is no column 'lates'",
    RULES + LASTS % "distance, horizons: [9]": "'distance' is a feature and named as event",
    RULES + LASTS % "air_time, horizons: [9]": "the target 'air_time' is also named as event",
    RULES
    + LASTS % "late, horizons: [9]"
    + "output: {evaluate: by9}\n": "'output.evaluate' is not for the task",
    LASTS % "late, horizons: [9]": "the task survival has no declared estimators -> write code: PATH",
    "task: binary\ntarget: {time: air_time}\n": "'target.time' is not for the task binary -> write "
    "column: COLUMN",
    "task: binary\ntarget: {column: late, event: flight}\n": "'target.event' is not for the task binary",
    "task: ranking\ntarget: flight\n": "the task ranking needs 'group' -> write it, such as group: session",
    "task: ranking\ntarget: carrier\ngroup: flight\n": "the task ranking cannot predict this type",
    "task: ranking\ntarget: flight\ngroup: flights\n": "there is no column 'flights'",
    "task: ranking\ntarget: flight\ngroup: flight\n": "the target 'flight' is also named as group",
    "task: binary\ntarget: late\ngroup: carrier\n": "'group' is not for the task binary",
    "task: binary\ntarget: {column: late, at: 3}\n": "'target.at' is not for the task binary",
    "task: binary\ntarget: late\ndecision: {by: score}\n": "'decision.by' is not for the task binary",
    RULES + "task: rules\nweights: air_time\n": "'weights' is for fit, and a model of the task rules",
    RULES + "task: rules\ntarget: late\n": "the task rules needs 'target.as' -> write it, such as as: binary",
    RULES + "task: rules\ntarget: {column: late, as: clusters}\n": "found the text 'clusters'",
    RULES
    + "task: rules\ntarget: {column: air_time, as: binary, loss: absolute}\n": "the task binary has no loss",
    RULES
    + "task: rules\ntarget: {column: carrier, as: multiclass}\n": "the task rules needs 'target.classes'",
    RULES + "task: rules\ntarget: {column: carrier, as: regression}\n": "cannot predict this type",
    RULES + "task: rules\nthresholds: {training: {auc: {min: 0.5}}}\n": "there is no metric 'auc'",
}


def models(texts: Iterable[str]) -> dict[str, str]:
    """A file for each text, as one project has them."""
    return {f"model__m{number}": head_of(text) + text for number, text in enumerate(texts)}


def head_of(text: str) -> str:
    """What a model needs besides the text, which may say itself what it is made of."""
    said = tuple(f"{line.partition(':')[0]}:" for line in text.splitlines())
    said += ("estimator:",) if "code:" in said else ()
    return "".join(line for line in HEAD.splitlines(keepends=True) if not line.startswith(said))


def test_what_is_said_is_read(tmp_path: Path) -> None:
    found = load(make(tmp_path, **models(RIGHT)), (), ENVIRON).models
    for number, (text, goal) in enumerate(RIGHT.items()):
        assert found[f"m{number}"].goal == goal, text


def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as error:
        load(make(tmp_path, **models(WRONG)), (), ENVIRON)
    lines = str(error.value).replace("\n  ->", " ->").splitlines()
    for number, (text, said) in enumerate(WRONG.items()):
        own = [line for line in lines if line.startswith(f"conf/model/m{number}.yaml:")]
        assert any(said in line for line in own), (text, own)


def test_the_page_of_the_tasks_is_current() -> None:
    assert task_reference.PAGE.read_text(encoding="utf-8") == task_reference.page(), (
        "run: python -m kronkers_batch.config.task_reference"
    )


def test_columns_follow_from_task_and_target(tmp_path: Path) -> None:
    text = HEAD + MULTI % "" + "output: {columns: {why: string}}\n"
    model = load(make(tmp_path / "classes", model__late=text), (), ENVIRON).models["late"]
    assert [column.name for column in model.output_columns] == [
        "class", "probability.AA", "probability.UA", "probability.DL", "why",
    ]  # fmt: skip
    assert model.measured == ("probability.AA", "probability.UA", "probability.DL")
    text = HEAD + "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.025, 0.5, 0.9]}\n"
    model = load(make(tmp_path / "quantiles", model__late=text), (), ENVIRON).models["late"]
    assert model.measured == ("q2.5", "q50", "q90")


def test_roles_become_columns_of_fit_and_score(tmp_path: Path) -> None:
    text = HEAD + "task: count\ntarget: flight\nexposure: air_time\ntrain_only: [carrier, origin]\n"
    text += "audit_columns: [late]\n"
    model = load(make(tmp_path, model__late=text), (), ENVIRON).models["late"]
    assert [(f.name, f.type) for f in model.features] == [
        ("distance", ColumnType.FLOAT), ("air_time", ColumnType.FLOAT),
    ]  # fmt: skip
    assert model.fit_only == (Column("carrier", ColumnType.STRING), Column("origin", ColumnType.STRING))


def test_a_group_is_seen_by_fit_unless_it_is_a_feature(tmp_path: Path) -> None:
    text = HEAD + "task: ranking\ntarget: flight\ngroup: %s\n"
    found = load(make(tmp_path, model__a=text % "carrier", model__b=text % "distance"), (), ENVIRON).models
    assert found["a"].fit_only == (Column("carrier", ColumnType.STRING),)
    assert found["b"].fit_only == ()


def test_an_estimator_may_be_fitted_once_a_quantile(tmp_path: Path) -> None:
    head = HEAD.replace("LogisticRegression}", "QuantileRegressor, alpha: 0, per_quantile: quantile}")
    rest = "task: quantiles\ntarget: air_time\noutput: {quantiles: [0.1, 0.9]}\n"
    model = load(make(tmp_path / "a", model__late=head + rest), (), ENVIRON).models["late"]
    assert isinstance(model.model, Estimator)
    assert model.model.per_quantile == "quantile"
    assert model.model.arguments == {"alpha": 0}
    with pytest.raises(ConfigErrors, match="'per_quantile' is for output"):
        load(make(tmp_path / "b", model__late=head + "task: binary\ntarget: late\n"), (), ENVIRON)


def test_a_class_that_is_misspelt_is_no_other_fault(tmp_path: Path) -> None:
    text = HEAD + "task: multiclass\ntarget: {column: carrier, classes: [1.5, b, c]}\n"
    with pytest.raises(ConfigErrors) as error:
        load(make(tmp_path, model__late=text), (), ENVIRON)
    assert "found the number 1.5" in str(error.value)
    assert "there are two classes" not in str(error.value)


def test_a_feature_may_say_its_levels(tmp_path: Path) -> None:
    text = HEAD.replace(
        "features: [distance]",
        "features: {distance: {nulls: true}, carrier: {levels: [UA, AA]}, flight: {type: category, "
        "reference: 7}}",
    )
    model = load(make(tmp_path, model__late=text + "task: binary\ntarget: late\n"), (), ENVIRON).models[
        "late"
    ]
    assert [(f.name, f.type, f.levels, f.reference, f.nulls) for f in model.features] == [
        ("distance", ColumnType.FLOAT, (), "", True),
        ("carrier", ColumnType.CATEGORY, ("UA", "AA"), "", False),
        ("flight", ColumnType.CATEGORY, (), "7", False),
    ]


def test_a_final_fit_has_a_threshold_of_its_own(tmp_path: Path) -> None:
    """At most all that is allowed, unless the file says otherwise; and only where there is a final fit."""
    rest = "task: binary\ntarget: late\n"
    refit = "window: {train: 60d, refit: true}\n"
    files = {
        "model__plain": HEAD + rest,
        "model__refit": HEAD + rest + refit,
        "model__said": HEAD + rest + refit + "thresholds: {training: {refit: {max: 0.5}}}\n",
    }
    models = load(make(tmp_path, **files), (), ENVIRON).models
    found = {
        name: [(t.name, t.min, t.max) for t in model.training_thresholds] for name, model in models.items()
    }
    assert found["plain"] == []
    assert found["refit"] == [("refit", None, 1.0)]
    assert found["said"] == [("refit", None, 0.5)]
    assert str(models["refit"].training_thresholds[0].origin) == "conf/model/refit.yaml:9: window.refit"
    text = HEAD + rest + "thresholds: {training: {refit: {max: 0.5}}}\n"
    without = HEAD + "task: anomaly\n" + refit
    with pytest.raises(ConfigErrors, match="without a target none are"):
        load(make(tmp_path / "without", model__late=without), (), ENVIRON)
    with pytest.raises(ConfigErrors, match="there is no metric 'refit'"):
        load(make(tmp_path / "other", model__late=text), (), ENVIRON)


def test_a_model_without_a_holdout_needs_no_number(tmp_path: Path) -> None:
    rest = "task: binary\ntarget: late\n"
    text = HEAD + rest + "promote: manual\nwindow: {holdout: none}\n"
    windows = load(make(tmp_path, model__late=text), (), ENVIRON).models["late"].windows
    assert not windows.measures
    wrong = rest + "thresholds: {training: {auc: {min: 0.5}}}\n"
    wrong += "window: {holdout: none, refit: true, holdout_by: carrier}\n"
    with pytest.raises(ConfigErrors) as error:
        load(make(tmp_path / "wrong", model__late=HEAD + wrong), (), ENVIRON)
    for said in (
        "promote: with holdout: none nothing measures a version",
        "window.refit: refit fits the rows that were held out, and holdout: none holds out none",
        "window.holdout: holdout_by holds out groups, and holdout: none holds out nothing",
        "thresholds.training.auc: auc is not measured: holdout: none holds out no rows",
    ):
        assert said in str(error.value)
    with pytest.raises(ConfigErrors, match="found the text '0d', where a number above zero is expected"):
        load(make(tmp_path / "zero", model__late=HEAD + rest + "window: {holdout: 0d}\n"), (), ENVIRON)


def test_a_threshold_of_a_template_may_be_removed(tmp_path: Path) -> None:
    head = "defaults: [/template/classifier]\n" + HEAD + "target: late\n"
    files = {"model__kept": head, "model__less": head + "thresholds: {training: {auc: none}}\n"}
    models = load(make(tmp_path, **files), (), ENVIRON).models
    assert [t.name for t in models["kept"].training_thresholds] == ["auc"]
    assert models["less"].training_thresholds == ()
    with pytest.raises(ConfigErrors, match=r"thresholds.training.auc: found nothing"):
        load(make(tmp_path / "null", model__late=head + "thresholds: {training: {auc: }}\n"), (), ENVIRON)


def test_categories_may_become_indicators(tmp_path: Path) -> None:
    encoded = HEAD.replace("LogisticRegression}", "LogisticRegression, categories: indicators}")
    text = encoded + "task: binary\ntarget: late\n"
    model = load(make(tmp_path / "encoded", model__late=text), (), ENVIRON).models["late"]
    assert isinstance(model.model, Estimator)
    assert (model.model.categories, model.model.arguments) == ("indicators", {})
    with pytest.raises(ConfigErrors, match="'categories' is for tables of pandas in Python"):
        load(make(tmp_path / "numpy", model__late=text + "data: numpy\n"), (), ENVIRON)


def test_levels_that_cannot_be_are_refused(tmp_path: Path) -> None:
    features = {
        "{distance: {type: float, levels: [1]}}": "is float, and only a category has levels",
        "{carrier: {levels: [UA, UA]}}": "a level is listed twice",
        "{carrier: {levels: [UA, AA], reference: DL}}": "the reference 'DL' is none of the levels -> allowed",
        "{carrier: {levels: [UA, (other)]}}": "a level may not be called (other)",
        "{carrier: {type: float}}": "is string and cannot be used as float",
        "{carrier: {kind: category}}": "the key 'kind' is not known",
        "{distance: category}": "is float and cannot be used as category",
        "{distance: {nulls: false}}": "nulls: false of a feature checks nothing",
    }
    rest = "task: binary\ntarget: late\n"
    texts = [HEAD.replace("[distance]", said) + rest for said in features]
    files = {f"model__m{number}": text for number, text in enumerate(texts)}
    with pytest.raises(ConfigErrors) as error:
        load(make(tmp_path, **files), (), ENVIRON)
    lines = str(error.value).replace("\n  ->", " ->").splitlines()
    for number, said in enumerate(features.values()):
        own = [line for line in lines if line.startswith(f"conf/model/m{number}.yaml:")]
        assert any(said in line for line in own), (said, own)


def test_an_override_reaches_a_target_that_is_a_mapping(tmp_path: Path) -> None:
    text = HEAD + MULTI % ""
    found = load(make(tmp_path, model__late=text), ["model.late.target.classes=[UA,DL,B6]"], ENVIRON)
    assert found.models["late"].goal.classes == ("UA", "DL", "B6")


def test_a_plain_target_has_the_fingerprint_that_it_had(tmp_path: Path) -> None:
    """Else every model of an older release would train anew."""
    plain = load(make(tmp_path / "a"), (), ENVIRON)
    said = FILES["model/late.yaml"].replace("target: late", "target: {column: late}")
    mapped = load(make(tmp_path / "b", model__late=said), (), ENVIRON)
    one = fingerprint.definition(plain.models["late"], plain.sources)
    assert one == fingerprint.definition(mapped.models["late"], mapped.sources)
    assert {key for key in one if key.startswith(("target", "weights", "exposure", "train_only"))} == {
        "target",
        "target_type",
    }
