"""Licences: what the caller bought and sold, and the proofs of it."""

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from hallmarket.client.exchange_types import Currency, Data, Page, Person
from hallmarket.client.paging import flag, given, iterate_pages
from hallmarket.client.session import Session
from hallmarket.proof.bundle import Bundle

Side = Literal["buyer", "seller"]


class LicensedAsset(msgspec.Struct, frozen=True):
    """What was bought, as it was called then."""

    id: str
    type: str
    name: str | None = None


class Price(msgspec.Struct, frozen=True):
    """What was paid, in cents of `usd` or satoshis of `btc`, and the same for people."""

    amount: int
    currency: Currency
    text: str


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase; `fee` is None for the buyer, `status` as a media item's: accepted, anchored or failed.

    `version` is of a dataset the first that was bought, `sha3_512` and `size` its manifest's, a file's own, or a post's
    markdown's.
    """

    id: str
    asset: LicensedAsset
    version: int | None = None
    sha3_512: str | None = None
    size: int | None = None
    buyer: Person
    seller: Person
    price: Price
    fee: int | None = None
    license_id: str | None = None
    license_text: str | None = None
    transfer_id: str
    created_at: str
    refunded: int = 0
    ended_at: str | None = None
    status: int
    leaf_index: int | None = None
    anchored_at: str | None = None


class Licences:
    """`/licences`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        *,
        role: Side | None = None,
        asset_id: str | None = None,
        active: bool | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[Licence]:
        """List a page of what the caller bought and sold, newest first; `active` is whether it still holds."""
        holds = None if active is None else flag(active)
        asked = {"role": role, "asset_id": asset_id, "active": holds, "limit": limit, "offset": offset}
        found: Page[Licence] = self._session.json(Page[Licence], "GET", "/licences", params=given(asked))
        return found

    def iterate(self, *, max_items: int | None = None, offset: int = 0, **filters: Any) -> Iterator[Licence]:
        """Yield what `list` finds, a page at a time, up to `max_items` of it."""
        return iterate_pages(self.list, max_items, offset, **filters)

    def get(self, licence_id: str) -> Licence:
        """Get one licence that the caller bought or sold."""
        found: Data[Licence] = self._session.json(Data[Licence], "GET", _path(licence_id))
        return found.data

    def find_proof(self, licence_id: str) -> Bundle | None:
        """Get the proof bundle of a licence, not verified yet; None while it is not anchored."""
        response = self._session.request("GET", _path(licence_id, "proof"), accept=(200, 404))
        return None if response.status_code == 404 else Bundle.parse(response.content)


def _path(licence_id: str, *more: str) -> str:
    return "/".join(["/licences", *(quote(part, safe="") for part in (licence_id, *more))])
