"""The routes `/openapi.json` and `/docs`, a page that shows the document with Swagger UI.

The page loads nothing from other origins. Its own three files are in `docs_page/`, and Swagger UI's files are those of
the wheel `swagger-ui-py`, whose Python code is not run.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.errors import NotFound
from hallmarket.server.http.litestar_response import to_litestar_response
from hallmarket.server.http.openapi import DOCUMENT_PATH, make_openapi_document
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.reply import Reply, apply_if_none_match
from hallmarket.server.http.request_context import request_context
from hallmarket.server.room import Room

AnyRequest = Request[Any, Any, Any]
DOCS_PAGE = Path(__file__).with_name("docs_page")
SWAGGER_UI = Path(str(distribution("swagger-ui-py").locate_file("swagger_ui/static")))
FILES = {
    "index.html": (DOCS_PAGE, b"text/html; charset=utf-8"),
    "page.css": (DOCS_PAGE, b"text/css; charset=utf-8"),
    "page.js": (DOCS_PAGE, b"text/javascript; charset=utf-8"),
    "swagger-ui.css": (SWAGGER_UI, b"text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (SWAGGER_UI, b"text/javascript; charset=utf-8"),
}
# Scripts and styles come from this origin only. Swagger UI loads its icons from `data:` URLs.
CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"cache-control", b"public, max-age=300"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
)
NOT_MODIFIED = {304: response_spec(None, "You have the current version; its `ETag` is in `If-None-Match`.")}
DOCUMENT_OPT = {"success": {"application/json": {"type": "object", "examples": [{"openapi": "3.1.0"}]}}}
PAGE_OPT = {"success": {"text/html": {"type": "string", "examples": ["<!doctype html>…"]}}}
ASSET_OPT = {
    "success": {kind: {"type": "string", "examples": ["…"]} for kind in ("text/css", "text/javascript", "text/html")}
}


def documentation_routes(rooms: Sequence[Room]) -> Sequence[HTTPRouteHandler]:
    """Return the documentation's routes. The document is generated at its first request."""
    cached: list[Reply] = []

    @get(DOCUMENT_PATH, opt=DOCUMENT_OPT, summary="Get this document", responses=NOT_MODIFIED)
    async def openapi(request: AnyRequest) -> Response[bytes]:
        if not cached:  # generating it takes 0.25 s, so it must not block the event loop
            document = await asyncio.to_thread(make_openapi_document, request.app, rooms)
            cached.append(_make_reply(msgspec.json.encode(document), b"application/json"))
        return _respond(request, cached[0])

    @get(
        "/docs",
        opt=PAGE_OPT,
        summary="Get the page that shows this document",
        responses=NOT_MODIFIED,
        sync_to_thread=False,
    )
    def page(request: AnyRequest) -> Response[bytes]:
        return _respond(request, _read("index.html"))

    @get(
        "/docs/{name:str}",
        opt=ASSET_OPT,
        summary="Get a file of that page",
        responses=NOT_MODIFIED,
        sync_to_thread=False,
    )
    def asset(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        if name not in FILES:
            raise NotFound("The documentation page has no such file.")
        return _respond(request, _read(name))

    return [openapi, page, asset]


@cache
def _read(name: str) -> Reply:
    folder, kind = FILES[name]
    return _make_reply((folder / name).read_bytes(), kind)


def _make_reply(content: bytes, kind: bytes) -> Reply:
    etag = b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'
    return Reply(200, content, ((b"etag", etag), *HEADERS), kind)


def _respond(request: AnyRequest, reply: Reply) -> Response[bytes]:
    return to_litestar_response(
        apply_if_none_match(reply, request_context(request.scope).headers.get(b"if-none-match"))
    )
