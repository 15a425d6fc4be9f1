"""Refunds: HTTP only."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, Forbidden, IdempotencyMismatch, InsufficientFunds
from hallmarket.server.http.exchange_dialect import Data, exchange_reply
from hallmarket.server.http.idempotency_key import IDEMPOTENCY_HEADER, find_idempotency_key
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.parameters import read_id
from hallmarket.server.http.request_context import request_context
from hallmarket.server.idempotency.claim import claim_for
from hallmarket.server.idempotency.store import do_once
from hallmarket.server.purchases.refund import Refund, RefundRequest, refund

AnyRequest = Request[Any, Any, Any]
REFUND: dict[str, Any] = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "raises": (InsufficientFunds, Forbidden, Conflict, IdempotencyMismatch),
}


def refund_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the route that refunds a licence."""

    @post(
        "/licences/{licence_id:str}/refund",
        opt=REFUND,
        status_code=200,
        summary="Refund a purchase, partly or completely",
        responses={200: response_spec(Data[Refund], "The refund, and the rest of the price.")},
    )
    async def refund_licence(
        request: AnyRequest, licence_id: FromPath[str], data: JSONBody[RefundRequest]
    ) -> Data[Refund]:
        context, licence = request_context(request.scope), read_id(licence_id, "licence_id")
        key = find_idempotency_key(context)
        claim = claim_for(context.principal, key, f"/licences/{licence}/refund", data, render=exchange_reply)
        work = partial(refund, principal=context.principal, licence_id=licence, request=data)
        return Data(await do_once(database, claim, work))

    return [refund_licence]
