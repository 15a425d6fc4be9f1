"""The gateway to Stripe: the only module that imports Stripe's library. It is loaded only if card payments are on."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import stripe
import structlog

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.payments.types import (
    METADATA_KEY,
    CheckoutSession,
    Event,
    PaymentOrder,
    SessionFailure,
    SessionNotCreated,
    read_part,
)

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

TIMEOUT_S = 10.0
MAX_RETRIES = 2
SIGNATURE_MAX_AGE_S = 300  # Stripe's default
log = structlog.get_logger()
stripe.enable_telemetry = False  # telemetry reports on this machine, and stores an id in the home folder


class StripeGateway:
    """The Stripe account that receives card payments. No other object holds its secrets."""

    def __init__(self, secret_key: str, webhook_secret: str, api_url: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._webhook_secret = webhook_secret
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_url or stripe.DEFAULT_API_BASE},
            max_network_retries=MAX_RETRIES,
            http_client=self._http,
        )
        # The library loads its session service on first access. Load it here, not during a request.
        self._sessions = client.v1.checkout.sessions

    async def create_session(self, order: PaymentOrder) -> CheckoutSession:
        """Create the Checkout Session of a payment. Stripe returns the same session to a repeat within a day.

        Raises SessionNotCreated.
        """
        key = str(order.id) if order.attempt == 0 else f"{order.id}-{order.attempt}"
        try:
            session = await self._sessions.create_async(_params(order), {"idempotency_key": key})
        except stripe.StripeError as error:
            # The message of an authentication error contains the secret key.
            message = None if isinstance(error, stripe.AuthenticationError) else error.user_message
            log.error(
                "Stripe created no session",
                payment=str(order.id),
                kind=type(error).__name__,
                status=error.http_status,
                code=error.code,
                stripe_request=error.request_id,
                message=message,
            )
            raise SessionNotCreated(_failure(error)) from None
        if not session.url:
            raise SessionNotCreated(SessionFailure.REFUSED)
        return CheckoutSession(session.id, session.url, datetime.fromtimestamp(session.expires_at, UTC))

    def read_event(self, body: bytes, signature: bytes) -> Event:
        """Verify an event's signature and its age, and decode it. Raises InvalidRequest."""
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature.decode("ascii"), self._webhook_secret, SIGNATURE_MAX_AGE_S
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            raise InvalidRequest(
                "Stripe-Signature is missing, too old, or does not match this body and this server's webhook secret.",
                "Stripe-Signature",
            ) from None
        return read_part(body, Event)

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._http.close_async()  # type: ignore[no-untyped-call]


def _params(order: PaymentOrder) -> "SessionCreateParams":
    metadata = {METADATA_KEY: str(order.id)}
    return {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": order.amount_minor,
                    "product_data": {"name": "Wallet credit"},
                },
            }
        ],
        "adaptive_pricing": {"enabled": False},  # the wallet is credited in dollars, so the charge is in dollars
        "client_reference_id": str(order.person_id),
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
    }


def _failure(error: stripe.StripeError) -> SessionFailure:
    """Classify an error of the library (docs.stripe.com/api/errors, …/api/idempotent_requests)."""
    status = error.http_status
    # 401 and 403: the operator must correct the secret key. 409: another request with the same key is in progress.
    if status is None or status < 400 or status in (401, 403, 409, 429):
        return SessionFailure.UNREACHABLE
    broken = status >= 500 or isinstance(error, stripe.IdempotencyError)
    return SessionFailure.BROKEN if broken else SessionFailure.REFUSED
