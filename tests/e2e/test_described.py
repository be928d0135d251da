"""A version is described by its own code: for readers, recorded, and never at the cost of a training."""

from __future__ import annotations

from tests.e2e.company import PLANTED, Project
from tests.e2e.test_access import NEXT, Person

OWN = f"""

def describe(model):
    return "weights\\n" + " ".join(f"{{w:.3f}}" for w in model) + " {PLANTED}"
"""


def test_readers_see_how_a_version_describes_itself(project: Project) -> None:
    assert "description" in project.json("show", "buys@1")  # numpy's own text of what fit returned
    code = (project.folder / "models/buys/model.py").read_text()
    project.write("models/buys/model.py", code + OWN)
    project.run("train", "buys", "--date", NEXT)
    shown = project.run("show", "buys@2").stdout
    assert "description:\n  | weights\n  | " in shown
    assert PLANTED in shown
    assert "opened buys@2; for its description" in project.run("ledger", "show").stdout
    assert "The fitted model:\n  | weights" in project.run("try", "buys", "--date", NEXT).stdout
    viewer = Person(project, "viewer").join()
    viewer.granted("viewer", "sales")
    assert "description" not in viewer.json("show", "buys@2")
    assert PLANTED not in viewer.run("show", "buys@2").stdout


def test_a_failing_description_fails_no_training(project: Project) -> None:
    """Not even one that ends its process; it is said."""
    code = (project.folder / "models/buys/model.py").read_text()
    for number, broken in enumerate(("raise ValueError('no words')", "__import__('os')._exit(7)"), 2):
        project.write("models/buys/model.py", f"{code}\n\ndef describe(model):\n    {broken}\n")
        done = project.run("train", "buys", "--date", NEXT)
        assert f"buys@{number} promoted" in done.stdout
        assert "so this version has no description" in done.stdout
        assert "description" not in project.json("show", f"buys@{number}")
