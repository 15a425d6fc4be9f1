"""What callers send as rich text: markdown, or a document, with the other made of it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.document import MAX_CHARACTERS, Node, attribute, check_document, check_size, walk
from hallmarket.server.rich_text.read_markdown import read_markdown
from hallmarket.server.rich_text.types import Content, RichText
from hallmarket.server.rich_text.write_markdown import write_markdown

MAX_PARTS = 20
# Texts that take seconds wait for each other: however many are sent, half of the time is left to other requests.
LONG_CHARACTERS = 20_000
_long_texts = ThreadPoolExecutor(1, "long-texts")


class Part(msgspec.Struct, frozen=True):
    """An asset written within a text: what is said of it, and the attributes of the node that shall show it."""

    attrs: dict[str, Any]
    said: dict[str, Any]


async def read_content(said: RichText | str, max_characters: int = MAX_CHARACTERS, field: str = "content") -> Content:
    """What a request says in `field`, checked, with no assets within it. Raises InvalidRequest, naming the field."""
    content, parts = await _read_aside(said, max_characters, field)
    if parts:
        raise InvalidRequest(
            f"Assets are made within posts only, not in this {field}: create them first, then show them.", field
        )
    return content


async def read_post(said: RichText | str) -> tuple[Content, list[Part]]:
    """The content of a post, checked, and the assets written within it. Raises InvalidRequest."""
    return await _read_aside(said, MAX_CHARACTERS, "content")


async def _read_aside(said: RichText | str, max_characters: int, field: str) -> tuple[Content, list[Part]]:
    text = said if isinstance(said, str) else said.text or ""
    is_long = len(text) > LONG_CHARACTERS or (not isinstance(said, str) and said.json is not None)
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_long_texts if is_long else None, _read, said, max_characters)
    except InvalidRequest as error:
        raise InvalidRequest(f"The {field} cannot be taken. {error}", field) from None


def _read(said: RichText | str, max_characters: int) -> tuple[Content, list[Part]]:
    text = said if isinstance(said, str) else said.text or ""
    _check_text(text, max_characters)
    if isinstance(said, str) or said.json is None:
        return Content(text, read_markdown(text)), []
    document = check_document(said.json)
    parts = _take_parts(document)
    check_size(document)
    if not text:
        _check_text(text := write_markdown(document), max_characters)
    return Content(text, document), parts


def _take_parts(document: Node) -> list[Part]:
    """What is said of the assets within a document, taken out of it."""
    found = [
        each["attrs"] for each in walk(document) if each["type"] == "assetComponent" and attribute(each, "partial")
    ]
    if len(found) > MAX_PARTS:
        raise InvalidRequest(f"A post may have {MAX_PARTS} assets made within it.")
    parts = [Part(attrs, attrs.pop("partialData", None)) for attrs in found]
    if any(not isinstance(part.said, dict) for part in parts):
        raise InvalidRequest("An asset made within a post needs partialData, an object.")
    return parts


def _check_text(text: str, max_characters: int) -> None:
    if len(text) > max_characters:
        raise InvalidRequest(f"It is too long; it may have {max_characters:,} characters.")
    if "\0" in text:
        raise InvalidRequest("It holds NUL.")
