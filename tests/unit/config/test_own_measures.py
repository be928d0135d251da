"""What a model file may say of own measures, and what of it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from kronkers_batch.config import fingerprint
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.load import load
from kronkers_batch.config.own_measure import Direction, Measure
from kronkers_batch.config.places import Places
from kronkers_batch.config.root_spec import Config
from kronkers_batch.diagnostics import advice
from kronkers_batch.errors import ConfigErrors
from tests.config_project import ENVIRON, make

HEAD = """\
department: operations
owner: Ada Lovelace
language: python
estimator: {_target_: sklearn.linear_model.LogisticRegression}
source: flights
features: [distance]
"""
BINARY = HEAD + "task: binary\n"
COST = "cost: {language: r, code: measures/cost.R}"
REVIEW = "review: {language: julia, code: measures/review.jl, metrics: {hits: higher, per_claim: lower}}"
LATE = BINARY + "target: late\n"
WRONG = {
    LATE + "measures: {cost: {language: r}}\n": "measures.cost.code: the key 'code' is missing",
    LATE + "measures: {cost: {language: rr, code: measures/cost.R}}\n": "found the text 'rr'",
    LATE + "measures: {1cost: {language: r, code: measures/cost.R}}\n": "a name of letters",
    LATE + "measures: {cost: {language: r, code: measures/cots.R}}\n": "the file 'measures/cots.R' does not",
    LATE + "measures: {cost: {language: r, code: measures}}\n": "one file, and this is a folder",
    LATE + "measures: {cost: {language: r, code: ../cost.R}}\n": "a path with '..' in it",
    LATE + "measures: {cost: {language: r, code: measures/review.jl}}\n": "measures.cost.code: the code file "
    "does not end in .R or .r, and the language is r",
    LATE + "measures: {cost: {language: r, code: measures/cost.R, metric: {a: lower}}}\n": "'metric' is not",
    LATE + "measures: {cost: {language: r, code: measures/cost.R, metrics: {}}}\n": "found an empty mapping",
    LATE
    + "measures: {cost: {language: r, code: measures/cost.R, metrics: {a: up}}}\n": "allowed: higher, lower",
    LATE + "measures: {auc: {language: r, code: measures/cost.R}}\n": "has a metric or a loss 'auc' already",
    LATE + "measures: {Brier: {language: r, code: measures/cost.R}}\n": "a loss 'Brier' already",
    LATE + "measures: {log: {language: r, code: measures/cost.R, metrics: {a: lower}}}\n": "'log' already",
    LATE + "measures: {refit: {language: r, code: measures/cost.R}}\n": "'refit' already",
    BINARY + f"target: {{column: late, loss: review}}\nmeasures: {{{COST}, {REVIEW}}}\n": "target.loss: the "
    "measure 'review' gives metrics, and skill needs a loss: one number for each row -> name a measure "
    "without metrics: cost",
    BINARY + f"target: {{column: late, loss: review}}\nmeasures: {{{REVIEW}}}\n": "declare a measure without",
    BINARY + f"target: {{column: late, loss: cots}}\nmeasures: {{{COST}}}\n": "the task binary has no loss "
    "'cots' -> did you mean 'cost'",
    LATE + f"measures: {{{COST}}}\nthresholds: {{training: {{cots: {{max: 4}}}}}}\n": "there is no metric "
    "'cots' -> did you mean 'cost'",
    LATE + f"measures: {{{REVIEW}}}\nthresholds: {{training: {{review.hit: {{min: 4}}}}}}\n": "there is no "
    "metric 'review.hit' -> did you mean 'review.hits'",
    LATE
    + f"measures: {{{REVIEW}}}\nthresholds: {{training: {{review: {{min: 4}}}}}}\n": "no metric 'review'",
    HEAD.replace("LogisticRegression}", "LogisticRegression, predict: predict}")
    + f"task: clusters\nmeasures: {{{COST}}}\n": "measures: measures compare scores with a target, and this "
    "model of the task clusters has none",
    HEAD.replace("estimator: {_target_: sklearn.linear_model.LogisticRegression}", "code: models/rules.py")
    + f"task: rules\nmeasures: {{{COST}}}\n": "this model of the task rules has none",
    HEAD.replace("features: [distance]\n", "")
    + "task: forecast\ntarget: air_time\nseries: carrier\ntime: {column: time_hour, step: 1h}\nhorizon: 1d\n"
    + f"measures: {{{COST}}}\n": "'measures' is not for the task forecast",
}


def project(folder: Path, **models: str) -> Path:
    """A conf folder with these models, and the code files that they name."""
    conf = make(folder, **{f"model__{name}": text for name, text in models.items()})
    for name in ("measures/cost.R", "measures/review.jl", "models/rules.py"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("nothing is run here\n")
    return conf


def test_measures_are_read_and_give_metrics_that_thresholds_may_name(tmp_path: Path) -> None:
    text = BINARY + f"target: {{column: late, loss: cost}}\nmeasures: {{{COST}, {REVIEW}}}\n"
    text += "thresholds: {training: {cost: {min: 1}, review.hits: {min: 0.3}, review.per_claim: {min: 2}}}\n"
    config = load(project(tmp_path, late=text), (), ENVIRON)
    model = config.models["late"]
    assert model.measures == (
        Measure("cost", LANGUAGES["r"], tmp_path / "measures/cost.R"),
        Measure(
            "review",
            LANGUAGES["julia"],
            tmp_path / "measures/review.jl",
            {"hits": Direction.HIGHER, "per_claim": Direction.LOWER},
        ),
    )
    assert (model.own_loss, model.goal.loss) == ("cost", "")
    assert fingerprint.definition(model, config.sources)["target.loss"] == "cost"
    said = [line.split(": ", 2)[2].split(",")[0] for line in advice.warnings(config) if "has no m" in line]
    assert said == ["cost has no max", "review.per_claim has no max"]


def test_a_loss_of_the_department_may_measure_each_task_with_a_target(tmp_path: Path) -> None:
    told = {
        "counts": "task: count\ntarget: {column: flight, loss: cost}\nexposure: air_time\n",
        "quantiles": "task: quantiles\ntarget: {column: air_time, loss: cost}\n"
        "output: {quantiles: [0.1, 0.5]}\n",
        "late": "task: multiclass\ntarget: {column: carrier, classes: [AA, UA, DL], loss: cost}\n",
    }
    models = {name: f"{HEAD}{text}measures: {{{COST}}}\n" for name, text in told.items()}
    models["rules"] = HEAD.replace("estimator: {_target_: sklearn.linear_model.LogisticRegression}", "")
    models["rules"] += "code: models/rules.py\ntask: rules\ntarget: {column: late, as: binary, loss: cost}\n"
    models["rules"] += f"measures: {{{COST}}}\n"
    found = load(project(tmp_path, **models), (), ENVIRON).models
    assert {found[name].own_loss for name in models} == {"cost"}


def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path) -> None:
    models = {f"m{number}": text for number, text in enumerate(WRONG)}
    with pytest.raises(ConfigErrors) as error:
        load(project(tmp_path, **models), (), ENVIRON)
    lines = str(error.value).replace("\n  ->", " ->").splitlines()
    for number, (text, said) in enumerate(WRONG.items()):
        own = [line for line in lines if line.startswith(f"conf/model/m{number}.yaml:")]
        assert any(said in line for line in own), (text, said, own)


def test_the_file_of_a_measure_is_guarded_as_code_is(tmp_path: Path) -> None:
    """It is refused in a forbidden place; of another department's measure only the file is closed."""
    secret = tmp_path / "var" / "cost.R"
    secret.parent.mkdir()
    secret.write_text("loss <- 1\n")
    text = LATE + f"measures: {{{COST.replace('measures/cost.R', 'var/cost.R')}}}\n"
    with pytest.raises(ConfigErrors, match=r"late.yaml:\d+: measures.cost.code: the path is refused"):
        load(project(tmp_path, late=text), (), ENVIRON)

    config: Config = load(project(tmp_path / "other", late=LATE + f"measures: {{{COST}}}\n"), (), ENVIRON)
    places, file = Places.of(config, {}), tmp_path / "other/measures/cost.R"
    assert "the department operations" in places.refusal(file, department="planning")
    assert not places.refusal(file, department="operations")
    assert not places.refusal(file.with_name("review.jl"), department="planning")
    assert file in places.masked("planning")
    assert file not in places.masked("operations")
