"""`/user/notifications`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Data, Paged, read_window
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.notifications.list import (
    LIST_QUERY,
    UNREADS_QUERY,
    count_unread,
    list_notifications,
    read_filters,
    read_organization,
)
from hallmarket.server.notifications.read import ReadAnswer, ReadRequest, read_many, read_notification
from hallmarket.server.notifications.types import Notification, Reader

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "notifications:read"}, {"scope": "notifications:write"}


def notifications_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of notifications."""

    @get("/user/notifications", opt=READ | {"query": LIST_QUERY}, summary="List your notifications, newest first")
    async def list_own(request: AnyRequest) -> Paged[Notification]:
        query = parse_query(request.scope["query_string"])
        return await list_notifications(database, _reader(request), read_filters(query), read_window(query))

    @get(
        "/user/notifications/unreads",
        opt=READ | {"query": UNREADS_QUERY},
        summary="How many notifications you have not seen",
    )
    async def unreads(request: AnyRequest) -> Data[int]:
        query = parse_query(request.scope["query_string"])
        return Data(await count_unread(database, _reader(request), read_organization(query)))

    # It marks, so a key that may only read does not open it: the list shows the same and changes nothing.
    @get("/user/notifications/{notification_id:str}", opt=WRITE, summary="Read a notification, and mark it as read")
    async def read_one(request: AnyRequest, notification_id: FromPath[str]) -> Data[Notification]:
        return Data(await read_notification(database, _reader(request), read_id(notification_id)))

    @post("/user/notifications/read", opt=WRITE, status_code=200, summary="Mark notifications as read")
    async def read(request: AnyRequest, data: JSONBody[ReadRequest]) -> Data[ReadAnswer]:
        return Data(await read_many(database, _reader(request), data.ids))

    return [list_own, unreads, read_one, read]


def _reader(request: AnyRequest) -> Reader:
    principal = principal_of(request.scope)
    return Reader(principal.person_id, principal.bound_to)
