"""Check the description of an asset: Markdown or rich text."""

from typing import TypeVar

import msgspec
from msgspec import UNSET

from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.rich_text.read_content import read_content
from hallmarket.server.rich_text.types import RichText

Fields = TypeVar("Fields", bound=AssetFields)


class CheckedDescription(RichText, frozen=True):
    """A description that `check_description` has checked. Without a document it is shown as its Markdown alone."""


async def check_description(fields: Fields) -> Fields:
    """Return the fields with a checked description. Every verb that creates or updates an asset calls this first.

    A long description takes time to check, so do not call this inside a transaction. Raises InvalidRequest.
    """
    description = fields.description
    if description is UNSET or description is None:
        return fields
    content = await read_content(description, field="description")
    has_document = isinstance(description, RichText) and description.json is not None
    checked = CheckedDescription(content.text, content.json if has_document else None)
    return msgspec.structs.replace(fields, description=checked)
