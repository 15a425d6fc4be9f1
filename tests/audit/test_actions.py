"""Audit actions: the reference lists exactly those that the server records."""

import re
from fnmatch import fnmatch

from _support.doc_examples import ROOT

SERVER = ROOT / "src/hallmarket/server"
RECORD = re.compile(r'\b(?:record\([^"]*?|action=)"([a-z-]+\.[a-z{}-]+)"')


def test_every_action_is_described() -> None:
    """The reference lists the actions that the code records; one that is built from parts may match several rows."""
    code = {
        re.sub(r"\{\w+\}", "*", action) for path in SERVER.rglob("*.py") for action in RECORD.findall(path.read_text())
    }
    page = (ROOT / "docs/reference/exchange-api.md").read_text("utf-8")
    table = page.partition("The actions:\n\n")[2].partition("\n\n")[0]
    described = {word for line in table.splitlines() for word in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert len(code) > 15
    assert all(any(fnmatch(action, kind) for kind in code) for action in described)
    assert all(any(fnmatch(action, kind) for action in described) for kind in code)
