"""Update a team."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.identity.types import ActorTypePolicy, JoinPolicy, SourcePolicy, Visibility
from hallmarket.server.principal import Principal
from hallmarket.server.teams.create import name_taken, verify_name
from hallmarket.server.teams.list import load_team
from hallmarket.server.teams.permissions import lock_as_moderator
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
    """The changes to a team. A missing field is not changed; a policy of null is inherited from the organization."""

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


async def update_team(database: Database, principal: Principal, team_id: UUID, change: TeamChange) -> WireTeam:
    """Change a team that the caller moderates. Raises InvalidRequest, NotFound, Forbidden, Duplicate for its name."""
    given = _read_change(team_id, change)
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        if change.org_id not in (None, team["organization_id"]):
            raise InvalidRequest("A team cannot move to another organization.", "team.org_id")
        changed = {field: value for field, value in given.items() if value != team[field]}
        if changed:
            try:
                await tx.execute(sql.update_team, team_id, *(changed.get(field, team[field]) for field in FIELDS))
            except asyncpg.UniqueViolationError:
                raise name_taken(changed["name"]) from None
            # The audit trail is never deleted, so it does not contain people's texts.
            recorded = {field: value for field, value in changed.items() if field != "description"}
            fields = {"organization_id": team["organization_id"], "subject_id": team_id}
            await record(tx, principal, "team.update", **fields, fields=list(changed), **recorded)
        return await load_team(tx, principal, team_id)


def _read_change(team_id: UUID, change: TeamChange) -> dict[str, Any]:
    if change.id not in (None, team_id):
        raise InvalidRequest("The ids in the body and in the path differ.", "team.id")
    given = {field: value for field in FIELDS if (value := getattr(change, field)) is not msgspec.UNSET}
    if "name" in given:
        verify_name(given["name"])
    if "description" in given:
        given["description"] = read_description(given["description"])
    return given
