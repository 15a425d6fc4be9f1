"""Assets of every type: find, change, share, delete."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from hallmarket.client.exchange_types import Asset, Data, DeleteResult, Page, Permission, Role
from hallmarket.client.paging import flag, given, iterate_pages
from hallmarket.client.session import Session


class Assets:
    """`/assets` and `/search/assets`."""

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
        """Find assets by words, filters, `scope`, `sort` and `time_window`; a page of those the caller may see."""
        asked = {"query": query or None, "limit": limit, "offset": offset} | params
        for name, chosen in (("filters", filters), ("metadata_filters", metadata_filters)):
            asked[name] = msgspec.json.encode(chosen).decode() if chosen else None
        found: Page[Asset] = self._session.json(Page[Asset], "GET", "/search/assets", params=given(asked))
        return found

    def iterate(
        self, query: str = "", *, max_items: int | None = None, offset: int = 0, **params: Any
    ) -> Iterator[Asset]:
        """Yield what `search` finds, page by page, up to `max_items` of it."""
        return iterate_pages(self.search, max_items, offset, query=query, **params)

    def get(self, asset_id: str) -> Asset:
        """Get an asset of any type, without its content."""
        found: Data[Asset] = self._session.json(Data[Asset], "GET", f"/assets/{quote(asset_id, safe='')}")
        return found.data

    def markdown(self, asset_id: str) -> bytes:
        """Get what a post or a comment says, as its author wrote it, in UTF-8. Raises Locked."""
        path = f"/assets/{quote(asset_id, safe='')}/download"
        return self._session.request("POST", path, json={"format": "markdown"}).content

    def change(self, asset_id: str, asset_type: str, **fields: Any) -> Asset:
        """Change what is said of a file, dataset or post: prices, licence, visibility, …; None clears a field."""
        path = f"/{quote(asset_type, safe='')}s/{quote(asset_id, safe='')}"
        changed: Data[Asset] = self._session.json(Data[Asset], "PUT", path, json={asset_type: fields})
        return changed.data

    def share(self, asset_id: str, user_id: str, role: Role) -> None:
        """Give somebody a role on an asset; "none" takes theirs away. Only its administrators may."""
        permission = {"user": {"user_id": user_id}, "role": role}
        self._session.request("PUT", f"/assets/{quote(asset_id, safe='')}/share", json={"permission": permission})

    def permissions(self, asset_id: str) -> Iterator[Permission]:
        """Yield who has which role on an asset, its owner first."""
        path = f"/assets/{quote(asset_id, safe='')}/permissions"
        return iterate_pages(lambda **window: self._session.json(Page[Permission], "GET", path, params=window), None, 0)

    def delete(self, asset_id: str, *, with_children: bool = False, dry_run: bool = False) -> DeleteResult:
        """Delete an asset, with what stands in it if wanted; a dry run only says what would go."""
        # PreparedStatement for again after a lost answer, it is simply not there any more.
        gone: Data[DeleteResult] = self._session.json(
            Data[DeleteResult],
            "DELETE",
            f"/assets/{quote(asset_id, safe='')}",
            params={"delete_children": flag(with_children), "dry_run": flag(dry_run)},
            safe=False,
        )
        return gone.data
