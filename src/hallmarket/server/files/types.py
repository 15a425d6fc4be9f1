"""Types of files and uploads: request bodies, stored content, and how the API shows them."""

from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import AssetFields, Visibility
from hallmarket.server.files.paths import MAX_NAME_LENGTH

FileName = Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)]
UploadId = Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH + 100)]
MediaType = Annotated[str, msgspec.Meta(max_length=255)]


class ContentSource(msgspec.Struct, frozen=True):
    """The upload with a file's new bytes. Other metadata in the request is ignored: the server detects it."""

    bucket: str | None = None
    path: str | None = None


class FileFields(AssetFields, frozen=True, kw_only=True):
    """The fields of a request that updates a file."""

    id: UUID | UnsetType = UNSET
    metadata: ContentSource | UnsetType | None = UNSET

    @property
    def updates_asset(self) -> bool:
        """Whether any field of the asset itself is set."""
        return any(getattr(self, name) is not UNSET for name in AssetFields.__struct_fields__)


class NewFileFields(AssetFields, frozen=True, kw_only=True):
    """The fields of a new file; `id` is its upload's."""

    id: UUID


class NewFile(msgspec.Struct, frozen=True):
    """The body of `POST /files/create`."""

    file: NewFileFields


class UpdateFile(msgspec.Struct, frozen=True):
    """The body of `PUT /files/{id}`."""

    file: FileFields


class UploadRequest(msgspec.Struct, frozen=True):
    """The body of `POST /files/upload-url`."""

    file_name: FileName
    visibility: Visibility | None = None
    content_type: MediaType | None = None


class CompleteUpload(msgspec.Struct, frozen=True):
    """The body of `POST /files/upload/complete`."""

    upload_id: UploadId
    file_name: FileName | None = None
    download: bool = False


class DiscardUpload(msgspec.Struct, frozen=True):
    """The body of `DELETE /files/upload`."""

    upload_id: UploadId


class Content(msgspec.Struct, frozen=True):
    """Stored bytes, with their file name, media type and extension."""

    blob_id: UUID
    size_bytes: int
    sha3_512: bytes
    file_name: str
    type: str
    extension: str


class WireUpload(msgspec.Struct, frozen=True):
    """An upload that is not a file yet; `id` will be the file's."""

    id: UUID
    upload_id: str
    bucket: str
    path: str
    file_name: str
    mime_type: str
    size: int
    sha3_512: str
    download_url: str | UnsetType = UNSET  # if requested


class UploadUrl(msgspec.Struct, frozen=True):
    """Where and how to send a file's bytes, within `expires_in` seconds."""

    upload_id: str
    upload_url: str
    method: str
    headers: dict[str, str]
    expires_in: int
    bucket: str
    path: str
    mime_type: str


class ReceivedUpload(msgspec.Struct, frozen=True):
    """The size and hash of the bytes that an upload URL received."""

    size: int
    sha3_512: str


class FileMetadata(msgspec.Struct, frozen=True, rename={"mime_type": "mimeType", "full_path": "fullPath"}):
    """The reference's FileMetadata, detected from the bytes. `proof` is the path of the log's proof of them."""

    id: UUID
    name: str
    bucket: str
    path: str
    full_path: str
    size: int
    type: str
    mime_type: str
    extension: str
    sha3_512: str
    proof: str


class FileDescription(msgspec.Struct, frozen=True):
    """The metadata and preview of a file or upload."""

    metadata: FileMetadata
    preview: Any = None


class FileUrl(msgspec.Struct, frozen=True):
    """A URL of a file's bytes that needs no token, for `expires_in` seconds."""

    url: str
    expires_in: int


def read_content(row: asyncpg.Record) -> Content:
    """Read the content in a row of an upload or a file."""
    return Content(row["blob_id"], row["size"], row["sha3_512"], row["file_name"], row["type"], row["extension"])


def file_metadata(file_id: UUID, bucket: str, path: str, content: Content) -> FileMetadata:
    """Return the metadata of a file with this content."""
    digest = content.sha3_512.hex()
    return FileMetadata(
        id=file_id,
        name=content.file_name,
        bucket=bucket,
        path=path,
        full_path=f"{bucket}/{path}",
        size=content.size_bytes,
        type=content.type,
        mime_type=content.type,
        extension=content.extension,
        sha3_512=digest,
        proof=f"/v1/public/media/{digest}/proof",
    )


def wire_upload(file_id: UUID, bucket: str, path: str, content: Content) -> WireUpload:
    """Return an upload with this content as the API shows it."""
    return WireUpload(
        id=file_id,
        upload_id=f"{bucket}/{path}",
        bucket=bucket,
        path=path,
        file_name=content.file_name,
        mime_type=content.type,
        size=content.size_bytes,
        sha3_512=content.sha3_512.hex(),
    )
