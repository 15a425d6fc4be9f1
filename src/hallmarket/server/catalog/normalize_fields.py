"""Check the fields of an asset request and convert them to database columns."""

import re
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.description import CheckedDescription
from hallmarket.server.catalog.types import AssetFields, Attribution
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.types import RichText

MAX_SLUG_LENGTH = 80
CENT, MICRODOLLAR = Decimal("0.01"), Decimal("0.000001")
UNCHANGED = ("license_id", "license_text", "cost_accounting", "cost_unit", "max_billable_seconds", "lineage_role")


def normalize_fields(fields: AssetFields, old_attribution: str | None = None) -> dict[str, Any]:
    """Return the columns of all set fields that need no database lookup. Raises InvalidRequest.

    The fields of an existing asset change its `old_attribution` (JSON). A new asset always gets an attribution.
    """
    columns = {name: value for name in UNCHANGED if (value := getattr(fields, name)) is not UNSET}
    if fields.name is not UNSET:
        columns |= {"name": fields.name, "slug": slugify(fields.name)}
    if fields.source is not UNSET:
        columns["source"] = fields.source
    if fields.monetization is not UNSET:
        columns["monetization"] = fields.monetization or "none"
    if fields.description is not UNSET:
        columns["description"] = _encode_description(fields.description)
    if fields.attribution is not UNSET or old_attribution is None:
        columns["attribution"] = _merge_attribution(old_attribution, fields.attribution)
    return columns | _normalize_prices(fields)


def slugify(name: str | None) -> str | None:
    """Return a name as part of a URL: its letters and digits in any script, joined by hyphens. None if it has none."""
    words = re.sub(r"[\W_]+", "-", (name or "").lower()).strip("-")
    return words[:MAX_SLUG_LENGTH].strip("-") or None


def _merge_attribution(old: str | None, changes: Attribution | UnsetType | None) -> str:
    """Apply changes to an attribution. None resets it; a null field removes that field."""
    merged: dict[str, Any] = {}
    if changes is not UNSET and changes is not None:
        merged = (msgspec.json.decode(old) if old else {}) | msgspec.to_builtins(changes)
    values = {name: value for name, value in merged.items() if value is not None}
    return msgspec.json.encode({"originality": "original"} | values).decode()


def _encode_description(description: RichText | str | None) -> str | None:
    if description is None:
        return None
    assert isinstance(description, CheckedDescription)  # its links and its depth have been checked
    has_document = description.json is not None
    value = {"text": description.text, "json": description.json} if has_document else description.text
    return msgspec.json.encode(value).decode()


def _normalize_prices(fields: AssetFields) -> dict[str, Any]:
    """Return the prices by column. `price` and `unit_cost` are in `price_currency`, or in dollars without it."""
    columns: dict[str, Any] = {}
    for name, usd, sats in (("price", "price_usd", "price_sats"), ("unit_cost", "unit_cost_usd", "unit_cost_sats")):
        smallest = CENT if name == "price" else MICRODOLLAR
        value = getattr(fields, name)
        if value is not UNSET and value is not None:
            in_sats = fields.price_currency == "btc"
            columns[sats if in_sats else usd] = _sats(name, value) if in_sats else _dollars(name, value, smallest)
        if (value := getattr(fields, usd)) is not UNSET:
            columns[usd] = _dollars(usd, value, smallest)
        if (value := getattr(fields, sats)) is not UNSET:
            columns[sats] = value or None
    return columns


def _dollars(name: str, value: float | None, smallest: Decimal) -> Decimal | None:
    if not value:
        return None
    amount = Decimal(str(value))
    if amount != amount.quantize(smallest):
        raise InvalidRequest(f"{name} must be a multiple of {smallest}.", name)
    return amount


def _sats(name: str, value: float) -> int | None:
    if value != int(value):
        raise InvalidRequest(f"{name} in btc must be a whole number of satoshis.", name)
    return int(value) or None
