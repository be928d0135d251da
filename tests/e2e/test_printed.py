"""What a model prints is sealed with the event of its work, and shown to readers of its data alone."""

from __future__ import annotations

from kronkers_batch.session.printed import LONGEST, Printed
from tests.e2e.company import PLANTED, Project
from tests.e2e.test_access import NEXT, Person

LOUD = """

_fit, _score = fit, score


def fit(data, params):
    print("first level", sorted(set(data["colour"]))[0])
    return _fit(data, params)


def score(model, data):
    if len(data["x"]) == 40:
        print("scoring", len(data["x"]), "rows")
    return _score(model, data)
"""


def test_a_reader_sees_what_a_model_printed_and_the_whole_error(project: Project) -> None:
    code = (project.folder / "models/buys/model.py").read_text()
    project.write("models/buys/model.py", code + LOUD)
    done = project.run("run", "buys", "--date", NEXT)
    assert PLANTED not in done.stdout + done.stderr
    run = project.json("runs")[0]["id"]
    shown = project.run("log", "buys", "--date", NEXT).stdout
    assert f"| The model printed:\n  | first level {PLANTED}" in shown
    assert project.run("log", "buys", "--run", run).stdout == shown
    assert "exclude each other" in project.run("log", "buys", "--run", run, "--date", NEXT, code=2).stderr
    assert "there is no run x" in project.run("log", "--run", "x", code=2).stderr
    # The champion of before scored that night; a rerun of the next one prints what score prints.
    project.run("run", "buys", "--date", "2024-01-22")
    events = project.json("log", "buys", "--date", "2024-01-22")["events"]
    assert {e["task"]: e["found"] for e in events}["score"] == "The model printed:\nscoring 40 rows"
    assert "what its models printed" in project.run("ledger", "show").stdout

    viewer = Person(project, "viewer").join()
    viewer.granted("viewer", "sales")
    assert PLANTED not in viewer.run("report", "--run", run).stdout
    viewer.run("log", "buys", "--run", run, code=3)

    tried = project.run("try", "buys", "--date", NEXT)
    assert f"  | first level {PLANTED}" in tried.stdout
    boom = LOUD.replace("    return _fit", "    raise ValueError(data['colour'][0])\n    return _fit")
    project.write("models/buys/model.py", code + boom)
    tried = project.run("try", "buys", "--date", NEXT, code=1)
    assert tried.stderr.count("  | first level") == 1
    assert "The whole error:" in tried.stderr
    assert "ValueError: <value>" in tried.stderr
    project.run("train", "buys", "--date", NEXT, code=1)
    [event] = project.json("log", "buys", "--date", NEXT)["events"]
    whole, printed = event["found"].split("\n\n")
    assert whole in ("red", "green", PLANTED)
    assert printed.startswith("The model printed:\nfirst level")


def test_of_much_output_the_beginning_and_the_end_are_kept() -> None:
    printed = Printed()
    for number in range(10_000):
        printed.add("m", f"line {number} {'x' * 20}")
    text = printed.text("m")
    assert len(text) <= LONGEST + 100
    assert text.startswith("line 0 ")
    assert "lines are left out" in text
    assert f"line {9_999} " in text
    assert printed.text("other") == ""
    printed.forget("m")
    assert printed.text("m") == ""
