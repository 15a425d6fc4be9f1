"""Purchases: HTTP only."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, post
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
from hallmarket.server.http.examples import ID
from hallmarket.server.http.exchange import Data
from hallmarket.server.http.idempotency import IDEMPOTENCY_HEADER, find_idempotency_key
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.http.request_context import RequestContext, request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.idempotency.store import claim_for
from hallmarket.server.purchases.pricing import Order
from hallmarket.server.purchases.purchase import Purchases
from hallmarket.server.purchases.receipt import Purchase, SatsPurchase, UsdPurchase
from hallmarket.server.wallet.types import MAX_AMOUNT_MINOR, Currency

AnyRequest = Request[Any, Any, Any]
BUY: dict[str, Any] = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "example": {"assetType": "file", "assetId": ID},
    "raises": (NotFound, NotForSale, AlreadyBought, PriceChanged, InsufficientFunds, IdempotencyMismatch),
}


class Wanted(msgspec.Struct, frozen=True, rename="camel"):
    """The asset to be bought."""

    asset_type: AssetType
    asset_id: UUID
    price: Annotated[int, msgspec.Meta(gt=0, le=MAX_AMOUNT_MINOR)] | None = (
        None  # cents or satoshis; another one is refused
    )


class WantedFor(Wanted, frozen=True, rename="camel"):
    """The asset to be bought, and the currency to pay in: without one dollars, if it is sold in them, else bitcoin.

    `method` is the reference's; there is one way to pay, from the wallet.
    """

    currency: Currency | None = None
    method: Literal["checkout", "api"] | None = None


def purchase_routes(purchases: Purchases) -> Sequence[HTTPRouteHandler]:
    """The three routes by which assets are bought; they differ in the currency and in the words of the answer."""

    @post(
        "/elements/common/purchase-asset",
        opt=BUY,
        status_code=200,
        summary="Buy an asset",
        responses={200: answer(Data[Purchase], "What was charged, and what the seller received.")},
    )
    async def buy(request: AnyRequest, data: JSONBody[WantedFor]) -> Response[bytes]:
        order = _order(request_context(request.scope), data, data.currency, "common")
        return as_response(await purchases.submit(order))

    @post(
        "/wallet/purchase-asset",
        opt=BUY,
        status_code=200,
        summary="Buy an asset with satoshis",
        responses={200: answer(Data[SatsPurchase], "What the seller and the platform received, satoshis.")},
    )
    async def buy_with_sats(request: AnyRequest, data: JSONBody[Wanted]) -> Response[bytes]:
        return as_response(await purchases.submit(_order(request_context(request.scope), data, "btc", "btc")))

    @post(
        "/stripe/wallet/purchase-asset",
        opt=BUY,
        status_code=200,
        summary="Buy an asset with dollars",
        responses={200: answer(Data[UsdPurchase], "What was paid, cents.")},
    )
    async def buy_with_dollars(request: AnyRequest, data: JSONBody[Wanted]) -> Response[bytes]:
        return as_response(await purchases.submit(_order(request_context(request.scope), data, "usd", "usd")))

    return [buy, buy_with_sats, buy_with_dollars]


def _order(
    context: RequestContext, wanted: Wanted, currency: Currency | None, form: Literal["common", "usd", "btc"]
) -> Order:
    key = find_idempotency_key(context)
    return Order(
        buyer=context.principal,
        asset_id=wanted.asset_id,
        asset_type=wanted.asset_type,
        currency=currency,
        expected_minor=wanted.price,
        form=form,
        claim=claim_for(
            context.principal, key, context.path, wanted.asset_type, wanted.asset_id, currency, wanted.price
        ),
    )
