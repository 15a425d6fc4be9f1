"""HTTP routes of teams: `/teams`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, Duplicate, MethodNotAllowed
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, paged, read_window, window_query
from hallmarket.server.http.openapi_examples import ID
from hallmarket.server.http.parameters import FLAG_QUERY, ID_QUERY, parse_query, read_flag, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal
from hallmarket.server.teams.bans import NewBan, ban_person, lift_ban, list_bans
from hallmarket.server.teams.create import CreateTeam, create_team
from hallmarket.server.teams.delete import delete_team
from hallmarket.server.teams.join import join_team, leave_team
from hallmarket.server.teams.join_requests import approve_join_request, list_join_requests, reject_join_request
from hallmarket.server.teams.list import TeamFilters, get_team, list_teams
from hallmarket.server.teams.members import NewMember, NewRole, add_member, change_role, list_members, remove_member
from hallmarket.server.teams.types import WireBan, WireJoinRequest, WireMember, WireTeam
from hallmarket.server.teams.update import UpdateTeam, update_team

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "teams:read"}, {"scope": "teams:write"}
PAGED = READ | {"query": window_query(MAX_PAGE_SIZE)}
# The errors of a write, in addition to those of every route.
DUPLICATE, CONFLICT, BOTH = ({"raises": kinds} for kinds in ((Duplicate,), (Conflict,), (Duplicate, Conflict)))
TEAM = "/teams/{team_id:str}"
TEAM_QUERY = {"include_members": FLAG_QUERY | {"description": "Include the first members."}}
LIST_QUERY = {
    "org_id": ID_QUERY | {"description": "Only teams of this organization; by default that of the request."},
    "joined": FLAG_QUERY | {"description": "Only teams that you are a member of."},
    "public_only": FLAG_QUERY | {"description": "Only public teams."},
    **window_query(MAX_PAGE_SIZE),
}


def teams_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of teams."""
    return [
        *_team_routes(database),
        *_join_routes(database),
        *_member_routes(database),
        *_ban_routes(database),
    ]


def _team_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get("/teams", opt=READ | {"query": LIST_QUERY}, summary="List the teams that you may see")
    async def get_teams(request: AnyRequest) -> Paged[WireTeam]:
        principal, query = principal_of(request.scope), _query(request)
        return paged(await list_teams(database, principal, _read_filters(query, principal), _window(query)))

    @post(
        "/teams/create",
        opt=WRITE | DUPLICATE | {"example": {"team": {"name": "the-desk", "org_id": ID}}},
        status_code=200,
        summary="Create a team that you administer",
    )
    async def create(request: AnyRequest, data: JSONBody[CreateTeam]) -> Data[WireTeam]:
        return Data(await create_team(database, principal_of(request.scope), data.team))

    @get(TEAM, opt=READ | {"query": TEAM_QUERY}, summary="Get a team")
    async def get_one(request: AnyRequest, team_id: FromPath[str]) -> Data[WireTeam]:
        requested_id, include_members = _team_id(team_id), read_flag(_query(request), "include_members") is True
        principal = principal_of(request.scope)
        return Data(await get_team(database, principal, requested_id, include_members=include_members))

    @put(TEAM, opt=WRITE | DUPLICATE | {"example": {"team": {"description": "Local news."}}}, summary="Change a team")
    async def update(request: AnyRequest, team_id: FromPath[str], data: JSONBody[UpdateTeam]) -> Data[WireTeam]:
        return Data(await update_team(database, principal_of(request.scope), _team_id(team_id), data.team))

    @delete(TEAM, opt=WRITE | CONFLICT, status_code=200, summary="Delete a team")
    async def remove(request: AnyRequest, team_id: FromPath[str]) -> Data[None]:
        await delete_team(database, principal_of(request.scope), _team_id(team_id))
        return Data(None)

    return [get_teams, create, get_one, update, remove]


def _join_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @post(TEAM + "/join", opt=WRITE | CONFLICT, status_code=200, summary="Join a team, or request to join it")
    async def join(request: AnyRequest, team_id: FromPath[str]) -> Data[WireTeam]:
        return Data(await join_team(database, principal_of(request.scope), _team_id(team_id)))

    @get(TEAM + "/leave", opt=WRITE | CONFLICT, summary="Leave a team")
    async def leave(request: AnyRequest, team_id: FromPath[str]) -> Data[None]:
        if request_context(request.scope).method != "GET":  # a HEAD must not change anything
            raise MethodNotAllowed("GET")
        await leave_team(database, principal_of(request.scope), _team_id(team_id))
        return Data(None)

    @get(TEAM + "/join-requests", opt=PAGED, summary="List the pending requests to join a team, oldest first")
    async def get_requests(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireJoinRequest]:
        requested_id, window = _team_id(team_id), _window(_query(request))
        return paged(await list_join_requests(database, principal_of(request.scope), requested_id, window))

    @post(
        TEAM + "/join-requests/{request_id:str}/approve",
        opt=WRITE | CONFLICT,
        status_code=200,
        summary="Approve a request to join",
    )
    async def approve(request: AnyRequest, team_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        ids = _team_id(team_id), read_id(request_id, "request_id")
        await approve_join_request(database, principal_of(request.scope), *ids)
        return Data(None)

    @post(
        TEAM + "/join-requests/{request_id:str}/reject",
        opt=WRITE | CONFLICT,
        status_code=200,
        summary="Reject a request to join",
    )
    async def reject(request: AnyRequest, team_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        ids = _team_id(team_id), read_id(request_id, "request_id")
        await reject_join_request(database, principal_of(request.scope), *ids)
        return Data(None)

    return [join, leave, get_requests, approve, reject]


def _member_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(TEAM + "/members", opt=PAGED, summary="List a team's members, administrators first")
    async def get_members(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireMember]:
        requested_id, window = _team_id(team_id), _window(_query(request))
        return paged(await list_members(database, principal_of(request.scope), requested_id, window))

    @post(TEAM + "/members", opt=WRITE | BOTH, status_code=200, summary="Add a member to a team")
    async def add(request: AnyRequest, team_id: FromPath[str], data: JSONBody[NewMember]) -> Data[WireMember]:
        return Data(await add_member(database, principal_of(request.scope), _team_id(team_id), data))

    @put(TEAM + "/members/{user_id:str}", opt=WRITE | CONFLICT, summary="Change a member's role")
    async def change(
        request: AnyRequest, team_id: FromPath[str], user_id: FromPath[str], data: JSONBody[NewRole]
    ) -> Data[WireMember]:
        ids = _team_id(team_id), read_id(user_id, "user_id")
        return Data(await change_role(database, principal_of(request.scope), *ids, data.role))

    @delete(
        TEAM + "/members/{user_id:str}", opt=WRITE | CONFLICT, status_code=200, summary="Remove a member from a team"
    )
    async def remove(request: AnyRequest, team_id: FromPath[str], user_id: FromPath[str]) -> Data[None]:
        ids = _team_id(team_id), read_id(user_id, "user_id")
        await remove_member(database, principal_of(request.scope), *ids)
        return Data(None)

    return [get_members, add, change, remove]


def _ban_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(TEAM + "/bans", opt=PAGED, summary="List the bans from a team, newest first")
    async def get_bans(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireBan]:
        requested_id, window = _team_id(team_id), _window(_query(request))
        return paged(await list_bans(database, principal_of(request.scope), requested_id, window))

    @post(TEAM + "/bans", opt=WRITE | BOTH, status_code=200, summary="Ban a person from a team")
    async def ban(request: AnyRequest, team_id: FromPath[str], data: JSONBody[NewBan]) -> Data[None]:
        await ban_person(database, principal_of(request.scope), _team_id(team_id), data)
        return Data(None)

    @delete(TEAM + "/bans/{user_id:str}", opt=WRITE, status_code=200, summary="Lift a ban")
    async def lift(request: AnyRequest, team_id: FromPath[str], user_id: FromPath[str]) -> Data[None]:
        ids = _team_id(team_id), read_id(user_id, "user_id")
        await lift_ban(database, principal_of(request.scope), *ids)
        return Data(None)

    return [get_bans, ban, lift]


def _query(request: AnyRequest) -> dict[str, str]:
    return parse_query(request.scope["query_string"])


def _team_id(text: str) -> UUID:
    return read_id(text, "team_id")


def _window(query: dict[str, str]) -> Window:
    return read_window(query, MAX_PAGE_SIZE)


def _read_filters(query: dict[str, str], principal: Principal) -> TeamFilters:
    organization_id = read_id(query["org_id"], "org_id") if "org_id" in query else principal.organization_id
    return TeamFilters(organization_id, read_flag(query, "joined") is True, read_flag(query, "public_only") is True)
