"""How much of a plan is used: what the person's account holds, and what they own."""

from hallmarket.server.catalog.access import sql
from hallmarket.server.database.connections import Database
from hallmarket.server.identity.plan import Plan, Usage, get_plan
from hallmarket.server.principal import Principal


async def get_plan_info(database: Database, principal: Principal) -> Plan:
    """The caller's plan with everything counted: memberships, keys, assets, data sets, bytes. Raises Unavailable."""
    plan = await get_plan(database, principal.person_id)
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.count_owned, principal.person_id)
    assert row is not None
    owned = {name: Usage(row[name]) for name in ("assets", "datasets", "storage")}
    return Plan(plan.plan_type, plan.limits, plan.usage | owned)
