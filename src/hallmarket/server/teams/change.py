"""Update and delete teams."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Duplicate, InvalidRequest
from hallmarket.server.identity.types import ActorTypePolicy, JoinPolicy, SourcePolicy, Visibility
from hallmarket.server.principal import Principal
from hallmarket.server.teams.create import check_name
from hallmarket.server.teams.list import get_team
from hallmarket.server.teams.standing import lock_moderated
from hallmarket.server.teams.types import (
    DefaultRole,
    Description,
    TeamName,
    WireTeam,
    read_description,
)

sql = load_queries(__package__)

FIELDS = ("name", "description", "visibility", "default_role", "join_policy", "source_policy", "actor_type_policy")


class TeamChange(msgspec.Struct, frozen=True):
    """What is to change; what is left out stays. A policy that becomes null is the organization's again."""

    id: UUID | None = None
    org_id: UUID | None = None
    name: TeamName | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType | None = msgspec.UNSET
    visibility: Visibility | msgspec.UnsetType = msgspec.UNSET
    default_role: DefaultRole | msgspec.UnsetType = msgspec.UNSET
    join_policy: JoinPolicy | msgspec.UnsetType | None = msgspec.UNSET
    source_policy: SourcePolicy | msgspec.UnsetType | None = msgspec.UNSET
    actor_type_policy: ActorTypePolicy | msgspec.UnsetType | None = msgspec.UNSET


class UpdateTeam(msgspec.Struct, frozen=True):
    """The body of `PUT /teams/{id}`."""

    team: TeamChange


async def update_team(database: Database, principal: Principal, team_id: UUID, wanted: TeamChange) -> WireTeam:
    """Change a team, for its moderators. Raises InvalidRequest, NotFound, Forbidden, Duplicate for a taken name."""
    changes = _read_changes(team_id, wanted)
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        if wanted.org_id not in (None, team["organization_id"]):
            raise InvalidRequest("A team stays in its organization.", "team.org_id")
        changed = {field: value for field, value in changes.items() if value != team[field]}
        if changed:
            try:
                await tx.execute(sql.update_team, team_id, *(changed.get(field, team[field]) for field in FIELDS))
            except asyncpg.UniqueViolationError:
                raise Duplicate(f"The organization has a team named {changed['name']} already.") from None
            whose = {"organization_id": team["organization_id"], "subject_id": team_id}
            # The trail is kept for good: texts of people's own do not belong there.
            told = {field: value for field, value in changed.items() if field != "description"}
            await record(tx, principal, "team.update", **whose, fields=list(changed), **told)
        return await get_team(tx, principal, team_id)


def _read_changes(team_id: UUID, wanted: TeamChange) -> dict[str, Any]:
    if wanted.id not in (None, team_id):
        raise InvalidRequest("The body is about another team than the path.", "team.id")
    changes = {field: value for field in FIELDS if (value := getattr(wanted, field)) is not msgspec.UNSET}
    if "name" in changes:
        check_name(changes["name"])
    if "description" in changes:
        changes["description"] = read_description(changes["description"])
    return changes


async def delete_team(database: Database, principal: Principal, team_id: UUID) -> None:
    """Delete a team with its memberships, requests and bans, for its moderators.

    Raises NotFound, Forbidden, Conflict for the default team.
    """
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        if team["is_default"]:
            raise Conflict("The organization's default team cannot be deleted.")
        await tx.execute(sql.delete_team, team_id)
        whose = {"organization_id": team["organization_id"], "subject_id": team_id}
        await record(tx, principal, "team.delete", **whose, name=team["name"])
