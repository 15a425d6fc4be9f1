"""Stripe's word: believed if it is signed, and money comes in exactly once whatever is repeated or out of order."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.fake_stripe import WEBHOOK_SECRET, event_object, paid, session_object, sign
from _support.organizations import new_organization
from _support.responses import assert_exchange_error
from _support.server_log import assert_no_errors_logged, read_log
from hallmarket.server.payments.webhook import MAX_BODY_BYTES
from payments.conftest import Checkout

SHARED = settings(max_examples=25)
# What Stripe may say about one session, and whether that is the money.
UNPAID = {"status": "complete", "url": None}
WORDS: dict[str, tuple[str, bool]] = {
    "completed": ("checkout.session.completed", True),
    "completed, money on its way": ("checkout.session.completed", False),
    "succeeded": ("checkout.session.async_payment_succeeded", True),
    "failed": ("checkout.session.async_payment_failed", False),
    "expired": ("checkout.session.expired", False),
}


@SHARED
@given(rounds=st.lists(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=4), min_size=1, max_size=4))
def test_exactly_one_credit_or_none(till: Checkout, rounds: list[list[str]]) -> None:
    """Events in any order, repeated, several at once: one credit if any of them is the money, and else none."""
    credits_before, trail_before = len(till.deposits()), len(till.written_down())
    told_before = len(till.someone.notification_texts(till.server))
    payment_id, session = till.open(1700)

    def tell(word: str) -> str:
        kind, has_money = WORDS[word]
        return till.tell(kind, paid(session) if has_money else {**session, **UNPAID})

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for words in rounds for outcome in pool.map(tell, words)]
    came = any(WORDS[word][1] for words in rounds for word in words)
    assert outcomes.count("credited") == came
    assert set(outcomes) <= {"credited", "noted", "ignored"}
    assert till.deposits()[credits_before:] == [1700] * came
    assert till.written_down()[trail_before:] == ["wallet.deposit"] * came
    assert (
        till.someone.notification_texts(till.server)[told_before:]
        == ["Your card payment of $17.00 has arrived."] * came
    )
    ends = {word for words in rounds for word in words} & {"failed", "expired"}
    assert till.status(payment_id) in ({"paid"} if came else ends or {"open"})


def test_deposit_is_in_the_wallet(till: Checkout) -> None:
    """What was paid is there to be spent, a movement of its own, with Stripe's word for it in the ledger."""
    _, session = till.open(2500)
    done = paid(session)
    assert till.tell("checkout.session.completed", done) == "credited"
    assert till.someone.call("GET", "/stripe/wallet/balance")["available_cents"] == 2500
    (move,) = till.someone.call("GET", "/stripe/wallet/transactions")
    assert (move["type"], move["amount_cents"]) == ("deposit", 2500)
    (row,) = till.server.query("select reference, actor_id from transfer where id = $1", UUID(move["id"]))
    assert tuple(row) == (done["payment_intent"], None)
    with new_organization(till.server) as org:
        gift = {"recipientId": org.admin.id, "amountCents": 2500}
        till.someone.call("POST", "/stripe/wallet/tip", json=gift)
    assert till.someone.call("GET", "/stripe/wallet/balance")["available_cents"] == 0


def test_money_may_be_quicker_than_the_page(till: Checkout) -> None:
    """A payment whose session was never written down is credited all the same, once."""
    payment_id = str(uuid4())
    till.server.query("insert into payment values ($1, $2, 'usd', 900)", UUID(payment_id), UUID(till.someone.id))
    metadata = {"hallmarket_payment": payment_id}
    session = session_object(amount_total=900, client_reference_id=till.someone.id, metadata=metadata)
    assert [till.tell("checkout.session.completed", paid(session)) for _ in range(2)] == ["credited", "noted"]
    assert (till.deposits(), till.status(payment_id)) == ([900], "paid")


@pytest.mark.parametrize(
    "lie",
    [
        {"amount_total": 2499},
        {"amount_total": 250000},
        {"amount_total": None},
        {"currency": "eur"},
        {"currency": None},
        {"client_reference_id": str(UUID(int=1))},
        {"client_reference_id": None},
        {"id": "cs_test_of_another_page"},
    ],
    ids=lambda lie: "-".join(f"{name}-{value}" for name, value in lie.items()),
)
def test_what_disagrees_is_not_credited(till: Checkout, lie: dict[str, Any]) -> None:
    """Another amount, currency, person or page than was asked for is not credited, and the operator is told."""
    payment_id, session = till.open(2500)
    assert till.tell("checkout.session.completed", paid(session, **lie)) == "disagrees"
    assert (till.deposits(), till.status(payment_id)) == ([], "open")
    assert [line["level"] for line in read_log(till.server) if line.get("payment") == payment_id] == ["error"]


def test_money_is_credited_to_one_payment(till: Checkout) -> None:
    """The same money, said to have paid for two payments, is credited for one."""
    sessions = [till.open(800)[1] for _ in range(2)]
    intent = {"payment_intent": f"pi_{uuid4().hex}"}
    told = [till.tell("checkout.session.completed", paid(session, **intent)) for session in sessions]
    assert (told, till.deposits()) == (["credited", "disagrees"], [800])


@pytest.mark.parametrize(
    "metadata", [None, {}, {"hallmarket_payment": "x"}, {"hallmarket_payment": str(UUID(int=7))}, {"order": "17"}]
)
def test_others_on_the_account_are_no_concern(till: Checkout, metadata: dict[str, str] | None) -> None:
    """A session that another system made is 200 and ignored, and so are events of other kinds."""
    session = paid(session_object(metadata=metadata, client_reference_id=till.someone.id))
    for kind in ("checkout.session.completed", "checkout.session.expired"):
        assert till.tell(kind, session) == "ignored"
    assert till.tell("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}) == "ignored"
    assert till.tell("charge.refunded", {"id": "ch_1", "payment_intent": None}) == "ignored"
    assert till.deposits() == []


@pytest.mark.parametrize("kind", ["charge.refunded", "charge.dispute.created"])
def test_money_taken_back_is_left_to_the_operator(till: Checkout, kind: str) -> None:
    """What is refunded or disputed at Stripe is a warning with the payment's id, and moves nothing here."""
    payment_id, session = till.open(1100)
    done = paid(session)
    till.tell("checkout.session.completed", done)
    about = {"id": "ch_3x", "object": "charge", "amount": 1100, "payment_intent": done["payment_intent"]}
    assert till.tell(kind, about) == "noted"
    (warning,) = [line for line in read_log(till.server) if line.get("payment") == payment_id]
    assert (warning["level"], warning["type"]) == ("warning", kind)
    assert (till.deposits(), till.status(payment_id)) == ([1100], "paid")
    till.server.admin("correct", warning["transfer"], "--reason", "given back at Stripe")
    assert till.someone.call("GET", "/stripe/wallet/balance")["available_cents"] == 0


BODY = json.dumps(event_object("checkout.session.completed", session_object())).encode()
GOOD = sign(BODY)
FORGED = {
    "none": None,
    "empty": "",
    "nonsense": "nonsense",
    "no-signature": GOOD.split(",")[0],
    "no-time": GOOD.split(",")[1],
    "another-secret": sign(BODY, "whsec_another"),
    "half-a-secret": sign(BODY, WEBHOOK_SECRET[6:]),
    "another-body": sign(BODY + b" "),
    "old": sign(BODY, age_s=301),
    "only-v0": sign(BODY, scheme="v0"),
    "time-changed": GOOD.replace("t=1", "t=2"),
    "time-no-number": GOOD.replace("t=", "t=x"),
    "not-ascii": GOOD.encode() + ",v1=é".encode(),
    "endless-time": "t=" + "9" * 5000 + ",v1=0",
}


@pytest.mark.parametrize("signature", FORGED.values(), ids=FORGED)
def test_forged_signature_is_refused(till: Checkout, signature: str | bytes | None) -> None:
    """What Stripe did not sign of late, to this very byte, is 400."""
    assert_exchange_error(till.send(BODY, signature), 400, "invalid_request")


def test_signatures_may_be_several(till: Checkout) -> None:
    """While a secret is being changed, Stripe signs with both; one that is good suffices."""
    other = sign(BODY, "whsec_another").split(",")[1]
    assert till.send(BODY, f"{sign(BODY)},{other}").status_code == 200
    at, good = sign(BODY).split(",")
    assert till.send(BODY, f"{at},{other},{good},v0=0").status_code == 200


@settings(SHARED, max_examples=60)
@given(body=st.binary(max_size=200), signature=st.binary(max_size=80), header=st.sampled_from(["", "t=1,v1="]))
def test_nonsense_is_400(till: Checkout, body: bytes, signature: bytes, header: str) -> None:
    """Any bytes under any signature are 400, never a 500."""
    printable = bytes(33 + each % 94 for each in signature)
    assert_exchange_error(till.send(body, header.encode() + printable), 400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"id":"evt_1","type":"checkout.session.completed","data":{}}',
        b'{"id":"evt_1","type":"checkout.session.completed","data":{"object":7}}',
        b'{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs","amount_total":"x"}}}',
        b'{"id":"evt_1","type":"charge.refunded","data":{"object":{"id":1}}}',
        b"[" * 100_000,
    ],
    ids=range(11),
)
def test_unreadable_event_is_400(till: Checkout, body: bytes) -> None:
    """What is signed and no event is 400, too: Stripe's dashboard shows that nothing came of it."""
    assert_exchange_error(till.send(body, sign(body)), 400, "invalid_request")


def test_event_is_bounded(till: Checkout) -> None:
    """An event of 256 KiB is read, one of a byte more is 413."""
    body = BODY + b" " * (MAX_BODY_BYTES - len(BODY))
    assert till.send(body, sign(body)).status_code == 200
    assert_exchange_error(till.send(body + b" ", sign(body + b" ")), 413, "payload_too_large")


def test_nothing_went_wrong_meanwhile(till: Checkout) -> None:
    """No request of all these left a traceback in the server's log, and no secret is in it."""
    assert_no_errors_logged(till.server)
    assert WEBHOOK_SECRET not in till.server.log.read_text()
