"""What callers say of an asset, checked and put in the form it is kept in."""

import re
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET

from hallmarket.server.catalog.description import encode_description
from hallmarket.server.catalog.types import AssetFields, Attribution
from hallmarket.server.errors import InvalidRequest

MAX_SLUG_LENGTH = 80
CENT, FINEST = Decimal("0.01"), Decimal("0.000001")
# Kept as they are said.
PLAIN = ("license_id", "license_text", "cost_accounting", "cost_unit", "max_billable_seconds", "lineage_role")


def normalize_fields(fields: AssetFields) -> dict[str, Any]:
    """The fields that need no look at the database, by column; those left out are left out."""
    kept = {name: value for name in PLAIN if (value := getattr(fields, name)) is not UNSET}
    if fields.name is not UNSET:
        kept |= {"name": fields.name, "slug": slugify(fields.name)}
    if fields.source is not UNSET:
        kept["source"] = fields.source
    if fields.monetization is not UNSET:
        kept["monetization"] = fields.monetization or "none"
    if fields.description is not UNSET:
        kept["description"] = encode_description(fields.description)
    return kept | _prices(fields)


def default_monetization(visibility: str) -> str:
    """How an asset earns whose owner does not say: what becomes `monetized` is to be unlocked."""
    return "pay-to-unlock" if visibility == "monetized" else "none"


def merge_attribution(old: dict[str, Any], said: Attribution | None) -> dict[str, Any]:
    """The attribution with what is said of it; null begins anew, a null field clears one."""
    if said is None:
        return {"originality": "original"}
    merged = old | msgspec.to_builtins(said)
    return {"originality": "original"} | {name: value for name, value in merged.items() if value is not None}


def slugify(name: str | None) -> str | None:
    """A name's words for an address: letters and digits of any script, joined by hyphens."""
    words = re.sub(r"[\W_]+", "-", (name or "").lower()).strip("-")
    return words[:MAX_SLUG_LENGTH].strip("-") or None


def _prices(fields: AssetFields) -> dict[str, Any]:
    """Prices by column. One without its own currency's field counts in the one it names, dollars unless told."""
    said: dict[str, Any] = {}
    for single, usd, sats in (("price", "price_usd", "price_sats"), ("unit_cost", "unit_cost_usd", "unit_cost_sats")):
        finest = CENT if single == "price" else FINEST
        value = getattr(fields, single)
        if value is not UNSET and value is not None:
            in_sats = fields.price_currency == "btc"
            said[sats if in_sats else usd] = _whole(single, value) if in_sats else _dollars(single, value, finest)
        if (value := getattr(fields, usd)) is not UNSET:
            said[usd] = _dollars(usd, value, finest)
        if (value := getattr(fields, sats)) is not UNSET:
            said[sats] = value or None
    return said


def _dollars(name: str, value: float | None, finest: Decimal) -> Decimal | None:
    if not value:
        return None
    amount = Decimal(str(value))
    if amount != amount.quantize(finest):
        raise InvalidRequest(f"{name} must be a multiple of {finest}.", name)
    return amount


def _whole(name: str, value: float) -> int | None:
    if value != int(value):
        raise InvalidRequest(f"{name} in btc is a whole number of satoshis.", name)
    return int(value) or None
