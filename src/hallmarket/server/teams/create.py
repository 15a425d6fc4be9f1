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
from hallmarket.server.teams.list import load_team
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
    """A new team. A policy of null is inherited from the organization."""

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


def verify_name(name: str) -> None:
    """Raises InvalidRequest if a team's name is not a slug. The schema's pattern allows a newline at the end."""
    if not SLUG.fullmatch(name):
        raise InvalidRequest(
            "A team's name must consist of words of lower-case letters and digits, joined by single hyphens.",
            "team.name",
        )


async def create_team(database: Database, principal: Principal, new: NewTeam) -> WireTeam:
    """Create a team in one of the caller's organizations, with the caller as its administrator.

    Raises InvalidRequest, Forbidden for another organization, Duplicate if the name is taken in it.
    """
    verify_name(new.name)
    organization_id = new.org_id or principal.organization_id
    if organization_id is None:
        raise InvalidRequest("Name the organization of the team.", "team.org_id")
    principal.require_organization(organization_id)
    team_id = new_id()
    async with database.transaction() as tx:
        if not await tx.fetchval(sql.lock_membership, organization_id, principal.person_id, principal.organization_id):
            raise Forbidden("You are not a member of this organization, or this request acts in another one.")
        created = await tx.fetchval(
            sql.create_team,
            team_id,
            organization_id,
            principal.person_id,
            new.name,
            read_description(new.description),
            new.visibility,
            new.default_role,
            new.join_policy,
            new.source_policy,
            new.actor_type_policy,
        )
        if created is None:
            raise name_taken(new.name)
        await tx.fetchval(sql.create_member, team_id, principal.person_id, "admin")
        await record(tx, principal, "team.create", organization_id=organization_id, subject_id=team_id, name=new.name)
        return await load_team(tx, principal, team_id)


def name_taken(name: str) -> Duplicate:
    """Return the error for a name that another team of the organization has."""
    return Duplicate(f"The organization already has a team named {name}.")
