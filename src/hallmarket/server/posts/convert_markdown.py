"""Convert Markdown to a document for an editor."""

from hallmarket.server.database.connections import Database
from hallmarket.server.posts.resolve_mentions import resolve_mentions
from hallmarket.server.posts.types import Conversion, Converted
from hallmarket.server.rich_text.read_content import read_content


async def convert_markdown(database: Database, request: Conversion) -> Converted:
    """Return the document of a Markdown text, with the ids of mentioned people. Nothing is stored, nobody notified."""
    content = await read_content(request.markdown, field="markdown")
    async with database.connection() as connection:
        await resolve_mentions(connection, content)
    return Converted(content.json, content.text)
