"""Servers without card payments: they need no package, load none, and say what is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from circle import new_circle
from fake_stripe import KEY, WEBHOOK_SECRET
from starts import refusal_of_start
from support import Server, new_server
from wire import assert_exchange_error

NO_STRIPE = "import sys\nsys.modules['stripe'] = None\n"  # to import it fails, as if it were not installed


@pytest.fixture
def without_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server, not started, where the package `stripe` is not installed."""
    (tmp_path / "sitecustomize.py").write_text(NO_STRIPE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with new_server(start=False) as server:
        yield server


def test_server_without_the_package(without_package: Server) -> None:
    """It refuses to start with half of what card payments need, starts without, and says what its operator can do."""
    without_package.settings |= {"stripe_secret_key": KEY, "stripe_webhook_secret": WEBHOOK_SECRET}
    words = refusal_of_start(without_package, "--public-url", "https://market.example.org")
    assert "pip install 'hallmarket[stripe]'" in words
    assert KEY not in words
    del without_package.settings["stripe_secret_key"], without_package.settings["stripe_webhook_secret"]
    without_package.start()
    with new_circle(without_package) as circle:
        client = circle.person().client
        for path, body in (("/stripe/checkout", {"amountCents": 900}), ("/stripe/webhook", {"id": "evt_1"})):
            error = assert_exchange_error(client.post(path, json=body), 409, "not_configured")
            assert "HALLMARKET_STRIPE_SECRET_KEY" in error["message"]
    assert without_package.query("select from payment") == []
