"""How much of their plan's limits a person uses."""

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.identity.account_plan import Plan, Usage, get_plan
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def get_plan_usage(database: Database, principal: Principal) -> Plan:
    """Return the person's plan with the number of memberships, keys, assets, datasets and bytes. Raises Unavailable."""
    plan = await get_plan(database, principal)
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.count_owned, principal.person_id)
    assert row is not None
    owned = {name: Usage(row[name]) for name in ("assets", "datasets", "storage")}
    return Plan(plan.plan_type, plan.limits, plan.usage | owned)
