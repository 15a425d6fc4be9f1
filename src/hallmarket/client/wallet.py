"""Wallets: what they hold and what moved, buying, giving, and giving back.

Amounts are whole minor units: cents of usd, satoshis of btc. Whatever moves money carries an idempotency key, one made
for each call unless it is given, so a request whose answer is lost is sent again and nothing is paid twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec

from hallmarket.client.exchange_types import (
    Asset,
    Balance,
    Currency,
    Data,
    Page,
    Person,
    Purchase,
    Refund,
    Sent,
    Transaction,
)
from hallmarket.client.paging import given, iterate_pages
from hallmarket.client.session import Session


class _Sats(msgspec.Struct):
    balance: int
    available: int


class _Cents(msgspec.Struct):
    balance_cents: int
    available_cents: int


class _About(msgspec.Struct):
    counterparty: Person | None = None
    asset_name: str | None = None
    message: str | None = None
    fee: int | None = None


class _Moved(msgspec.Struct, kw_only=True):
    """A movement in either currency's words."""

    id: str
    type: str
    status: str
    created_at: str
    value: int = 0
    amount_cents: int = 0
    asset_id: str | None = None
    metadata: _About = msgspec.field(default_factory=_About)


class _SentSats(msgspec.Struct):
    id: str


class _Tip(msgspec.Struct):
    transaction_id: str


class Wallet:
    """`/wallet` and `/stripe/wallet`: the caller's own wallet, whatever organization their key is bound to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def balance(self, currency: Currency) -> Balance:
        """Say what the wallet holds in one currency."""
        if currency == "btc":
            sats: Data[_Sats] = self._session.json(Data[_Sats], "GET", "/wallet/balance")
            return Balance(currency, sats.data.balance, sats.data.available)
        cents: Data[_Cents] = self._session.json(Data[_Cents], "GET", "/stripe/wallet/balance")
        return Balance(currency, cents.data.balance_cents, cents.data.available_cents)

    def transactions(
        self,
        currency: Currency,
        *,
        limit: int = 50,
        offset: int = 0,
        type: str | None = None,  # noqa: A002 - the wire's name
        since: str | None = None,
        until: str | None = None,
    ) -> Page[Transaction]:
        """List a page of what moved, newest first; `since` is inclusive, `until` is not (ISO 8601)."""
        path = "/wallet/transactions" if currency == "btc" else "/stripe/wallet/transactions"
        params = given({"limit": limit, "offset": offset, "type": type, "since": since, "until": until})
        page: Page[_Moved] = self._session.json(Page[_Moved], "GET", path, params=params)
        return Page([_transaction(moved, currency) for moved in page.data], page.pagination)

    def iterate(
        self, currency: Currency, *, max_items: int | None = None, offset: int = 0, **filters: Any
    ) -> Iterator[Transaction]:
        """Yield what `transactions` lists, page by page, up to `max_items` of it."""
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
        """Buy an asset; without a currency in dollars if it is sold in them, else in bitcoin.

        With a price it is bought at that or not at all. Its type is asked for unless given. Raises InsufficientFunds,
        AlreadyBought, and HallmarketError NOT_FOR_SALE, PRICE_CHANGED.
        """
        if asset_type is None:
            found: Data[Asset] = self._session.json(Data[Asset], "GET", f"/assets/{quote(asset_id, safe='')}")
            asset_type = found.data.asset_type
        body = {"assetType": asset_type, "assetId": asset_id, "currency": currency, "price": price_minor}
        bought: Data[Purchase] = self._post(
            Data[Purchase], "/elements/common/purchase-asset", given(body), idempotency_key
        )
        return bought.data

    def send(
        self,
        user_id: str,
        amount_minor: int,
        currency: Currency,
        message: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Sent:
        """Give somebody money, all of which reaches them. Raises InsufficientFunds."""
        if currency == "btc":
            body = given({"recipientId": user_id, "amount": amount_minor, "message": message})
            sats: Data[_SentSats] = self._post(Data[_SentSats], "/wallet/send-sats", body, idempotency_key)
            return Sent(sats.data.id, currency, amount_minor, user_id)
        body = given({"recipientId": user_id, "amountCents": amount_minor, "message": message})
        tip: Data[_Tip] = self._post(Data[_Tip], "/stripe/wallet/tip", body, idempotency_key)
        return Sent(tip.data.transaction_id, currency, amount_minor, user_id)

    def refund(
        self,
        licence_id: str,
        amount_minor: int | None = None,
        reason: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Give back a part of a price, or all that is left of it, which ends the licence. Raises InsufficientFunds."""
        body = given({"amount": amount_minor, "reason": reason})
        path = f"/licences/{quote(licence_id, safe='')}/refund"
        done: Data[Refund] = self._post(Data[Refund], path, body, idempotency_key)
        return done.data

    @contextmanager
    def statement(
        self, currency: Currency, since: str | None = None, until: str | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Open what moved in a period, oldest first, as CSV in pieces of bytes, however long it is."""
        params = given({"currency": currency, "since": since, "until": until})
        with self._session.stream("GET", "/wallet/statement", params=params) as response:
            yield response.iter_bytes()

    def _post(self, kind: Any, path: str, body: dict[str, Any], idempotency_key: str | None) -> Any:
        # The key is made once, before the first try: every further try of this call carries the same.
        headers = {"idempotency-key": idempotency_key or str(uuid4())}
        return self._session.json(kind, "POST", path, json=body, headers=headers)


def _transaction(moved: _Moved, currency: Currency) -> Transaction:
    about = moved.metadata
    return Transaction(
        id=moved.id,
        type=moved.type,
        currency=currency,
        amount_minor=moved.value if currency == "btc" else moved.amount_cents,
        status=moved.status,
        created_at=moved.created_at,
        asset_id=moved.asset_id,
        asset_name=about.asset_name,
        counterparty=about.counterparty,
        message=about.message,
        fee_minor=about.fee,
    )
