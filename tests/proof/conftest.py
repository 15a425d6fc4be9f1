"""Runs a test once for each case of a group in `vectors/`, the files that the TypeScript tests read too."""

import json
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors"


def pytest_configure(config):
    """Make `@pytest.mark.vectors(file, group)` known."""
    config.addinivalue_line("markers", "vectors(file, group): run for each case of a group in vectors/<file>.json")


def pytest_generate_tests(metafunc):
    """Hand a marked test its cases, named by what they say of themselves."""
    for mark in metafunc.definition.iter_markers("vectors"):
        file, group = mark.args
        cases = json.loads((VECTORS / f"{file}.json").read_text(encoding="utf-8"))[group]
        metafunc.parametrize("case", cases, ids=[_name(case, number) for number, case in enumerate(cases)])


def _name(case, number):
    named = case.get("case") or case.get("path") if isinstance(case, dict) else case
    return f"{number} {named or ''}".encode("unicode_escape").decode()[:80]
