"""Licences: what the caller bought and sold, and the proofs of it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from hallmarket.client._exchange_types import Data, Page
from hallmarket.client._licence_types import Licence, LicenceRole
from hallmarket.client._paging import boolean, iterate_pages, without_none
from hallmarket.client._session import Session
from hallmarket.proof.bundle import Bundle


class Licences:
    """The endpoints `/licences`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        *,
        role: LicenceRole | None = None,
        asset_id: str | None = None,
        active: bool | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[Licence]:
        """List one page of the caller's licences, newest first; `active` selects those that have or have not ended."""
        filters = {"role": role, "asset_id": asset_id, "active": None if active is None else boolean(active)}
        params = without_none(filters) | {"limit": limit, "offset": offset}
        return self._session.json(Page[Licence], "GET", "/licences", params=params)

    def iterate(self, *, max_items: int | None = None, offset: int = 0, **filters: Any) -> Iterator[Licence]:
        """Yield what `list` finds, page by page, at most `max_items` licences."""
        return iterate_pages(self.list, max_items, offset, **filters)

    def get(self, licence_id: str) -> Licence:
        """Get one licence that the caller bought or sold."""
        return self._session.json(Data[Licence], "GET", _path(licence_id)).data

    def find_proof(self, licence_id: str) -> Bundle | None:
        """Return the proof bundle of a licence, unverified; None if it is not anchored yet."""
        response = self._session.request("GET", _path(licence_id, "proof"), accept=(200, 404))
        return None if response.status_code == 404 else Bundle.parse(response.content)


def _path(licence_id: str, *more: str) -> str:
    return "/".join(["/licences", *(quote(part, safe="") for part in (licence_id, *more))])
