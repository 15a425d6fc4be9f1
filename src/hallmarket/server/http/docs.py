"""`/openapi.json`, and `/docs`, which shows it by Swagger UI from an installed package: nothing is from elsewhere.

The page is three files of ours in `page/`; Swagger UI's own are those of the wheel `swagger-ui-py`, of which no code
is run.
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
from hallmarket.server.http.openapi import DOCUMENT, describe
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.http.reply import Reply, unless_known
from hallmarket.server.http.request_context import request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.room import Room

AnyRequest = Request[Any, Any, Any]
OURS = Path(__file__).with_name("page")
SWAGGER_UI = Path(str(distribution("swagger-ui-py").locate_file("swagger_ui/static")))
FILES = {
    "index.html": (OURS, b"text/html; charset=utf-8"),
    "page.css": (OURS, b"text/css; charset=utf-8"),
    "page.js": (OURS, b"text/javascript; charset=utf-8"),
    "swagger-ui.css": (SWAGGER_UI, b"text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (SWAGGER_UI, b"text/javascript; charset=utf-8"),
}
# Scripts and styles are files of this origin and no others; Swagger UI draws its icons from `data:`.
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NO_SNIFF = (b"x-content-type-options", b"nosniff")
KEPT = b"public, max-age=300"
NOT_CHANGED = answer(None, "The one you have, by its `ETag` in `If-None-Match`.")
PAGE = {304: NOT_CHANGED}
HTML = {"answer": {"text/html": {"type": "string", "examples": ["<!doctype html>…"]}}}
PARTS = {
    "answer": {kind: {"type": "string", "examples": ["…"]} for kind in ("text/css", "text/javascript", "text/html")}
}


def documentation_routes(rooms: Sequence[Room]) -> Sequence[HTTPRouteHandler]:
    """The routes of the documentation; the document is written when first asked for."""
    written: list[Reply] = []

    @get(
        DOCUMENT,
        summary="This document",
        opt={"answer": {"application/json": {"type": "object", "examples": [{"openapi": "3.1.0"}]}}},
        responses={304: NOT_CHANGED},
    )
    async def openapi(request: AnyRequest) -> Response[bytes]:
        if not written:  # it takes a quarter of a second, in which others want to be answered
            document = await asyncio.to_thread(describe, request.app, rooms)
            written.append(_reply(msgspec.json.encode(document), b"application/json"))
        return _response(request, written[0])

    @get("/docs", opt=HTML, summary="The page that shows this document", responses=PAGE, sync_to_thread=False)
    def page(request: AnyRequest) -> Response[bytes]:
        return _response(request, _read("index.html"))

    @get("/docs/{name:str}", opt=PARTS, summary="What that page is made of", responses=PAGE, sync_to_thread=False)
    def part(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        if name not in FILES:
            raise NotFound("The page has no such part.")
        return _response(request, _read(name))

    return [openapi, page, part]


@cache
def _read(name: str) -> Reply:
    folder, kind = FILES[name]
    return _reply((folder / name).read_bytes(), kind)


def _reply(content: bytes, kind: bytes) -> Reply:
    tag = b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'
    headers = ((b"etag", tag), (b"cache-control", KEPT), (b"content-security-policy", POLICY), NO_SNIFF)
    return Reply(200, content, headers, kind)


def _response(request: AnyRequest, reply: Reply) -> Response[bytes]:
    return as_response(unless_known(reply, request_context(request.scope).headers.get(b"if-none-match")))
