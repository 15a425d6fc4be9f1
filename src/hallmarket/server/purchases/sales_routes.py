"""Usage history and earnings: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Data, pagination, read_window, window_query
from hallmarket.server.http.parameters import parse_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.purchases.earnings import Earnings, get_earnings
from hallmarket.server.purchases.usage_history import USAGE_QUERY, Usage, UsagePage, list_usage, read_filter

AnyRequest = Request[Any, Any, Any]
READ: dict[str, Any] = {"scope": "wallet:read"}


def sales_routes(database: Database, fee_bps: int) -> Sequence[HTTPRouteHandler]:
    """Return the routes with which people see what they bought, sold and earned in dollars."""

    @get(
        "/stripe/usage/history",
        opt=READ | {"query": window_query() | USAGE_QUERY},
        summary="List what you bought and sold for dollars, newest first",
    )
    async def usage(request: AnyRequest) -> UsagePage:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        page, summary = await list_usage(database, context.principal, read_filter(query), read_window(query))
        return UsagePage(Usage(page.items, summary), pagination(page))

    @get("/stripe/wallet/pending-earnings", opt=READ, summary="Get what your assets earned in dollars")
    async def earnings(request: AnyRequest) -> Data[Earnings]:
        return Data(await get_earnings(database, principal_of(request.scope), fee_bps))

    return [usage, earnings]
