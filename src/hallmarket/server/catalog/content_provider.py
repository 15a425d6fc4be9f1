"""What a type of assets offers to the catalog, which knows the types' names and no more; `main` puts them together."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol
from uuid import UUID

import msgspec


class Download(msgspec.Struct, frozen=True):
    """Bytes that may be had; nothing is read before `read` is called.

    `size_bytes` is None where it is not known before. `etag` names exactly these bytes, so that a part of them may be
    asked for; None where they are made anew each time, and then they are read from the first to the last.
    """

    file_name: str
    content_type: str
    read: Callable[[int, int | None], AsyncIterator[bytes]]  # from the first byte to the last, None for the end
    size_bytes: int | None = None
    etag: str | None = None


class Kind(Protocol):
    """A type of assets with content that can be downloaded."""

    async def find_download(self, asset_id: UUID, form: str | None) -> Download:
        """An asset's content in a form (`csv`, `markdown`), the type's own if None.

        The caller has made sure that it may be read. Raises InvalidRequest for a form there is none of, NotFound.
        """


ContentProviders = Mapping[str, Kind]
