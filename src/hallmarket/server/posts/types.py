"""Posts and comments as the wire knows them."""

from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import AssetFields, Attribution, LicenceText, Source, WireAsset, Word
from hallmarket.server.rich_text.document import Node
from hallmarket.server.rich_text.types import Content, Markdown, RichText

Said = RichText | Markdown


class CreatePost(msgspec.Struct, frozen=True):
    """The body of `POST /posts/create`."""

    post: AssetFields
    content: Said = ""


class UpdatePost(msgspec.Struct, frozen=True):
    """The body of `PUT /posts/{id}`; without content it stays as it is."""

    post: AssetFields = msgspec.field(default_factory=AssetFields)
    content: Said | None = None


class CommentFields(msgspec.Struct, frozen=True):
    """What callers may say of a comment; where it belongs and who sees it follows from its parent."""

    license_id: Word | UnsetType | None = UNSET
    license_text: LicenceText | UnsetType | None = UNSET
    attribution: Attribution | UnsetType | None = UNSET
    source: Source | UnsetType = UNSET


class NewComment(CommentFields, frozen=True, kw_only=True):
    """A comment to be, on an asset or on a comment on one."""

    parent_id: UUID


class CreateComment(msgspec.Struct, frozen=True):
    """The body of `POST /comments/create`."""

    comment: NewComment
    content: Said


class UpdateComment(msgspec.Struct, frozen=True):
    """The body of `PUT /comments/{id}`; without content it stays as it is."""

    comment: CommentFields = msgspec.field(default_factory=CommentFields)
    content: Said | None = None


class WirePost(WireAsset, frozen=True, kw_only=True):
    """The reference's Post, or Comment: `content` only for whoever may read it."""

    content: Content | UnsetType = UNSET
    assets: list[WireAsset]  # which stand in the content, without those that the caller may not know of
    comments: int  # with replies; as the views 0 for who may not read them
    views: int


class Conversion(msgspec.Struct, frozen=True):
    """The body of `POST /utilities/convert/from-markdown`."""

    markdown: Markdown


class Converted(msgspec.Struct, frozen=True):
    """Markdown and its document."""

    json: Node
    markdown: str
