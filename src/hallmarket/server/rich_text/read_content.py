"""Reads rich text that a caller sends, as markdown or as a document, and makes the other form from it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.document import MAX_CHARACTERS, Node, attribute, walk
from hallmarket.server.rich_text.parse_markdown import parse_markdown
from hallmarket.server.rich_text.types import Content, RichText
from hallmarket.server.rich_text.validate_document import validate_document, verify_size
from hallmarket.server.rich_text.write_markdown import write_markdown

MAX_EMBEDDED = 20
# Longer texts share one thread, because they can take seconds: other requests then always have a processor.
MIN_LONG_CHARACTERS = 20_000
_long_texts = ThreadPoolExecutor(1, "long-texts")


class EmbeddedAsset(msgspec.Struct, frozen=True):
    """An asset to create that a text describes, and the attributes of the node that will show it."""

    attrs: dict[str, Any]
    description: dict[str, Any]


async def read_content(sent: RichText | str, max_characters: int = MAX_CHARACTERS, field: str = "content") -> Content:
    """Read the text in a request's `field`, without assets to create. Raises InvalidRequest, naming the field."""
    content, embedded = await _read_in_thread(sent, max_characters, field)
    if embedded:
        raise InvalidRequest(
            f"Only a post can create assets within its text. Create them first, then show them in this {field}.", field
        )
    return content


async def read_post(sent: RichText | str) -> tuple[Content, list[EmbeddedAsset]]:
    """Read the content of a post, and the assets to create within it. Raises InvalidRequest."""
    return await _read_in_thread(sent, MAX_CHARACTERS, "content")


async def _read_in_thread(sent: RichText | str, max_characters: int, field: str) -> tuple[Content, list[EmbeddedAsset]]:
    text = sent if isinstance(sent, str) else sent.text or ""
    is_long = len(text) > MIN_LONG_CHARACTERS or (not isinstance(sent, str) and sent.json is not None)
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_long_texts if is_long else None, _read, sent, max_characters)
    except InvalidRequest as error:
        raise InvalidRequest(f"The {field} is not valid. {error}", field) from None


def _read(sent: RichText | str, max_characters: int) -> tuple[Content, list[EmbeddedAsset]]:
    text = sent if isinstance(sent, str) else sent.text or ""
    _verify_text(text, max_characters)
    if isinstance(sent, str) or sent.json is None:
        return Content(text, parse_markdown(text)), []
    document = validate_document(sent.json)
    embedded = _take_embedded(document)
    verify_size(document)
    if not text:
        _verify_text(text := write_markdown(document), max_characters)
    return Content(text, document), embedded


def _take_embedded(document: Node) -> list[EmbeddedAsset]:
    """Take the descriptions of assets to create out of a document."""
    found = [
        each["attrs"] for each in walk(document) if each["type"] == "assetComponent" and attribute(each, "partial")
    ]
    if len(found) > MAX_EMBEDDED:
        raise InvalidRequest(f"A post can create at most {MAX_EMBEDDED} assets within its text.")
    embedded = [EmbeddedAsset(attrs, attrs.pop("partialData", None)) for attrs in found]
    if any(not isinstance(asset.description, dict) for asset in embedded):
        raise InvalidRequest("An asset to create within a post needs partialData, which must be an object.")
    return embedded


def _verify_text(text: str, max_characters: int) -> None:
    if len(text) > max_characters:
        raise InvalidRequest(f"The text is too long; the limit is {max_characters:,} characters.")
    if "\0" in text:
        raise InvalidRequest("The text contains a NUL character. Remove it.")
