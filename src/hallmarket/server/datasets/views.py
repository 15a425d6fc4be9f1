"""Saved views of a dataset: a query, and how to draw its result."""

from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.access import get_access, lock_access
from hallmarket.server.catalog.types import READ, WRITE
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.types import DATASET, WireView
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_VIEWS = 1000
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Text = Annotated[str, msgspec.Meta(max_length=100_000)]


class NewView(msgspec.Struct, frozen=True):
    """A new view. A `prompt` is rejected: this server has no language model."""

    name: Name
    description: Text | None = None
    sql_query: Text | None = None
    config: dict[str, Any] | None = None
    prompt: str | None = None


class ViewChanges(msgspec.Struct, frozen=True):
    """Changes to a view. Unset fields do not change; null clears a field."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    sql_query: Text | UnsetType | None = UNSET
    config: dict[str, Any] | UnsetType | None = UNSET
    prompt: str | UnsetType | None = UNSET


async def list_views(database: Database, principal: Principal, dataset_id: UUID) -> list[WireView]:
    """Return the views of a dataset, oldest first. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        return [_wire_view(row) for row in await connection.fetch(sql.list_views, dataset_id, MAX_VIEWS)]


async def create_view(database: Database, principal: Principal, dataset_id: UUID, request: NewView) -> WireView:
    """Create a view. Raises NotFound, Forbidden, InvalidRequest."""
    async with database.transaction() as tx:
        return await _get(tx, dataset_id, await insert_view(tx, principal, dataset_id, request))


async def insert_view(tx: Connection, principal: Principal, dataset_id: UUID, request: NewView) -> UUID:
    """Create a view in the caller's transaction, and return its id. Raises as `create_view`."""
    view_id = new_id()
    await lock_access(tx, principal, dataset_id, WRITE, DATASET)
    _reject_prompt(request.prompt)
    config = msgspec.json.encode(request.config or {}).decode()
    values = (request.name, request.description, request.sql_query, config)
    await tx.execute(sql.create_view, view_id, dataset_id, *values, principal.person_id)
    return view_id


async def change_view(
    database: Database, principal: Principal, dataset_id: UUID, view_id: UUID, changes: ViewChanges
) -> WireView:
    """Change a view. Raises NotFound, Forbidden, InvalidRequest."""
    async with database.transaction() as tx:
        await lock_access(tx, principal, dataset_id, WRITE, DATASET)
        _reject_prompt(changes.prompt)
        old = await _get(tx, dataset_id, view_id)
        new = {
            field: old_value if (value := getattr(changes, field)) is UNSET else value
            for field, old_value in (
                ("name", old.name),
                ("description", old.description),
                ("sql_query", old.sql_query),
                ("config", old.config),
            )
        }
        config = msgspec.json.encode(new["config"] or {}).decode()
        values = (new["name"], new["description"], new["sql_query"], config)
        await tx.execute(sql.update_view, dataset_id, view_id, *values)
        return await _get(tx, dataset_id, view_id)


async def delete_view(database: Database, principal: Principal, dataset_id: UUID, view_id: UUID) -> None:
    """Delete a view. Raises NotFound, Forbidden."""
    async with database.transaction() as tx:
        await lock_access(tx, principal, dataset_id, WRITE, DATASET)
        if not await tx.fetchval(sql.delete_view, dataset_id, view_id):
            raise NotFound("There is no such view.")


async def _get(connection: Connection, dataset_id: UUID, view_id: UUID) -> WireView:
    row = await connection.fetchrow(sql.find_view, dataset_id, view_id)
    if row is None:
        raise NotFound("There is no such view.")
    return _wire_view(row)


def _reject_prompt(prompt: str | UnsetType | None) -> None:
    if prompt:
        raise InvalidRequest("This server has no language model that makes views; send sql_query and config.", "prompt")


def _wire_view(row: asyncpg.Record) -> WireView:
    return WireView(
        id=row["id"],
        dataset_id=row["dataset_id"],
        name=row["name"],
        description=row["description"],
        sql_query=row["sql_query"],
        config=msgspec.json.decode(row["config"]),
        engine_type="duckdb",
        created_by=row["creator_id"],
        created_at=row["created_on"],
        last_updated=row["updated_on"],
    )
