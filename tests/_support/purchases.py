"""Create, buy and refund what is for sale, through the HTTP API."""

from typing import Any

import httpx

from _support.files import make_file
from _support.organizations import Organization, User
from _support.servers import Server
from _support.waiting import wait_until
from _support.wallets import credit

FOR_SALE: dict[str, Any] = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 12}
BUYER_CREDIT = 1_000_000  # credited to a buyer before each purchase, in cents or satoshis


def make_for_sale(seller: User, content: bytes | None = None, file_name: str = "a.bin", **fields: Any) -> str:
    """Create a file for sale and return its id; it costs $12.00 unless another price is given."""
    return str(make_file(seller, content, file_name, **(FOR_SALE | fields))["id"])


def buy(server: Server, buyer: User, asset: str, currency: str = "usd") -> str:
    """Credit the buyer with more than enough money, buy the asset and return the licence's id."""
    credit(server, buyer.id, BUYER_CREDIT, currency)
    asset_type = buyer.call("GET", f"/assets/{asset}/type")["asset_type"]
    body = {"assetType": asset_type, "assetId": asset, "currency": currency}
    bought = buyer.call("POST", "/elements/common/purchase-asset", json=body)
    return str(bought["charge"]["licence_id"])


def create_seller_team(org: Organization, *sellers: User) -> str:
    """Create a team in which these members of the organization may sell, and return its id."""
    team = str(org.admin.create_team("shop", visibility="public")["id"])
    for seller in sellers:
        org.admin.call("POST", f"/teams/{team}/members", json={"user_id": seller.id, "role": "write"})
    return team


def request_refund(who: User, licence: str, key: str = "", **fields: Any) -> httpx.Response:
    """Request a refund, with or without an idempotency key."""
    headers = {"idempotency-key": key} if key else {}
    return who.client.post(f"/licences/{licence}/refund", json=fields, headers=headers)


def wait_for_proof(who: User, licence: str) -> bytes:
    """Wait until the log contains a licence and return its proof bundle."""

    def find() -> bytes | None:
        response = who.client.get(f"/licences/{licence}/proof")
        return response.content if response.status_code == 200 else None

    found: bytes = wait_until(find)
    return found
