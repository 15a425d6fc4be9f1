"""Refunds: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, Forbidden, IdempotencyMismatch, InsufficientFunds
from hallmarket.server.http.exchange import Data, read_id
from hallmarket.server.http.idempotency import IDEMPOTENCY_HEADER, find_idempotency_key
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.http.request_context import request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.purchases.refund import Refund, RefundWanted, refund_licence

AnyRequest = Request[Any, Any, Any]
REFUND: dict[str, Any] = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "raises": (InsufficientFunds, Forbidden, Conflict, IdempotencyMismatch),
}


def refund_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The route by which money is given back."""

    @post(
        "/licences/{licence_id:str}/refund",
        opt=REFUND,
        status_code=200,
        summary="Give back what was paid for an asset, in parts or whole",
        responses={200: answer(Data[Refund], "What was given back, and what is left of the price.")},
    )
    async def refund(request: AnyRequest, licence_id: FromPath[str], data: JSONBody[RefundWanted]) -> Response[bytes]:
        wanted = read_id(licence_id, "licence_id")
        context = request_context(request.scope)
        key = find_idempotency_key(context)
        return as_response(await refund_licence(database, context.principal, key, wanted, data))

    return [refund]
