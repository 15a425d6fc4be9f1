"""Money as the other rooms know it: whole minor units (cents of usd, satoshis of btc), always integers."""

from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.database.ids import new_id

Currency = Literal["usd", "btc"]
TransferKind = Literal["credit", "deposit", "purchase", "tip", "send", "refund", "payout", "correction"]
MAX_AMOUNT_MINOR = 21 * 10**14  # of one transfer: 21 trillion dollars, all the bitcoin there will ever be

_PLATFORM = "00000000-0000-7000-8000-00000000000"
FEE: dict[Currency, UUID] = {"usd": UUID(_PLATFORM + "1"), "btc": UUID(_PLATFORM + "2")}
FUNDING: dict[Currency, UUID] = {"usd": UUID(_PLATFORM + "3"), "btc": UUID(_PLATFORM + "4")}
PAYOUT: dict[Currency, UUID] = {"usd": UUID(_PLATFORM + "5"), "btc": UUID(_PLATFORM + "6")}


class Posting(msgspec.Struct, frozen=True):
    """One signed line of a transfer: below zero where money leaves the account."""

    account_id: UUID
    amount_minor: int


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money to be moved, in one currency; its postings sum to zero."""

    kind: TransferKind
    currency: Currency
    postings: tuple[Posting, ...]
    id: UUID = msgspec.field(default_factory=new_id)
    actor_id: UUID | None = None
    asset_id: UUID | None = None
    corrects_id: UUID | None = None
    message: str | None = None
    reference: str | None = None


class Account(msgspec.Struct, frozen=True):
    """A person's account, and what it holds."""

    id: UUID
    balance_minor: int


def money(amount_minor: int, currency: Currency) -> str:
    """An amount for people: `$12.50`, `1,200 sats`."""
    sign = "-" if amount_minor < 0 else ""
    whole, cents = divmod(abs(amount_minor), 100)
    return f"{sign}${whole:,}.{cents:02}" if currency == "usd" else f"{amount_minor:,} sats"
