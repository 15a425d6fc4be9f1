"""Files and functions stay small enough to read in one go."""

import ast
from pathlib import Path

import hallmarket

PACKAGE = Path(hallmarket.__path__[0])
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70


def test_no_file_is_over_400_lines() -> None:
    """A longer file holds two subjects, and is split."""
    files = list(PACKAGE.rglob("*.py"))
    sizes = {str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines()) for path in files}
    assert len(sizes) > 100
    assert {name: lines for name, lines in sizes.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_over_70_lines() -> None:
    """A longer function hides its steps."""
    long = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(PACKAGE)}:{node.name}"] = lines
    assert long == {}
