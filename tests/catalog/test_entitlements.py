"""Access that a person bought lasts until the refund, independently of granted roles."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from _support.assets import make_asset
from _support.organizations import Organization
from hallmarket.server.catalog.entitlements import grant_purchased_access, revoke_purchased_access


@pytest.mark.parametrize(
    ("granted", "before", "bought", "after"),
    [
        (None, 0, 1, 0),
        ("read", 1, 1, 1),
        ("write", 2, 2, 2),
    ],
)
def test_purchases_add_read_access_and_refunds_remove_it(
    org: Organization, granted: str | None, before: int, bought: int, after: int
) -> None:
    """A granted role does not change. A buyer without a role may read until the refund, with any of their keys."""
    shop = org.admin.create_team("shop", visibility="public")["id"]
    asset = make_asset(org.server, org.admin, visibility="monetized", price_usd=5, team_id=shop)
    buyer, seller = org.new_outsider(), org.admin
    elsewhere = UUID(buyer.member.organization)
    if granted:
        body = {"permission": {"user": {"user_id": buyer.id}, "role": granted}}
        seller.call("PUT", f"/assets/{asset}/share", json=body)

    async def roles(connection: asyncpg.Connection) -> tuple[int, int]:
        """Return the buyer's roles with an unbound key, and with a key bound to another organization."""
        query = "select asset_role(a, $2, null), asset_role(a, $2, $3) from asset a where a.id = $1"
        row = await connection.fetchrow(query, UUID(asset), UUID(buyer.id), elsewhere)
        assert row is not None
        return row[0], row[1]

    async def run() -> None:
        connection = await asyncpg.connect(org.server.postgres_url)
        try:
            assert await roles(connection) == (before, 0)
            for _ in range(2):
                async with connection.transaction():
                    await grant_purchased_access(connection, [(UUID(asset), UUID(buyer.id), UUID(seller.id))])
                assert await roles(connection) == (bought, 1)
            for _ in range(2):
                async with connection.transaction():
                    await revoke_purchased_access(connection, UUID(asset), UUID(buyer.id))
                assert await roles(connection) == (after, 0)
        finally:
            await connection.close()

    asyncio.run(run())
    rows = org.server.query(
        "select role, bought from permission where asset_id = $1 and person_id = $2", asset, buyer.id
    )
    assert [tuple(row) for row in rows] == ([(granted, False)] if granted else [])
