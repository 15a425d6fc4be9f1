"""Purchases for tests that are about what comes after: made as buyers make them."""

from typing import Any

import httpx

from circle import Circle, Someone
from funds import credit
from making_files import make_file
from support import Server, wait_until

FOR_SALE: dict[str, Any] = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 12}
GIVEN = 1_000_000  # to a buyer before each purchase, in cents or satoshis


def make_for_sale(seller: Someone, content: bytes | None = None, file_name: str = "a.bin", **fields: Any) -> str:
    """The id of a file that costs $12.00 unless told."""
    return str(make_file(seller, content, file_name, **(FOR_SALE | fields))["id"])


def buy(server: Server, buyer: Someone, asset: str, currency: str = "usd") -> str:
    """The id of the licence of a new purchase; the buyer is given more than enough money before."""
    credit(server, buyer.id, GIVEN, currency)
    asset_type = buyer.ask("GET", f"/assets/{asset}/type")["asset_type"]
    body = {"assetType": asset_type, "assetId": asset, "currency": currency}
    bought = buyer.ask("POST", "/elements/common/purchase-asset", json=body)
    return str(bought["charge"]["licence_id"])


def open_shop(circle: Circle, *sellers: Someone) -> str:
    """The id of a new team of the organization, in which these people of it may sell."""
    shop = str(circle.boss.create_team("shop", visibility="public")["id"])
    for seller in sellers:
        circle.boss.ask("POST", f"/teams/{shop}/members", json={"user_id": seller.id, "role": "write"})
    return shop


def give_back(who: Someone, licence: str, key: str = "", **said: Any) -> httpx.Response:
    """Ask for a refund, with or without an idempotency key."""
    headers = {"idempotency-key": key} if key else {}
    return who.client.post(f"/licences/{licence}/refund", json=said, headers=headers)


def wait_for_proof(who: Someone, licence: str) -> bytes:
    """The proof bundle of a licence, once the log has entered it."""

    def find() -> bytes | None:
        response = who.client.get(f"/licences/{licence}/proof")
        return response.content if response.status_code == 200 else None

    found: bytes = wait_until(find)
    return found
