"""Stripe's events: only signed ones count, and a payment is credited once, also if events repeat or arrive late."""

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
# Events that Stripe may send about one session, and whether the event reports the money.
UNPAID = {"status": "complete", "url": None}
EVENTS: dict[str, tuple[str, bool]] = {
    "completed": ("checkout.session.completed", True),
    "completed, not yet paid": ("checkout.session.completed", False),
    "succeeded": ("checkout.session.async_payment_succeeded", True),
    "failed": ("checkout.session.async_payment_failed", False),
    "expired": ("checkout.session.expired", False),
}


@SHARED
@given(rounds=st.lists(st.lists(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_payment_is_credited_at_most_once(checkout: Checkout, rounds: list[list[str]]) -> None:
    """Events in any order, repeated and concurrent, credit the payment once if any of them reports the money."""
    credits_before, actions_before = len(checkout.deposits()), len(checkout.audit_actions())
    texts_before = len(checkout.payer.notification_texts(checkout.server))
    payment_id, session = checkout.open(1700)

    def send(event: str) -> str:
        kind, has_money = EVENTS[event]
        return checkout.send_event(kind, paid(session) if has_money else {**session, **UNPAID})

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for events in rounds for outcome in pool.map(send, events)]
    is_paid = any(EVENTS[event][1] for events in rounds for event in events)
    assert outcomes.count("credited") == is_paid
    assert set(outcomes) <= {"credited", "noted", "ignored"}
    assert checkout.deposits()[credits_before:] == [1700] * is_paid
    assert checkout.audit_actions()[actions_before:] == ["wallet.deposit"] * is_paid
    assert (
        checkout.payer.notification_texts(checkout.server)[texts_before:]
        == ["Your card payment of $17.00 has arrived."] * is_paid
    )
    ends = {event for events in rounds for event in events} & {"failed", "expired"}
    assert checkout.status(payment_id) in ({"paid"} if is_paid else ends or {"open"})


def test_a_deposit_can_be_spent(checkout: Checkout) -> None:
    """A paid amount is in the wallet as a deposit, can be spent, and has Stripe's payment intent as its reference."""
    _, session = checkout.open(2500)
    paid_session = paid(session)
    assert checkout.send_event("checkout.session.completed", paid_session) == "credited"
    assert checkout.payer.call("GET", "/stripe/wallet/balance")["available_cents"] == 2500
    (transaction,) = checkout.payer.call("GET", "/stripe/wallet/transactions")
    assert (transaction["type"], transaction["amount_cents"]) == ("deposit", 2500)
    (row,) = checkout.server.query("select reference, actor_id from transfer where id = $1", UUID(transaction["id"]))
    assert tuple(row) == (paid_session["payment_intent"], None)
    with new_organization(checkout.server) as org:
        tip = {"recipientId": org.admin.id, "amountCents": 2500}
        checkout.payer.call("POST", "/stripe/wallet/tip", json=tip)
    assert checkout.payer.call("GET", "/stripe/wallet/balance")["available_cents"] == 0


def test_an_event_can_arrive_before_the_session_is_stored(checkout: Checkout) -> None:
    """A payment whose session was never stored is credited, once."""
    payment_id = str(uuid4())
    checkout.server.query("insert into payment values ($1, $2, 'usd', 900)", UUID(payment_id), UUID(checkout.payer.id))
    metadata = {"hallmarket_payment": payment_id}
    session = session_object(amount_total=900, client_reference_id=checkout.payer.id, metadata=metadata)
    assert [checkout.send_event("checkout.session.completed", paid(session)) for _ in range(2)] == ["credited", "noted"]
    assert (checkout.deposits(), checkout.status(payment_id)) == ([900], "paid")


@pytest.mark.parametrize(
    "difference",
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
    ids=lambda difference: "-".join(f"{name}-{value}" for name, value in difference.items()),
)
def test_an_event_that_does_not_match_is_not_credited(checkout: Checkout, difference: dict[str, Any]) -> None:
    """An event with another amount, currency, person or session credits nothing, and logs an error."""
    payment_id, session = checkout.open(2500)
    assert checkout.send_event("checkout.session.completed", paid(session, **difference)) == "disagrees"
    assert (checkout.deposits(), checkout.status(payment_id)) == ([], "open")
    assert [line["level"] for line in read_log(checkout.server) if line.get("payment") == payment_id] == ["error"]


def test_a_payment_intent_is_credited_once(checkout: Checkout) -> None:
    """A payment intent that is reported for two payments is credited for one of them."""
    sessions = [checkout.open(800)[1] for _ in range(2)]
    intent = {"payment_intent": f"pi_{uuid4().hex}"}
    outcomes = [checkout.send_event("checkout.session.completed", paid(session, **intent)) for session in sessions]
    assert (outcomes, checkout.deposits()) == (["credited", "disagrees"], [800])


@pytest.mark.parametrize(
    "metadata", [None, {}, {"hallmarket_payment": "x"}, {"hallmarket_payment": str(UUID(int=7))}, {"order": "17"}]
)
def test_sessions_of_other_applications_are_ignored(checkout: Checkout, metadata: dict[str, str] | None) -> None:
    """A session that another application created is 200 and ignored, and so are other types of events."""
    session = paid(session_object(metadata=metadata, client_reference_id=checkout.payer.id))
    for kind in ("checkout.session.completed", "checkout.session.expired"):
        assert checkout.send_event(kind, session) == "ignored"
    assert checkout.send_event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}) == "ignored"
    assert checkout.send_event("charge.refunded", {"id": "ch_1", "payment_intent": None}) == "ignored"
    assert checkout.deposits() == []


@pytest.mark.parametrize("kind", ["charge.refunded", "charge.dispute.created"])
def test_a_reversal_is_logged_for_the_operator(checkout: Checkout, kind: str) -> None:
    """A refund or dispute at Stripe logs a warning with the payment's id, and moves no money here."""
    payment_id, session = checkout.open(1100)
    paid_session = paid(session)
    checkout.send_event("checkout.session.completed", paid_session)
    charge = {"id": "ch_3x", "object": "charge", "amount": 1100, "payment_intent": paid_session["payment_intent"]}
    assert checkout.send_event(kind, charge) == "noted"
    (warning,) = [line for line in read_log(checkout.server) if line.get("payment") == payment_id]
    assert (warning["level"], warning["type"]) == ("warning", kind)
    assert (checkout.deposits(), checkout.status(payment_id)) == ([1100], "paid")
    checkout.server.admin("correct", warning["transfer"], "--reason", "refunded at Stripe")
    assert checkout.payer.call("GET", "/stripe/wallet/balance")["available_cents"] == 0


BODY = json.dumps(event_object("checkout.session.completed", session_object())).encode()
VALID = sign(BODY)
FORGED = {
    "none": None,
    "empty": "",
    "nonsense": "nonsense",
    "no-signature": VALID.split(",")[0],
    "no-time": VALID.split(",")[1],
    "another-secret": sign(BODY, "whsec_another"),
    "half-a-secret": sign(BODY, WEBHOOK_SECRET[6:]),
    "another-body": sign(BODY + b" "),
    "old": sign(BODY, age_s=301),
    "only-v0": sign(BODY, scheme="v0"),
    "time-changed": VALID.replace("t=1", "t=2"),
    "time-no-number": VALID.replace("t=", "t=x"),
    "not-ascii": VALID.encode() + ",v1=é".encode(),
    "endless-time": "t=" + "9" * 5000 + ",v1=0",
}


@pytest.mark.parametrize("signature", FORGED.values(), ids=FORGED)
def test_a_forged_signature_is_400(checkout: Checkout, signature: str | bytes | None) -> None:
    """A body that Stripe did not sign, or not recently, is 400."""
    assert_exchange_error(checkout.send(BODY, signature), 400, "invalid_request")


def test_one_valid_signature_of_several_is_enough(checkout: Checkout) -> None:
    """While a secret is being replaced, Stripe signs with both. One valid signature is enough."""
    other = sign(BODY, "whsec_another").split(",")[1]
    assert checkout.send(BODY, f"{sign(BODY)},{other}").status_code == 200
    time, valid = sign(BODY).split(",")
    assert checkout.send(BODY, f"{time},{other},{valid},v0=0").status_code == 200


@settings(SHARED, max_examples=60)
@given(body=st.binary(max_size=200), signature=st.binary(max_size=80), header=st.sampled_from(["", "t=1,v1="]))
def test_random_bytes_are_400(checkout: Checkout, body: bytes, signature: bytes, header: str) -> None:
    """Any bytes under any signature are 400, never a 500."""
    printable = bytes(33 + each % 94 for each in signature)
    assert_exchange_error(checkout.send(body, header.encode() + printable), 400, "invalid_request")


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
def test_an_unreadable_event_is_400(checkout: Checkout, body: bytes) -> None:
    """A signed body that is no valid event is 400, so that Stripe's dashboard shows the failure."""
    assert_exchange_error(checkout.send(body, sign(body)), 400, "invalid_request")


def test_the_size_of_an_event_is_limited(checkout: Checkout) -> None:
    """An event of 256 KiB is accepted, one byte more is 413."""
    body = BODY + b" " * (MAX_BODY_BYTES - len(BODY))
    assert checkout.send(body, sign(body)).status_code == 200
    assert_exchange_error(checkout.send(body + b" ", sign(body + b" ")), 413, "payload_too_large")


def test_no_request_logged_an_error(checkout: Checkout) -> None:
    """None of these requests left a traceback in the server's log, and the log contains no secret."""
    assert_no_errors_logged(checkout.server)
    assert WEBHOOK_SECRET not in checkout.server.log.read_text()
