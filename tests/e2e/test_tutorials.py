"""The tutorials' files, copied out of their pages, check, train and score on the demonstration's data."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ("first-model-in-python.md", "yaml", 0, "conf/model/late_simple.yaml")
FILES = [
    PYTHON,
    ("first-model-in-r.md", "yaml", 0, "conf/model/late_glm.yaml"),
    ("first-model-in-r.md", "r", 0, "models/delay_forest/model.R"),
    ("first-model-in-r.md", "yaml", 1, "conf/model/delay_forest.yaml"),
    ("first-model-in-julia.md", "julia", 0, "models/delay_mean/model.jl"),
    ("first-model-in-julia.md", "yaml", 0, "conf/model/delay_mean.yaml"),
]
MODELS = ["late_simple", "late_coded", "late_glm", "delay_forest", "delay_mean"]


def block(page: str, language: str, number: int) -> str:
    text = (ROOT / "docs/tutorial" / page).read_text()
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return found[number]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copytree(ROOT / "models", folder / "models")
    for page, language, number, path in FILES:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(block(page, language, number))
    # The Python page's second half: the same model with code in place of its estimator.
    declared = block(*PYTHON[:3])
    coded = re.sub(r"estimator:\n(  .*\n)+", block(PYTHON[0], "yaml", 1), declared)
    assert coded != declared
    (folder / "conf/model/late_coded.yaml").write_text(coded)
    (folder / "models/late_simple").mkdir()
    (folder / "models/late_simple/model.py").write_text(block(PYTHON[0], "python", 0))
    return folder


def kronkers(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(project.parent), "PYTHONPATH": str(ROOT)}
    for name in ("KRONKERS_CONF", "KRONKERS_KEY_FILE", "KRONKERS_KEY", "KRONKERS_TRUST"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "kronkers_batch.cli.main", *words]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.mark.timeout(600)
def test_every_tutorial_checks_trains_and_scores(project: Path) -> None:
    checked = kronkers(project, "check")
    assert checked.returncode == 0, checked.stderr
    ran = kronkers(project, "run", *MODELS)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for model in MODELS:
        assert f"{model}@1 promoted" in ran.stdout
        assert f"{model}/2013-06-01#1 published (802 rows)" in ran.stdout
