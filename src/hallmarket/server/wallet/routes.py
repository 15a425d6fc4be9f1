"""`/wallet` and `/stripe/wallet`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import IdempotencyMismatch, InsufficientFunds, NotFound
from hallmarket.server.http.examples import ID
from hallmarket.server.http.exchange import Data, Paged
from hallmarket.server.http.idempotency import IDEMPOTENCY_HEADER, find_idempotency_key
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.http.sending import Sending, begun
from hallmarket.server.wallet.balance import BitcoinBalance, UsdBalance, get_bitcoin_balance, get_usd_balance
from hallmarket.server.wallet.give import NewSend, NewTip, Sent, Tip, send, tip
from hallmarket.server.wallet.history import (
    BITCOIN_QUERY,
    USD_QUERY,
    BitcoinMove,
    UsdMove,
    list_bitcoin_moves,
    list_usd_moves,
)
from hallmarket.server.wallet.statement import (
    COLUMNS,
    CONTENT_TYPE,
    STATEMENT_QUERY,
    read_statement_request,
    write_statement,
)

AnyRequest = Request[Any, Any, Any]
READ: dict[str, Any] = {"scope": "wallet:read"}
STATEMENT = READ | {
    "query": STATEMENT_QUERY,
    "answer": {
        "text/csv": {"type": "string", "description": "A header, then a line each.", "examples": [",".join(COLUMNS)]}
    },
}
GIVE: dict[str, Any] = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "raises": (NotFound, InsufficientFunds, IdempotencyMismatch),
}


def wallet_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of wallets."""
    return [*_bitcoin_routes(database), *_usd_routes(database), _statement_route(database)]


def _bitcoin_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get("/wallet/balance", opt=READ, summary="What you have in bitcoin, in satoshis")
    async def balance(request: AnyRequest) -> Data[BitcoinBalance]:
        return Data(await get_bitcoin_balance(database, principal_of(request.scope).person_id))

    @get("/wallet/transactions", opt=READ | {"query": BITCOIN_QUERY}, summary="What moved in bitcoin, newest first")
    async def transactions(request: AnyRequest) -> Paged[BitcoinMove]:
        context = request_context(request.scope)
        return await list_bitcoin_moves(
            database, context.principal.person_id, read_query(context.scope["query_string"])
        )

    @get("/wallet/deposit-address", opt=READ, summary="Where to send bitcoin to; null, for there is no network")
    async def deposit_address() -> Data[str | None]:
        return Data(None)

    @post(
        "/wallet/send-sats",
        opt=GIVE | {"example": {"recipientId": ID, "amount": 1200}},
        status_code=200,
        responses={200: answer(Data[Sent], "It has moved.")},
        summary="Give somebody satoshis",
    )
    async def send_sats(request: AnyRequest, data: JSONBody[NewSend]) -> Response[bytes]:
        context = request_context(request.scope)
        return as_response(await send(database, context.principal, find_idempotency_key(context), data))

    return [balance, transactions, deposit_address, send_sats]


def _usd_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get("/stripe/wallet/balance", opt=READ, summary="What you have in dollars, in cents")
    async def balance(request: AnyRequest) -> Data[UsdBalance]:
        return Data(await get_usd_balance(database, principal_of(request.scope).person_id))

    @get("/stripe/wallet/transactions", opt=READ | {"query": USD_QUERY}, summary="What moved in dollars, newest first")
    async def transactions(request: AnyRequest) -> Paged[UsdMove]:
        context = request_context(request.scope)
        return await list_usd_moves(database, context.principal.person_id, read_query(context.scope["query_string"]))

    @post(
        "/stripe/wallet/tip",
        opt=GIVE | {"example": {"recipientId": ID, "amountCents": 500, "message": "For the photo."}},
        status_code=200,
        responses={200: answer(Data[Tip], "It has moved.")},
        summary="Give somebody cents",
    )
    async def give(request: AnyRequest, data: JSONBody[NewTip]) -> Response[bytes]:
        context = request_context(request.scope)
        return as_response(await tip(database, context.principal, find_idempotency_key(context), data))

    return [balance, transactions, give]


def _statement_route(database: Database) -> HTTPRouteHandler:
    @get("/wallet/statement", opt=STATEMENT, summary="All that moved within a time, oldest first, as CSV")
    async def statement(request: AnyRequest) -> Response[bytes]:
        context = request_context(request.scope)
        wanted = read_statement_request(read_query(context.scope["query_string"]))
        headers = [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-disposition", b'attachment; filename="statement-%s.csv"' % wanted.currency.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if context.method == "HEAD":
            return Sending(200, headers, None)
        return Sending(200, headers, await begun(write_statement(database, context.principal, wanted)))

    return statement
