"""Giving money: it moves once, whole, to somebody who is there, and both see it."""

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

WAYS = {
    "usd": ("/stripe/wallet/tip", "amountCents", "tip", "/stripe/wallet", "amount_cents"),
    "btc": ("/wallet/send-sats", "amount", "send", "/wallet", "value"),
}


def body_of(currency: str, recipient: str, amount: object, **more: object) -> dict[str, object]:
    """What a gift in this currency is asked for with."""
    return {"recipientId": recipient, WAYS[currency][1]: amount, **more}


def moves(someone: User, currency: str, **query: object) -> list[dict[str, Any]]:
    """What moved in somebody's wallet."""
    _, _, _, root, _ = WAYS[currency]
    return list(someone.call("GET", f"{root}/transactions", params=query))


@pytest.mark.parametrize("currency", ["usd", "btc"])
def test_gift_reaches_whom_it_is_for(org: Organization, currency: Any) -> None:
    """What leaves one wallet is in the other, whole; both see it, signed, with its message; the recipient is told."""
    giver, taker = org.new_user(), org.new_outsider()
    path, _, kind, _, amount = WAYS[currency]
    credit(org.server, giver.id, 1000, currency)
    told = giver.call("POST", path, json=body_of(currency, taker.id, 300, message="for the photo"))
    assert 300 in told.values()
    assert balance(org.server, giver.id, currency) == 700
    assert balance(org.server, taker.id, currency) == 300
    (out, first), (came,) = moves(giver, currency), moves(taker, currency)
    assert (out[amount], first[amount], came[amount]) == (-300, 1000, 300)
    assert (out["type"], first["type"], came["type"]) == (kind, "credit", kind)
    assert out["id"] == came["id"] in told.values()
    assert out["metadata"]["balance_after"] == 700
    assert came["metadata"]["counterparty"] == {"user_id": giver.id, "username": giver.member.username}
    assert out["metadata"]["message"] == came["metadata"]["message"] == "for the photo"
    (text,) = taker.notification_texts(org.server)
    assert giver.member.username in text
    events = org.server.query("select action, subject_id from audit_event where actor_id = $1", UUID(giver.id))
    assert [tuple(event) for event in events] == [(f"wallet.{kind}", UUID(taker.id))]


@pytest.mark.parametrize("currency", ["usd", "btc"])
def test_gifts_that_cannot_be(org: Organization, currency: Any) -> None:
    """To oneself, to nobody, of nothing, of more than there is: nothing moves, and the answer says why."""
    giver, taker = org.new_user(), org.new_user()
    path = WAYS[currency][0]
    credit(org.server, giver.id, 500, currency)
    credit(org.server, giver.id, 10**6, "btc" if currency == "usd" else "usd")
    wrong: list[tuple[str, object, int, str]] = [
        (giver.id, 5, 400, "invalid_request"),
        (str(uuid4()), 5, 404, "not_found"),
        ("jane", 5, 400, "invalid_request"),
        *(
            (taker.id, amount, 400, "invalid_request")
            for amount in (0, -1, 1.5, "x", True, 21 * 10**14 + 1, 10**30, None)
        ),
        (taker.id, 501, 402, "insufficient_funds"),
    ]
    for recipient, amount, status, code in wrong:
        error = assert_exchange_error(giver.client.post(path, json=body_of(currency, recipient, amount)), status, code)
    assert error["details"] == {"currency": currency, "amount": 501, "available": 500, "missing": 1}
    for message in ("x" * 1001, "a\0b", 5):
        answer = giver.client.post(path, json=body_of(currency, taker.id, 5, message=message))
        assert_exchange_error(answer, 400, "invalid_request")
    assert balance(org.server, giver.id, currency) == 500
    assert moves(taker, currency) == []
    assert taker.notification_texts(org.server) == []


def test_a_key_moves_money_once(org: Organization) -> None:
    """Under one key it moves once, however often and at once it is asked for; another request under it is 422."""
    giver, taker = org.new_user(), org.new_user()
    credit(org.server, giver.id, 1000)
    headers = {"authorization": get_token(org.server, giver.member.key), "idempotency-key": secrets.token_hex(8)}

    async def ask(count: int, amount: int) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=org.server.url, headers=headers, timeout=30, trust_env=False) as client:
            body = body_of("usd", taker.id, amount)
            return await asyncio.gather(*(client.post("/stripe/wallet/tip", json=body) for _ in range(count)))

    answers = asyncio.run(ask(5, 400))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 4
    assert balance(org.server, taker.id) == 400
    assert_exchange_error(asyncio.run(ask(1, 401))[0], 422, "idempotency_mismatch")


def test_a_refusal_is_kept_too(org: Organization) -> None:
    """A refusal under a key is told again, though there is money meanwhile: nobody pays by a request given up."""
    giver, taker = org.new_user(), org.new_user()
    header, body = {"idempotency-key": "one"}, body_of("usd", taker.id, 400)
    first = giver.client.post("/stripe/wallet/tip", json=body, headers=header)
    assert_exchange_error(first, 402, "insufficient_funds")
    credit(org.server, giver.id, 1000)
    again = giver.client.post("/stripe/wallet/tip", json=body, headers=header)
    assert (again.status_code, again.content) == (402, first.content)
    assert balance(org.server, taker.id) == 0


def test_scopes_and_bound_keys(org: Organization) -> None:
    """A wallet is its person's whatever key asks; who may only look moves nothing."""
    looking = org.new_user(scopes="wallet:read")
    credit(org.server, looking.id, 77)
    assert looking.call("GET", "/stripe/wallet/balance")["balance_cents"] == 77
    body = body_of("usd", org.admin.id, 5)
    assert_exchange_error(looking.client.post("/stripe/wallet/tip", json=body), 403, "forbidden")
    assert org.with_unbound_key(looking).call("GET", "/stripe/wallet/balance")["balance_cents"] == 77
    other = org.new_user(scopes="users:read")
    assert_exchange_error(other.client.get("/wallet/balance"), 403, "forbidden")


def test_official_client(org: Organization, server: Server) -> None:
    """The official client's balances, histories, sends and deposit address, in both currencies."""
    giver, taker = org.new_user(), org.new_user()
    credit(server, giver.id, 1000)
    credit(server, giver.id, 5000, "btc")
    with official_client(server, giver.member.key) as ouro:
        tip = ouro.money.send(taker.id, 250, currency="usd", message="thanks")
        assert (tip.amount_cents, tip.recipient_amount_cents, tip.platform_fee_cents) == (250, 250, 0)
        assert ouro.money.send(taker.id, 1200).total_value == 1200
        assert ouro.money.get_balance("usd").available_cents == 750
        assert ouro.money.get_balance("btc").available == 3800
        assert [move.value for move in ouro.money.get_transactions()] == [-1200, 5000]
        page = ouro.money.get_transactions("usd", limit=1)
        assert ([move.amount_cents for move in page.data], page.has_more) == ([-250], True)
        rest = ouro.money.get_transactions("usd", limit=1, offset=1, type="credit")
        assert (rest.data, rest.has_more) == ([], False)
        assert ouro.money.get_deposit_address() == ""
    with official_client(server, taker.member.key) as ouro:
        balance = ouro.money.get_balance("usd")
        assert (balance.earnings_cents, balance.credits_cents, balance.withdrawable_cents) == (250, 0, 250)
