"""The lock files: complete, hashed, consistent, and free of addresses."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"


class Pin(NamedTuple):
    """One entry of a lock file."""

    version: str
    hashes: frozenset[str]


def read_lock(name: str) -> dict[tuple[str, str], Pin]:
    """A lock file's pins by package and environment marker."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    pins = {}
    for line in text.splitlines():
        if not line or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(line.split(" --hash")[0].strip())
        version = str(requirement.specifier).removeprefix("==")
        hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line))
        pins[canonicalize_name(requirement.name), str(requirement.marker or "")] = Pin(version, hashes)
    return pins


def declared(extra: str) -> list[Requirement]:
    """What pyproject.toml declares for an extra, or for every install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != "hallmarket"]


@pytest.mark.parametrize("name", [RUNTIME, DEVELOPMENT])
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    """Every package has one version and its hashes, so an install gets the bytes that were locked."""
    pins = read_lock(name)
    assert len(pins) > 50
    for package, pin in pins.items():
        assert re.fullmatch(r"[\w.]+", pin.version), package
        assert pin.hashes, package


@pytest.mark.parametrize("name", [RUNTIME, DEVELOPMENT])
def test_locks_name_no_address(name: str) -> None:
    """A lock says which bytes to install, not where to download them."""
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    options = re.findall(r"^\s*--?[\w-]+", re.sub(r"--hash=", "", text), re.MULTILINE)
    assert options == []


def test_development_runs_what_is_released() -> None:
    """The development lock holds every runtime pin, with the same hashes."""
    runtime, development = read_lock(RUNTIME), read_lock(DEVELOPMENT)
    windows = {key for key in runtime if "win32" in key[1]}  # narrower markers; Hallmarket runs on Linux
    assert {key: pin for key, pin in runtime.items() if key not in windows} == {
        key: development.get(key) for key in runtime.keys() - windows
    }


@pytest.mark.parametrize(
    ("name", "extra"),
    [(RUNTIME, extra) for extra in ("", "server", "tables", "stripe", "redis")] + [(DEVELOPMENT, "dev")],
)
def test_locks_satisfy_what_is_declared(name: str, extra: str) -> None:
    """Each dependency in pyproject.toml is locked at a version that its range allows."""
    pins = read_lock(name)
    for requirement in declared(extra):
        versions = [pin.version for (package, _), pin in pins.items() if package == canonicalize_name(requirement.name)]
        assert versions, f"{requirement.name} is not in {name}: run make lock"
        assert all(version in requirement.specifier for version in versions), f"{requirement} in {name}: run make lock"


def test_runtime_lock_holds_no_development_tools() -> None:
    """A production install brings neither linters nor test tools."""
    packages = {package for package, _ in read_lock(RUNTIME)}
    assert packages.isdisjoint({"hatchling", "hypothesis", "moto", "mypy", "playwright", "pytest", "ruff", "uv"})
