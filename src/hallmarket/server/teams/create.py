"""Create a team."""

from uuid import UUID

import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Duplicate, Forbidden, InvalidRequest
from hallmarket.server.identity.types import ActorTypePolicy, JoinPolicy, SourcePolicy, Visibility
from hallmarket.server.principal import Principal
from hallmarket.server.teams.list import get_team
from hallmarket.server.teams.types import (
    SLUG,
    DefaultRole,
    Description,
    TeamName,
    WireTeam,
    read_description,
)

sql = load_queries(__package__)


class NewTeam(msgspec.Struct, frozen=True):
    """What a new team is to be; a null policy is the organization's."""

    name: TeamName
    org_id: UUID | None = None
    description: Description | None = None
    visibility: Visibility = "organization"
    default_role: DefaultRole = "write"
    join_policy: JoinPolicy | None = None
    source_policy: SourcePolicy | None = None
    actor_type_policy: ActorTypePolicy | None = None


class CreateTeam(msgspec.Struct, frozen=True):
    """The body of `POST /teams/create`."""

    team: NewTeam


def check_name(name: str) -> None:
    """Raises InvalidRequest if a team's name is no slug after all: a newline may end what `$` ends."""
    if not SLUG.fullmatch(name):
        raise InvalidRequest(
            "A team's name is lower-case letters and digits, in words joined by single hyphens.", "team.name"
        )


async def create_team(database: Database, principal: Principal, wanted: NewTeam) -> WireTeam:
    """Create a team in an organization the caller belongs to; they are its administrator.

    Raises InvalidRequest, Forbidden for another organization, Duplicate for a name that is taken in it.
    """
    check_name(wanted.name)
    organization_id = wanted.org_id or principal.organization_id
    if organization_id is None:
        raise InvalidRequest("Name the organization the team is to be in.", "team.org_id")
    principal.require_organization(organization_id)
    team_id = new_id()
    async with database.transaction() as tx:
        if not await tx.fetchval(sql.lock_membership, organization_id, principal.person_id, principal.organization_id):
            raise Forbidden("This organization is none of yours, or not the one this request runs in.")
        created = await tx.fetchval(
            sql.create_team,
            team_id,
            organization_id,
            principal.person_id,
            wanted.name,
            read_description(wanted.description),
            wanted.visibility,
            wanted.default_role,
            wanted.join_policy,
            wanted.source_policy,
            wanted.actor_type_policy,
        )
        if created is None:
            raise Duplicate(f"The organization has a team named {wanted.name} already.")
        await tx.fetchval(sql.create_member, team_id, principal.person_id, "admin")
        await record(
            tx, principal, "team.create", organization_id=organization_id, subject_id=team_id, name=wanted.name
        )
        return await get_team(tx, principal, team_id)
