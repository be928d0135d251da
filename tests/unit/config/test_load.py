from __future__ import annotations

import datetime as dt
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from kronkers_batch.config import root_spec, spec
from kronkers_batch.config.load import load
from kronkers_batch.errors import ConfigErrors
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import TASKS
from tests.config_project import ENVIRON, FILES, make

LATE = FILES["model/late.yaml"]
DAY = dt.timedelta(days=1)


def test_a_model_with_its_template(tmp_path: Path) -> None:
    model = load(make(tmp_path), (), ENVIRON).models["late"]
    assert model.task is TASKS["binary"]
    assert model.windows == spec.Windows(90 * DAY, 14 * DAY, DAY, DAY)
    assert [(f.name, f.type) for f in model.features] == [
        ("distance", ColumnType.FLOAT),
        ("carrier", ColumnType.CATEGORY),
        ("origin", ColumnType.CATEGORY),
    ]
    assert model.key == ("time_hour", "carrier", "flight")  # the source's
    assert model.target_type is ColumnType.BOOLEAN
    assert isinstance(model.model, spec.Estimator)
    assert model.model.arguments == {"C": 0.5}
    assert model.resources == spec.Resources(workers=2, memory=2 * 2**30)
    assert [(t.name, t.min, t.max) for t in model.output_thresholds] == [
        ("rows", 1.0, None),
        ("null_share", None, 0.01),
        ("score", 0.0, 1.0),
    ]
    assert str(model.origins["window.train"]) == "conf/template/classifier.yaml:3: window.train"
    assert str(model.origins["estimator.C"]) == "conf/model/late.yaml:8: estimator.C"
    assert model.retention == 400 * DAY


def test_a_source_knows_the_lines_of_its_keys(tmp_path: Path) -> None:
    at = load(make(tmp_path), (), ENVIRON).sources["flights"].origins["key"]
    assert (tmp_path / at.file).read_text().splitlines()[at.line - 1].startswith("key:")


def test_features_in_a_list_take_the_sources_types(tmp_path: Path) -> None:
    model = load(make(tmp_path), (), ENVIRON).models["air_time"]
    assert [(f.name, f.type) for f in model.features] == [
        ("distance", ColumnType.FLOAT),
        ("carrier", ColumnType.CATEGORY),
    ]
    assert isinstance(model.model, spec.Estimator)
    assert (model.model.target, model.model.formula) == ("stats::glm", "air_time ~ distance")


def test_a_code_file_is_absolute(tmp_path: Path) -> None:
    model = load(make(tmp_path), (), ENVIRON).models["delay"]
    assert isinstance(model.model, spec.CodeFile)
    assert model.model.path == tmp_path / "models" / "delay" / "model.jl"


def test_checks(tmp_path: Path) -> None:
    checks = load(make(tmp_path), (), ENVIRON).sources["flights"].checks
    assert [c.name for c in checks] == [
        "range(distance)",
        "in(origin)",
        "pattern(carrier)",
        "nulls(flight)",
        "expression(distance > 0 and air_time > 0)",
        "unique(time_hour, carrier, flight)",
        "rows()",
        "freshness(time_hour)",
    ]
    assert checks[2].on_failure is spec.OnFailure.DROP
    assert checks[2].up_to == 0.01
    assert checks[4].columns == ("distance", "air_time")
    assert checks[7].arguments == {"age": 2 * DAY}
    assert str(checks[1].origin) == "conf/source/flights.yaml:19: checks.1"


def test_an_output_as_a_source_has_its_keys_and_scores(tmp_path: Path) -> None:
    text = "department: planning\nkind: output\noutput: air_time\nshared_with: [operations]\n"
    source = load(make(tmp_path, source__air=text), (), ENVIRON).sources["air"]
    assert [(c.name, c.type) for c in source.schema] == [
        ("time_hour", ColumnType.TIMESTAMP),
        ("carrier", ColumnType.STRING),
        ("flight", ColumnType.INTEGER),
        ("score", ColumnType.FLOAT),
    ]
    assert source.key == ("time_hour", "carrier", "flight")


def test_an_output_of_another_department_needs_a_shared_source(tmp_path: Path) -> None:
    text = FILES["source/joined.yaml"].replace("department: planning", "department: operations")
    with pytest.raises(ConfigErrors, match="ask planning to declare a source with kind: output"):
        load(make(tmp_path, source__joined=text), (), ENVIRON)


def test_overrides(tmp_path: Path) -> None:
    config = load(
        make(tmp_path),
        [
            "model.late.estimator.C=2",
            "+model.late.parameters.depth=3",
            "~model.late.schedule",
            "model.late.window.train=60d",
            "model.air_time.enabled=false",
            "source.flights.checks.0.max=7000",
            "executor.workers=3",
            "logical_date=2013-06-01",
        ],
        ENVIRON,
    )
    late = config.models["late"]
    assert isinstance(late.model, spec.Estimator)
    assert late.model.arguments == {"C": 2}
    assert late.parameters == {"depth": 3}
    assert late.schedule == ""
    assert late.windows.train == 60 * DAY
    assert late.windows.holdout == 14 * DAY
    assert late.overrides == (
        "model.late.estimator.C=2",
        "+model.late.parameters.depth=3",
        "~model.late.schedule",
        "model.late.window.train=60d",
    )
    assert str(late.origins["estimator.C"]) == "override 'model.late.estimator.C=2': estimator.C"
    assert not config.models["air_time"].enabled
    assert config.models["air_time"].overrides == ("model.air_time.enabled=false",)
    assert config.sources["flights"].checks[0].arguments["max"] == 7000
    assert config.executor == root_spec.ExecutorSpec(workers=3)
    assert config.logical_date == dt.date(2013, 6, 1)
    assert len(config.overrides) == 8


def test_another_estimator_replaces_the_templates_whole(tmp_path: Path) -> None:
    template = FILES["template/classifier.yaml"] + "estimator: {_target_: a.A, depth: 3}\n"
    model = load(make(tmp_path, template__classifier=template), (), ENVIRON).models["late"]
    assert isinstance(model.model, spec.Estimator)
    assert model.model.arguments == {"C": 0.5}


def test_the_later_template_wins_and_null_takes_away(tmp_path: Path) -> None:
    text = LATE.replace("[/template/classifier]", "[/template/classifier, /template/more, _self_]")
    more = "seed: 7\nwindow: {train: 10d, holdout: 1d}\nretrain: null\n"
    model = load(make(tmp_path, model__late=text, template__more=more), (), ENVIRON).models["late"]
    assert model.seed == 7
    assert (model.windows.train, model.windows.holdout, model.windows.label_delay) == (10 * DAY, DAY, DAY)
    assert model.retrain.every is None


def test_interpolation(tmp_path: Path) -> None:
    text = LATE + (
        "parameters:\n  a: ${seed}\n  b: x-${.a}-${estimator.C}\n  c: '\\${seed}'\n  d: ${parameters.e}\n"
        "  e: {f: [1, '${seed}']}\nseed: 3\n"
    )
    model = load(make(tmp_path, model__late=text), (), ENVIRON).models["late"]
    assert model.parameters == {
        "a": 3,
        "b": "x-3-0.5",
        "c": "${seed}",
        "d": {"f": [1, 3]},
        "e": {"f": [1, 3]},
    }


def test_an_override_changes_what_refers_to_it(tmp_path: Path) -> None:
    text = LATE + "parameters: {a: '${seed}'}\nseed: 3\n"
    model = load(make(tmp_path, model__late=text), ["model.late.seed=4"], ENVIRON).models["late"]
    assert model.parameters == {"a": 4}


def test_the_root(tmp_path: Path) -> None:
    conf = make(tmp_path)
    config = load(conf, (), ENVIRON)
    assert config.home == tmp_path / "var"
    assert config.warehouse.url.reveal() == f"sqlite:///{tmp_path}/var/warehouse.db"
    assert config.warehouse.artifacts == str(tmp_path / "var" / "artifacts")
    assert config.key_file == Path("~/.config/kronkers/identity.key").expanduser()
    assert config.logical_date is None
    key = load(conf, ["home=/elsewhere"], ENVIRON | {"KRONKERS_KEY_FILE": "/keys/me.key"})
    assert key.key_file == Path("/keys/me.key")
    assert key.warehouse.url.reveal() == "sqlite:////elsewhere/warehouse.db"


def test_a_group_is_chosen(tmp_path: Path) -> None:
    conf = make(tmp_path)
    (conf / "warehouse" / "other.yaml").write_text("url: ${oc.env:OTHER_URL}\nartifacts: s3://b/a\n")
    assert load(conf, (), ENVIRON).warehouse.artifacts.endswith("var/artifacts")  # OTHER_URL is not needed
    config = load(conf, ["warehouse=other"], ENVIRON | {"OTHER_URL": "postgresql://u:p@h/d"})
    assert (config.warehouse.url.reveal(), config.warehouse.artifacts) == ("postgresql://u:p@h/d", "s3://b/a")
    with pytest.raises(
        ConfigErrors, match=r"conf/warehouse/other\.yaml:1: warehouse\.url: .*OTHER_URL is not set"
    ):
        load(conf, ["warehouse=other"], ENVIRON)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    conf = make(tmp_path)
    assert load(conf, (), ENVIRON).executor.workers == 1
    (conf / "executor" / "local.yaml").write_text("workers: 2\n")
    assert load(conf, (), ENVIRON).executor.workers == 2


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    load(conf, ["executor.workers=5"], ENVIRON)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_model_goes_to_another_process_and_a_secret_does_not(tmp_path: Path) -> None:
    config = load(make(tmp_path), (), ENVIRON)
    model = config.models["late"]
    assert pickle.loads(pickle.dumps(model)) == model
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(config.sources["warehouse_rows"])
    assert replace(config.sources["warehouse_rows"], url=None).kind == "database"


TWO = "output:\n  columns: {%s}\n"


@pytest.mark.parametrize(
    ("columns", "evaluate", "found"),
    [
        ("score: float", "", "score"),
        ("label: string, score: float", "", "score"),
        ("p10: float, score: float", "score", "score"),
        ("p10: float, score: float", "p10", "p10"),
        ("score: float, when: date", "", "score"),
        ("late: boolean, score: float", "score", "score"),
    ],
)
def test_one_output_column_is_measured(tmp_path: Path, columns: str, evaluate: str, found: str) -> None:
    said = TWO % columns + (f"  evaluate: {evaluate}\n" if evaluate else "")
    model = load(make(tmp_path, model__late=LATE + said), (), ENVIRON).models["late"]
    assert model.evaluate == found


@pytest.mark.parametrize(
    ("columns", "evaluate", "what"),
    [
        (
            "p10: float, score: float",
            "",
            "several output columns could be measured: p10, score",
        ),
        ("late: boolean, score: float", "", "several output columns could be measured"),
        ("p10: float, score: float", "scor", "there is no output column 'scor' -> did you mean 'score'?"),
        (
            "label: string, score: float",
            "label",
            "the output column 'label' is string, which cannot be measured",
        ),
        ("score: string", "", "no output column can be measured for the task binary"),
    ],
    ids=["several", "a boolean and a number", "misspelt", "text", "none"],
)
def test_an_output_column_that_cannot_be_measured_is_refused(
    tmp_path: Path, columns: str, evaluate: str, what: str
) -> None:
    said = TWO % columns + (f"  evaluate: {evaluate}\n" if evaluate else "")
    text = LATE.replace("[/template/classifier]", "[]") + "task: binary\n" + said
    with pytest.raises(ConfigErrors) as error:
        load(make(tmp_path, model__late=text), (), ENVIRON)
    shown = str(error.value).replace("\n  ->", " ->")
    assert what in shown
    assert "conf/model/late.yaml:1" in shown
