"""Purchases: HTTP only."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from hallmarket.server.catalog.types import AssetType
from hallmarket.server.errors import (
    AlreadyBought,
    IdempotencyMismatch,
    InsufficientFunds,
    NotForSale,
    NotFound,
    PriceChanged,
)
from hallmarket.server.http.exchange_dialect import Data, exchange_reply
from hallmarket.server.http.idempotency_key import IDEMPOTENCY_HEADER, find_idempotency_key
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.openapi_examples import ID
from hallmarket.server.http.request_context import request_context
from hallmarket.server.idempotency.claim import claim_for
from hallmarket.server.purchases.purchase import Purchases
from hallmarket.server.purchases.receipt import (
    Purchase,
    SatsPurchase,
    UsdPurchase,
    purchase_receipt,
    sats_receipt,
    usd_receipt,
)
from hallmarket.server.purchases.types import Order, Sale
from hallmarket.server.wallet.types import MAX_AMOUNT_MINOR, Currency

AnyRequest = Request[Any, Any, Any]
Receipt = TypeVar("Receipt")
PURCHASE: dict[str, Any] = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "example": {"assetType": "file", "assetId": ID},
    "raises": (NotFound, NotForSale, AlreadyBought, PriceChanged, InsufficientFunds, IdempotencyMismatch),
}


class NewPurchase(msgspec.Struct, frozen=True, rename="camel"):
    """The asset to buy. With a `price`, in cents or satoshis, the asset is not bought at any other price."""

    asset_type: AssetType
    asset_id: UUID
    price: Annotated[int, msgspec.Meta(gt=0, le=MAX_AMOUNT_MINOR)] | None = None


class NewCurrencyPurchase(NewPurchase, frozen=True, rename="camel"):
    """The asset to buy, and the currency to pay in. Without one: dollars if the asset is sold in them, else bitcoin.

    `method` is part of the reference and has no effect: every purchase is paid from the wallet.
    """

    currency: Currency | None = None
    method: Literal["checkout", "api"] | None = None


def purchase_routes(purchases: Purchases) -> Sequence[HTTPRouteHandler]:
    """Return the three routes that buy an asset. They differ in the currency and in the form of the receipt."""

    async def purchase(
        request: AnyRequest, data: NewPurchase, currency: Currency | None, write: Callable[[Sale], Receipt]
    ) -> Data[Receipt]:
        context = request_context(request.scope)
        claim = claim_for(
            context.principal,
            find_idempotency_key(context),
            *(context.path, data.asset_type, data.asset_id, currency, data.price),
            render=partial(exchange_reply, write=write),
        )
        order = Order(
            buyer=context.principal,
            asset_id=data.asset_id,
            asset_type=data.asset_type,
            currency=currency,
            expected_minor=data.price,
            claim=claim,
        )
        return Data(write(await purchases.purchase(order)))

    @post(
        "/elements/common/purchase-asset",
        opt=PURCHASE,
        status_code=200,
        summary="Buy an asset",
        responses={200: response_spec(Data[Purchase], "The buyer's charge, and the transfer to the seller.")},
    )
    async def buy(request: AnyRequest, data: JSONBody[NewCurrencyPurchase]) -> Data[Purchase]:
        return await purchase(request, data, data.currency, purchase_receipt)

    @post(
        "/wallet/purchase-asset",
        opt=PURCHASE,
        status_code=200,
        summary="Buy an asset with satoshis",
        responses={200: response_spec(Data[SatsPurchase], "The seller's share and the platform's fee, in satoshis.")},
    )
    async def buy_with_sats(request: AnyRequest, data: JSONBody[NewPurchase]) -> Data[SatsPurchase]:
        return await purchase(request, data, "btc", sats_receipt)

    @post(
        "/stripe/wallet/purchase-asset",
        opt=PURCHASE,
        status_code=200,
        summary="Buy an asset with dollars",
        responses={200: response_spec(Data[UsdPurchase], "The price that was paid, in cents.")},
    )
    async def buy_with_dollars(request: AnyRequest, data: JSONBody[NewPurchase]) -> Data[UsdPurchase]:
        return await purchase(request, data, "usd", usd_receipt)

    return [buy, buy_with_sats, buy_with_dollars]
