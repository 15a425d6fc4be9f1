"""Wallets: balances, history, purchases, payments and refunds.

Amounts are integers in minor units: cents of usd, satoshis of btc. Every request that moves money carries an
idempotency key, a new one per call unless the caller gives one, so a request can be repeated without paying twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec

from hallmarket.client._exchange_types import (
    Asset,
    Balance,
    Currency,
    Data,
    Page,
    Person,
    Purchase,
    Refund,
    Sent,
    WalletTransaction,
)
from hallmarket.client._paging import iterate_pages, without_none
from hallmarket.client._session import Session

Result = TypeVar("Result")


class _BalanceSats(msgspec.Struct):
    balance: int
    available: int


class _BalanceCents(msgspec.Struct):
    balance_cents: int
    available_cents: int


class _MovementDetails(msgspec.Struct):
    counterparty: Person | None = None
    asset_name: str | None = None
    message: str | None = None
    fee: int | None = None


class _Movement(msgspec.Struct, kw_only=True):
    """A movement as either currency's endpoint sends it: `value` in satoshis or `amount_cents`."""

    id: str
    type: str
    status: str
    created_at: str
    value: int = 0
    amount_cents: int = 0
    asset_id: str | None = None
    metadata: _MovementDetails = msgspec.field(default_factory=_MovementDetails)


class _SentSats(msgspec.Struct):
    id: str


class _SentCents(msgspec.Struct):
    transaction_id: str


class Wallet:
    """The endpoints `/wallet` and `/stripe/wallet`: the caller's own wallet, in every organization."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def balance(self, currency: Currency) -> Balance:
        """Get the wallet's balance in one currency."""
        if currency == "btc":
            sats = self._session.json(Data[_BalanceSats], "GET", "/wallet/balance").data
            return Balance(currency, sats.balance, sats.available)
        cents = self._session.json(Data[_BalanceCents], "GET", "/stripe/wallet/balance").data
        return Balance(currency, cents.balance_cents, cents.available_cents)

    def transactions(
        self,
        currency: Currency,
        *,
        limit: int = 50,
        offset: int = 0,
        type: str | None = None,  # noqa: A002 - the API's name
        since: str | None = None,
        until: str | None = None,
    ) -> Page[WalletTransaction]:
        """List one page of the wallet's movements, newest first; `since` is inclusive, `until` exclusive (ISO 8601)."""
        path = "/wallet/transactions" if currency == "btc" else "/stripe/wallet/transactions"
        params = without_none({"limit": limit, "offset": offset, "type": type, "since": since, "until": until})
        page = self._session.json(Page[_Movement], "GET", path, params=params)
        return Page([_transaction(movement, currency) for movement in page.data], page.pagination)

    def iterate(
        self, currency: Currency, *, max_items: int | None = None, offset: int = 0, **filters: Any
    ) -> Iterator[WalletTransaction]:
        """Yield what `transactions` lists, page by page, at most `max_items` movements."""
        return iterate_pages(self.transactions, max_items, offset, currency=currency, **filters)

    def buy(
        self,
        asset_id: str,
        currency: Currency | None = None,
        *,
        price_minor: int | None = None,
        asset_type: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase:
        """Buy an asset; without a currency, in dollars if it has a price in dollars, else in bitcoin.

        With `price_minor` the purchase succeeds at that price only. `asset_type` saves a request if it is known. Raises
        InsufficientFunds, AlreadyBought, and HallmarketError NOT_FOR_SALE or PRICE_CHANGED.
        """
        if asset_type is None:
            asset = self._session.json(Data[Asset], "GET", f"/assets/{quote(asset_id, safe='')}").data
            asset_type = asset.asset_type
        body = {"assetType": asset_type, "assetId": asset_id, "currency": currency, "price": price_minor}
        path = "/elements/common/purchase-asset"
        return self._post(Data[Purchase], path, without_none(body), idempotency_key).data

    def send(
        self,
        user_id: str,
        amount_minor: int,
        currency: Currency,
        message: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Sent:
        """Send a user money, without a fee; raises InsufficientFunds."""
        if currency == "btc":
            body = without_none({"recipientId": user_id, "amount": amount_minor, "message": message})
            sats = self._post(Data[_SentSats], "/wallet/send-sats", body, idempotency_key).data
            return Sent(sats.id, currency, amount_minor, user_id)
        body = without_none({"recipientId": user_id, "amountCents": amount_minor, "message": message})
        cents = self._post(Data[_SentCents], "/stripe/wallet/tip", body, idempotency_key).data
        return Sent(cents.transaction_id, currency, amount_minor, user_id)

    def refund(
        self,
        licence_id: str,
        amount_minor: int | None = None,
        reason: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Refund part of a price, or all that remains of it, which ends the licence; raises InsufficientFunds."""
        body = without_none({"amount": amount_minor, "reason": reason})
        path = f"/licences/{quote(licence_id, safe='')}/refund"
        return self._post(Data[Refund], path, body, idempotency_key).data

    @contextmanager
    def statement(
        self, currency: Currency, since: str | None = None, until: str | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Open the movements of a period as CSV, oldest first, streamed in chunks of bytes."""
        params = without_none({"currency": currency, "since": since, "until": until})
        with self._session.stream("GET", "/wallet/statement", params=params) as response:
            yield response.iter_bytes()

    def _post(self, kind: type[Result], path: str, body: dict[str, Any], idempotency_key: str | None) -> Result:
        # Created once per call, so every attempt of this call carries the same key.
        headers = {"idempotency-key": idempotency_key or str(uuid4())}
        return self._session.json(kind, "POST", path, json=body, headers=headers)


def _transaction(movement: _Movement, currency: Currency) -> WalletTransaction:
    details = movement.metadata
    return WalletTransaction(
        id=movement.id,
        type=movement.type,
        currency=currency,
        amount_minor=movement.value if currency == "btc" else movement.amount_cents,
        status=movement.status,
        created_at=movement.created_at,
        asset_id=movement.asset_id,
        asset_name=details.asset_name,
        counterparty=details.counterparty,
        message=details.message,
        fee_minor=details.fee,
    )
