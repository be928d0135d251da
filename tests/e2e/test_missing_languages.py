"""A machine without R, or without Julia: what still runs, and what is said."""

import shutil
from pathlib import Path

import pytest

CODE = {
    "r": "fit <- function(data, params) 2\nscore <- function(model, data) model * data$x + 1\n",
    "julia": "fit(data, params) = 2\nscore(model, data) = model .* data.x .+ 1\n",
}
SUFFIX = {"r": "R", "julia": "jl"}
PROGRAMS = {"r": {"R", "Rscript"}, "julia": {"julia"}}
SAID = {"r": "R is not installed", "julia": "Julia is not installed here"}
MENDS = {"r": "apt-get install r-base-core", "julia": "scripts/setup-julia"}


@pytest.fixture
def languages(project):
    """The company with a model in R and one in Julia besides."""
    model = (project.folder / "conf/model/spends.yaml").read_text()
    for language, suffix in SUFFIX.items():
        own = model.replace("language: python\ndata: numpy", f"language: {language}")
        own = own.replace("models/spends/model.py", f"models/in_{language}/model.{suffix}")
        project.write(f"conf/model/in_{language}.yaml", own)
        project.write(f"models/in_{language}/model.{suffix}", CODE[language])
    return project


def path_of(folder: Path, *languages: str) -> str:
    """A PATH with the programs of these languages, and those of the sandbox."""
    folder.mkdir()
    for name in {"bwrap", "setpriv", "prlimit", "sh"}.union(*(PROGRAMS[x] for x in languages)):
        (folder / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is missing"))
    return str(folder)


@pytest.mark.parametrize(
    ("missing", "others"),
    [
        (("r", "julia"), ()),
        *(
            pytest.param((one,), (other,), marks=pytest.mark.long)
            for one, other in (("r", "julia"), ("julia", "r"))
        ),
    ],
)
def test_the_others_run_and_doctor_says_how_to_mend_it(languages, missing, others, tmp_path, monkeypatch):
    night = ("--date", "2024-01-21")
    with monkeypatch.context() as machine:
        machine.setenv("PATH", path_of(tmp_path / "programs", *others))
        result = {m["model"]: m for m in languages.json("run", *night, code=1)["models"]}
        again = languages.run("run", *night, code=1)
        found = {f["part"]: f for f in languages.json("doctor", code=5)}
    for language in missing:
        failed = result.pop(f"in_{language}")
        assert failed["state"] == "failed"
        for text in (failed["message"], again.stdout + again.stderr, found[language]["found"]):
            assert SAID[language] in text
        for text in (again.stdout + again.stderr, found[language]["fix"]):
            assert MENDS[language] in text
    assert {m["state"] for m in result.values()} == {"published"}, result
    assert all(found[language]["ok"] for language in ("python", *others))
    states = languages.states(*night)  # where they are there again
    assert {states[f"in_{language}"] for language in missing} == {"published"}


@pytest.mark.parametrize("language", ["r", "julia"])
def test_an_executable_that_is_not_there_stops_its_own_model_alone(languages, language):
    (languages.folder / f"conf/model/in_{language}.yaml").open("a").write(
        "environment: {executable: /opt/no/interpreter}\n"
    )
    night = ("run", "buys", f"in_{language}", "--date", "2024-01-21")
    result = {m["model"]: m for m in languages.json(*night, code=1)["models"]}
    assert result["buys"]["state"] == "published"
    assert result[f"in_{language}"]["state"] == "failed"
    assert "/opt/no/interpreter" in result[f"in_{language}"]["message"]
