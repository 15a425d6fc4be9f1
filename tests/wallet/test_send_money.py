"""Tips and sends: money moves once and completely, only to an existing user, and both sides see it."""

import asyncio
import secrets
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from _support.clients import get_token, official_client
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.wallets import balance, credit

# By currency: the path, its field for the amount, the kind of transfer, and where and under which name it is listed.
ROUTES = {
    "usd": ("/stripe/wallet/tip", "amountCents", "tip", "/stripe/wallet", "amount_cents"),
    "btc": ("/wallet/send-sats", "amount", "send", "/wallet", "value"),
}


def body_of(currency: str, recipient: str, amount: object, **more: object) -> dict[str, object]:
    """Return the body of a request to send money in this currency."""
    return {"recipientId": recipient, ROUTES[currency][1]: amount, **more}


def list_transactions(person: User, currency: str, **query: object) -> list[dict[str, Any]]:
    """Return the transactions of a person's wallet."""
    _, _, _, root, _ = ROUTES[currency]
    return list(person.call("GET", f"{root}/transactions", params=query))


@pytest.mark.parametrize("currency", ["usd", "btc"])
def test_money_reaches_the_recipient(org: Organization, currency: Any) -> None:
    """The whole amount moves; both sides see it with its sign and message; the recipient is notified."""
    sender, recipient = org.new_user(), org.new_outsider()
    path, _, kind, _, amount = ROUTES[currency]
    credit(org.server, sender.id, 1000, currency)
    response = sender.call("POST", path, json=body_of(currency, recipient.id, 300, message="for the photo"))
    assert 300 in response.values()
    assert balance(org.server, sender.id, currency) == 700
    assert balance(org.server, recipient.id, currency) == 300
    (paid, credited), (received,) = list_transactions(sender, currency), list_transactions(recipient, currency)
    assert (paid[amount], credited[amount], received[amount]) == (-300, 1000, 300)
    assert (paid["type"], credited["type"], received["type"]) == (kind, "credit", kind)
    assert paid["id"] == received["id"] in response.values()
    assert paid["metadata"]["balance_after"] == 700
    assert received["metadata"]["counterparty"] == {"user_id": sender.id, "username": sender.member.username}
    assert paid["metadata"]["message"] == received["metadata"]["message"] == "for the photo"
    (text,) = recipient.notification_texts(org.server)
    assert sender.member.username in text
    events = org.server.query("select action, subject_id from audit_event where actor_id = $1", UUID(sender.id))
    assert [tuple(event) for event in events] == [(f"wallet.{kind}", UUID(recipient.id))]


@pytest.mark.parametrize("currency", ["usd", "btc"])
def test_an_invalid_request_moves_no_money(org: Organization, currency: Any) -> None:
    """To oneself, to an unknown user, a wrong amount, or more than the balance: refused with the reason."""
    sender, recipient = org.new_user(), org.new_user()
    path = ROUTES[currency][0]
    credit(org.server, sender.id, 500, currency)
    credit(org.server, sender.id, 10**6, "btc" if currency == "usd" else "usd")
    refused: list[tuple[str, object, int, str]] = [
        (sender.id, 5, 400, "invalid_request"),
        (str(uuid4()), 5, 404, "not_found"),
        ("jane", 5, 400, "invalid_request"),
        *(
            (recipient.id, amount, 400, "invalid_request")
            for amount in (0, -1, 1.5, "x", True, 21 * 10**14 + 1, 10**30, None)
        ),
        (recipient.id, 501, 402, "insufficient_funds"),
    ]
    for recipient_id, amount, status, code in refused:
        response = sender.client.post(path, json=body_of(currency, recipient_id, amount))
        error = assert_exchange_error(response, status, code)
    assert error["details"] == {"currency": currency, "amount": 501, "available": 500, "missing": 1}
    for message in ("x" * 1001, "a\0b", 5):
        response = sender.client.post(path, json=body_of(currency, recipient.id, 5, message=message))
        assert_exchange_error(response, 400, "invalid_request")
    assert balance(org.server, sender.id, currency) == 500
    assert list_transactions(recipient, currency) == []
    assert recipient.notification_texts(org.server) == []


def test_an_idempotency_key_moves_money_once(org: Organization) -> None:
    """Concurrent requests with one key move the money once. A different request with the key is 422."""
    sender, recipient = org.new_user(), org.new_user()
    credit(org.server, sender.id, 1000)
    headers = {"authorization": get_token(org.server, sender.member.key), "idempotency-key": secrets.token_hex(8)}

    async def send(count: int, amount: int) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=org.server.url, headers=headers, timeout=30, trust_env=False) as client:
            body = body_of("usd", recipient.id, amount)
            return await asyncio.gather(*(client.post("/stripe/wallet/tip", json=body) for _ in range(count)))

    responses = asyncio.run(send(5, 400))
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert sum("idempotent-replayed" in response.headers for response in responses) == 4
    assert balance(org.server, recipient.id) == 400
    assert_exchange_error(asyncio.run(send(1, 401))[0], 422, "idempotency_mismatch")


def test_an_error_is_replayed(org: Organization) -> None:
    """An error under a key is replayed even if the wallet has the money meanwhile: an abandoned request never pays."""
    sender, recipient = org.new_user(), org.new_user()
    header, body = {"idempotency-key": "one"}, body_of("usd", recipient.id, 400)
    first = sender.client.post("/stripe/wallet/tip", json=body, headers=header)
    assert_exchange_error(first, 402, "insufficient_funds")
    credit(org.server, sender.id, 1000)
    second = sender.client.post("/stripe/wallet/tip", json=body, headers=header)
    assert (second.status_code, second.content) == (402, first.content)
    assert balance(org.server, recipient.id) == 0


def test_scopes_and_bound_keys(org: Organization) -> None:
    """Every key of a person opens the same wallet. A key without wallet:write moves no money."""
    reader = org.new_user(scopes="wallet:read")
    credit(org.server, reader.id, 77)
    assert reader.call("GET", "/stripe/wallet/balance")["balance_cents"] == 77
    body = body_of("usd", org.admin.id, 5)
    assert_exchange_error(reader.client.post("/stripe/wallet/tip", json=body), 403, "forbidden")
    assert org.with_unbound_key(reader).call("GET", "/stripe/wallet/balance")["balance_cents"] == 77
    other = org.new_user(scopes="users:read")
    assert_exchange_error(other.client.get("/wallet/balance"), 403, "forbidden")


def test_official_client(org: Organization, server: Server) -> None:
    """The official client reads balances, transactions and the deposit address, and sends money, in both currencies."""
    sender, recipient = org.new_user(), org.new_user()
    credit(server, sender.id, 1000)
    credit(server, sender.id, 5000, "btc")
    with official_client(server, sender.member.key) as ouro:
        tip = ouro.money.send(recipient.id, 250, currency="usd", message="thanks")
        assert (tip.amount_cents, tip.recipient_amount_cents, tip.platform_fee_cents) == (250, 250, 0)
        assert ouro.money.send(recipient.id, 1200).total_value == 1200
        assert ouro.money.get_balance("usd").available_cents == 750
        assert ouro.money.get_balance("btc").available == 3800
        assert [each.value for each in ouro.money.get_transactions()] == [-1200, 5000]
        page = ouro.money.get_transactions("usd", limit=1)
        assert ([each.amount_cents for each in page.data], page.has_more) == ([-250], True)
        rest = ouro.money.get_transactions("usd", limit=1, offset=1, type="credit")
        assert (rest.data, rest.has_more) == ([], False)
        assert ouro.money.get_deposit_address() == ""
    with official_client(server, recipient.member.key) as ouro:
        usd = ouro.money.get_balance("usd")
        assert (usd.earnings_cents, usd.credits_cents, usd.withdrawable_cents) == (250, 0, 250)
