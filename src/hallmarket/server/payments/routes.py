"""`/stripe/checkout`, `/stripe/webhook`: HTTP only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, IdempotencyMismatch, NotConfigured
from hallmarket.server.http.body import read_body
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.idempotency_key import IDEMPOTENCY_HEADER, REPLAYED_HEADER, find_idempotency_key
from hallmarket.server.http.litestar_response import to_litestar_response
from hallmarket.server.http.parameters import read_id
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.payments.checkout import RETURN_PATH, begin_checkout, get_payment
from hallmarket.server.payments.types import NewCheckout, WireCheckout, WirePayment, WireReceipt
from hallmarket.server.payments.webhook import MAX_BODY_BYTES, handle_event

if TYPE_CHECKING:
    from hallmarket.server.payments.stripe_gateway import StripeGateway

AnyRequest = Request[Any, Any, Any]
CHECKOUT = {
    "scope": "wallet:write",
    "headers": IDEMPOTENCY_HEADER,
    "raises": (Conflict, NotConfigured, IdempotencyMismatch),
    "example": {"amountCents": 2500},
}
WEBHOOK = {
    "raises": (NotConfigured,),
    "headers": {"Stripe-Signature": {"type": "string", "description": "Stripe's signature of the body: `t=…,v1=…`."}},
    "body": {"application/json": {"type": "object", "description": "Stripe's event, exactly as it was signed."}},
    "example": {"id": "evt_1", "object": "event", "type": "charge.updated", "data": {"object": {}}},
}
REPLAY_HEADERS = {REPLAYED_HEADER[0].decode(): REPLAYED_HEADER[1].decode()}
HTML = {"success": {"text/html": {"type": "string", "examples": ["<!doctype html>…"]}}}
RETURN_PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Back from Stripe</title>
<p>You can close this page. Your payment appears in your wallet as soon as Stripe confirms it, usually immediately.</p>
</html>
"""
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


def payments_routes(database: Database, gateway: "StripeGateway | None", public_url: str) -> Sequence[HTTPRouteHandler]:
    """Return the routes of card payments. Without a `gateway` the server takes none. `public_url` is the server's."""

    @post("/stripe/checkout", opt=CHECKOUT, status_code=200, summary="Begin a card payment into your wallet")
    async def begin(request: AnyRequest, data: JSONBody[NewCheckout]) -> Response[Data[WireCheckout]]:
        context = request_context(request.scope)
        key = find_idempotency_key(context)
        checkout = await begin_checkout(
            database, _require_gateway(gateway), public_url, context.principal, data, idempotency_key=key
        )
        return Response(Data(checkout.payment), headers=REPLAY_HEADERS if checkout.is_replay else None)

    @get("/stripe/checkout/{payment_id:str}", opt={"scope": "wallet:read"}, summary="Get the state of a card payment")
    async def get_one(request: AnyRequest, payment_id: FromPath[str]) -> Data[WirePayment]:
        return Data(await get_payment(database, principal_of(request.scope), read_id(payment_id, "payment_id")))

    @get(RETURN_PATH, opt=HTML, summary="The page to which Stripe returns the browser", sync_to_thread=False)
    def returned() -> Response[bytes]:
        return to_litestar_response(Reply(200, RETURN_PAGE, (POLICY,), b"text/html"))

    @post("/stripe/webhook", opt=WEBHOOK, status_code=200, summary="Receive an event from Stripe")
    async def webhook(request: AnyRequest) -> Data[WireReceipt]:
        account, context = _require_gateway(gateway), request_context(request.scope)
        body = await read_body(context, MAX_BODY_BYTES)
        signature = context.headers.get(b"stripe-signature", b"")
        return Data(WireReceipt(await handle_event(database, account, body, signature)))

    return [begin, get_one, returned, webhook]


def _require_gateway(gateway: "StripeGateway | None") -> "StripeGateway":
    if gateway is None:
        raise NotConfigured(
            "This server takes no card payments. To enable them, its operator sets HALLMARKET_STRIPE_SECRET_KEY and"
            " HALLMARKET_STRIPE_WEBHOOK_SECRET, and installs hallmarket[stripe]."
        )
    return gateway
