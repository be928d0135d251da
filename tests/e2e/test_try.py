"""``kronkers try``: the numbers of a training, and nothing recorded of it."""

from __future__ import annotations

from tests.e2e.company import Project

NIGHT = "2024-01-20"


def kept(project: Project) -> object:
    return project.json("versions", "buys"), project.json("outputs", "buys"), project.json("runs")


def test_on_all_rows_it_finds_what_the_training_found(project: Project) -> None:
    before = kept(project)
    tried = project.json("try", "buys", "--rows", "100000", "--date", NIGHT)
    trained = project.json("show", "buys@1")
    assert tried["metrics"] == trained["metrics"]
    assert tried["naive"] == trained["naive prediction"]
    assert (tried["rows"]["fit"], tried["rows"]["holdout"]) == (
        trained["rows"]["fit"],
        trained["rows"]["holdout"],
    )
    assert {c["name"]: c["type"] for c in tried["columns"]} == {
        "x": "float64",
        "colour": "object",
        "y": "bool",
    }
    assert kept(project) == before
    assert "opened visits" in project.run("ledger", "show").stdout

    few = project.json("try", "buys", "--rows", "50")
    assert 50 <= few["rows"]["fit"] <= 53
    assert few["rows"]["of"] == tried["rows"]["of"]
    shown = project.run("try", "buys", "--rows", "50").stdout
    for words in ("What fit gets as data", "auc", "y (true)", "No version was recorded"):
        assert words in shown
    assert kept(project) == before


def test_it_refuses_as_a_training_does(project: Project) -> None:
    assert "--rows is 0" in project.run("try", "buys", "--rows", "0", code=2).stderr
    assert "no model is called" in project.run("try", "none", code=2).stderr
    code = (project.folder / "models/buys/model.py").read_text()
    project.write(
        "models/buys/model.py",
        code.replace("    return 1 /", "    return np.zeros(3) if len(data['x']) else 1 /"),
    )
    assert "score" in project.run("try", "buys", code=1).stderr
    project.write(
        "models/buys/model.py", code.replace("    penalty =", "    raise ValueError('boom')\n    penalty =")
    )
    assert "model.py:11" in project.run("try", "buys", code=1).stderr
    assert len(project.json("versions", "buys")) == 1
