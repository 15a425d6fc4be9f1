"""Types of rich text on the wire."""

from typing import Annotated, Any

import msgspec

from hallmarket.server.rich_text.document import MAX_CHARACTERS, Node

Markdown = Annotated[str, msgspec.Meta(max_length=MAX_CHARACTERS)]


class RichText(msgspec.Struct, frozen=True):
    """Rich text that a caller sends: markdown in `text`, a TipTap document in `json`, or both."""

    text: Markdown | None = None
    json: dict[str, Any] | None = None


class Content(msgspec.Struct, frozen=True):
    """A validated text in both forms: markdown as its author wrote it, and the document."""

    text: str
    json: Node
