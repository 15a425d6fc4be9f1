"""Money as the other rooms see it: integers in minor units, which are cents of usd and satoshis of btc."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.database.ids import new_id
from hallmarket.server.errors import InsufficientFunds

Currency = Literal["usd", "btc"]
TransferKind = Literal["credit", "deposit", "purchase", "tip", "send", "refund", "payout", "correction"]
CURRENCIES: tuple[Currency, ...] = ("usd", "btc")
MAX_AMOUNT_MINOR = 21 * 10**14  # of one transfer: 21 trillion dollars, or all the bitcoin that will ever exist

_PLATFORM = "00000000-0000-7000-8000-00000000000"
FEE: dict[Currency, UUID] = {"usd": UUID(_PLATFORM + "1"), "btc": UUID(_PLATFORM + "2")}
FUNDING: dict[Currency, UUID] = {"usd": UUID(_PLATFORM + "3"), "btc": UUID(_PLATFORM + "4")}
PAYOUT: dict[Currency, UUID] = {"usd": UUID(_PLATFORM + "5"), "btc": UUID(_PLATFORM + "6")}
PLATFORM_ACCOUNTS = frozenset((*FEE.values(), *FUNDING.values(), *PAYOUT.values()))


class Posting(msgspec.Struct, frozen=True):
    """One signed line of a transfer. The amount is negative where money leaves the account.

    `holder_id` is the id of a person, or of one of the platform's accounts: FEE, FUNDING or PAYOUT.
    """

    holder_id: UUID
    amount_minor: int


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of money in one currency. Its postings sum to zero."""

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
    """What a person holds in one currency."""

    currency: Currency
    balance_minor: int

    def withdraw(self, amount_minor: int) -> "Account":
        """Return the account after a payment. Raises InsufficientFunds, with the missing amount."""
        missing = amount_minor - self.balance_minor
        if missing > 0:
            raise InsufficientFunds(
                f"This needs {money(amount_minor, self.currency)}, but your wallet holds"
                f" {money(self.balance_minor, self.currency)}. Add {money(missing, self.currency)} and try again.",
                {
                    "currency": self.currency,
                    "amount": amount_minor,
                    "available": self.balance_minor,
                    "missing": missing,
                },
            )
        return Account(self.currency, self.balance_minor - amount_minor)


Wallets = Mapping[tuple[UUID, Currency], Account]  # by person and currency


def money(amount_minor: int, currency: Currency) -> str:
    """Write an amount for people: `$12.50`, `1,200 sats`."""
    sign = "-" if amount_minor < 0 else ""
    whole, cents = divmod(abs(amount_minor), 100)
    return f"{sign}${whole:,}.{cents:02}" if currency == "usd" else f"{amount_minor:,} sats"
