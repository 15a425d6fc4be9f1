"""The client's public surface: the names of `hallmarket.client`, and a program that uses nothing else."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import hallmarket.client
from _support.organizations import new_organization

PROGRAM = Path(__file__).with_name("user_program.py")


def test_every_public_name_is_importable():
    """Every name of `__all__` exists and is listed by dir(); any other name is an AttributeError."""
    names = hallmarket.client.__all__
    assert len(set(names)) == len(names) > 50
    assert all(getattr(hallmarket.client, name) is not None for name in names)
    assert dir(hallmarket.client) == sorted(names)
    assert not hasattr(hallmarket.client, "Transport")


def test_every_module_is_private():
    """Whatever is not named in the package is in modules whose names begin with an underscore."""
    assert all(module.name.startswith("_") for module in pkgutil.iter_modules(hallmarket.client.__path__))


def test_the_http_client_is_imported_on_first_use():
    """Importing the package imports no httpx, which takes longer than an offline verification; `Hallmarket` does."""
    program = (
        "import sys, hallmarket.client; assert 'httpx' not in sys.modules; "
        "hallmarket.client.Hallmarket; assert 'httpx' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_program_against_the_public_surface_runs(server, tmp_path):
    """A program that imports only `hallmarket.client` anchors, verifies, publishes and downloads."""
    imports = re.findall(
        r"^\s*from (hallmarket\S*) import|^\s*import (hallmarket\S*)", PROGRAM.read_text("utf-8"), re.MULTILINE
    )
    assert imports == [("hallmarket.client", "")]
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8\xff the picture's bytes")
    with new_organization(server) as org:
        environment = {"HALLMARKET_SERVER": server.url, "HALLMARKET_API_KEY": org.admin.member.key}
        result = subprocess.run(
            [sys.executable, PROGRAM, file], env=environment, capture_output=True, text=True, timeout=60
        )
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(
        r"anchored \S+ as entry \d+ of .*\npublished \S+; photo\nthe wallet holds 0 cents\n", result.stdout
    )
    assert (tmp_path / "photo.copy").read_bytes() == file.read_bytes()


def test_a_program_against_the_public_surface_passes_strict_types(tmp_path):
    """`mypy --strict`, outside of the project and without its settings, finds nothing wrong in the program."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", tmp_path / "cache"]
    result = subprocess.run([*command, PROGRAM], cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout == "Success: no issues found in 1 source file\n"
