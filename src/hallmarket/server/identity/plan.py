"""What an account may use, and how much of it is used. A server of one's own sells no plans and sets no bounds."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.identity.profile import PLAN

sql = load_queries(__package__)

UNBOUNDED = 2**53 - 1  # the largest whole number that every JSON reader keeps


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """The reference's limits of a plan."""

    max_storage_bytes: int = UNBOUNDED
    max_assets: int = UNBOUNDED
    max_datasets: int = UNBOUNDED
    can_create_private_assets: bool = True
    can_monetize: bool = True


class Usage(msgspec.Struct, frozen=True):
    """How much of something is used, of how much."""

    used: int
    limit: int = UNBOUNDED


class Plan(msgspec.Struct, frozen=True, rename="camel"):
    """The reference's PlanInfo."""

    plan_type: str
    limits: Limits
    usage: dict[str, Usage]


async def get_plan(database: Database, person_id: UUID) -> Plan:
    """The caller's plan: the memberships and living keys they have, and no bounds. Raises Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.count_usage, person_id)
    assert row is not None
    return Plan(PLAN, Limits(), {"organizations": Usage(row["organizations"]), "apiKeys": Usage(row["api_keys"])})
