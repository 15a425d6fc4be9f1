"""HTTP routes of notifications: `/user/notifications`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import FLAG_QUERY, ID_QUERY, parse_query, read_flag, read_id
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.notifications.list import NotificationFilters, count_unread, list_notifications
from hallmarket.server.notifications.mark_read import ReadRequest, ReadResult, mark_read, read_notification
from hallmarket.server.notifications.types import CATEGORIES, Notification

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "notifications:read"}, {"scope": "notifications:write"}
UNREADS_QUERY = {"org_id": ID_QUERY | {"description": "Only notifications of this organization."}}
CATEGORY = {
    "type": "string",
    "examples": [next(iter(CATEGORIES))],
    "description": "Only notifications of these categories, separated by commas.",
}
LIST_QUERY = UNREADS_QUERY | {
    "unread_only": FLAG_QUERY | {"description": "Only unread notifications."},
    "category": CATEGORY,
    **window_query(),
}


def notifications_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of notifications."""

    @get("/user/notifications", opt=READ | {"query": LIST_QUERY}, summary="List your notifications, newest first")
    async def list_own(request: AnyRequest) -> Paged[Notification]:
        query = parse_query(request.scope["query_string"])
        filters, window = _read_filters(query), read_window(query)
        return paged(await list_notifications(database, principal_of(request.scope), filters, window))

    @get("/user/notifications/unreads", opt=READ | {"query": UNREADS_QUERY}, summary="Count your unread notifications")
    async def unreads(request: AnyRequest) -> Data[int]:
        organization_id = _read_organization(parse_query(request.scope["query_string"]))
        return Data(await count_unread(database, principal_of(request.scope), organization_id))

    # It changes the notification, so a key with only the read scope cannot use it. The list shows the same content.
    @get("/user/notifications/{notification_id:str}", opt=WRITE, summary="Get a notification, and mark it as read")
    async def read_one(request: AnyRequest, notification_id: FromPath[str]) -> Data[Notification]:
        return Data(await read_notification(database, principal_of(request.scope), read_id(notification_id)))

    @post("/user/notifications/read", opt=WRITE, status_code=200, summary="Mark notifications as read")
    async def read(request: AnyRequest, data: JSONBody[ReadRequest]) -> Data[ReadResult]:
        return Data(await mark_read(database, principal_of(request.scope), data.ids))

    return [list_own, unreads, read_one, read]


def _read_filters(query: dict[str, str]) -> NotificationFilters:
    types = None
    if "category" in query:
        categories = [name.strip() for name in query["category"].split(",")]
        if any(name not in CATEGORIES for name in categories):
            message = f"category must be one or more of {', '.join(CATEGORIES)}, separated by commas."
            raise InvalidRequest(message, "category")
        types = [kind for name in categories for kind in CATEGORIES[name]]
    return NotificationFilters(_read_organization(query), read_flag(query, "unread_only") or False, types)


def _read_organization(query: dict[str, str]) -> UUID | None:
    return read_id(query["org_id"], "org_id") if "org_id" in query else None
