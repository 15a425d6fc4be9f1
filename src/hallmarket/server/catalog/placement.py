"""Choose an asset's organization, team and visibility, and check that the principal may put it there."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, InvalidRequest
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)

VISIBLE_OUTSIDE = ("public", "monetized")


class Placement(msgspec.Struct, frozen=True):
    """An asset's organization, team and visibility. Without an organization it is in its owner's personal context."""

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
    """Return the placement of an asset; the default team if no team is given, the team's visibility if none is given.

    Raises InvalidRequest for a visibility that is impossible there, Forbidden if the principal may not put assets
    there or if an asset of an internal team would be visible outside, ApiKeyOrgMismatch.
    """
    principal.require_organization(organization_id)
    requested_team = None if team_id is UNSET or team_id == PERSONAL_CONTEXT else team_id
    if organization_id is None:
        return _place_in_personal_context(requested_team, visibility)
    team = await tx.fetchrow(
        sql.find_placement, organization_id, principal.person_id, requested_team, principal.bound_to
    )
    if team is None:
        raise Forbidden("You are not a member of this organization, or it has no such team.")
    _check_policies(team, source)
    if visibility is None:
        visibility = "public" if team["visibility"] == "public" else "organization"
    if visibility in VISIBLE_OUTSIDE and team["visibility"] != "public":
        raise Forbidden(
            f"This team is internal, so its assets cannot be {visibility}; "
            "choose a public team, or create one (POST /teams/create)."
        )
    return Placement(organization_id, team["team_id"], visibility)


def _place_in_personal_context(team_id: UUID | None, visibility: str | None) -> Placement:
    if team_id is not None:
        raise InvalidRequest("A team belongs to an organization; send the organization's id as org_id.", "team_id")
    if visibility == "organization":
        raise InvalidRequest("Your personal context has no organization that could see the asset.", "visibility")
    return Placement(None, None, visibility or "private")


def _check_policies(team: asyncpg.Record, source: str) -> None:
    policies: dict[str, Any] = {"web_only": source == "web", "api_only": source == "api"}
    if not policies.get(team["source_policy"], True):
        way = "on the web" if team["source_policy"] == "web_only" else "by the API"
        raise Forbidden(f"This team accepts only assets that are created {way}.")
    actors = {"verified_only": "verified", "agents_only": "agent"}
    if (required_type := actors.get(team["actor_type_policy"])) not in (None, team["actor_type"]):
        raise Forbidden(f"This team accepts only assets of people whose type is {required_type}.")
    if not team["may_write"]:
        raise Forbidden("You may read in this team, but not add assets to it.")
