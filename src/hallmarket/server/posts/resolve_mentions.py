"""Resolve the usernames that a text mentions to the ids of people."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.posts.document_references import find_mentioned_names, set_mentioned_ids
from hallmarket.server.rich_text.types import Content

sql = load_queries(__package__)


async def resolve_mentions(connection: Connection, content: Content) -> None:
    """Set the ids of mentioned people in the content's document, in place."""
    rows = await connection.fetch(sql.find_people, find_mentioned_names(content.json))
    set_mentioned_ids(content.json, {row["username"]: str(row["id"]) for row in rows})
