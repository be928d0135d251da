import re
from pathlib import Path

from kronkers_batch.cli import command_reference

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_that_of_the_program():
    current = command_reference.PAGE.read_text(encoding="utf-8")
    assert current == command_reference.page(), "run python -m kronkers_batch.cli.command_reference"


def test_every_command_that_the_readme_and_the_makefile_name_exists():
    known = set(command_reference._commands())
    for name in ("README.md", "Makefile", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|\$ |bin/)kronkers ([a-z]+)", text))
        assert named <= known, name
