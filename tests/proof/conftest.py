"""Runs a test once per case of a group in `vectors/`, the files that tests in other languages read too."""

import json
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors"


def pytest_configure(config):
    """Register `@pytest.mark.vectors(file, group)`."""
    config.addinivalue_line("markers", "vectors(file, group): run for each case of a group in vectors/<file>.json")


def pytest_generate_tests(metafunc):
    """Parametrize a marked test with its cases, named by their `case` or `path`."""
    for mark in metafunc.definition.iter_markers("vectors"):
        file, group = mark.args
        cases = json.loads((VECTORS / f"{file}.json").read_text(encoding="utf-8"))[group]
        metafunc.parametrize("case", cases, ids=[_name(case, number) for number, case in enumerate(cases)])


def _name(case, number):
    named = case.get("case") or case.get("path") if isinstance(case, dict) else case
    return f"{number} {named or ''}".encode("unicode_escape").decode()[:80]
