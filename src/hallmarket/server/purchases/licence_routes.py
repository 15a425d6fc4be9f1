"""`/licences`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Data, Paged, paged, read_window
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.purchases.licences import LIST_QUERY, get_licence, list_licences, read_filter
from hallmarket.server.purchases.prove import prove_licence
from hallmarket.server.purchases.types import WireLicence

AnyRequest = Request[Any, Any, Any]
READ: dict[str, Any] = {"scope": "wallet:read"}
PROOF = READ | {"success": {"application/json": {"type": "object"}}}
LICENCE_PATH = "/licences/{licence_id:str}"
DOWNLOAD_HEADERS = {"content-disposition": 'attachment; filename="licence.json"'}


def licence_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of licences."""

    @get("/licences", opt=READ | {"query": LIST_QUERY}, summary="List what you bought and sold, newest first")
    async def licences(request: AnyRequest) -> Paged[WireLicence]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        return paged(await list_licences(database, context.principal, read_filter(query), read_window(query)))

    @get(LICENCE_PATH, opt=READ, summary="Get a licence")
    async def one(request: AnyRequest, licence_id: FromPath[str]) -> Data[WireLicence]:
        return Data(await get_licence(database, principal_of(request.scope), read_id(licence_id, "licence_id")))

    @get(LICENCE_PATH + "/proof", opt=PROOF, summary="Get the proof of a purchase")
    async def proof(request: AnyRequest, licence_id: FromPath[str]) -> Response[bytes]:
        bundle = await prove_licence(database, principal_of(request.scope), read_id(licence_id, "licence_id"))
        return Response(bundle.encode(), media_type="application/json", headers=DOWNLOAD_HEADERS)

    return [licences, one, proof]
