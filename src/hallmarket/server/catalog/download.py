"""Download an asset's content, whole or in part: by a token, or by a signed address without one."""

from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.content_disposition import safe_name
from hallmarket.server.catalog.content_provider import ContentProviders, Download
from hallmarket.server.catalog.signed_urls import LIFETIME_S, SignedUrls
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.principal import Principal

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
    database: Database, providers: ContentProviders, principal: Principal, asset_id: UUID, wanted: Wanted
) -> tuple[str, Download]:
    """An asset's type and its content, which the caller must be able to read.

    Raises NotFound, Locked, InvalidRequest for a form there is none of.
    """
    async with database.connection() as connection:
        access = await get_access(connection, principal, asset_id, READ, wanted.asset_type)
    kind = providers.get(access.asset_type)
    if kind is None:
        raise InvalidRequest(f"A {access.asset_type} has nothing to download.", "asset_type")
    return access.asset_type, await kind.find_download(asset_id, wanted.format)


async def make_download_url(
    database: Database,
    providers: ContentProviders,
    signed_urls: SignedUrls,
    principal: Principal,
    base_url: str,
    asset_id: UUID,
    wanted: Wanted,
) -> DownloadUrl:
    """An address of an asset's content. Raises as `find_download`."""
    asset_type, _ = await find_download(database, providers, principal, asset_id, wanted)
    if wanted.format is None and asset_type in LINKED_FORMS:
        wanted = msgspec.structs.replace(wanted, format=LINKED_FORMS[asset_type])
    _, download = await find_download(database, providers, principal, asset_id, wanted)
    return DownloadUrl(
        download_url=signed_urls.make(principal, base_url, "download", asset_id, wanted.format),
        file_name=safe_name(download.file_name),
        content_type=download.content_type,
        expires_in=LIFETIME_S,
        asset_type=asset_type,
    )


async def open_link(
    database: Database, providers: ContentProviders, signed_urls: SignedUrls, token: str
) -> tuple[Principal, UUID, Download]:
    """Return what a signed address opens: who made it, the asset, and its content. Raises NotFound, Unavailable."""
    principal, asset_id, form = await signed_urls.open(token, "download")
    try:
        _, download = await find_download(database, providers, principal, asset_id, Wanted(format=form))
    except InvalidRequest:
        raise NotFound("There is no such asset any more.") from None
    return principal, asset_id, download
