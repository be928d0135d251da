"""Every kind of bad configuration is found before anything runs, with file, line and key."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kronkers_batch.config import load as loading
from kronkers_batch.config.folder import find_conf
from kronkers_batch.config.load import load
from kronkers_batch.errors import ConfigError, ConfigErrors
from tests.config_project import ENVIRON, FILES, make

LATE = FILES["model/late.yaml"]
FLIGHTS = FILES["source/flights.yaml"]


def problems(conf: Path, *overrides: str, environ: dict[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(conf, overrides, environ)
    return [str(p) for p in caught.value.problems]


def only(conf: Path, *overrides: str, environ: dict[str, str] = ENVIRON) -> str:
    found = problems(conf, *overrides, environ=environ)
    assert len(found) == 1, found
    return found[0]


def line(text: str, start: str) -> int:
    return next(i for i, row in enumerate(text.splitlines(), 1) if row.startswith(start))


def test_the_project_of_the_tests_is_right(tmp_path: Path) -> None:
    assert sorted(load(make(tmp_path), (), ENVIRON).models) == ["air_time", "delay", "late"]


def test_unknown_key(tmp_path: Path) -> None:
    text = LATE.replace("schedule:", "shedule:")
    found = only(make(tmp_path, model__late=text))
    assert found.startswith(f"conf/model/late.yaml:{line(text, 'shedule')}: shedule: ")
    assert "did you mean 'schedule'?" in found
    assert "allowed: artifact, audit_columns, checks, code," in found


def test_unknown_key_in_a_template_names_the_template_once(tmp_path: Path) -> None:
    conf = make(tmp_path, template__classifier="task: binary\nwindow: {trian: 90d}\n", model__second=LATE)
    found = only(conf)
    assert found.startswith("conf/template/classifier.yaml:2: window.trian: ")
    assert "'train'" in found


def test_wrong_type(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "seed: many\n"))
    assert "seed: found the text 'many'" in found
    assert "a whole number" in found


def test_number_without_unit(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "window: {train: 90}\n"))
    assert "90d is days" in found


def test_missing_value(tmp_path: Path) -> None:
    text = LATE.replace("owner: Ada Lovelace", "owner:").replace("target: late\n", "")
    found = problems(make(tmp_path, model__late=text))
    assert [f.splitlines()[0] for f in found] == [
        "conf/model/late.yaml:1: target: the key 'target' is missing",
        "conf/model/late.yaml:3: owner: the value of 'owner' is missing",
    ]


def test_duplicate_key(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "owner: Eve\n"))
    assert "the key 'owner' is given twice; the first is on line 3" in found


@pytest.mark.parametrize("depth", [6, 30])
def test_alias_bomb(tmp_path: Path, depth: int) -> None:
    rows = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    rows += [f"x{i}: &x{i} [" + ", ".join([f"*x{i - 1}"] * 10) + "]" for i in range(1, depth)]
    found = only(make(tmp_path, model__late=LATE, model__bomb="parameters:\n  " + "\n  ".join(rows)))
    assert "once aliases are expanded" in found


def test_alias_to_itself(tmp_path: Path) -> None:
    assert "contains itself" in only(make(tmp_path, model__late="a: &a [*a]\n"))


def test_interpolation_bomb(tmp_path: Path) -> None:
    rows = ["  x0: {a: 1, b: 2}"]
    for i in range(1, 9):
        inside = ", ".join(f"k{j}: '${{parameters.x{i - 1}}}'" for j in range(10))
        rows.append(f"  x{i}: {{{inside}}}")
    found = only(make(tmp_path, model__late=LATE + "parameters:\n" + "\n".join(rows) + "\n"))
    assert "once interpolations are expanded" in found


def test_interpolation_cycle(tmp_path: Path) -> None:
    text = LATE + "parameters:\n  a: ${parameters.b}\n  b: ${parameters.a}\n"
    found = problems(make(tmp_path, model__late=text))
    at = line(text, "  a:")
    assert any(f.startswith(f"conf/model/late.yaml:{at}: parameters.a: ") for f in found)
    assert "refers to itself: parameters.a > parameters.b > parameters.a" in "\n".join(found)


def test_interpolation_of_no_key(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "parameters: {a: '${sead}'}\nseed: 3\n"))
    assert "there is no key 'sead'" in found
    assert "'seed'" in found


def test_only_the_environment_and_keys_are_interpolated(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "parameters: {a: '${oc.decode:x}'}\n"))
    assert "the resolver 'oc.decode' is not known" in found


def test_unknown_model_in_an_override(tmp_path: Path) -> None:
    found = only(make(tmp_path), "model.lat.seed=3")
    assert found.startswith("override 'model.lat.seed=3': model.lat: there is no model 'lat'")
    assert "did you mean 'late'?" in found


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.late.sead=3", "did you mean 'seed'?"),
        ("model.late.estimator.D=3", "to add a key write +model.late.estimator.D=3"),
        ("+model.late.seed.x=3", "'seed' has no keys"),
        ("~model.late.retention", "the key 'retention' is not known"),
        ("~model.late.code", "there is no key 'code' to remove"),
        ("model.late.seed=many", "found the text 'many'"),
        ("model.late.seed=1,2", "several values"),
        ("model.late=3", "which key of which model"),
        ("model.late.defaults=[]", "templates cannot be overridden"),
        ("executor.worker=3", "did you mean 'workers'?"),
        ("executor.workers=many", "found the text 'many'"),
        ("warehouse=sqlit", "did you mean 'sqlite'?"),
        ("hydra.run.dir=x", "the key 'hydra' is not known"),
        ("nonsense", "this override cannot be parsed"),
        ("model.late.owner=a (b)", "others around the word: \"key='a b'\""),
        ("late.seed=3", "did you mean 'model.late.seed=3'?"),
        ("", "this override cannot be parsed"),
        ("~home", "the key 'home' cannot be removed"),
        ("~executor", "the key 'executor' cannot be removed"),
        ("executor=null", "a group is chosen by a file's name"),
        ("+warehouse=sqlite", "a group is chosen by a file's name"),
        ("warehouse={url: x}", "a group is chosen by a file's name"),
        ("warehouse@x=sqlite", "found a package"),
        ("home=null", "the value of 'home' is missing"),
        ("executor.workers=null", "the value of 'workers' is missing"),
        ("alerts.x=1", "to add a key write +alerts.x=1"),
        ("~alerts.x", "there is no key 'alerts.x'"),
        ("home=${nothing}", "there is no key 'nothing'"),
        ("warehouse.url=${hydra:runtime.cwd}", "the resolver 'hydra' is not known"),
        ("department.planning.owner=x", "home, key_file, logical_date, model, source, warehouse"),
        ("model.late.owner=\ud800", "not UTF-8"),
    ],
)
def test_bad_override(tmp_path: Path, override: str, said: str) -> None:
    found = only(make(tmp_path), override)
    assert said in found
    if "\ud800" not in override:
        assert found.startswith(f"override '{override}'")


def test_unknown_source(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE.replace("source: flights", "source: fligths")))
    assert "source: there is no source 'fligths'" in found
    assert "did you mean 'flights'?" in found


def test_unknown_department(tmp_path: Path) -> None:
    """That a department which there is not may not read the source follows from that, and is not said."""
    text = LATE.replace("department: operations", "department: operation")
    found = only(make(tmp_path, model__late=text))
    assert "conf/model/late.yaml:2: department: there is no department 'operation'" in found
    assert "did you mean 'operations'?" in found


def test_a_source_that_is_not_shared(tmp_path: Path) -> None:
    text = FLIGHTS.replace("shared_with: [planning]\n", "")
    found = problems(make(tmp_path, source__flights=text))
    assert any(
        "conf/model/air_time.yaml:6: source: the source 'flights' belongs to operations" in f for f in found
    )


def test_a_broken_source_is_no_unknown_source(tmp_path: Path) -> None:
    found = problems(make(tmp_path, source__flights="a: [\n"))
    assert len(found) == 1
    assert found[0].startswith("conf/source/flights.yaml:")


def test_unknown_columns(tmp_path: Path) -> None:
    text = LATE.replace("distance: float", "distanse: float").replace("target: late", "target: lat")
    text += "key: [fligth]\nchecks:\n  input: [{column: orign, nulls: false}]\n"
    text += "  output: [{expression: 'scor > 0'}]\n"
    found = "\n".join(problems(make(tmp_path, model__late=text)))
    for name in ("distanse", "lat", "fligth", "orign", "scor"):
        assert f"there is no column '{name}'" in found
    for name in ("distance", "late", "flight", "origin", "score"):
        assert f"did you mean '{name}'?" in found


def test_unknown_metric_and_statistic(tmp_path: Path) -> None:
    text = LATE + "thresholds: {training: {aux: {min: 0}}, output: {row: {min: 1}}}\n"
    found = "\n".join(problems(make(tmp_path, model__late=text)))
    assert "there is no metric 'aux'" in found
    assert "there is no statistic or output column of numbers 'row'" in found


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ("training: {auc: {min: 70}}", "auc is never 70\n  -> allowed: 0 to 1, both included"),
        ("training: {skill: {max: 1.5}}", "skill is never 1.5\n  -> allowed: 1 and less"),
        ("training: {log_loss: {min: -1}}", "log_loss is never -1\n  -> allowed: 0 and more"),
        ("output: {null_share: {max: 5}}", "null_share is never 5\n  -> allowed: 0 to 1, both included"),
    ],
)
def test_a_threshold_beyond_what_can_be(tmp_path: Path, threshold: str, said: str) -> None:
    assert said in only(make(tmp_path, model__late=LATE + f"thresholds: {{{threshold}}}\n"))


def test_two_models_equal_but_for_case(tmp_path: Path) -> None:
    found = problems(make(tmp_path, model__Late=LATE))
    assert any("the models 'Late' and 'late' differ only in case" in f for f in found)


def test_two_columns_equal_but_for_case(tmp_path: Path) -> None:
    text = FLIGHTS.replace("  distance: float\n", "  distance: float\n  Distance: float\n")
    found = only(make(tmp_path, source__flights=text))
    assert (
        "conf/source/flights.yaml:11: columns.Distance: the columns 'distance' and 'Distance' differ" in found
    )


@pytest.mark.parametrize("name", ["../flights", "%2e%2e%2fflights", "a/b", "..", "a b", "fl\u00fcge", ""])
def test_unsafe_reference(tmp_path: Path, name: str) -> None:
    found = only(make(tmp_path, model__late=LATE.replace("source: flights", f'source: "{name}"')))
    assert "conf/model/late.yaml:9: source: found the text" in found


def test_unsafe_file_name(tmp_path: Path) -> None:
    conf = make(tmp_path)
    (conf / "model" / "%2e%2e%2flate.yaml").write_text(LATE)
    assert "a name is not percent-encoded" in only(conf)


@pytest.mark.parametrize("path", ["../x.py", "models/../../x.py", "%2e%2e/x.py", "a%2fb.py"])
def test_unsafe_path(tmp_path: Path, path: str) -> None:
    text = FILES["model/delay.yaml"].replace("models/delay/model.jl", f"'{path}'")
    found = only(make(tmp_path, model__delay=text))
    assert "code: a p" in found  # a path with '..' / a percent-encoded path


def test_unsafe_column(tmp_path: Path) -> None:
    text = FLIGHTS.replace("  distance: float\n", '  distance: float\n  "../x": float\n')
    assert "not safe as a column's name" in only(make(tmp_path, source__flights=text))


def test_name_that_is_not_the_files(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "name: later\n"))
    assert "the file is called late.yaml" in found


def test_unset_environment_variable(tmp_path: Path) -> None:
    found = only(make(tmp_path), environ={})
    assert found.startswith(
        "conf/source/warehouse_rows.yaml:3: url: the environment variable ROWS_URL is not set"
    )


@pytest.mark.parametrize(
    "text",
    [
        LATE.replace("owner: Ada Lovelace", "owner: ${oc.env:NOT_SET}"),
        LATE.replace("owner: Ada Lovelace", "owner: Ada ${oc.env:NOT_SET}"),
        LATE + "parameters: {a: '${oc.env:NOT_SET}'}\n",
    ],
)
def test_an_unset_variable_where_none_may_be(tmp_path: Path, text: str) -> None:
    """To set it would not help: the advice is to write the value."""
    found = only(make(tmp_path, model__late=text))
    assert "this key takes no environment variable" in found
    assert "write the value here" in found


def test_a_column_of_no_type_is_no_missing_column(tmp_path: Path) -> None:
    text = FLIGHTS.replace("distance: float", "distance: decimal")
    assert text != FLIGHTS
    assert "columns.distance: found the text 'decimal'" in only(make(tmp_path, source__flights=text))


def test_an_output_column_of_no_type_is_a_column(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "output: {columns: {score: category}}\n"))
    assert "output.columns.score: found the text 'category'" in found


def test_environment_in_a_field_that_shows(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "parameters: {token: '${oc.env:ROWS_URL}'}\n"))
    assert "a value from the environment variable ROWS_URL" in found
    assert "hunter2secret" not in found


def test_a_secret_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading._Loader, "unread", lambda *_given: None)  # although nothing reads it
    conf = make(tmp_path)
    (conf / "alerts" / "none.yaml").write_text("url: ${oc.env:HOUSE_URL}\n")
    (conf / "warehouse" / "sqlite.yaml").write_text("url: ${oc.env:HOUSE_URL}\nartifacts: var/a\n")
    config = load(conf, (), ENVIRON | {"HOUSE_URL": ENVIRON["ROWS_URL"]})
    assert "hunter2secret" not in repr(config) + str(config)
    url = config.sources["warehouse_rows"].url
    assert url is not None
    assert (
        url.reveal() == config.warehouse.url.reveal() == config.alerts["url"].reveal() == ENVIRON["ROWS_URL"]
    )


def test_environment_in_text_that_shows(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE.replace("will a flight be late", "${oc.env:ROWS_URL}")))
    assert found.startswith(
        "conf/model/late.yaml:4: description: found a value from the environment variable"
    )


@pytest.mark.parametrize(
    "place",
    [
        "seed: ${oc.env:ROWS_URL}",
        "code: ${oc.env:ROWS_URL}",
        "unseen: ${oc.env:ROWS_URL}",
        "data: x${oc.env:ROWS_URL}",
    ],
)
def test_a_secret_in_the_wrong_place_never_shows(tmp_path: Path, place: str) -> None:
    found = problems(make(tmp_path, model__late=LATE + place + "\n"))
    assert "hunter2secret" not in "\n".join(found)


def test_a_password_written_out(tmp_path: Path) -> None:
    text = FILES["source/warehouse_rows.yaml"].replace("${oc.env:ROWS_URL}", ENVIRON["ROWS_URL"])
    found = only(make(tmp_path, source__warehouse_rows=text))
    assert "found a password in the file" in found
    assert "hunter2secret" not in found


def test_a_password_in_an_override(tmp_path: Path) -> None:
    conf = make(tmp_path)
    for key in ("source.warehouse_rows.url", "warehouse.url", "nonsense"):
        found = only(conf, f"{key}='{ENVIRON['ROWS_URL']}'")
        assert "hunter2secret" not in found


def test_a_password_in_an_address(tmp_path: Path) -> None:
    conf = make(tmp_path)
    (conf / "warehouse" / "sqlite.yaml").write_text("artifacts: ${oc.env:PLACE}\n")
    found = only(conf, environ=ENVIRON | {"PLACE": "s3://key:hunter2secret@bucket/a"})
    assert found.startswith("conf/warehouse/sqlite.yaml:1: warehouse.artifacts: found a password")
    assert "hunter2secret" not in found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0", "found the number 0, where a number above zero is expected"),
        ("0d", "found the text '0d', where a number above zero is expected"),
        ("-5d", "found the text '-5d'"),
        ("never", "found the text 'never'"),
        ("90", "give it a unit: 90d is days"),
        ("200000d", "allowed: at most 36525d"),
    ],
    ids=["nothing", "no days", "less", "a word", "no unit", "too long"],
)
def test_how_long_snapshots_are_kept(tmp_path: Path, value: str, found: str) -> None:
    conf = make(tmp_path)
    with (conf / "warehouse" / "sqlite.yaml").open("a") as file:
        file.write(f"keep_snapshots: {value}\n")
    said = only(conf)
    assert said.startswith("conf/warehouse/sqlite.yaml:4: keep_snapshots: ")
    assert found in said
    if "unit" not in found and "most" not in found:
        assert "allowed: a duration such as 90d, 12h, 30m or 2w, or forever" in said


def test_no_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    assert "this user has no home folder" in only(make(tmp_path))


def test_a_target_is_never_imported(tmp_path: Path) -> None:
    text = LATE.replace("sklearn.linear_model.LogisticRegression", "this.Zen").replace(
        "C: 0.5", "x: {_target_: os.system}"
    )
    sys.modules.pop("this", None)
    before = set(sys.modules)
    config = load(make(tmp_path, model__late=text), (), ENVIRON)
    assert config.models["late"].model.target == "this.Zen"  # type: ignore[union-attr]
    assert not {"this", "sklearn"} & (set(sys.modules) - before)


@pytest.mark.parametrize(
    "target", ["os", "os.system()", "os.system; x", "__import__('os').system", "a..b", "../a.b"]
)
def test_a_target_is_a_dotted_name(tmp_path: Path, target: str) -> None:
    text = LATE.replace("sklearn.linear_model.LogisticRegression", f'"{target}"')
    assert "estimator._target_: found the text" in only(make(tmp_path, model__late=text))


def test_a_missing_code_file(tmp_path: Path) -> None:
    conf = make(tmp_path)
    (tmp_path / "models" / "delay" / "model.jl").unlink()
    found = only(conf)
    assert "conf/model/delay.yaml:5: code: the file 'models/delay/model.jl' does not exist" in found


@pytest.mark.parametrize("name", ["late.yaml", "late.R", "late"])
def test_a_code_file_of_another_language(tmp_path: Path, name: str) -> None:
    declared = "estimator:\n  _target_: sklearn.linear_model.LogisticRegression\n  C: 0.5\n"
    text = LATE.replace(declared, f"code: {name}\n")
    conf = make(tmp_path, model__late=text)
    (conf.parent / name).write_text("")
    assert "code: the code file does not end in .py, and the language is python" in only(conf)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    assert "conf/model/late.yaml:1: the file is empty" in only(make(tmp_path, model__late=text))


@pytest.mark.parametrize(
    ("raw", "at", "said"),
    [
        (b"owner: a\nseed: \x00\n", 2, "a NUL byte"),
        (b'owner: "a\\0"\n', 1, "a NUL byte"),
        (b"owner: a\nseed: \xff\n", 2, "not valid UTF-8"),
        (b"owner: a\nseed: \xed\xa0\x80\n", 2, "not valid UTF-8"),
        (b'owner: "\\ud800"\n', 1, "not valid YAML"),
        (b"owner: a\n\tseed: 1\n", 2, "not valid YAML: a tab where spaces are needed"),
        (b"owner: a: b\n", 1, "put a text that contains ': ' in quotes"),
        (b"a:\n\t- b\n", 2, "spaces, not tabs"),
        (b"\xff\xfeo\x00", 1, "not valid UTF-8"),
        (b"a: \x1b[31m\n", 1, "the control character U+001B"),
        (b"a: !!python/object/apply:os.system [x]\n", 1, "the YAML tag"),
        (b"a: &x {b: 1}\nc: {<<: *x}\n", 2, "merge key"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a: [1\n", 2, "not valid YAML"),
        (b"? [a]\n: b\n", 1, "a key must be plain text"),
        (b"a: " + b"[" * 2000 + b"\n", 1, "nested deeper"),
        (b"a: " + b"x" * (1 << 20), 1, "bytes"),
    ],
)
def test_a_file_that_is_no_plain_yaml(tmp_path: Path, raw: bytes, at: int, said: str) -> None:
    conf = make(tmp_path)
    (conf / "model" / "late.yaml").write_bytes(raw)
    found = only(conf)
    assert found.startswith(f"conf/model/late.yaml:{at}")
    assert said in found


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "7\n"])
def test_no_mapping(tmp_path: Path, text: str) -> None:
    assert "where a mapping (key: value) is expected" in only(make(tmp_path, model__late=text))


def test_a_list_where_a_mapping_is_due(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "window: [90d]\n"))
    assert (
        f":{len(LATE.splitlines()) + 1}: window: found a list, where a mapping (key: value) is expected"
        in found
    )


def test_a_mapping_where_a_list_is_due(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE + "key: {a: b}\n"))
    assert "key: found a mapping (key: value), where a list is expected" in found


def test_code_and_estimator(tmp_path: Path) -> None:
    assert "both 'code' and 'estimator'" in only(make(tmp_path, model__late=LATE + "code: x.py\n"))


def test_an_estimator_of_another_language(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE.replace("language: python", "language: r")))
    assert "'_target_' is not for the language r" in found


def test_a_target_that_is_a_feature(tmp_path: Path) -> None:
    found = only(
        make(tmp_path, model__late=LATE.replace("{distance: float", "{late: float, distance: float"))
    )
    assert "the target 'late' is also a feature" in found


def test_a_feature_type_that_loses(tmp_path: Path) -> None:
    found = only(make(tmp_path, model__late=LATE.replace("distance: float", "distance: integer")))
    assert "is float and cannot be used as integer" in found


def test_models_that_need_each_other(tmp_path: Path) -> None:
    text = FILES["model/air_time.yaml"].replace("source: flights", "source: joined")
    found = problems(make(tmp_path, model__air_time=text))
    assert any("read each other: " in f and "air_time" in f and "joined" in f for f in found)


def test_templates_that_include_each_other(tmp_path: Path) -> None:
    conf = make(tmp_path)
    (conf / "template" / "classifier.yaml").write_text("defaults: [/template/other]\ntask: binary\n")
    (conf / "template" / "other.yaml").write_text("defaults: [/template/classifier]\n")
    assert "templates include each other" in only(conf)


def test_an_unknown_template(tmp_path: Path) -> None:
    """What the template would say is not missing too."""
    found = only(make(tmp_path, model__late=LATE.replace("/classifier]", "/clasifier]")))
    assert "conf/model/late.yaml:1: defaults: there is no template 'clasifier'" in found
    assert "did you mean 'classifier'?" in found


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("{column: distance}", "this entry checks nothing"),
        ("{column: distance, min: 0, nulls: false}", "checks several things"),
        ("{min: 0}", "needs a column"),
        ("{column: distance, rows: {min: 1}}", "takes no column"),
        ("{column: origin, min: 0}", "is not for the column 'origin'"),
        ("{column: distance, pattern: a}", "is not for the column 'distance'"),
        ("{column: origin, pattern: 'a('}", "not a regular expression"),
        ("{column: origin, pattern: '(?=a)b'}", "look-around"),
        ("{column: origin, in: [1]}", "found the number 1"),
        ("{column: distance, min: 5, max: 1}", "min is larger than max"),
        ("{column: time_hour, min: soon}", "allowed: a date such as"),
        ("{rows: {min: 1}, on_failure: drop}", "cannot drop rows"),
        ("{column: distance, min: 0, up_to: 1%}", "up_to is only for"),
        ("{column: distance, min: 0, on_failure: drop, up_to: 200%}", "a share such as"),
        ("{expression: 'distance > '}", "not an expression"),
        ('{expression: \'__import__("os").system("x")\'}', "allowed functions"),
        ("{expression: 'distanse > 0'}", "did you mean 'distance'?"),
        ("{colum: distance, min: 0}", "did you mean 'column'?"),
    ],
)
def test_a_bad_check(tmp_path: Path, check: str, said: str) -> None:
    found = only(make(tmp_path, model__late=LATE + f"checks:\n  input:\n    - {check}\n"))
    assert found.startswith("conf/model/late.yaml:16: checks.input.0")
    assert said in found


def test_problems_of_the_root(tmp_path: Path) -> None:
    conf = make(tmp_path)
    text = (conf / "config.yaml").read_text() + "executer: {workers: 2}\nexecutor: {workers: many}\n"
    (conf / "config.yaml").write_text(text)
    (conf / "executor" / "local.yaml").write_text("wrokers: 1\n")
    found = problems(conf)
    assert f"conf/config.yaml:{line(text, 'executer')}: executer: the key 'executer' is not known" in found[0]
    assert f"conf/config.yaml:{line(text, 'executor')}: executor.workers: found the text 'many'" in found[1]
    assert "conf/executor/local.yaml:1: wrokers: the key 'wrokers' is not known" in found[2]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("warehouse: sqlite", "warehouse: sqlit", "did you mean 'sqlite'?"),
        ("  - schema\n", "", "does not begin with schema"),
        ("warehouse: sqlite", "warehous: sqlite", "groups: alerts, executor, warehouse"),
        ("home: var", "home: ${home}", "refers to itself"),
        ("home: var", "home: ${oc.env:NOT_SET_HERE}", "NOT_SET_HERE is not set"),
        ("logical_date: null", "logical_date: 2013-13-01", "a date such as"),
    ],
)
def test_a_bad_root(tmp_path: Path, old: str, new: str, said: str) -> None:
    conf = make(tmp_path)
    text = (conf / "config.yaml").read_text()
    assert old in text
    (conf / "config.yaml").write_text(text.replace(old, new))
    found = only(conf)
    assert found.startswith("conf/config.yaml:")
    assert said in found


def test_several_problems_at_once_in_order(tmp_path: Path) -> None:
    text = LATE.replace("owner:", "ownr:").replace("workers: 2", "workers: none")
    found = problems(
        make(tmp_path, model__late=text, source__flights=FLIGHTS.replace("kind: csv", "kind: cvs"))
    )
    places = [f.split(": ")[0] + " " + f.split(": ")[1] for f in found]
    assert places == [
        "conf/model/late.yaml:1 owner",
        "conf/model/late.yaml:3 ownr",
        f"conf/model/late.yaml:{line(text, 'resources')} resources.workers",
        "conf/source/flights.yaml:3 kind",
    ]


def test_no_conf(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this folder does not exist"):
        find_conf(str(tmp_path / "nowhere"), {})
    with pytest.raises(ConfigError, match=r"no config\.yaml"):
        find_conf(None, {"KRONKERS_CONF": str(tmp_path)})
    conf = make(tmp_path)
    assert find_conf(str(conf), {"KRONKERS_CONF": "elsewhere"}) == conf


def test_conf_is_found_above_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf, below = make(tmp_path), tmp_path / "models" / "late"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_conf(None, {}) == conf
    with pytest.raises(ConfigError, match="this folder does not exist"):
        find_conf("conf", {})  # who names one means that one
    (below / "conf").mkdir()
    assert find_conf(None, {}) == conf  # a folder of that name alone is no configuration


@pytest.mark.parametrize("whose", ["conf", "conf/config.yaml"])
def test_conf_above_that_is_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    conf, below = make(tmp_path), tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    if os.getuid() == 0:
        os.chown(tmp_path / whose, 4711, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(ConfigError, match="belongs to another user") as refused:
        find_conf(None, {})
    assert f"--conf {conf}" in refused.value.fix
    assert find_conf(str(conf), {}) == conf
    monkeypatch.chdir(tmp_path)
    assert find_conf(None, {}) == conf  # in the current folder it is as if it were named
