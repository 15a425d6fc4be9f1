"""Fixtures of card payments: a server with a stand-in for Stripe, and somebody who pays."""

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
    """Stripe, as the server with card payments reaches it."""
    with fake_stripe() as standing_in:
        yield standing_in


@pytest.fixture(scope="session")
def paying(stripe: FakeStripe) -> Iterator[Server]:
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
    """Somebody who pays, what Stripe tells the server of it, and what became of the money."""

    def __init__(self, server: Server, stripe: FakeStripe, someone: User) -> None:
        self.server = server
        self.stripe = stripe
        self.someone = someone

    def begin(self, amount: int = 2500, key: str | None = None, **more: object) -> httpx.Response:
        """The answer to a request for a payment."""
        headers = {} if key is None else {"idempotency-key": key}
        return self.someone.client.post("/stripe/checkout", json={"amountCents": amount, **more}, headers=headers)

    def open(self, amount: int = 2500) -> tuple[str, dict[str, Any]]:
        """A payment that has begun: its id, and its session at Stripe."""
        begun = self.begin(amount)
        assert begun.status_code == 200, begun.text
        told = begun.json()["data"]
        (session,) = [session for session in self.stripe.sessions.values() if session["url"] == told["url"]]
        return told["id"], session

    def tell(self, kind: str, about: dict[str, Any], body: bytes | None = None) -> str:
        """What comes of an event that Stripe signs and sends."""
        content = body or json.dumps(event_object(kind, about)).encode()
        told = self.send(content, sign(content))
        assert told.status_code == 200, told.text
        return str(told.json()["data"]["outcome"])

    def send(self, body: bytes, signature: str | bytes | None) -> httpx.Response:
        """The webhook's answer to these bytes with this signature."""
        headers = {} if signature is None else {"stripe-signature": signature}
        with self.server.client("") as client:
            return client.post("/stripe/webhook", content=body, headers=headers)

    def status(self, payment_id: str) -> str:
        """How a payment stands."""
        return str(self.someone.call("GET", f"/stripe/checkout/{payment_id}")["status"])

    def deposits(self) -> list[int]:
        """The deposits in the person's wallet, straight from the ledger."""
        rows = self.server.query(
            "select p.amount_minor from posting p join transfer t on t.id = p.transfer_id"
            " join account a on a.id = p.account_id where t.kind = 'deposit' and a.person_id = $1",
            UUID(self.someone.id),
        )
        return [row["amount_minor"] for row in rows]

    def written_down(self) -> list[str]:
        """What the audit trail has of the person's deposits."""
        rows = self.server.query(
            "select action from audit_event where person_id = $1 and action = 'wallet.deposit'", UUID(self.someone.id)
        )
        return [row["action"] for row in rows]


@pytest.fixture
def till(paying: Server, stripe: FakeStripe) -> Iterator[Checkout]:
    """Somebody new who pays."""
    stripe.script.clear()
    with new_organization(paying) as org:
        yield Checkout(paying, stripe, org.new_user())
