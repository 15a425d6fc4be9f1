"""Things for sale in tests: offered, bought, and paid back, over HTTP."""

from typing import Any

import httpx

from circle import Circle, Someone
from funds import credit
from support import Server

SECRET = "what is paid for"


def open_shop(circle: Circle, *sellers: Someone) -> str:
    """The id of a team of the organization where these people may sell."""
    shop = str(circle.boss.create_team("shop", visibility="public")["id"])
    for seller in sellers:
        circle.boss.ask("POST", f"/teams/{shop}/members", json={"user_id": seller.id, "role": "write"})
    return shop


def offer(seller: Someone, **fields: Any) -> str:
    """The id of a post for sale; its price is among the fields."""
    said = {"name": "The harbour", "visibility": "monetized", "monetization": "pay-to-unlock"} | fields
    return str(seller.ask("POST", "/posts/create", json={"post": said, "content": SECRET})["id"])


def buy(buyer: Someone, asset: str, status: int = 200) -> Any:
    """Buy a post for dollars; the answer has the `licence_id` and the `transaction_id`."""
    body = {"assetType": "post", "assetId": asset}
    return buyer.ask("POST", "/stripe/wallet/purchase-asset", status, json=body)


def pay(server: Server, buyer: Someone, asset: str, currency: str = "usd") -> str:
    """The id of the licence for an asset of any type, bought with money that is given for it."""
    credit(server, buyer.id, 10_000, currency)
    asset_type = buyer.ask("GET", f"/assets/{asset}/type")["asset_type"]
    body = {"assetType": asset_type, "assetId": asset, "currency": currency}
    return str(buyer.ask("POST", "/elements/common/purchase-asset", json=body)["charge"]["licence_id"])


def give_back(who: Someone, licence: str, key: str = "", **said: Any) -> httpx.Response:
    """Ask for a refund, with or without an idempotency key."""
    headers = {"idempotency-key": key} if key else {}
    return who.client.post(f"/licences/{licence}/refund", json=said, headers=headers)
