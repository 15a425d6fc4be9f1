"""Download an asset's content, with a token or by a signed URL."""

from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.content_disposition import safe_file_name
from hallmarket.server.catalog.content_provider import ContentProviders, Download
from hallmarket.server.catalog.signed_urls import LIFETIME_S, SignedUrls
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.principal import Principal

# The format of a signed URL whose request names none, where it is not the type's default format.
DEFAULT_URL_FORMATS = {"post": "markdown"}


class DownloadRequest(msgspec.Struct, frozen=True):
    """The body of a download request: the type that the asset must have, and the format of its content."""

    asset_type: Literal["dataset", "file", "post", "comment"] | None = None
    format: str | None = None


class DownloadUrl(msgspec.Struct, frozen=True):
    """A URL that anyone can download the content from for `expires_in` seconds."""

    download_url: str
    file_name: str
    content_type: str
    expires_in: int
    asset_type: str


async def get_download(
    database: Database, providers: ContentProviders, principal: Principal, asset_id: UUID, request: DownloadRequest
) -> tuple[str, Download]:
    """Return an asset's type and content. Raises NotFound, Locked, InvalidRequest for an unknown format."""
    async with database.connection() as connection:
        access = await get_access(connection, principal, asset_id, READ, request.asset_type)
    provider = providers.get(access.asset_type)
    if provider is None:
        raise InvalidRequest(f"A {access.asset_type} has no content to download.", "asset_type")
    return access.asset_type, await provider.get_download(asset_id, request.format)


async def create_download_url(
    database: Database,
    providers: ContentProviders,
    signed_urls: SignedUrls,
    principal: Principal,
    base_url: str,
    asset_id: UUID,
    request: DownloadRequest,
) -> DownloadUrl:
    """Return a signed URL of an asset's content. Raises as `get_download`."""
    asset_type, download = await get_download(database, providers, principal, asset_id, request)
    if request.format is None and asset_type in DEFAULT_URL_FORMATS:
        request = msgspec.structs.replace(request, format=DEFAULT_URL_FORMATS[asset_type])
        _, download = await get_download(database, providers, principal, asset_id, request)
    return DownloadUrl(
        download_url=signed_urls.sign(principal, base_url, "download", asset_id, request.format),
        file_name=safe_file_name(download.file_name),
        content_type=download.content_type,
        expires_in=LIFETIME_S,
        asset_type=asset_type,
    )


async def get_signed_download(
    database: Database, providers: ContentProviders, signed_urls: SignedUrls, token: str
) -> tuple[Principal, UUID, Download]:
    """Return who signed a download URL, its asset, and the content. Raises NotFound, Locked, Unavailable."""
    grant = await signed_urls.resolve(token, "download")
    request = DownloadRequest(format=grant.content_format)
    try:
        _, download = await get_download(database, providers, grant.principal, grant.subject_id, request)
    except InvalidRequest:
        raise NotFound("This asset no longer exists.") from None
    return grant.principal, grant.subject_id, download
