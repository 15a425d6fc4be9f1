"""Every package that the code imports is installed by the extra that the code belongs to."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/hallmarket"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DISTRIBUTIONS = packages_distributions()
# Modules of the server that are loaded only when the settings ask for them, and the extra that each one needs.
OPTIONAL = {"payments/stripe_gateway.py": "stripe", "http/rate_limit_redis.py": "redis", "settings.py": "redis"}


def declared(*extras: str) -> set[str]:
    """The packages that an install with these extras asks for by name."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines} - {"hallmarket"}


def third_party(file: Path) -> Iterator[set[str]]:
    """For each package that a module imports, in its functions too, the distributions that may provide it."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"hallmarket"}:
            yield {canonicalize_name(distribution) for distribution in DISTRIBUTIONS[name]}


def not_provided(file: Path, allowed: set[str]) -> list[set[str]]:
    """The imports of a module that none of the allowed distributions provides."""
    return [providers for providers in third_party(file) if not providers & allowed]


@pytest.mark.parametrize("folder", ["proof", "client"])
def test_proof_and_client_need_no_extra(folder: str) -> None:
    """`pip install hallmarket` is enough to verify proofs and to use the client."""
    for file in (SOURCE / folder).rglob("*.py"):
        assert not_provided(file, declared()) == [], file


def test_command_needs_tables_at_most() -> None:
    """The command needs no extra, except that it reads and writes table files with `tables`."""
    for file in (*(SOURCE / "cli").rglob("*.py"), *SOURCE.glob("*.py")):
        assert not_provided(file, declared("tables")) == [], file


def test_server_needs_its_extra() -> None:
    """`hallmarket[server]` is enough to serve; `stripe` and `redis` are imported by one module each."""
    for file in (SOURCE / "server").rglob("*.py"):
        extra = OPTIONAL.get(str(file.relative_to(SOURCE / "server")))
        allowed = declared("server", "tables", *([extra] if extra else []))
        assert not_provided(file, allowed) == [], file


def test_every_declared_package_is_used() -> None:
    """Each package that an extra names is imported, named in the code, or loaded by one that is."""
    imported = {name for file in SOURCE.rglob("*.py") for providers in third_party(file) for name in providers}
    sources = [file.read_text("utf-8") for file in SOURCE.rglob("*.py")]
    loaded_by_others = {"httptools"}  # by uvicorn
    unused = declared("server", "tables", "stripe", "redis") - imported - loaded_by_others
    assert [name for name in unused if not any(f'"{name}"' in source for source in sources)] == []
