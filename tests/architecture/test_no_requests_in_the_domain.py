"""The domain knows no HTTP request: only the edge, pages, routes and process roots do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hallmarket.server

SERVER = Path(hallmarket.server.__path__[0])
ROOTS = {"main.py", "worker.py", "serve.py"}
FORBIDDEN = ("litestar", "uvicorn", "hallmarket.server.http.request_context")


def domain_modules() -> list[Path]:
    """Every module of the server but the edge, pages, routes and process roots."""
    return sorted(
        path
        for path in SERVER.rglob("*.py")
        if path.relative_to(SERVER).parts[0] not in {"http", "web", *ROOTS} and not path.stem.endswith("routes")
    )


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports when it runs, also inside functions; not those for type checkers only."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and isinstance(test.test, ast.Name) and test.test.id == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node not in for_types:
            yield node.module


@pytest.mark.parametrize("path", domain_modules(), ids=lambda path: str(path.relative_to(SERVER)))
def test_module_imports_neither_framework_nor_request(path: Path) -> None:
    """A verb takes a Principal and values, so a page, a job, a webhook and a test can call it as well."""
    assert [name for name in imports(path) if name.startswith(FORBIDDEN)] == []


def test_the_rule_sees_the_files_it_is_about() -> None:
    """The rule covers the rooms and finds what it forbids where that is allowed."""
    names = {str(path.relative_to(SERVER)) for path in domain_modules()}
    assert {"purchases/purchase.py", "files/create.py", "identity/members.py", "tlog/append.py"} <= names
    assert any(name.startswith(FORBIDDEN) for name in imports(SERVER / "files" / "routes.py"))
