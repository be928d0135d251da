"""The rows that come with an imported model: how they are read, and what is said of other scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.imported import Imported
from kronkers_batch.config.load import load
from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import Feature, ModelSpec, Origin, OutputColumn
from kronkers_batch.declared import artifact_file
from kronkers_batch.errors import KronkersError, ModelError
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import TASKS
from kronkers_batch.pipeline import given_rows, golden, importing
from tests.config_project import ENVIRON, make

AT = Origin("conf/model/late.yaml", 7, "golden")
PLACES = Places.machine()
T = ColumnType
FEATURES = (
    Feature("distance", T.FLOAT, AT),
    Feature("carrier", T.CATEGORY, AT, ("AA", "NA"), "NA"),
    Feature("late", T.BOOLEAN, AT),
)
CSV = '"distance","carrier","late","other","score"\n1.5,"NA",TRUE,9,0.25\nNA,NA,FALSE,9,0.5\n'


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    config = load(make(tmp_path_factory.mktemp("project")), (), ENVIRON)
    return replace(
        config.models["late"],
        task=TASKS["binary"],
        features=FEATURES,
        output_columns=(OutputColumn("probability", T.FLOAT),),
        origins={"golden": AT, "artifact": AT},
    )


def given(spec: ModelSpec, file: Path, content: bytes | pl.DataFrame) -> tuple[ModelSpec, str]:
    """A model with these golden rows, and their digest."""
    if isinstance(content, pl.DataFrame):
        content.write_parquet(file)
    else:
        file.write_bytes(content)
    artifact = file.with_name("fitted.joblib")
    artifact.write_bytes(b"a model")
    model = replace(spec, imported=Imported(artifact, file))
    return model, artifact_file.digests_of(model, PLACES)[artifact_file.GOLDEN]


def test_rows_are_read_in_their_types_as_r_and_parquet_write_them(spec: ModelSpec, tmp_path: Path) -> None:
    model, digest = given(spec, tmp_path / "golden.csv", b"\xef\xbb\xbf" + CSV.encode())
    rows = given_rows.read(model, PLACES, digest)
    expected = [
        {"distance": 1.5, "carrier": "NA", "late": True, "score": 0.25},
        {"distance": None, "carrier": None, "late": False, "score": 0.5},
    ]
    assert rows.to_dicts() == expected
    found = pl.DataFrame({"probability": [0.25, 0.5]})
    assert given_rows.scores(model, rows, found).to_dict(as_series=False) == {"probability": [0.25, 0.5]}
    model, digest = given(
        model, tmp_path / "golden.parquet", pl.DataFrame(expected).rename({"score": "probability"})
    )
    assert given_rows.read(model, PLACES, digest)["probability"].to_list() == [0.25, 0.5]
    # The reference comes first, as it does where a model is fitted here.
    assert importing.known_levels(model).columns[1].levels == ("NA", "AA")


WRONG: dict[str, tuple[bytes, str]] = {
    "no outputs": (CSV.replace("score", "scores").encode(), "has no column probability (or score)"),
    "no feature": (CSV.replace("distance", "dist").encode(), "1 declared column is not there: distance"),
    "no rows": (CSV.split("\n")[0].encode() + b"\n", "has no rows"),
    "many rows": ((CSV + "1,AA,TRUE,1,0.5\n" * 1_000).encode(), "has more than 1,000 rows"),
    "text": (CSV.replace("1.5", "far").encode(), "column distance is declared float, but in 1 of the"),
    "empty": (b"", "conf/model/late.yaml:7"),
}


def test_rows_that_cannot_be_read_are_refused_with_their_line(spec: ModelSpec, tmp_path: Path) -> None:
    for name, (content, said) in WRONG.items():
        model, digest = given(spec, tmp_path / f"{name}.csv", content)
        with pytest.raises(KronkersError) as caught:
            given_rows.read(model, PLACES, digest)
        assert said in str(caught.value), name
        assert "conf/model/late.yaml:7" in caught.value.where
        assert "far" not in str(caught.value)


def test_files_that_are_missing_large_or_exchanged_are_refused(spec: ModelSpec, tmp_path: Path) -> None:
    model, digest = given(spec, tmp_path / "golden.csv", CSV.encode())
    assert model.imported is not None
    digests = artifact_file.digests_of(model, PLACES)
    model.imported.artifact.write_bytes(b"another")
    with pytest.raises(ModelError, match="`artifact` changed after the program had looked at it"):
        artifact_file.bytes_of(model, "artifact", PLACES, digests["artifact"])
    (tmp_path / "golden.csv").write_text(CSV + "2,AA,TRUE,1,0.5\n")
    with pytest.raises(ModelError, match="`golden` changed after the program had looked at it"):
        given_rows.read(model, PLACES, digest)
    for path, size, said in (
        (model.imported.artifact, 2**40, "MiB, and may have"),
        (tmp_path / "golden.csv", 2**25, "the file has 32 MiB, and may have 16 MiB"),
    ):
        with path.open("r+b") as file:
            file.truncate(size)  # which is refused before it is read
        with pytest.raises(ModelError, match=said):
            artifact_file.digests_of(model, PLACES)
        path.unlink()
        with pytest.raises(ModelError, match="the file does not exist") as caught:
            artifact_file.digests_of(model, PLACES)
        assert "kronkers import late FILE" in caught.value.fix
        path.write_bytes(b"x")


def test_what_is_known_to_go_wrong_is_told(spec: ModelSpec) -> None:
    truth = pl.DataFrame({"probability": [0.123456789, 0.87654321, 0.5]})
    p = pl.col("probability")

    def why(given: Any, found: Any) -> str:
        return importing._why(*(truth.select(one.alias("probability")) for one in (given, found)))

    assert "the other class" in why(p, 1 - p)
    assert "logits" in why(p, (p / (1 - p)).log())
    assert "logarithms" in why(p, p.log())
    assert "rounded" in why(p.round(3), p)
    assert why(p, p * 1.5) == ""


def test_given_rows_are_golden_rows_of_the_version() -> None:
    usual = pl.DataFrame({"x": [1.0]}), pl.DataFrame({"score": [2.0]})
    mine = pl.DataFrame({"x": [3.0, 4.0]}), pl.DataFrame({"score": [5.0, 6.0]})
    kept = golden.unpacked(importing.with_given(golden.packed([usual]), [mine]))
    assert [(f.to_dicts(), s.to_dicts()) for f, s in kept] == [
        (f.to_dicts(), s.to_dicts()) for f, s in (usual, mine)
    ]
