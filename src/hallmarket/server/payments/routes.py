"""`/stripe/checkout`, `/stripe/webhook`: HTTP only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, IdempotencyMismatch, NotConfigured
from hallmarket.server.http.body import read_body
from hallmarket.server.http.exchange import Data, read_id
from hallmarket.server.http.idempotency import IDEMPOTENCY_HEADER, REPLAYED, find_idempotency_key
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.payments.checkout import RETURN_PATH, begin_checkout, get_payment
from hallmarket.server.payments.types import NewCheckout, WireCheckout, WirePayment, WireReceipt
from hallmarket.server.payments.webhook import MAX_BODY_BYTES, take_event

if TYPE_CHECKING:
    from hallmarket.server.payments.remote import Remote

AnyRequest = Request[Any, Any, Any]
BEGIN = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "raises": (Conflict, NotConfigured, IdempotencyMismatch),
    "example": {"amountCents": 2500},
}
EVENT = {
    "raises": (NotConfigured,),
    "headers": {"Stripe-Signature": {"type": "string", "description": "Of the body, by Stripe: `t=…,v1=…`."}},
    "body": {"application/json": {"type": "object", "description": "Stripe's event, as it was signed."}},
    "example": {"id": "evt_1", "object": "event", "type": "charge.updated", "data": {"object": {}}},
}
AGAIN = {REPLAYED[0].decode(): REPLAYED[1].decode()}
HTML = {"answer": {"text/html": {"type": "string", "examples": ["<!doctype html>…"]}}}
RETURNED = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Back from Stripe</title>
<p>You can close this page. What you paid is in your wallet as soon as Stripe says so, most often at once.</p>
</html>
"""
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


def payments_routes(database: Database, remote: "Remote | None", public_url: str) -> Sequence[HTTPRouteHandler]:
    """The routes of card payments; without `remote` there is no Stripe to take them. `public_url` is ours."""

    @post("/stripe/checkout", opt=BEGIN, status_code=200, summary="Begin a card payment into your wallet")
    async def begin(request: AnyRequest, data: JSONBody[NewCheckout]) -> Response[Data[WireCheckout]]:
        context = request_context(request.scope)
        shown, again = await begin_checkout(
            database, _configured(remote), public_url, context.principal, find_idempotency_key(context), data
        )
        return Response(Data(shown), headers=AGAIN if again else None)

    @get("/stripe/checkout/{payment_id:str}", opt={"scope": "wallet:read"}, summary="How a card payment stands")
    async def get_one(request: AnyRequest, payment_id: FromPath[str]) -> Data[WirePayment]:
        wanted = read_id(payment_id, "payment_id")
        return Data(await get_payment(database, principal_of(request.scope), wanted))

    @get(RETURN_PATH, opt=HTML, summary="Where Stripe sends the browser back to", sync_to_thread=False)
    def returned() -> Response[bytes]:
        return as_response(Reply(200, RETURNED, (POLICY,), b"text/html"))

    @post("/stripe/webhook", opt=EVENT, status_code=200, summary="Stripe says that something happened")
    async def webhook(request: AnyRequest) -> Data[WireReceipt]:
        account, context = _configured(remote), request_context(request.scope)
        body = await read_body(context, MAX_BODY_BYTES)
        signature = context.headers.get(b"stripe-signature", b"")
        return Data(WireReceipt(await take_event(database, account, body, signature)))

    return [begin, get_one, returned, webhook]


def _configured(remote: "Remote | None") -> "Remote":
    if remote is None:
        raise NotConfigured(
            "This server takes no card payments. Its operator can change that: HALLMARKET_STRIPE_SECRET_KEY,"
            " HALLMARKET_STRIPE_WEBHOOK_SECRET and the package hallmarket[stripe]."
        )
    return remote
