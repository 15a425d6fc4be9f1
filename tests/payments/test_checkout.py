"""Card payments begin once, whatever is repeated, and wherever Stripe or the server fails in between."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
import stripe as library

from _support.clients import get_token
from _support.fake_stripe import (
    BAD_KEY,
    BROKEN,
    DECLINED,
    KEY,
    NOT_ALLOWED,
    REFUSED,
    TOO_MANY,
    WEBHOOK_SECRET,
    FakeStripe,
    StripeResponse,
    fake_stripe,
    paid,
)
from _support.organizations import new_organization
from _support.processes import find_workers, kill
from _support.responses import assert_exchange_error
from _support.waiting import wait_until
from hallmarket.server.payments.stripe_gateway import StripeGateway
from hallmarket.server.payments.types import PaymentOrder, SessionFailure, SessionNotCreated
from payments.conftest import Checkout


def test_stripe_is_asked_as_it_documents(till: Checkout) -> None:
    """A payment is a Checkout Session in dollars that carries our id, and the answer says where to pay."""
    before = len(till.stripe.requests)
    told = till.begin(1234).json()["data"]
    (asked,) = till.stripe.requests[before:]
    session = next(each for each in till.stripe.sessions.values() if each["url"] == told["url"])
    assert told == {
        "id": told["id"],
        "url": session["url"],
        "amount_cents": 1234,
        "status": "open",
        "expires_at": datetime.fromtimestamp(session["expires_at"], UTC).isoformat().replace("+00:00", "Z"),
    }
    assert asked.headers["idempotency-key"] == told["id"]
    assert asked.form == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1234",
        "line_items[0][price_data][product_data][name]": "Wallet credit",
        "adaptive_pricing[enabled]": "false",
        "client_reference_id": till.someone.id,
        "metadata[hallmarket_payment]": told["id"],
        "payment_intent_data[metadata][hallmarket_payment]": told["id"],
        "success_url": f"{till.server.url}/stripe/returned",
        "cancel_url": f"{till.server.url}/stripe/returned",
    }
    shown = till.someone.call("GET", f"/stripe/checkout/{told['id']}")
    assert {name: shown[name] for name in told} == told
    with till.server.client("") as client:
        page = client.get("/stripe/returned")
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_repeats_are_one_payment(till: Checkout) -> None:
    """Sent five times at once under one key, and once more, it is one session, and every answer is the same bytes."""
    sessions = len(till.stripe.sessions)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: till.begin(700, "once"), range(5)))
    answers.append(till.begin(700, "once"))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert answers[-1].headers["idempotent-replayed"] == "true"
    assert len(till.stripe.sessions) == sessions + 1
    assert_exchange_error(till.begin(701, "once"), 422, "idempotency_mismatch")
    assert till.begin(700, "another").content != answers[0].content


@pytest.mark.parametrize("trouble", [BROKEN, BAD_KEY, NOT_ALLOWED, TOO_MANY], ids=lambda answer: str(answer.status))
def test_trouble_at_stripe_loses_nothing(till: Checkout, trouble: StripeResponse) -> None:
    """While Stripe fails, or refuses our key, it is 503; a repeat under the same key goes on with the same payment."""
    till.stripe.script.append(trouble)
    sessions, before = len(till.stripe.sessions), len(till.stripe.requests)
    refused = till.begin(900, "patience")
    error = assert_exchange_error(refused, 503, "unavailable")
    assert "Stripe" in error["message"]
    assert refused.headers["retry-after"] == "1"
    again = till.begin(900, "patience")
    assert again.status_code == 200, again.text
    assert "idempotent-replayed" not in again.headers
    assert len(till.stripe.sessions) == sessions + 1
    first, second = till.stripe.requests[before:]
    assert first.form == second.form
    assert KEY not in till.server.log.read_text()
    assert till.begin(900, "patience").content == again.content


def test_broken_connection_is_tried_again(till: Checkout) -> None:
    """When Stripe hangs up, the same request is sent once more, under the same key."""
    till.stripe.script.append(None)
    before = len(till.stripe.requests)
    assert till.begin(900).status_code == 200
    first, second = till.stripe.requests[before:]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize("refusal", [REFUSED, DECLINED], ids=lambda answer: str(answer.status))
def test_refused_payment_stays_refused(till: Checkout, refusal: StripeResponse) -> None:
    """What Stripe will not take is 409, told the same when repeated without asking again, and a failed payment."""
    till.stripe.script.append(refusal)
    first = till.begin(900, "hopeless")
    assert_exchange_error(first, 409, "conflict")
    before = len(till.stripe.requests)
    assert till.begin(900, "hopeless").content == first.content
    assert len(till.stripe.requests) == before
    (row,) = till.server.query("select id from payment where person_id = $1", UUID(till.someone.id))
    assert till.status(str(row["id"])) == "failed"


def test_killed_between_stripe_and_the_database(till: Checkout) -> None:
    """If the server dies when Stripe has answered and nothing is written down, a repeat is told that very session."""
    workers = find_workers(till.server)

    def die() -> None:
        for worker in workers:
            kill(worker)

    till.stripe.meanwhile = die
    sessions = set(till.stripe.sessions)
    with pytest.raises(httpx.TransportError):
        till.begin(900, "through-death")
    (row,) = till.server.query("select status, session_id from payment where person_id = $1", UUID(till.someone.id))
    assert tuple(row) == ("created", None)
    wait_until(lambda: [worker for worker in find_workers(till.server) if worker not in workers])
    with till.server.client("") as client:
        wait_until(lambda: client.get("/healthz").status_code == 200)
    told = till.begin(900, "through-death").json()["data"]
    (session,) = set(till.stripe.sessions) - sessions
    assert told["url"] == till.stripe.sessions[session]["url"]
    assert till.tell("checkout.session.completed", paid(till.stripe.sessions[session])) == "credited"
    assert till.deposits() == [900]


@pytest.mark.parametrize("amount", [49, 0, -50, 100_000_000, 50.5, "x", None, True, 10**30])
def test_amount_is_bounded(till: Checkout, amount: object) -> None:
    """Less than Stripe takes, more, or no whole number of cents is 400, and Stripe hears nothing of it."""
    before = len(till.stripe.requests)
    assert_exchange_error(till.begin(amount), 400, "invalid_request")  # type: ignore[arg-type]
    assert len(till.stripe.requests) == before


@pytest.mark.parametrize("field", ["successUrl", "cancelUrl"])
@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/",
        "{own}.evil.example/",
        "{own}@evil.example/",
        "{own}0/",
        "{own}\\@evil.example",
        "{own}/\\evil",
        "{own}/a b",
        "{own}/\n",
        "{own}/märket",
        "ftp{own}/",
        "//127.0.0.1/",
        "/done",
        "javascript:alert(1)",
        "",
    ],
)
def test_nobody_is_led_elsewhere(till: Checkout, field: str, page: str) -> None:
    """Stripe sends browsers back to pages of this server's own address only."""
    wanted = page.replace("{own}", till.server.url)
    assert_exchange_error(till.begin(900, **{field: wanted}), 400, "invalid_request")


def test_own_pages_are_come_back_to(till: Checkout) -> None:
    """Pages of our own are handed to Stripe as they are, with Stripe's own placeholder in them."""
    own = till.server.url
    done, back = own + "/wallet?session={CHECKOUT_SESSION_ID}", own
    assert till.begin(900, successUrl=done, cancelUrl=back).status_code == 200
    form = till.stripe.requests[-1].form
    assert (form["success_url"], form["cancel_url"]) == (done, back)


def test_payment_is_its_persons(till: Checkout) -> None:
    """Nobody else sees a payment, and an unknown one is told apart from it by nobody."""
    payment_id, _ = till.open()
    with new_organization(till.server) as org:
        other = org.new_user().client
        assert_exchange_error(other.get(f"/stripe/checkout/{payment_id}"), 404, "not_found")
        assert_exchange_error(other.get(f"/stripe/checkout/{uuid4()}"), 404, "not_found")
    assert_exchange_error(till.someone.client.get("/stripe/checkout/x"), 400, "invalid_request")


@pytest.fixture
def silent() -> Iterator[FakeStripe]:
    """A Stripe that takes requests and says nothing until it is let go."""
    with fake_stripe() as standing_in:
        hold = threading.Event()
        standing_in.meanwhile = hold.wait  # type: ignore[assignment]
        try:
            yield standing_in
        finally:
            hold.set()


@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")  # how Stripe's library speaks to httpx
def test_silence_is_away(silent: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Stripe that does not answer in time is away, and the next request for the payment makes no second session."""
    monkeypatch.setattr("hallmarket.server.payments.stripe_gateway.MAX_RETRIES", 0)
    order = PaymentOrder(uuid4(), uuid4(), 900, 0, "http://a.example", "http://a.example")

    async def run() -> None:
        gateway = StripeGateway(KEY, WEBHOOK_SECRET, silent.url, timeout_s=0.2)
        try:
            with pytest.raises(SessionNotCreated) as refused:
                await gateway.create_session(order)
            assert refused.value.failure is SessionFailure.UNREACHABLE
            made = await gateway.create_session(order)
        finally:
            await gateway.close()
        assert list(silent.sessions) == [made.id]

    asyncio.run(run())


def test_nothing_is_told_to_stripe_beside_the_payment() -> None:
    """The library's telemetry is off: it would describe the machine, and keep an id in the home folder."""
    assert library.enable_telemetry is False


def test_unbound_key_pays_into_the_same_wallet(till: Checkout) -> None:
    """A wallet is the person's: with a key bound to nothing they see the payment that the other key began."""
    payment_id, _ = till.open()
    token = get_token(till.server, till.server.new_key(till.someone.member).key)
    with till.server.client("") as client:
        assert client.get(f"/stripe/checkout/{payment_id}", headers={"authorization": token}).status_code == 200
