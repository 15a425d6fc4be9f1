"""`/wallet` and `/stripe/wallet`: HTTP only."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import IdempotencyMismatch, InsufficientFunds, NotFound
from hallmarket.server.http.exchange_dialect import Data, Paged, exchange_reply, paged, read_window
from hallmarket.server.http.idempotency_key import IDEMPOTENCY_HEADER, find_idempotency_key
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.openapi_examples import ID
from hallmarket.server.http.parameters import parse_query
from hallmarket.server.http.request_context import RequestContext, principal_of, request_context
from hallmarket.server.http.streaming_response import StreamingResponse, read_first_chunk
from hallmarket.server.idempotency.claim import Claim, claim_for
from hallmarket.server.idempotency.store import do_once
from hallmarket.server.wallet.balance import BitcoinBalance, UsdBalance, get_bitcoin_balance, get_usd_balance
from hallmarket.server.wallet.send_money import BitcoinTransfer, NewSend, NewTip, Tip, send_sats, tip
from hallmarket.server.wallet.statement import (
    COLUMNS,
    CONTENT_TYPE,
    STATEMENT_QUERY,
    read_statement_request,
    write_statement,
)
from hallmarket.server.wallet.transactions import (
    BITCOIN_QUERY,
    USD_QUERY,
    BitcoinTransaction,
    UsdTransaction,
    list_bitcoin_transactions,
    list_usd_transactions,
    read_bitcoin_window,
    read_filter,
)

AnyRequest = Request[Any, Any, Any]
READ: dict[str, Any] = {"scope": "wallet:read"}
STATEMENT = READ | {
    "query": STATEMENT_QUERY,
    "success": {
        "text/csv": {
            "type": "string",
            "description": "A header line, then one line for each transaction.",
            "examples": [",".join(COLUMNS)],
        }
    },
}
SEND: dict[str, Any] = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "raises": (NotFound, InsufficientFunds, IdempotencyMismatch),
}


def wallet_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of wallets."""
    return [*_bitcoin_routes(database), *_usd_routes(database), _statement_route(database)]


def _bitcoin_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get("/wallet/balance", opt=READ, summary="Get your bitcoin balance, in satoshis")
    async def balance(request: AnyRequest) -> Data[BitcoinBalance]:
        return Data(await get_bitcoin_balance(database, principal_of(request.scope)))

    @get(
        "/wallet/transactions",
        opt=READ | {"query": BITCOIN_QUERY},
        summary="List your bitcoin transactions, newest first",
    )
    async def transactions(request: AnyRequest) -> Paged[BitcoinTransaction]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        window = read_bitcoin_window(query)
        return paged(await list_bitcoin_transactions(database, context.principal, read_filter(query), window))

    @get("/wallet/deposit-address", opt=READ, summary="Get your bitcoin deposit address; null without a network")
    async def deposit_address() -> Data[str | None]:
        return Data(None)

    @post(
        "/wallet/send-sats",
        opt=SEND | {"example": {"recipientId": ID, "amount": 1200}},
        status_code=200,
        responses={200: response_spec(Data[BitcoinTransfer], "The satoshis were sent.")},
        summary="Send satoshis to another user",
    )
    async def send(request: AnyRequest, data: JSONBody[NewSend]) -> Data[BitcoinTransfer]:
        context = request_context(request.scope)
        work = partial(send_sats, principal=context.principal, request=data)
        return Data(await do_once(database, _claim(context, data), work))

    return [balance, transactions, deposit_address, send]


def _usd_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get("/stripe/wallet/balance", opt=READ, summary="Get your dollar balance, in cents")
    async def balance(request: AnyRequest) -> Data[UsdBalance]:
        return Data(await get_usd_balance(database, principal_of(request.scope)))

    @get(
        "/stripe/wallet/transactions",
        opt=READ | {"query": USD_QUERY},
        summary="List your dollar transactions, newest first",
    )
    async def transactions(request: AnyRequest) -> Paged[UsdTransaction]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        window = read_window(query)
        return paged(await list_usd_transactions(database, context.principal, read_filter(query), window))

    @post(
        "/stripe/wallet/tip",
        opt=SEND | {"example": {"recipientId": ID, "amountCents": 500, "message": "For the photo."}},
        status_code=200,
        responses={200: response_spec(Data[Tip], "The tip was sent.")},
        summary="Send a tip to another user, in cents",
    )
    async def send(request: AnyRequest, data: JSONBody[NewTip]) -> Data[Tip]:
        context = request_context(request.scope)
        work = partial(tip, principal=context.principal, request=data)
        return Data(await do_once(database, _claim(context, data), work))

    return [balance, transactions, send]


def _claim(context: RequestContext, data: NewTip | NewSend) -> Claim | None:
    key = find_idempotency_key(context)
    return claim_for(context.principal, key, context.path, data, render=exchange_reply)


def _statement_route(database: Database) -> HTTPRouteHandler:
    @get("/wallet/statement", opt=STATEMENT, summary="Get all transactions of a period as CSV, oldest first")
    async def statement(request: AnyRequest) -> Response[bytes]:
        context = request_context(request.scope)
        requested = read_statement_request(parse_query(context.scope["query_string"]))
        headers = [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-disposition", b'attachment; filename="statement-%s.csv"' % requested.currency.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if context.method == "HEAD":
            return StreamingResponse(200, headers, None)
        return StreamingResponse(
            200, headers, await read_first_chunk(write_statement(database, context.principal, requested))
        )

    return statement
