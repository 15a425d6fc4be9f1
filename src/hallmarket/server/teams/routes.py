"""`/teams`: HTTP only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, Duplicate, MethodNotAllowed
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, read_window, window_query
from hallmarket.server.http.openapi_examples import ID
from hallmarket.server.http.parameters import parse_query, read_flag, read_id
from hallmarket.server.http.request_context import RequestContext, principal_of, request_context
from hallmarket.server.paging import Window
from hallmarket.server.teams.bans import NewBan, ban_person, lift_ban, list_bans
from hallmarket.server.teams.change import UpdateTeam, delete_team, update_team
from hallmarket.server.teams.create import CreateTeam, create_team
from hallmarket.server.teams.join import join_team, leave_team
from hallmarket.server.teams.list import LIST_QUERY, TEAM_QUERY, get_team, list_teams, read_filters
from hallmarket.server.teams.members import NewMember, NewRole, add_member, change_role, list_members, remove_member
from hallmarket.server.teams.requests import approve_request, list_requests, reject_request
from hallmarket.server.teams.types import WireBan, WireJoinRequest, WireMember, WireTeam

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "teams:read"}, {"scope": "teams:write"}
PAGED = READ | {"query": window_query(MAX_PAGE_SIZE)}
# What a write may meet, beside what any route may.
TAKEN, HINDERED, BOTH = ({"raises": kinds} for kinds in ((Duplicate,), (Conflict,), (Duplicate, Conflict)))
TEAM = "/teams/{team_id:str}"


def teams_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of teams."""
    return [
        *_team_routes(database),
        *_way_in_routes(database),
        *_member_routes(database),
        *_ban_routes(database),
    ]


def _team_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get("/teams", opt=READ | {"query": LIST_QUERY}, summary="List the teams you may see")
    async def get_teams(request: AnyRequest) -> Paged[WireTeam]:
        context, query = _read(request)
        return await list_teams(database, context.principal, read_filters(query, context.principal), _window(query))

    @post(
        "/teams/create",
        opt=WRITE | TAKEN | {"example": {"team": {"name": "the-desk", "org_id": ID}}},
        status_code=200,
        summary="Create a team; you are its administrator",
    )
    async def create(request: AnyRequest, data: JSONBody[CreateTeam]) -> Data[WireTeam]:
        return Data(await create_team(database, principal_of(request.scope), data.team))

    @get(TEAM, opt=READ | {"query": TEAM_QUERY}, summary="One team")
    async def get_one(request: AnyRequest, team_id: FromPath[str]) -> Data[WireTeam]:
        context, query = _read(request)
        wanted, whole = _team(team_id), read_flag(query, "include_members") is True
        async with database.connection() as connection:
            return Data(await get_team(connection, context.principal, wanted, include_members=whole))

    @put(TEAM, opt=WRITE | TAKEN | {"example": {"team": {"description": "Local news."}}}, summary="Change a team")
    async def update(request: AnyRequest, team_id: FromPath[str], data: JSONBody[UpdateTeam]) -> Data[WireTeam]:
        return Data(await update_team(database, principal_of(request.scope), _team(team_id), data.team))

    @delete(TEAM, opt=WRITE | HINDERED, status_code=200, summary="Delete a team")
    async def remove(request: AnyRequest, team_id: FromPath[str]) -> Data[None]:
        await delete_team(database, principal_of(request.scope), _team(team_id))
        return Data(None)

    return [get_teams, create, get_one, update, remove]


def _way_in_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @post(TEAM + "/join", opt=WRITE | HINDERED, status_code=200, summary="Join a team, or ask to")
    async def join(request: AnyRequest, team_id: FromPath[str]) -> Data[WireTeam]:
        return Data(await join_team(database, principal_of(request.scope), _team(team_id)))

    @get(TEAM + "/leave", opt=WRITE | HINDERED, summary="Leave a team")
    async def leave(request: AnyRequest, team_id: FromPath[str]) -> Data[None]:
        context = request_context(request.scope)
        if context.method != "GET":  # a HEAD promises to change nothing
            raise MethodNotAllowed("GET")
        await leave_team(database, context.principal, _team(team_id))
        return Data(None)

    @get(TEAM + "/join-requests", opt=PAGED, summary="List the pending requests to join a team, oldest first")
    async def get_requests(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireJoinRequest]:
        context, query = _read(request)
        return await list_requests(database, context.principal, _team(team_id), _window(query))

    @post(
        TEAM + "/join-requests/{request_id:str}/approve",
        opt=WRITE | HINDERED,
        status_code=200,
        summary="Grant a request",
    )
    async def approve(request: AnyRequest, team_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        wanted = _team(team_id), read_id(request_id, "request_id")
        await approve_request(database, principal_of(request.scope), *wanted)
        return Data(None)

    @post(
        TEAM + "/join-requests/{request_id:str}/reject",
        opt=WRITE | HINDERED,
        status_code=200,
        summary="Refuse a request",
    )
    async def reject(request: AnyRequest, team_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        wanted = _team(team_id), read_id(request_id, "request_id")
        await reject_request(database, principal_of(request.scope), *wanted)
        return Data(None)

    return [join, leave, get_requests, approve, reject]


def _member_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(TEAM + "/members", opt=PAGED, summary="List a team's members, administrators first")
    async def get_members(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireMember]:
        context, query = _read(request)
        return await list_members(database, context.principal, _team(team_id), _window(query))

    @post(TEAM + "/members", opt=WRITE | BOTH, status_code=200, summary="Add somebody to a team")
    async def add(request: AnyRequest, team_id: FromPath[str], data: JSONBody[NewMember]) -> Data[WireMember]:
        return Data(await add_member(database, principal_of(request.scope), _team(team_id), data))

    @put(TEAM + "/members/{user_id:str}", opt=WRITE | HINDERED, summary="Change a member's role")
    async def change(
        request: AnyRequest, team_id: FromPath[str], user_id: FromPath[str], data: JSONBody[NewRole]
    ) -> Data[WireMember]:
        wanted = _team(team_id), read_id(user_id, "user_id")
        return Data(await change_role(database, principal_of(request.scope), *wanted, data.role))

    @delete(
        TEAM + "/members/{user_id:str}", opt=WRITE | HINDERED, status_code=200, summary="Remove somebody from a team"
    )
    async def remove(request: AnyRequest, team_id: FromPath[str], user_id: FromPath[str]) -> Data[None]:
        wanted = _team(team_id), read_id(user_id, "user_id")
        await remove_member(database, principal_of(request.scope), *wanted)
        return Data(None)

    return [get_members, add, change, remove]


def _ban_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(TEAM + "/bans", opt=PAGED, summary="List who is banned from a team, newest first")
    async def get_bans(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireBan]:
        context, query = _read(request)
        return await list_bans(database, context.principal, _team(team_id), _window(query))

    @post(TEAM + "/bans", opt=WRITE | BOTH, status_code=200, summary="Ban somebody from a team")
    async def ban(request: AnyRequest, team_id: FromPath[str], data: JSONBody[NewBan]) -> Data[None]:
        await ban_person(database, principal_of(request.scope), _team(team_id), data)
        return Data(None)

    @delete(TEAM + "/bans/{user_id:str}", opt=WRITE, status_code=200, summary="Lift a ban")
    async def lift(request: AnyRequest, team_id: FromPath[str], user_id: FromPath[str]) -> Data[None]:
        wanted = _team(team_id), read_id(user_id, "user_id")
        await lift_ban(database, principal_of(request.scope), *wanted)
        return Data(None)

    return [get_bans, ban, lift]


def _read(request: AnyRequest) -> tuple[RequestContext, dict[str, str]]:
    context = request_context(request.scope)
    return context, parse_query(context.scope["query_string"])


def _team(text: str) -> UUID:
    return read_id(text, "team_id")


def _window(query: dict[str, str]) -> Window:
    return read_window(query, MAX_PAGE_SIZE)
