"""Types of posts and comments: request bodies, and how the API shows them."""

from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import AssetFields, Attribution, LicenceText, Source, WireAsset, Word
from hallmarket.server.rich_text.document import Node
from hallmarket.server.rich_text.types import Content, Markdown, RichText

PostContent = RichText | Markdown


class CreatePost(msgspec.Struct, frozen=True):
    """The body of `POST /posts/create`."""

    post: AssetFields
    content: PostContent = ""


class UpdatePost(msgspec.Struct, frozen=True):
    """The body of `PUT /posts/{id}`. Without content, the post keeps its content."""

    post: AssetFields = msgspec.field(default_factory=AssetFields)
    content: PostContent | None = None


class CommentFields(msgspec.Struct, frozen=True):
    """The fields of a comment. Its organization, team and visibility are its parent's."""

    license_id: Word | UnsetType | None = UNSET
    license_text: LicenceText | UnsetType | None = UNSET
    attribution: Attribution | UnsetType | None = UNSET
    source: Source | UnsetType = UNSET


class NewComment(CommentFields, frozen=True, kw_only=True):
    """A new comment. Its parent is an asset, or a comment that it replies to."""

    parent_id: UUID


class CreateComment(msgspec.Struct, frozen=True):
    """The body of `POST /comments/create`."""

    comment: NewComment
    content: PostContent


class UpdateComment(msgspec.Struct, frozen=True):
    """The body of `PUT /comments/{id}`. Without content, the comment keeps its content."""

    comment: CommentFields = msgspec.field(default_factory=CommentFields)
    content: PostContent | None = None


class WirePost(WireAsset, frozen=True, kw_only=True):
    """The reference's Post or Comment; `content` is present if the reader may read it."""

    content: Content | UnsetType = UNSET
    assets: list[WireAsset]  # embedded in or linked from the content, without those that the reader may not know of
    comments: int  # including replies; 0, as `views`, if the reader may not read the post
    views: int


class Conversion(msgspec.Struct, frozen=True):
    """The body of `POST /utilities/convert/from-markdown`."""

    markdown: Markdown


class Converted(msgspec.Struct, frozen=True):
    """A Markdown text and its document."""

    json: Node
    markdown: str
