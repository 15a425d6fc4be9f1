"""Routes of `/log`: the public, verifiable log as bytes that any cache may store."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.database.connections import Database
from hallmarket.server.tlog.publish import get_checkpoint, get_tile

TEXT = "text/plain"  # Litestar adds the charset
CORS = {"access-control-allow-origin": "*"}
IMMUTABLE = CORS | {"cache-control": "public, max-age=31536000, immutable"}
SHORT_LIVED = CORS | {"cache-control": "public, max-age=1"}
KEY_HEADERS = CORS | {"cache-control": "public, max-age=300"}
NOTE = "log.example.org\n6\nk2e0hAViBSCGysp/LGnsx7YJPnjRAWFR0k7ClS6w3gM=\n\n— log.example.org 2XUrGh0KSiT…\n"
CHECKPOINT = {"success": {TEXT: {"type": "string", "examples": [NOTE]}}}
KEY = {"success": {TEXT: {"type": "string", "examples": ["log.example.org+d9752b1a+AbclKCAP6odTmcfcHSl1SlssXy9\n"]}}}
TILE = {"success": {"application/octet-stream": {"type": "string", "format": "binary", "examples": ["…"]}}}


def log_routes(database: Database, verifier_key: str) -> Sequence[HTTPRouteHandler]:
    """Return the routes of the log."""

    @get("/log/checkpoint", opt=CHECKPOINT, summary="Get the log's newest checkpoint, a signed note")
    async def checkpoint() -> Response[str]:
        return Response(await get_checkpoint(database), media_type=TEXT, headers=SHORT_LIVED)

    @get("/log/key", opt=KEY, summary="Get the log's verifier key", sync_to_thread=False)
    def key() -> Response[str]:
        return Response(verifier_key + "\n", media_type=TEXT, headers=KEY_HEADERS)

    @get("/log/tile/{path:path}", opt=TILE, summary="Get a tile of hashes or a bundle of entries")
    async def tile(path: FromPath[str]) -> Response[bytes]:
        content = await get_tile(database, "tile" + path)
        return Response(content, media_type="application/octet-stream", headers=IMMUTABLE)

    return [checkpoint, key, tile]
