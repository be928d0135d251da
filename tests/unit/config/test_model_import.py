"""What a model file says of a model that was fitted elsewhere, and what of it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from kronkers_batch.config import fingerprint, signing
from kronkers_batch.config.definition_changes import changes
from kronkers_batch.config.load import load
from kronkers_batch.config.places import Places
from kronkers_batch.diagnostics.advice import warnings
from kronkers_batch.errors import ConfigErrors
from tests.config_project import ENVIRON, make

HEAD = """\
department: operations
owner: Ada Lovelace
task: regression
target: air_time
source: flights
"""
LEVELS = "features: {distance: float, origin: {type: category, levels: [EWR, JFK, LGA]}}\n"
R = "language: r\nestimator: {function: stats::lm}\nartifact: models/x/fitted.rds\n"
PYTHON = "language: python\nestimator: {_target_: sklearn.linear_model.Ridge%s}\nartifact: %s\n"
RIGHT = (
    R + LEVELS,
    R + LEVELS + "golden: models/x/golden.parquet\nunseen: error\n",
    R.replace("lm}", "glm, predict_arguments: {type: response}}") + "features: {distance: float}\n",
    PYTHON % ("", "models/x/fitted.joblib") + "features: {distance: float, carrier: string}\n",
    "language: julia\nestimator: {function: GLM.lm}\nartifact: m.jls\nfeatures: [distance]\n",
)
WRONG = {
    R + "features: [distance, origin]\n": "origin: the category 'origin' has no levels",
    R + LEVELS + "unseen: other\n": "unseen: unseen: other gives the model a level '(other)'",
    R + LEVELS + "weights: distance\n": "weights: 'weights' is for fit, and the model is imported",
    R + LEVELS + "train_only: [air_time]\n": "train_only: 'train_only' is for fit",
    R.replace("lm}", "lm, formula: a ~ b}") + LEVELS: "estimator.formula: 'formula' is for fit",
    R.replace("lm}", "lm, arguments: {x: 1}}") + LEVELS: "estimator.arguments: 'arguments' is for fit",
    PYTHON % (", alpha: 2", "m.joblib") + LEVELS: "estimator: 'alpha' is for fit",
    R.replace(".rds", ".joblib") + LEVELS: "the artifact is a file of Python, and the language is r -> store "
    "the model with saveRDS(model, FILE), or correct language",
    R.replace(".rds", ".h5") + LEVELS: "the artifact does not end in one of: .rds, .RDS",
    R + LEVELS + "golden: rows.txt\n": "the file of golden rows does not end in .csv or .parquet",
    R.replace("artifact: models/x/fitted.rds\n", "golden: g.csv\n") + LEVELS: "there is no artifact",
    R + LEVELS + "code: models/late.py\n": "both 'code' and 'estimator' are given",
}


def folder(tmp_path: Path, text: str, name: str = "x") -> Path:
    conf = make(tmp_path)
    (conf / f"model/{name}.yaml").write_text(HEAD + text)
    return conf


def test_what_is_right_and_what_is_wrong(tmp_path: Path) -> None:
    for number, text in enumerate(RIGHT):
        model = load(folder(tmp_path / f"right{number}", text), (), ENVIRON).models["x"]
        assert model.imported is not None
        assert model.imported.artifact.is_absolute()
    for number, (text, said) in enumerate(WRONG.items()):
        with pytest.raises(ConfigErrors) as caught:
            load(folder(tmp_path / f"wrong{number}", text), (), ENVIRON)
        told = [f"{p.where}: {p.what} -> {p.fix}" for p in caught.value.problems]
        assert any(said in one and one.startswith("conf/model/x.yaml:") for one in told), (text, told)


def test_a_new_file_is_a_changed_definition_and_age_is_none(tmp_path: Path) -> None:
    text = R + LEVELS + "golden: g.csv\nretrain: {every: 30d}\n"
    config = load(folder(tmp_path, text), (), ENVIRON)
    model = config.models["x"]

    def defined(**digests: str) -> dict[str, object]:
        return fingerprint.training_definition(model, config.sources, imported=digests)

    before, after = defined(artifact="1", golden="2"), defined(artifact="3", golden="2")
    assert changes(before, after) == ["artifact: changed"]
    assert "imported.artifact" in signing.model_definition(
        model, config.sources, tmp_path, imported={"artifact": "1"}
    )
    (said,) = [line for line in warnings(config) if "by age" in line]
    assert said.startswith("conf/model/x.yaml:")
    again = load(folder(tmp_path / "more", R + LEVELS), (), ENVIRON)
    (said,) = [line for line in warnings(again) if "nothing proves" in line]
    assert said.startswith("conf/model/x.yaml:8: artifact:")


def test_the_files_are_their_departments_alone(tmp_path: Path) -> None:
    """Also against another department that declares them too: neither reads what both declare."""
    text = R + LEVELS + "golden: g.csv\n"
    conf = folder(tmp_path, text)
    places = Places.of(load(conf, (), ENVIRON), ENVIRON)
    for file in ("models/x/fitted.rds", "g.csv"):
        assert places.refusal(tmp_path / file, department="operations") == ""
        assert "the department operations declares it (model x)" in places.refusal(
            tmp_path / file, department="planning"
        )
        assert places.declared(str(tmp_path / file))  # so no version of another model keeps it as a helper
        assert tmp_path / file in Places.of(load(conf, (), ENVIRON), ENVIRON)._claims.foreign("planning")
    (conf / "model/y.yaml").write_text((HEAD + text).replace("operations", "planning"))
    with pytest.raises(ConfigErrors) as caught:
        load(conf, (), ENVIRON)
    told = [str(problem) for problem in caught.value.problems]
    assert len([one for one in told if "artifact: the path is refused" in one]) == 2
    assert len([one for one in told if "golden: the path is refused" in one]) == 2
