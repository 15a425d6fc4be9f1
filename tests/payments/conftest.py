"""Fixtures of the payment tests: a server with a fake Stripe, and a person who pays."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from _support.databases import copy_empty_cluster
from _support.fake_stripe import KEY, WEBHOOK_SECRET, FakeStripe, event_object, fake_stripe, sign
from _support.organizations import User, new_organization
from _support.ports import free_port
from _support.servers import Server, new_server


@pytest.fixture(scope="session")
def stripe() -> Iterator[FakeStripe]:
    """The fake Stripe that the server with card payments uses."""
    with fake_stripe() as fake:
        yield fake


@pytest.fixture(scope="session")
def payment_server(stripe: FakeStripe) -> Iterator[Server]:
    """A server that takes card payments."""
    settings = {"stripe_secret_key": KEY, "stripe_webhook_secret": WEBHOOK_SECRET, "stripe_api_url": stripe.url}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        port = free_port()
        with new_server(start=False, public_url=f"http://127.0.0.1:{port}", **settings) as server:
            if not server.database_url:
                copy_empty_cluster(server.data)
            yield server.start(port)


class Checkout:
    """A person who pays, the events that Stripe sends to the server, and the resulting deposits."""

    def __init__(self, server: Server, stripe: FakeStripe, payer: User) -> None:
        self.server = server
        self.stripe = stripe
        self.payer = payer

    def begin(self, amount: int = 2500, key: str | None = None, **more: object) -> httpx.Response:
        """Send the request that begins a payment."""
        headers = {} if key is None else {"idempotency-key": key}
        return self.payer.client.post("/stripe/checkout", json={"amountCents": amount, **more}, headers=headers)

    def open(self, amount: int = 2500) -> tuple[str, dict[str, Any]]:
        """Begin a payment, and return its id and its session at Stripe."""
        response = self.begin(amount)
        assert response.status_code == 200, response.text
        payment = response.json()["data"]
        (session,) = [session for session in self.stripe.sessions.values() if session["url"] == payment["url"]]
        return payment["id"], session

    def send_event(self, kind: str, subject: dict[str, Any], body: bytes | None = None) -> str:
        """Sign and send an event as Stripe, and return its outcome."""
        content = body or json.dumps(event_object(kind, subject)).encode()
        response = self.send(content, sign(content))
        assert response.status_code == 200, response.text
        return str(response.json()["data"]["outcome"])

    def send(self, body: bytes, signature: str | bytes | None) -> httpx.Response:
        """Send bytes with a signature to the webhook."""
        headers = {} if signature is None else {"stripe-signature": signature}
        with self.server.client("") as client:
            return client.post("/stripe/webhook", content=body, headers=headers)

    def status(self, payment_id: str) -> str:
        """Get the status of a payment."""
        return str(self.payer.call("GET", f"/stripe/checkout/{payment_id}")["status"])

    def deposits(self) -> list[int]:
        """Return the amounts of the person's deposits, read from the ledger."""
        rows = self.server.query(
            "select p.amount_minor from posting p join transfer t on t.id = p.transfer_id"
            " join account a on a.id = p.account_id where t.kind = 'deposit' and a.person_id = $1",
            UUID(self.payer.id),
        )
        return [row["amount_minor"] for row in rows]

    def audit_actions(self) -> list[str]:
        """Return the person's deposits in the audit trail."""
        rows = self.server.query(
            "select action from audit_event where person_id = $1 and action = 'wallet.deposit'", UUID(self.payer.id)
        )
        return [row["action"] for row in rows]


@pytest.fixture
def checkout(payment_server: Server, stripe: FakeStripe) -> Iterator[Checkout]:
    """A new person who pays."""
    stripe.script.clear()
    with new_organization(payment_server) as org:
        yield Checkout(payment_server, stripe, org.new_user())
