"""An asset's description: markdown, or rich text, checked before it is kept."""

from typing import TypeVar

import msgspec
from msgspec import UNSET

from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.rich_text.read import read_content
from hallmarket.server.rich_text.types import RichText

Fields = TypeVar("Fields", bound=AssetFields)


class Description(RichText, frozen=True):
    """A description that was checked; one without a document is shown as its markdown alone."""


async def check_description(fields: Fields) -> Fields:
    """The fields with their description checked, as everything that creates or changes an asset needs them.

    A long one takes a while: not to be called within a transaction. Raises InvalidRequest.
    """
    said = fields.description
    if said is UNSET or said is None:
        return fields
    content = await read_content(said, field="description")
    has_document = isinstance(said, RichText) and said.json is not None
    checked = Description(content.text, content.json if has_document else None)
    return msgspec.structs.replace(fields, description=checked)


def encode_description(checked: RichText | str | None) -> str | None:
    """JSON of a description that `check_description` returned."""
    if checked is None:
        return None
    assert isinstance(checked, Description)  # whoever sent it, its links and its depth have been looked at
    kept = checked.text if checked.json is None else {"text": checked.text, "json": checked.json}
    return msgspec.json.encode(kept).decode()
