"""What callers send as content: markdown, or a document, with the other made of it."""

import asyncio

from hallmarket.server.catalog.types import RichText
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.posts.document import MOST_CHARACTERS, attribute, check_document, walk
from hallmarket.server.posts.read_markdown import read_markdown
from hallmarket.server.posts.types import Content
from hallmarket.server.posts.write_markdown import write_markdown


async def read_content(said: RichText | str, most_characters: int = MOST_CHARACTERS) -> Content:
    """The content of a request, checked; long ones take a while, so on a thread. Raises InvalidRequest."""
    return await asyncio.to_thread(_read, said, most_characters)


def _read(said: RichText | str, most_characters: int) -> Content:
    text = said if isinstance(said, str) else said.text or ""
    _check_text(text, most_characters)
    if isinstance(said, str) or said.json is None:
        return Content(text, read_markdown(text))
    document = check_document(said.json)
    if any(attribute(found, "partial") for found in walk(document)):
        raise InvalidRequest("Assets cannot be made within a text: create them first, then show them.", "content.json")
    if not text:
        _check_text(text := write_markdown(document), most_characters)
    return Content(text, document)


def _check_text(text: str, most_characters: int) -> None:
    if len(text) > most_characters:
        raise InvalidRequest(f"The content is too long; it may have {most_characters:,} characters.", "content")
    if "\0" in text:
        raise InvalidRequest("The content holds NUL.", "content")
