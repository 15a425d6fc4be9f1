"""Download an asset's content, whole or in part: by a token, or by a signed address without one."""

from collections.abc import AsyncGenerator
from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.disposition import attachment, safe_name
from hallmarket.server.catalog.events import note_download
from hallmarket.server.catalog.kinds import Download, Kinds
from hallmarket.server.catalog.links import LIFETIME_S, Links
from hallmarket.server.catalog.ranges import find_range, is_known
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.http.reply import Headers
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.http.sending import Sending, as_generator, begun
from hallmarket.server.identity.types import Caller

# What somebody uploaded is shown by no browser as a page of ours, and runs nothing.
USER_BYTES: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cache-control", b"private, no-cache"),
]
# What a link is for if its maker names no form, where that is not the type's own.
LINKED_FORMS = {"post": "markdown"}


class Wanted(msgspec.Struct, frozen=True):
    """The body of a download: which type the caller takes the asset for, and the form its content shall have."""

    asset_type: Literal["dataset", "file", "post", "comment"] | None = None
    format: str | None = None


class DownloadUrl(msgspec.Struct, frozen=True):
    """An address that opens an asset's content for `expires_in` seconds, to whoever has it."""

    download_url: str
    file_name: str
    content_type: str
    expires_in: int
    asset_type: str


async def find_download(
    database: Database, kinds: Kinds, caller: Caller, asset_id: UUID, wanted: Wanted
) -> tuple[str, Download]:
    """An asset's type and its content, which the caller must be able to read.

    Raises NotFound, Locked, InvalidRequest for a form there is none of.
    """
    async with database.connection() as connection:
        access = await get_access(connection, caller, asset_id, READ, wanted.asset_type)
    kind = kinds.get(access.asset_type)
    if kind is None:
        raise InvalidRequest(f"A {access.asset_type} has nothing to download.", "asset_type")
    return access.asset_type, await kind.find_download(asset_id, wanted.format)


async def make_download_url(
    database: Database, kinds: Kinds, links: Links, context: RequestContext, asset_id: UUID, wanted: Wanted
) -> DownloadUrl:
    """An address of an asset's content. Raises as `find_download`."""
    asset_type, _ = await find_download(database, kinds, context.caller, asset_id, wanted)
    if wanted.format is None and asset_type in LINKED_FORMS:
        wanted = msgspec.structs.replace(wanted, format=LINKED_FORMS[asset_type])
    _, download = await find_download(database, kinds, context.caller, asset_id, wanted)
    return DownloadUrl(
        download_url=links.make(context, "download", asset_id, wanted.format),
        file_name=safe_name(download.file_name),
        content_type=download.content_type,
        expires_in=LIFETIME_S,
        asset_type=asset_type,
    )


async def open_link(database: Database, kinds: Kinds, links: Links, context: RequestContext, token: str) -> Sending:
    """The answer to whoever comes with a signed address. Raises NotFound, RangeNotSatisfiable, Unavailable."""
    caller, asset_id, form = await links.open(token, "download")
    try:
        _, download = await find_download(database, kinds, caller, asset_id, Wanted(format=form))
    except InvalidRequest:
        raise NotFound("There is no such asset any more.") from None
    sending = await send_part(context, download)
    if context.method == "GET" and (
        sending.status_code == 200 or (sending.status_code == 206 and _from_start(context))
    ):
        await _note(database, caller, asset_id)  # whoever goes on where it broke off has been counted
    return sending


async def send_asset(
    database: Database, kinds: Kinds, context: RequestContext, asset_id: UUID, wanted: Wanted
) -> Sending:
    """The answer to a POST: all of an asset's content. Raises as `find_download`, and Unavailable."""
    _, download = await find_download(database, kinds, context.caller, asset_id, wanted)
    sending = await _send(context, download, _headers(download))
    await _note(database, context.caller, asset_id)
    return sending


async def send_part(context: RequestContext, download: Download) -> Sending:
    """What a GET or HEAD asks for: all, a part, or nothing if they have it. Raises RangeNotSatisfiable, Unavailable."""
    headers = _headers(download)
    if is_known(context, download.etag):
        kept = (b"etag", b"cache-control", b"content-security-policy", b"x-content-type-options")
        return Sending(304, [header for header in headers if header[0] in kept], None)
    if (size_bytes := download.size_bytes) is None or download.etag is None:
        return await _send(context, download, headers)
    headers.append((b"accept-ranges", b"bytes"))
    if (part := find_range(context, size_bytes, download.etag)) is None:
        return await _send(context, download, headers)
    first, last = part
    headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last, size_bytes)))
    headers.append((b"content-length", b"%d" % (last - first + 1)))
    return Sending(206, headers, await _pieces(context, download, first, last))


def _from_start(context: RequestContext) -> bool:
    return context.headers[b"range"].replace(b" ", b"").startswith(b"bytes=0-")


async def _note(database: Database, caller: Caller, asset_id: UUID) -> None:
    async with database.connection() as connection:
        await note_download(connection, asset_id, caller.person_id)


async def _send(context: RequestContext, download: Download, headers: Headers) -> Sending:
    if download.size_bytes is not None:
        headers.append((b"content-length", b"%d" % download.size_bytes))
    return Sending(200, headers, await _pieces(context, download, 0, None))


async def _pieces(
    context: RequestContext, download: Download, first: int, last: int | None
) -> AsyncGenerator[bytes, None] | None:
    if context.method == "HEAD":
        return None
    return await begun(as_generator(download.read(first, last)))


def _headers(download: Download) -> Headers:
    headers = [(b"content-type", download.content_type.encode("latin-1", "replace"))]
    headers.append((b"content-disposition", attachment(download.file_name)))
    if download.etag is not None:
        headers.append((b"etag", download.etag.encode()))
    return headers + USER_BYTES
