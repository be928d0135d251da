"""Scores stand in the rows' order; where a language's values carry the rows' names, they are looked at."""

from __future__ import annotations

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import RowsPolicy
from kronkers_batch.errors import ModelError, ScoreFailed
from tests.contract.conftest import Lab
from tests.contract.test_stored_models import rows, verified

# Each line is a way in which `score` gives x back; the first row's x says which.
ELSEWHERE = {
    LANGUAGES["python"]: [
        "data['x'].sort_values()",
        "data.sort_values('x').rename(columns={'x': 'score'})",
        "{'score': data['x'].sort_values()}",
        "data[::-1]['x']",
        "pd.concat([part['x'] for _, part in data.groupby(data['x'] < 8)])",
        "data.groupby(data['x'] < 8)[['x']].apply(lambda part: part['x'] * 2)",
    ],
    LANGUAGES["r"]: [
        "predict(model, sorted)",
        "data.frame(score = predict(model, sorted))",
        "list(score = predict(model, sorted))",
        "as.matrix(sorted)",
        "setNames(sorted, 'score')",
        "do.call(rbind, lapply(split(data, data$x < 8), function(part) setNames(part, 'score')))",
    ],
}
IN_PLACE = {
    LANGUAGES["python"]: [
        "data['x'].sort_values().sort_index()",
        "data.set_index(data['x'].astype(int))['x']",
        "data['x'].sort_values().loc[data.index].tolist()",
        "pd.Series(data['x'].to_numpy(), index=data['x'].rank().astype(int))",  # from 1, so no row's number
    ],
    LANGUAGES["r"]: [
        "predict(model, data)",
        "predict(model, sorted)[rownames(data)]",
        "data.frame(score = data$x)",
        "setNames(data$x, data$x)",
        "setNames(data$x, paste0('a.', seq_along(data$x)))",
    ],
}
CODE = {
    LANGUAGES["python"]: "import pandas as pd\n\n\ndef fit(data, params):\n    return 1\n\n\n"
    "def score(model, data):\n    ways = [{}]\n    return ways[int(data['x'][0])]()\n",
    LANGUAGES["r"]: "fit <- function(data, params) lm(y ~ x, data)\n"
    "score <- function(model, data) {{\n    sorted <- data[order(data$x), , drop = FALSE]\n"
    "    eval(expression({})[[data$x[1] + 1]])\n}}\n",
}
VALUES = [9.0, 5.0, 7.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0, 11.0, 10.0]


def written(lab: Lab, ways: list[str]) -> str:
    """Writes a model of these ways; the name of its case."""
    lazily = [f"lambda: {way}" for way in ways] if lab.language.name == "python" else ways
    folder = lab.folder / "ways"
    folder.mkdir(mode=0o755)
    (folder / f"model{lab.models.SUFFIX}").write_text(CODE[lab.language].format(", ".join(lazily)))
    return "ways"


@pytest.mark.parametrize(
    "lab", [LANGUAGES["python"], LANGUAGES["r"]], ids=["in Python", "in R"], indirect=True
)
@pytest.mark.parametrize("ways", [ELSEWHERE, IN_PLACE], ids=["elsewhere", "in place"])
def test_values_that_carry_the_rows_names_stand_in_their_order(lab, ways):
    worker = lab.start(written(lab, ways[lab.language]), data="pandas")
    worker.fit([pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})])
    for number, way in enumerate(ways[lab.language]):
        rows = pl.DataFrame({"x": [float(number), *VALUES]})
        if ways is ELSEWHERE:
            with pytest.raises(ScoreFailed, match="score returned its values in another order than the rows"):
                worker.score(rows)
        else:
            assert worker.score(rows)["score"].to_list() == pytest.approx(rows["x"].to_list()), way


SCORE = "\n\n\ndef score(model, data{}):\n    return data['x']\n"
DEFAULTS = {
    LANGUAGES["python"]: [
        ("def fit(data, robust=False):\n    return 1" + SCORE.format(""), "robust"),
        ("def fit(data, params):\n    return 1" + SCORE.format(", log=True"), "log"),
    ],
    LANGUAGES["r"]: [
        ("fit <- function(data, trees = 500) 1\nscore <- function(model, data) data$x\n", "trees")
    ],
}


@pytest.mark.parametrize(
    "lab", [LANGUAGES["python"], LANGUAGES["r"]], ids=["in Python", "in R"], indirect=True
)
def test_params_do_not_take_the_place_of_a_default(lab):
    """`score(model, data)` by hand, and what is published, would be two things."""
    for text, name in DEFAULTS[lab.language]:
        folder = lab.folder / name
        folder.mkdir(mode=0o755)
        (folder / f"model{lab.models.SUFFIX}").write_text(text)
        with pytest.raises(ModelError, match=f"would get the params as '{name}', which has a default"):
            _ = lab.start(name).info


@pytest.mark.parametrize("lab", [LANGUAGES["python"]], ids=["in Python"], indirect=True)
def test_params_take_the_place_of_no_value(lab):
    folder = lab.folder / "mapping"
    folder.mkdir(mode=0o755)
    (folder / "model.py").write_text(
        "def fit(data, settings=None):\n    return settings\n\n\n"
        "def score(model, data, params={}, *, log=False):\n"
        "    return data['x'] * model['by'] * params['by'] + log\n"
    )
    worker = lab.start("mapping", parameters={"by": 2.0}, data="pandas")
    worker.fit([pl.DataFrame({"x": [1.0], "y": [1.0]})])
    assert worker.score(pl.DataFrame({"x": [1.0, 3.0]}))["score"].to_list() == [4.0, 12.0]


REFUSED, TOLD, FINE = "refused", "told", "fine"
WHOLE = {
    LANGUAGES["python"]: {
        ("merged", REFUSED): "data.sort('c', maintain_order=True)['x']",
        ("a pair tied", TOLD): "data['x'].rank('ordinal')",
        ("ranked", FINE): "data['x'].rank('average') + data['x']",
        ("lagged", FINE): "data['x'].shift(1, fill_value=0.5) + data['x']",
        ("few", FINE): "data.sort('c', 'x')['x'] > 9",
    },
    LANGUAGES["r"]: {
        ("merged", REFUSED): "merge(data, data.frame(c = unique(data$c), w = 1), by = 'c')$x",
        ("a pair tied", TOLD): "rank(data$x, ties.method = 'first')",
        ("ranked", FINE): "rank(data$x) + data$x",
    },
    LANGUAGES["julia"]: {
        ("merged", REFUSED): "data.x[sortperm(codes(data.c))]",
        ("a pair tied", TOLD): "invperm(sortperm(data.x))",
        ("ranked", FINE): "data.x",
    },
}
PLAIN = {
    LANGUAGES["python"]: "def fit(data, params):\n    return 1\n\n\ndef score(model, data):\n    return {}\n",
    LANGUAGES["r"]: "fit <- function(data, params) 1\nscore <- function(model, data) {}\n",
    LANGUAGES["julia"]: "fit(data, params) = 1\nscore(model, data) = {}\n",
}
CASES = {
    language: {case.replace(" ", "_"): PLAIN[language].format(way) for (case, _), way in ways.items()}
    for language, ways in WHOLE.items()
}


@pytest.mark.usefixtures("in_turn")
def test_scores_in_an_order_of_the_models_own_are_refused(lab):
    """Where all rows are scored at once, nothing else finds out that a merge sorts them."""
    x = [*map(float, range(19)), 5.0]
    data = rows(20).with_columns(pl.Series("x", x))
    same = "with the rows in reverse order,"
    for (_, what), (case, code) in zip(WHOLE[lab.language], CASES[lab.language].items(), strict=True):
        folder = lab.folder / case
        folder.mkdir(mode=0o755)
        (folder / f"model{lab.models.SUFFIX}").write_text(code)
        if what == REFUSED:
            with pytest.raises(ScoreFailed, match=f"{same} [0-9]+ of 20 rows get"):
                verified(lab, case, data, rows=RowsPolicy.WHOLE)
        else:
            remarks = verified(lab, case, data, rows=RowsPolicy.WHOLE).remarks
            told = [remark for remark in remarks if same in remark]
            assert [f"{same} 2 of 20 rows get" in remark for remark in told] == [True] * (what == TOLD), case
