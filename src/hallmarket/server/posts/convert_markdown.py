"""Convert markdown for somebody who is writing."""

from hallmarket.server.database.connections import Database
from hallmarket.server.posts.save_content import resolve_mentions
from hallmarket.server.posts.types import Conversion, Converted
from hallmarket.server.rich_text.read_content import read_content


async def convert_markdown(database: Database, wanted: Conversion) -> Converted:
    """The document of a markdown, with the ids of those it mentions; nothing is kept and nobody is told."""
    content = await read_content(wanted.markdown, field="markdown")
    async with database.connection() as connection:
        await resolve_mentions(connection, content)
    return Converted(content.json, content.text)
