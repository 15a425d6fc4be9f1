"""Card payments in this room, on the wire, and in the parts of Stripe's objects that this server reads."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec

from hallmarket.server.errors import InvalidRequest

MIN_CENTS = 50  # Stripe's minimum charge in dollars
MAX_CENTS = 99_999_999  # Stripe's maximum charge in dollars
METADATA_KEY = "hallmarket_payment"  # the metadata of a Checkout Session that holds our payment's id
Status = Literal["created", "open", "paid", "expired", "failed"]
Part = TypeVar("Part")
PageUrl = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class NewCheckout(msgspec.Struct, frozen=True, rename="camel"):
    """The amount to pay in, and the pages of this server to which Stripe sends the browser afterwards."""

    amount_cents: Annotated[int, msgspec.Meta(ge=MIN_CENTS, le=MAX_CENTS)]
    success_url: PageUrl | None = None
    cancel_url: PageUrl | None = None


class WireCheckout(msgspec.Struct, frozen=True):
    """An open payment. `url` is Stripe's payment page, which is valid until `expires_at`."""

    id: UUID
    url: str
    amount_cents: int
    status: Literal["open"]
    expires_at: datetime


class WirePayment(msgspec.Struct, frozen=True):
    """The state of a payment. `url` is null unless the payment is open."""

    id: UUID
    url: str | None
    amount_cents: int
    status: Status
    expires_at: datetime | None
    created_at: datetime


class WireReceipt(msgspec.Struct, frozen=True):
    """The result of an event. It appears in Stripe's dashboard."""

    outcome: Literal["credited", "noted", "ignored", "disagrees"]


class PaymentOrder(msgspec.Struct, frozen=True):
    """A payment for which Stripe is to create a Checkout Session."""

    id: UUID
    person_id: UUID
    amount_minor: int
    attempt: int
    success_url: str
    cancel_url: str


class CheckoutSession(msgspec.Struct, frozen=True):
    """A Checkout Session that Stripe created."""

    id: str
    url: str
    expires_on: datetime


class SessionFailure(Enum):
    """Why Stripe created no session."""

    UNREACHABLE = "unreachable"  # no response, or a temporary error: the same request can be sent again
    BROKEN = "broken"  # Stripe failed, and would repeat this response to every request with the same key
    REFUSED = "refused"  # Stripe rejected this session


class SessionNotCreated(Exception):
    """Stripe created no session, or its response did not arrive."""

    def __init__(self, failure: SessionFailure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class EventData(msgspec.Struct, frozen=True):
    """The object that an event is about."""

    object: msgspec.Raw


class Event(msgspec.Struct, frozen=True):
    """A Stripe event with a valid signature (docs.stripe.com/api/events/object)."""

    id: str
    type: str
    data: EventData


class EventSession(msgspec.Struct, frozen=True):
    """The Checkout Session of an event (docs.stripe.com/api/checkout/sessions/object)."""

    id: str
    metadata: dict[str, str] | None = None
    client_reference_id: str | None = None
    payment_status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    payment_intent: str | None = None


class EventReversal(msgspec.Struct, frozen=True):
    """The refunded charge, or the dispute, of an event (docs.stripe.com/api/charges, …/api/disputes)."""

    id: str
    payment_intent: str | None = None


def read_part(text: bytes | msgspec.Raw, part: type[Part]) -> Part:
    """Decode a part of an event. Raises InvalidRequest if it has another form."""
    try:
        return msgspec.json.decode(text, type=part)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The event cannot be read: {error}.", "body") from None
