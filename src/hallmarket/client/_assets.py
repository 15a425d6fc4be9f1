"""Assets of every type: search, change, share, delete."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from hallmarket.client._exchange_types import Asset, Data, DeleteResult, Page, Permission, Role
from hallmarket.client._paging import boolean, iterate_pages, without_none
from hallmarket.client._session import Session


class Assets:
    """The endpoints `/assets` and `/search/assets`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def search(
        self,
        query: str = "",
        *,
        limit: int = 50,
        offset: int = 0,
        filters: dict[str, Any] | None = None,
        metadata_filters: dict[str, Any] | None = None,
        **params: Any,
    ) -> Page[Asset]:
        """Get one page of the assets that match words, filters and `scope`, ordered by `sort` and `time_window`."""
        params = {"query": query or None, "limit": limit, "offset": offset} | params
        for name, chosen in (("filters", filters), ("metadata_filters", metadata_filters)):
            params[name] = msgspec.json.encode(chosen).decode() if chosen else None
        return self._session.json(Page[Asset], "GET", "/search/assets", params=without_none(params))

    def iterate(
        self, query: str = "", *, max_items: int | None = None, offset: int = 0, **params: Any
    ) -> Iterator[Asset]:
        """Yield what `search` finds, page by page, at most `max_items` assets."""
        return iterate_pages(self.search, max_items, offset, query=query, **params)

    def get(self, asset_id: str) -> Asset:
        """Get an asset of any type, without its content."""
        return self._session.json(Data[Asset], "GET", f"/assets/{quote(asset_id, safe='')}").data

    def markdown(self, asset_id: str) -> bytes:
        """Get the markdown of a post or a comment in UTF-8; raises Locked if it must be bought first."""
        path = f"/assets/{quote(asset_id, safe='')}/download"
        return self._session.request("POST", path, json={"format": "markdown"}).content

    def change(self, asset_id: str, asset_type: str, **fields: Any) -> Asset:
        """Change fields of a file, dataset or post, such as prices, licence or visibility; None clears a field."""
        path = f"/{quote(asset_type, safe='')}s/{quote(asset_id, safe='')}"
        return self._session.json(Data[Asset], "PUT", path, json={asset_type: fields}).data

    def share(self, asset_id: str, user_id: str, role: Role) -> None:
        """Give a user a role on an asset; "none" removes it. Requires the role admin."""
        permission = {"user": {"user_id": user_id}, "role": role}
        self._session.request("PUT", f"/assets/{quote(asset_id, safe='')}/share", json={"permission": permission})

    def permissions(self, asset_id: str) -> Iterator[Permission]:
        """Yield every user's role on an asset, the owner first."""
        path = f"/assets/{quote(asset_id, safe='')}/permissions"
        return iterate_pages(lambda **window: self._session.json(Page[Permission], "GET", path, params=window), None, 0)

    def delete(self, asset_id: str, *, with_children: bool = False, dry_run: bool = False) -> DeleteResult:
        """Delete an asset, with its children if requested; a dry run only reports what would be deleted."""
        # Not retried after a lost response: the second attempt would answer 404.
        deleted = self._session.json(
            Data[DeleteResult],
            "DELETE",
            f"/assets/{quote(asset_id, safe='')}",
            params={"delete_children": boolean(with_children), "dry_run": boolean(dry_run)},
            idempotent=False,
        )
        return deleted.data
