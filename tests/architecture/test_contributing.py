"""CONTRIBUTING.md: what it names exists, and its example room works when the text is followed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from _support.clients import exchange_client
from _support.package_copy import add_room, copy_package, server_of_copy
from _support.servers import Server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
EXAMPLE = "src/hallmarket/server/notes"
MIGRATIONS = ROOT / "src/hallmarket/server/migrations"


def blocks(language: str) -> Iterator[str]:
    """The page's code blocks in a language."""
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        yield found[1]


def example_files() -> dict[str, str]:
    """The files of the example, by the path in the first line of each Python block."""
    python = (block.split("\n", 1) for block in blocks("python"))
    queries, migration = blocks("sql")
    files = {first.removeprefix("# "): text for first, text in python}
    return files | {f"{EXAMPLE}/queries.sql": queries, f"{MIGRATIONS.relative_to(ROOT)}/{next_migration()}": migration}


def next_migration() -> str:
    """The name of the example's migration: the number after the last one."""
    last = max(int(path.name[:4]) for path in MIGRATIONS.glob("*.sql"))
    return f"{last + 1:04}_notes.sql"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the example's room, built from the page."""
    folder = tmp_path_factory.mktemp("example")
    package = copy_package(folder)
    for path, text in example_files().items():
        file = folder / path.removeprefix("src/")
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text, "utf-8")
    add_room(package, "notes")
    return folder


@pytest.fixture(scope="module")
def server_with_notes(source: Path) -> Iterator[Server]:
    """A server with the example's room."""
    with server_of_copy(source) as server:
        yield server


def test_named_files_exist() -> None:
    """Every file and folder of the repository that the page names exists, apart from those of the example."""
    named = set(re.findall(r"`((?:src|tests)/[\w/.-]+)`", PAGE))
    missing = [name for name in named if "/notes" not in name and not (ROOT / name).exists()]
    assert len(named) > 10
    assert missing == []


def test_example_passes_the_linter(source: Path) -> None:
    """The example is formatted, and passes the linter."""
    files = [source / path.removeprefix("src/") for path in example_files() if path.endswith(".py")]
    config = ["--config", ROOT / "pyproject.toml", "--config", f"src = ['{source}', '{ROOT / 'tests'}']"]
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config, *files], capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_example_room_works(server_with_notes: Server) -> None:
    """The example's routes create and list notes, and its area is in the OpenAPI document."""
    with exchange_client(server_with_notes, server_with_notes.api_key) as client:
        note = client.post("/user/notes", json={"text": "Call the printer."}).json()["data"]
        assert client.get("/user/notes").json()["data"] == [note]
        assert client.post("/user/notes", json={"text": ""}).status_code == 400
        document = client.get("/openapi.json").json()
    assert document["paths"]["/user/notes"]["get"]["x-scope"] == "notes:read"
    assert "Notes" in {tag["name"] for tag in document["tags"]}
