"""A stand-in for Stripe as its reference documents it: Checkout Sessions over HTTP, and signed events."""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

KEY = "sk_test_51Hm" + secrets.token_hex(8)
WEBHOOK_SECRET = "whsec_" + secrets.token_hex(16)
Json = dict[str, Any]


class StripeRequest(NamedTuple):
    """A request to Stripe: its headers and its form."""

    headers: dict[str, str]
    form: dict[str, str]


class StripeResponse(NamedTuple):
    """A response. Stripe stores it under the idempotency key once it has executed the request, even an error."""

    status: int
    body: Json
    is_stored: bool = True


# docs.stripe.com/api/errors. The response to a request that was rejected before execution is not stored.
DECLINED = StripeResponse(
    402, {"error": {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}}
)
BAD_KEY = StripeResponse(
    401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}, is_stored=False
)
NOT_ALLOWED = StripeResponse(
    403, {"error": {"type": "invalid_request_error", "message": "not permitted"}}, is_stored=False
)
TOO_MANY = StripeResponse(
    429, {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "slow"}}, False
)
BROKEN = StripeResponse(500, {"error": {"type": "api_error", "message": "Something went wrong on Stripe's end."}})
REFUSED = StripeResponse(
    400, {"error": {"type": "invalid_request_error", "param": "x", "message": "cannot charge yet"}}, False
)
IN_USE = StripeResponse(
    409, {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": ""}}, False
)
OTHER = StripeResponse(
    400, {"error": {"type": "idempotency_error", "message": "used with other parameters"}}, is_stored=False
)


class FakeStripe:
    """One account. `script` holds the responses to the next requests; `meanwhile` is called after the next one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[StripeRequest] = []
        self.sessions: dict[str, Json] = {}
        self.script: deque[StripeResponse | None] = deque()  # None closes the connection
        self.meanwhile: Callable[[], None] | None = None
        self._stored: dict[str, tuple[dict[str, str], StripeResponse]] = {}
        self._in_progress: set[str] = set()
        self._lock = threading.Lock()

    def respond(self, request: StripeRequest) -> StripeResponse | None:
        """Respond to a request for a Checkout Session; None closes the connection."""
        key = request.headers.get("idempotency-key", "")
        with self._lock:
            self.requests.append(request)
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return BAD_KEY
            if key in self._stored:
                form, stored = self._stored[key]
                return stored if form == request.form else OTHER
            if key in self._in_progress:
                return IN_USE
            if self.script:
                scripted = self.script.popleft()
                if scripted is not None and scripted.is_stored:
                    self._stored[key] = request.form, scripted
                return scripted
            self._in_progress.add(key)
        response = self._make(request.form)
        with self._lock:
            self._stored[key] = request.form, response
            self._in_progress.remove(key)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return response

    def _make(self, form: dict[str, str]) -> StripeResponse:
        price = "line_items[0][price_data]"
        if form.get("mode") != "payment" or form.get(f"{price}[product_data][name]") is None:
            return REFUSED
        amount = int(form[f"{price}[unit_amount]"]) * int(form["line_items[0][quantity]"])
        if amount < 50 or not form["success_url"].startswith(("https://", "http://")):
            return REFUSED
        session = session_object(
            amount_subtotal=amount,
            amount_total=amount,
            currency=form[f"{price}[currency]"],
            client_reference_id=form.get("client_reference_id"),
            metadata={name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            success_url=form["success_url"],
            cancel_url=form.get("cancel_url"),
        )
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}#fid"
        self.sessions[session["id"]] = session
        return StripeResponse(200, session)


def session_object(**changed: Any) -> Json:
    """A Checkout Session, with the fields of docs.stripe.com/api/checkout/sessions/object that clients use."""
    now = int(time.time())
    return {
        "id": f"cs_test_a1{secrets.token_hex(24)}",
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": 2500,
        "amount_total": 2500,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "cancel_url": None,
        "client_reference_id": None,
        "created": now,
        "currency": "usd",
        "customer": None,
        "customer_details": None,
        "expires_at": now + 86400,
        "livemode": False,
        "metadata": {},
        "mode": "payment",
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "status": "open",
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": None,
        **changed,
    }


def paid(session: Json, **changed: Any) -> Json:
    """Return the session as it is after its payment."""
    intent = "pi_3" + hashlib.sha256(session["id"].encode()).hexdigest()[:24]
    details = {"email": "jane@example.org", "name": "Jane Doe"}
    return {
        **session,
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": intent,
        "customer_details": details,
        "url": None,
        **changed,
    }


def event_object(kind: str, about: Json) -> Json:
    """Build an event as in docs.stripe.com/api/events/object."""
    return {
        "id": f"evt_1{secrets.token_hex(12)}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def sign(body: bytes, secret: str = WEBHOOK_SECRET, age_s: int = 0, scheme: str = "v1") -> str:
    """Compute the header `Stripe-Signature` by docs.stripe.com/webhooks#verify-manually."""
    at = int(time.time()) - age_s
    return f"t={at},{scheme}={hmac.new(secret.encode(), b'%d.%s' % (at, body), hashlib.sha256).hexdigest()}"


@contextmanager
def fake_stripe() -> Iterator[FakeStripe]:
    """Serve Stripe's API on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/checkout/sessions", self.path
            assert self.headers["content-type"] == "application/x-www-form-urlencoded"
            form = dict(parse_qsl(body.decode(), strict_parsing=True))
            response = stripe.respond(
                StripeRequest({name.lower(): value for name, value in self.headers.items()}, form)
            )
            if response is None:
                self.close_connection = True
                return
            content = json.dumps(response.body).encode()
            self.send_response(response.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.send_header("request-id", "req_" + secrets.token_hex(7))
            if response.status == 500:
                self.send_header("stripe-should-retry", "false")  # a retry would get the same response
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    class Listening(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            return  # the client was killed

    with Listening(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        stripe = FakeStripe(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield stripe
        finally:
            listening.shutdown()
            thread.join()
