"""Stripe, through its own library. The only file that loads it, and loaded by those alone who take card payments."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import stripe
import structlog

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.payments.types import METADATA, Event, NoSessionError, Payment, Session, Trouble, read_part

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

TIMEOUT_S = 10.0
RETRIES = 2
TOLERANCE_S = 300  # how old a signature may be, Stripe's own default
log = structlog.get_logger()
stripe.enable_telemetry = False  # it would tell about this machine, and keep an id in the home folder


class Remote:
    """The account at Stripe that payments go to. Its secrets stay in here."""

    def __init__(self, secret_key: str, webhook_secret: str, api_url: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._webhook_secret = webhook_secret
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_url or stripe.DEFAULT_API_BASE},
            max_network_retries=RETRIES,
            http_client=self._http,
        )
        self._sessions = client.v1.checkout.sessions  # loads what makes them, here rather than in a request

    async def create_session(self, payment: Payment) -> Session:
        """The Checkout Session of a payment; asked again within a day, Stripe answers with the same one.

        Raises NoSessionError.
        """
        key = str(payment.id) if payment.attempt == 0 else f"{payment.id}-{payment.attempt}"
        try:
            made = await self._sessions.create_async(_params(payment), {"idempotency_key": key})
        except stripe.StripeError as error:
            trouble = _trouble(error)
            # A refused key is named in the message of its refusal.
            words = None if isinstance(error, stripe.AuthenticationError) else error.user_message
            log.error(
                "Stripe made no session",
                payment=str(payment.id),
                kind=type(error).__name__,
                status=error.http_status,
                code=error.code,
                stripe_request=error.request_id,
                message=words,
            )
            raise NoSessionError(trouble) from None
        if not made.url:
            raise NoSessionError(Trouble.REFUSED)
        return Session(made.id, made.url, datetime.fromtimestamp(made.expires_at, UTC))

    def read_event(self, body: bytes, signature: bytes) -> Event:
        """An event that Stripe has signed, of late. Raises InvalidRequest."""
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature.decode("ascii"), self._webhook_secret, TOLERANCE_S
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            raise InvalidRequest(
                "Stripe-Signature is missing, too old, or not of this body and this server's webhook secret.",
                "Stripe-Signature",
            ) from None
        return read_part(body, Event)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]


def _params(payment: Payment) -> "SessionCreateParams":
    metadata = {METADATA: str(payment.id)}
    return {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": payment.amount_minor,
                    "product_data": {"name": "Wallet credit"},
                },
            }
        ],
        "adaptive_pricing": {"enabled": False},  # dollars are what is credited
        "client_reference_id": str(payment.person_id),
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": payment.success_url,
        "cancel_url": payment.cancel_url,
    }


def _trouble(error: stripe.StripeError) -> Trouble:
    """What an error of the library's means here (docs.stripe.com/api/errors, …/api/idempotent_requests)."""
    status = error.http_status
    # A key that is refused is the operator's to mend, and others who ask for the same at once are waited for.
    if status is None or status < 400 or status in (401, 403, 409, 429):
        return Trouble.AWAY
    return Trouble.BROKEN if status >= 500 or isinstance(error, stripe.IdempotencyError) else Trouble.REFUSED
