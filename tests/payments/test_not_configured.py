"""Servers without card payments: they do not need Stripe's package, and report what is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from _support.fake_stripe import KEY, WEBHOOK_SECRET
from _support.organizations import new_organization
from _support.responses import assert_exchange_error
from _support.servers import Server, new_server
from _support.startup import get_start_error

NO_STRIPE = "import sys\nsys.modules['stripe'] = None\n"  # makes its import fail, as if it were not installed


@pytest.fixture
def without_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that is not started, in an environment without the package `stripe`."""
    (tmp_path / "sitecustomize.py").write_text(NO_STRIPE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with new_server(start=False) as server:
        yield server


def test_a_server_without_the_package(without_package: Server) -> None:
    """With Stripe's keys it refuses to start; without them it starts, and payments are 409 with instructions."""
    without_package.settings |= {"stripe_secret_key": KEY, "stripe_webhook_secret": WEBHOOK_SECRET}
    words = get_start_error(without_package, "--public-url", "https://market.example.org")
    assert "pip install 'hallmarket[stripe]'" in words
    assert KEY not in words
    del without_package.settings["stripe_secret_key"], without_package.settings["stripe_webhook_secret"]
    without_package.start()
    with new_organization(without_package) as org:
        client = org.new_user().client
        for path, body in (("/stripe/checkout", {"amountCents": 900}), ("/stripe/webhook", {"id": "evt_1"})):
            error = assert_exchange_error(client.post(path, json=body), 409, "not_configured")
            assert "HALLMARKET_STRIPE_SECRET_KEY" in error["message"]
    assert without_package.query("select from payment") == []
