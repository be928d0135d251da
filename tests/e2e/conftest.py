import shutil
from pathlib import Path

import pytest

from tests.e2e.company import Project


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A copy of a project after its first night, beside the project itself."""
    project = Project(tmp_path_factory.mktemp("night") / "company")
    project.folder.mkdir()
    project.make()
    project.run("run")
    shutil.copytree(project.folder, project.folder.with_name("copy"))
    return project.folder.with_name("copy")


@pytest.fixture
def project(trained) -> Project:
    """The project as it was after its first night, at the same path: a moved source is a changed one."""
    folder = trained.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(trained, folder)
    return Project(folder)


@pytest.fixture
def fresh(tmp_path) -> Project:
    project = Project(tmp_path / "company")
    project.folder.mkdir()
    project.make()
    return project
