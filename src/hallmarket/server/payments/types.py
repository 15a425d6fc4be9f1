"""Card payments as this room knows them, as the wire shows them, and the parts of Stripe's objects that are read."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec

from hallmarket.server.errors import InvalidRequest

MIN_CENTS = 50  # Stripe's least charge in dollars
MAX_CENTS = 99_999_999  # and its most
METADATA = "hallmarket_payment"  # under which a session carries our payment's id
Status = Literal["created", "open", "paid", "expired", "failed"]
Part = TypeVar("Part")
Page = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class NewCheckout(msgspec.Struct, frozen=True, rename="camel"):
    """What to pay in, and where Stripe sends the browser afterwards: pages of this server's own address."""

    amount_cents: Annotated[int, msgspec.Meta(ge=MIN_CENTS, le=MAX_CENTS)]
    success_url: Page | None = None
    cancel_url: Page | None = None


class WireCheckout(msgspec.Struct, frozen=True):
    """A payment that has begun: `url` is Stripe's page to pay on, until `expires_at`."""

    id: UUID
    url: str
    amount_cents: int
    status: Literal["open"]
    expires_at: datetime


class WirePayment(msgspec.Struct, frozen=True):
    """How a payment stands; `url` is null unless it is open."""

    id: UUID
    url: str | None
    amount_cents: int
    status: Status
    expires_at: datetime | None
    created_at: datetime


class WireReceipt(msgspec.Struct, frozen=True):
    """What came of an event, for whoever looks it up in Stripe's dashboard."""

    outcome: Literal["credited", "noted", "ignored", "disagrees"]


class Payment(msgspec.Struct, frozen=True):
    """What Stripe is asked for."""

    id: UUID
    person_id: UUID
    amount_minor: int
    attempt: int
    success_url: str
    cancel_url: str


class Session(msgspec.Struct, frozen=True):
    """A Checkout Session that was made."""

    id: str
    url: str
    expires_on: datetime


class Trouble(Enum):
    """Why there is no session."""

    AWAY = "away"  # no answer, or none that stays: the same request may be sent again
    BROKEN = "broken"  # Stripe answered that it failed, and would say so again under the same key
    REFUSED = "refused"  # Stripe will not make this one


class NoSessionError(Exception):
    """Stripe made no session, or did not say so."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class EventData(msgspec.Struct, frozen=True):
    """Where Stripe's event holds what it is about."""

    object: msgspec.Raw


class Event(msgspec.Struct, frozen=True):
    """Stripe's event, whose signature was good (docs.stripe.com/api/events/object)."""

    id: str
    type: str
    data: EventData


class SessionOfEvent(msgspec.Struct, frozen=True):
    """A Checkout Session as events tell of it (docs.stripe.com/api/checkout/sessions/object)."""

    id: str
    metadata: dict[str, str] | None = None
    client_reference_id: str | None = None
    payment_status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    payment_intent: str | None = None


class Reversal(msgspec.Struct, frozen=True):
    """A charge that was given back, or a dispute about one (docs.stripe.com/api/charges, …/api/disputes)."""

    id: str
    payment_intent: str | None = None


def read_part(text: bytes | msgspec.Raw, part: type[Part]) -> Part:
    """A part of an event. Raises InvalidRequest if it is no such thing."""
    try:
        return msgspec.json.decode(text, type=part)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The event cannot be read: {error}.", "body") from None
