"""The plan of an account: its limits and usage. A self-hosted server sells no plans and sets no limits."""

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.identity.profile import PLAN
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

UNLIMITED = 2**53 - 1  # the largest whole number that every JSON parser represents exactly


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """The reference's limits of a plan."""

    max_storage_bytes: int = UNLIMITED
    max_assets: int = UNLIMITED
    max_datasets: int = UNLIMITED
    can_create_private_assets: bool = True
    can_monetize: bool = True


class Usage(msgspec.Struct, frozen=True):
    """The used amount of a limited resource."""

    used: int
    limit: int = UNLIMITED


class Plan(msgspec.Struct, frozen=True, rename="camel"):
    """The reference's PlanInfo."""

    plan_type: str
    limits: Limits
    usage: dict[str, Usage]


async def get_plan(database: Database, principal: Principal) -> Plan:
    """Return the caller's plan, with the number of their memberships and valid API keys. Raises Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.count_usage, principal.person_id)
    assert row is not None
    return Plan(PLAN, Limits(), {"organizations": Usage(row["organizations"]), "apiKeys": Usage(row["api_keys"])})
