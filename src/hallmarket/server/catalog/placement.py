"""Where an asset belongs: an organization and a team, or its owner alone; and who may see it there by default."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.access import sql
from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import Forbidden, InvalidRequest
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

OUTWARD = ("public", "monetized")


class Placement(msgspec.Struct, frozen=True):
    """Where an asset stands, and the visibility it has there."""

    organization_id: UUID | None
    team_id: UUID | None
    visibility: str


async def choose_placement(
    tx: Connection,
    principal: Principal,
    *,
    organization_id: UUID | None,
    team_id: UUID | UnsetType | None,
    visibility: str | None,
    source: str,
) -> Placement:
    """The place for an asset of the caller's; without a team it is the default team, without a visibility the team's.

    Raises InvalidRequest for a visibility that there is not to be had, Forbidden if they may put nothing there, or it
    would be seen outside of an internal team, ApiKeyOrgMismatch.
    """
    principal.require_organization(organization_id)
    wanted = None if team_id is UNSET or team_id == PERSONAL_CONTEXT else team_id
    if organization_id is None:
        return _alone(wanted, visibility)
    team = await tx.fetchrow(sql.find_placement, organization_id, principal.person_id, wanted, principal.bound_to)
    if team is None:
        raise Forbidden("You are no member of this organization, or it has no such team.")
    _check_policies(team, source)
    if visibility is None:
        visibility = "public" if team["visibility"] == "public" else "organization"
    if visibility in OUTWARD and team["visibility"] != "public":
        otherwise = "choose a public team, or make one (POST /teams/create)"
        raise Forbidden(f"This team is internal, and nothing in it is {visibility}; {otherwise}.")
    return Placement(organization_id, team["team_id"], visibility)


def _alone(team_id: UUID | None, visibility: str | None) -> Placement:
    if team_id is not None:
        raise InvalidRequest("A team belongs to an organization; name it as org_id.", "team_id")
    if visibility == "organization":
        raise InvalidRequest("In your personal context there is no organization to see it.", "visibility")
    return Placement(None, None, visibility or "private")


def _check_policies(team: asyncpg.Record, source: str) -> None:
    policies: dict[str, Any] = {"web_only": source == "web", "api_only": source == "api"}
    if not policies.get(team["source_policy"], True):
        way = "on the web" if team["source_policy"] == "web_only" else "by the API"
        raise Forbidden(f"This team takes only what is made {way}.")
    actors = {"verified_only": "verified", "agents_only": "agent"}
    if (needed := actors.get(team["actor_type_policy"])) not in (None, team["actor_type"]):
        raise Forbidden(f"This team takes assets only of people whose type is {needed}.")
    if not team["may_write"]:
        raise Forbidden("You may read in this team, but put nothing into it.")
