"""Assets that are written within a post: made with it, as its children, by what their types offer for that."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.types import READ, AssetFields, Name
from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.posts.save_content import make_preview, save_content
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.read_content import EmbeddedAsset, read_content
from hallmarket.server.rich_text.types import Content, Markdown, RichText

Wanted = TypeVar("Wanted")


class PreparedAsset(Protocol):
    """An asset whose content has been read: to be made in a transaction, or discarded."""

    async def make(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Make the asset, and return its id, with attributes for the node that shows it."""

    async def discard(self) -> None:
        """Leave nothing behind of what was not made."""


class AssetEmbedder(Protocol):
    """Makes assets of one type within posts."""

    async def prepare(self, principal: Principal, said: dict[str, Any]) -> PreparedAsset:
        """Read what a post says of an asset; whatever goes over a network, or takes long, is done here."""


AssetEmbedders = Mapping[str, AssetEmbedder]


class Described(msgspec.Struct, frozen=True):
    """What a post says of any asset within it."""

    asset_type: str
    name: Name | None = None
    description: Markdown | RichText | None = None


class PostSaid(msgspec.Struct, frozen=True):
    """What a post says of a post within it."""

    content: RichText | Markdown = ""


class PostEmbedder:
    """Makes posts within posts."""

    async def prepare(self, principal: Principal, said: dict[str, Any]) -> "PreparedPost":  # noqa: ARG002 (as the others take it)
        """Read a post's content. Raises InvalidRequest."""
        return PreparedPost(await read_content(_convert(said, PostSaid).content))


class PreparedPost:
    """A post whose content is read."""

    def __init__(self, content: Content) -> None:
        self._content = content

    async def make(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Make the post. Raises as `create_asset`."""
        content = self._content
        post_id = await create_asset(tx, principal, "post", fields, preview=make_preview(content), body=content.text)
        await save_content(tx, principal, await get_access(tx, principal, post_id, READ), content)
        return post_id, {}

    async def discard(self) -> None:
        """Nothing was kept of it."""


class Making(msgspec.Struct, frozen=True):
    """A part of a post that is ready to be made."""

    part: EmbeddedAsset
    fields: AssetFields
    prepared: Any  # a PreparedAsset


@asynccontextmanager
async def prepare_embedded_assets(
    embedders: AssetEmbedders, principal: Principal, parts: list[EmbeddedAsset]
) -> AsyncIterator[list[Making]]:
    """The parts of a post, prepared, until it is kept; where it is not, nothing of them stays.

    Raises InvalidRequest, and what their embedders raise.
    """
    ready: list[Making] = []
    try:
        for part in parts:
            described = _convert(part.description, Described)
            embedder = embedders.get(described.asset_type)
            if embedder is None:
                raise InvalidRequest(
                    f"A {described.asset_type} cannot be made within a post: create it first, then show it.", "content"
                )
            fields = await check_description(
                AssetFields(name=described.name, description=described.description, visibility="inherit")
            )
            ready.append(Making(part, fields, await embedder.prepare(principal, part.description)))
        yield ready
    except BaseException:
        for making in ready:
            await making.prepared.discard()
        raise


async def create_embedded_assets(
    tx: Connection, principal: Principal, post_id: UUID, content: Content, ready: list[Making]
) -> Content:
    """Make the parts of a post, seen by whoever sees it, and return the content with their ids in it."""
    text = content.text
    for making in ready:
        attrs = making.part.attrs
        fields = msgspec.structs.replace(making.fields, parent_id=post_id)
        made, more = await making.prepared.make(tx, principal, fields)
        text = text.replace(str(attrs["id"]), str(made))
        attrs.update(more, id=str(made))
        del attrs["partial"]
    return Content(text, content.json)


def _convert(said: dict[str, Any], kind: type[Wanted]) -> Wanted:
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"An asset within the post is misshapen: {error}", "content.json") from None
