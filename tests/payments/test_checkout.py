"""Beginning a card payment: repeats continue the same payment, wherever Stripe or the server fails."""

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


def test_a_payment_is_a_checkout_session(checkout: Checkout) -> None:
    """A payment is a Checkout Session in dollars with our id in its metadata. The response has the page to pay on."""
    before = len(checkout.stripe.requests)
    payment = checkout.begin(1234).json()["data"]
    (request,) = checkout.stripe.requests[before:]
    session = next(each for each in checkout.stripe.sessions.values() if each["url"] == payment["url"])
    assert payment == {
        "id": payment["id"],
        "url": session["url"],
        "amount_cents": 1234,
        "status": "open",
        "expires_at": datetime.fromtimestamp(session["expires_at"], UTC).isoformat().replace("+00:00", "Z"),
    }
    assert request.headers["idempotency-key"] == payment["id"]
    assert request.form == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1234",
        "line_items[0][price_data][product_data][name]": "Wallet credit",
        "adaptive_pricing[enabled]": "false",
        "client_reference_id": checkout.payer.id,
        "metadata[hallmarket_payment]": payment["id"],
        "payment_intent_data[metadata][hallmarket_payment]": payment["id"],
        "success_url": f"{checkout.server.url}/stripe/returned",
        "cancel_url": f"{checkout.server.url}/stripe/returned",
    }
    state = checkout.payer.call("GET", f"/stripe/checkout/{payment['id']}")
    assert {name: state[name] for name in payment} == payment
    with checkout.server.client("") as client:
        page = client.get("/stripe/returned")
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_repeats_begin_one_payment(checkout: Checkout) -> None:
    """Five concurrent requests with one key, and a sixth, create one session and receive the same bytes."""
    sessions = len(checkout.stripe.sessions)
    with ThreadPoolExecutor(5) as pool:
        responses = list(pool.map(lambda _: checkout.begin(700, "once"), range(5)))
    responses.append(checkout.begin(700, "once"))
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert responses[-1].headers["idempotent-replayed"] == "true"
    assert len(checkout.stripe.sessions) == sessions + 1
    assert_exchange_error(checkout.begin(701, "once"), 422, "idempotency_mismatch")
    assert checkout.begin(700, "another").content != responses[0].content


@pytest.mark.parametrize("failure", [BROKEN, BAD_KEY, NOT_ALLOWED, TOO_MANY], ids=lambda response: str(response.status))
def test_an_error_at_stripe_loses_no_payment(checkout: Checkout, failure: StripeResponse) -> None:
    """While Stripe fails or rejects our key the response is 503, and a repeat with the key continues the payment."""
    checkout.stripe.script.append(failure)
    sessions, before = len(checkout.stripe.sessions), len(checkout.stripe.requests)
    refused = checkout.begin(900, "patience")
    error = assert_exchange_error(refused, 503, "unavailable")
    assert "Stripe" in error["message"]
    assert refused.headers["retry-after"] == "1"
    repeated = checkout.begin(900, "patience")
    assert repeated.status_code == 200, repeated.text
    assert "idempotent-replayed" not in repeated.headers
    assert len(checkout.stripe.sessions) == sessions + 1
    first, second = checkout.stripe.requests[before:]
    assert first.form == second.form
    assert KEY not in checkout.server.log.read_text()
    assert checkout.begin(900, "patience").content == repeated.content


def test_a_broken_connection_to_stripe_is_retried(checkout: Checkout) -> None:
    """When Stripe closes the connection, the same request is sent again with the same key."""
    checkout.stripe.script.append(None)
    before = len(checkout.stripe.requests)
    assert checkout.begin(900).status_code == 200
    first, second = checkout.stripe.requests[before:]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize("refusal", [REFUSED, DECLINED], ids=lambda response: str(response.status))
def test_a_refused_payment_stays_refused(checkout: Checkout, refusal: StripeResponse) -> None:
    """A payment that Stripe refuses is 409 and failed. A repeat is answered the same without a request to Stripe."""
    checkout.stripe.script.append(refusal)
    first = checkout.begin(900, "hopeless")
    assert_exchange_error(first, 409, "conflict")
    before = len(checkout.stripe.requests)
    assert checkout.begin(900, "hopeless").content == first.content
    assert len(checkout.stripe.requests) == before
    (row,) = checkout.server.query("select id from payment where person_id = $1", UUID(checkout.payer.id))
    assert checkout.status(str(row["id"])) == "failed"


def test_a_crash_before_the_session_is_stored(checkout: Checkout) -> None:
    """If the server dies after Stripe created a session and before it is stored, a repeat returns that session."""
    workers = find_workers(checkout.server)

    def kill_workers() -> None:
        for worker in workers:
            kill(worker)

    checkout.stripe.meanwhile = kill_workers
    sessions = set(checkout.stripe.sessions)
    with pytest.raises(httpx.TransportError):
        checkout.begin(900, "crash")
    (row,) = checkout.server.query(
        "select status, session_id from payment where person_id = $1", UUID(checkout.payer.id)
    )
    assert tuple(row) == ("created", None)
    wait_until(lambda: [worker for worker in find_workers(checkout.server) if worker not in workers])
    with checkout.server.client("") as client:
        wait_until(lambda: client.get("/healthz").status_code == 200)
    payment = checkout.begin(900, "crash").json()["data"]
    (session,) = set(checkout.stripe.sessions) - sessions
    assert payment["url"] == checkout.stripe.sessions[session]["url"]
    assert checkout.send_event("checkout.session.completed", paid(checkout.stripe.sessions[session])) == "credited"
    assert checkout.deposits() == [900]


@pytest.mark.parametrize("amount", [49, 0, -50, 100_000_000, 50.5, "x", None, True, 10**30])
def test_an_invalid_amount_is_400(checkout: Checkout, amount: object) -> None:
    """An amount below or above Stripe's limits, or no whole number of cents, is 400 without a request to Stripe."""
    before = len(checkout.stripe.requests)
    assert_exchange_error(checkout.begin(amount), 400, "invalid_request")  # type: ignore[arg-type]
    assert len(checkout.stripe.requests) == before


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
def test_a_page_at_another_address_is_400(checkout: Checkout, field: str, page: str) -> None:
    """Stripe may send the browser only to pages of this server's own address."""
    url = page.replace("{own}", checkout.server.url)
    assert_exchange_error(checkout.begin(900, **{field: url}), 400, "invalid_request")


def test_own_pages_are_passed_to_stripe(checkout: Checkout) -> None:
    """Pages of this server are passed to Stripe unchanged, with Stripe's placeholder in them."""
    own = checkout.server.url
    success, cancel = own + "/wallet?session={CHECKOUT_SESSION_ID}", own
    assert checkout.begin(900, successUrl=success, cancelUrl=cancel).status_code == 200
    form = checkout.stripe.requests[-1].form
    assert (form["success_url"], form["cancel_url"]) == (success, cancel)


def test_people_see_only_their_own_payments(checkout: Checkout) -> None:
    """Another person's payment is 404, exactly like an unknown one."""
    payment_id, _ = checkout.open()
    with new_organization(checkout.server) as org:
        other = org.new_user().client
        assert_exchange_error(other.get(f"/stripe/checkout/{payment_id}"), 404, "not_found")
        assert_exchange_error(other.get(f"/stripe/checkout/{uuid4()}"), 404, "not_found")
    assert_exchange_error(checkout.payer.client.get("/stripe/checkout/x"), 400, "invalid_request")


@pytest.fixture
def silent() -> Iterator[FakeStripe]:
    """A fake Stripe that accepts requests and does not respond before the test has ended."""
    with fake_stripe() as fake:
        hold = threading.Event()
        fake.meanwhile = hold.wait  # type: ignore[assignment]
        try:
            yield fake
        finally:
            hold.set()


@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")  # from Stripe's library
def test_a_timeout_counts_as_unreachable(silent: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Stripe that does not respond in time is unreachable. The next request creates no second session."""
    monkeypatch.setattr("hallmarket.server.payments.stripe_gateway.MAX_RETRIES", 0)
    order = PaymentOrder(uuid4(), uuid4(), 900, 0, "http://a.example", "http://a.example")

    async def run() -> None:
        gateway = StripeGateway(KEY, WEBHOOK_SECRET, silent.url, timeout_s=0.2)
        try:
            with pytest.raises(SessionNotCreated) as refused:
                await gateway.create_session(order)
            assert refused.value.failure is SessionFailure.UNREACHABLE
            session = await gateway.create_session(order)
        finally:
            await gateway.close()
        assert list(silent.sessions) == [session.id]

    asyncio.run(run())


def test_stripes_telemetry_is_off() -> None:
    """The library's telemetry is off. It would describe the machine, and store an id in the home folder."""
    assert library.enable_telemetry is False


def test_every_key_of_a_person_sees_the_payment(checkout: Checkout) -> None:
    """A key that is bound to no organization sees the payment that the person's other key began."""
    payment_id, _ = checkout.open()
    token = get_token(checkout.server, checkout.server.new_key(checkout.payer.member).key)
    with checkout.server.client("") as client:
        assert client.get(f"/stripe/checkout/{payment_id}", headers={"authorization": token}).status_code == 200
