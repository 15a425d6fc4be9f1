"""Create the assets that are embedded in a post, as its children.

Each asset type has an embedder, which the process root registers. Before the transaction, the embedder prepares the
asset: it does everything slow, such as storing bytes. Inside the transaction it creates the asset. If the post is not
created, the prepared assets are discarded.
"""

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

Data = TypeVar("Data")


class PreparedAsset(Protocol):
    """An embedded asset that is prepared: to be created in a transaction, or discarded."""

    async def create(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Create the asset, and return its id with further attributes of the node that shows it."""

    async def discard(self) -> None:
        """Delete what was prepared and not used."""


class AssetEmbedder(Protocol):
    """Creates embedded assets of one type."""

    async def prepare(self, principal: Principal, data: dict[str, Any]) -> PreparedAsset:
        """Check the data of an embedded asset, and do what needs the network or takes long."""


AssetEmbedders = Mapping[str, AssetEmbedder]  # by asset type


class CommonData(msgspec.Struct, frozen=True):
    """The data that embedded assets of all types share."""

    asset_type: str
    name: Name | None = None
    description: Markdown | RichText | None = None


class PostData(msgspec.Struct, frozen=True):
    """The data of an embedded post."""

    content: RichText | Markdown = ""


class PostEmbedder:
    """Creates posts embedded in posts."""

    async def prepare(self, principal: Principal, data: dict[str, Any]) -> "PreparedPost":  # noqa: ARG002 (the protocol's)
        """Read an embedded post's content. Raises InvalidRequest."""
        return PreparedPost(await read_content(_convert(data, PostData).content))


class PreparedPost:
    """An embedded post whose content is read."""

    def __init__(self, content: Content) -> None:
        self._content = content

    async def create(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Create the post. Raises as `create_asset`."""
        content = self._content
        post_id = await create_asset(tx, principal, "post", fields, preview=make_preview(content), body=content.text)
        await save_content(tx, principal, await get_access(tx, principal, post_id, READ), content)
        return post_id, {}

    async def discard(self) -> None:
        """Do nothing: nothing was stored."""


class ReadyAsset(msgspec.Struct, frozen=True):
    """An embedded asset that is ready to be created: its node in the document, its fields, and its prepared content."""

    node: EmbeddedAsset
    fields: AssetFields
    prepared: Any  # a PreparedAsset


@asynccontextmanager
async def prepare_embedded_assets(
    embedders: AssetEmbedders, principal: Principal, nodes: list[EmbeddedAsset]
) -> AsyncIterator[list[ReadyAsset]]:
    """Prepare the embedded assets of a post, and discard them if the block raises.

    Raises InvalidRequest, and what the embedders raise.
    """
    assets: list[ReadyAsset] = []
    try:
        for node in nodes:
            common = _convert(node.description, CommonData)
            embedder = embedders.get(common.asset_type)
            if embedder is None:
                raise InvalidRequest(
                    f"A {common.asset_type} cannot be created within a post: create it first, then embed it.",
                    "content",
                )
            fields = await check_description(
                AssetFields(name=common.name, description=common.description, visibility="inherit")
            )
            assets.append(ReadyAsset(node, fields, await embedder.prepare(principal, node.description)))
        yield assets
    except BaseException:
        for asset in assets:
            await asset.prepared.discard()
        raise


async def create_embedded_assets(
    tx: Connection, principal: Principal, post_id: UUID, content: Content, assets: list[ReadyAsset]
) -> Content:
    """Create the embedded assets as children of a post, and return the content with their ids in it."""
    text = content.text
    for asset in assets:
        attrs = asset.node.attrs
        fields = msgspec.structs.replace(asset.fields, parent_id=post_id)
        asset_id, more_attrs = await asset.prepared.create(tx, principal, fields)
        text = text.replace(str(attrs["id"]), str(asset_id))
        attrs.update(more_attrs, id=str(asset_id))
        del attrs["partial"]
    return Content(text, content.json)


def _convert(data: dict[str, Any], data_type: type[Data]) -> Data:
    try:
        return msgspec.convert(data, data_type)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"An embedded asset is invalid: {error}", "content.json") from None
