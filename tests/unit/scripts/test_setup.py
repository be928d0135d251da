"""``scripts/setup`` on machines that lack something: what it says, and how it ends. Installs nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.interpreter


ROOT = Path(__file__).parents[3]
TOOLS = [
    "bash",
    "sh",
    "sed",
    "cut",
    "sha256sum",
    "find",
    "flock",
    "mkdir",
    "mktemp",
    "touch",
    "mv",
    "cat",
    "tail",
    "dirname",
    "rm",
    "chmod",
    "awk",
    "grep",
    "head",
]


class Machine:
    """A checkout with a finished Python part, and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin = folder / "checkout", folder / "bin"
        for name in ("scripts", "requirements"):
            shutil.copytree(ROOT / name, self.checkout / name)
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is missing"))
        self.command("id", "echo 1000")

    def command(self, name: str, script: str = "exit 0") -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def python_is_ready(self, kind: str = "runtime") -> None:
        venv = self.checkout / ".venv"
        (venv / "bin").mkdir(parents=True)
        (venv / "bin/python").symlink_to(sys.executable)
        (venv / "bin/kronkers").write_text("#!/bin/sh\n")
        (venv / "bin/kronkers").chmod(0o755)
        names = [f"requirements/{n}.txt" for n in ("bootstrap", "runtime", "dev")]
        line = f"sha256sum scripts/setup {' '.join(names)} | sha256sum | cut -c1-64"
        digest = subprocess.run(
            ["bash", "-c", line], cwd=self.checkout, capture_output=True, text=True, check=True
        )
        (venv / "setup-python").write_text(f"{kind} {digest.stdout.strip()}\n")
        (venv / "setup-bytecode").touch()

    def setup(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.checkout.parent)} | more
        script = str(self.checkout / "scripts/setup")
        return subprocess.run([script, *arguments], env=environment, cwd="/", capture_output=True, text=True)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_a_usable_python_it_says_what_to_install(machine: Machine) -> None:
    machine.command("python3", "exit 1")
    done = machine.setup()
    assert done.returncode == 5
    assert "Python 3.11 or later" in done.stderr
    assert "looked at: python3" in done.stderr


def test_without_the_sandbox_it_ends_with_5(machine: Machine) -> None:
    machine.python_is_ready()
    done = machine.setup()
    assert done.returncode == 5
    assert "apt-get install bubblewrap" in done.stderr


def test_without_r_and_julia_it_says_so_and_goes_on(machine: Machine) -> None:
    machine.python_is_ready()
    machine.command("bwrap")
    done = machine.setup()
    assert done.returncode == 0
    assert "R 4 is missing" in done.stderr
    assert "Julia is missing" in done.stderr
    assert not (machine.checkout / ".venv/setup-machine").exists()


def test_without_ranger_it_does_not_say_that_r_is_missing(machine: Machine) -> None:
    machine.python_is_ready()
    machine.command("bwrap")
    machine.command("Rscript", "exit 1")
    done = machine.setup()
    assert done.returncode == 0
    assert "ranger is missing" in done.stderr
    assert "R 4 is missing" not in done.stderr


def test_a_complete_machine_is_remembered_until_something_goes(machine: Machine) -> None:
    machine.python_is_ready()
    for name in ("bwrap", "Rscript"):
        machine.command(name)
    machine.command("julia", "echo ok")
    assert machine.setup().returncode == 0
    again = machine.setup()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    (machine.bin / "Rscript").unlink()
    assert "R 4 is missing" in machine.setup().stderr


def test_an_unknown_argument_shows_the_usage(machine: Machine) -> None:
    done = machine.setup("--fast")
    assert done.returncode == 2
    assert "scripts/setup --dev" in done.stdout


def test_only_who_develops_is_told_that_postgresql_is_missing(machine: Machine) -> None:
    script = machine.checkout / "scripts/setup"
    script.write_text(script.read_text().replace("/usr/lib/postgresql/", f"{machine.checkout}/none/"))
    machine.python_is_ready("dev")
    for name in ("bwrap", "Rscript"):
        machine.command(name)
    machine.command("julia", "echo ok")
    assert machine.setup().stderr == ""
    done = machine.setup("--dev")
    assert done.returncode == 0
    assert "apt-get install postgresql" in done.stderr
    machine.command("initdb")
    assert machine.setup("--dev").stderr == ""


# A Python that makes an environment of itself, and writes down what its installers would trust.
INSTALLS = """\
case "$*" in
  "-m venv --clear "*) /bin/mkdir -p "$4/bin" && /bin/cp "$0" "$4/bin/python" ;;
  "-m pip install "*|"-m uv pip sync "*) echo "$2 $UV_SYSTEM_CERTS $PIP_CERT" >>{said} ;;
  *sys.prefix*) exit 1 ;;
  *sysconfig*) echo {site} ;;
esac
"""


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"])
def test_installers_trust_what_the_machine_trusts(machine: Machine, tmp_path: Path, variable: str) -> None:
    said, bundle = tmp_path / "said", tmp_path / "company.pem"
    bundle.touch()
    machine.command("python3", INSTALLS.format(said=said, site=tmp_path))
    machine.command("bwrap")
    machine.setup(**{variable: str(bundle)})
    # Who names certificates for pip alone has decided that.
    pip = "" if variable == "REQUESTS_CA_BUNDLE" else str(bundle)
    assert [line.split(" ") for line in said.read_text().splitlines()] == [
        ["pip", "1", pip],
        ["uv", "1", pip],
    ]
