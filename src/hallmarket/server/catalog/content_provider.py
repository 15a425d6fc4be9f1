"""What an asset type implements so that its content can be downloaded. The process root registers the providers."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol
from uuid import UUID

import msgspec


class Download(msgspec.Struct, frozen=True):
    """Content to download. Nothing is read until `read` is called.

    `size_bytes` is None if the size is not known in advance. `etag` identifies exactly these bytes and allows range
    requests; without it, the content is generated for each download and must be read from the first byte to the last.
    """

    file_name: str
    content_type: str
    read: Callable[[int, int | None], AsyncIterator[bytes]]  # from the first byte to the last inclusive; None: the end
    size_bytes: int | None = None
    etag: str | None = None


class ContentProvider(Protocol):
    """Provides the content of one type of asset."""

    async def get_download(self, asset_id: UUID, content_format: str | None) -> Download:
        """Return an asset's content in a format such as `csv` or `markdown`; None for the type's default.

        The caller has checked that the content may be read. Raises InvalidRequest for an unknown format, NotFound.
        """


class ContentProviders(dict[str, ContentProvider]):
    """The content provider of each asset type that can be downloaded."""
