"""Types of the licences API; times are ISO 8601 strings in UTC."""

from typing import Literal

import msgspec

from hallmarket.client._exchange_types import Currency, Person

LicenceRole = Literal["buyer", "seller"]


class LicensedAsset(msgspec.Struct, frozen=True):
    """The asset that was bought; `name` is its name at the time of the sale."""

    id: str
    type: str
    name: str | None = None


class LicencePrice(msgspec.Struct, frozen=True):
    """The price that was paid, in cents of `usd` or satoshis of `btc`; `text` is the same for people."""

    amount: int
    currency: Currency
    text: str


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase.

    `version` is the first version of a dataset that the licence covers. `sha3_512` and `size` are those of the file,
    the manifest of that version, or the markdown of a post. `status` is ACCEPTED, ANCHORED or FAILED. `fee` is None for
    the buyer.
    """

    id: str
    asset: LicensedAsset
    version: int | None = None
    sha3_512: str | None = None
    size: int | None = None
    buyer: Person
    seller: Person
    price: LicencePrice
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
