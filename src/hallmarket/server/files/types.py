"""Files on the wire: what is sent to make and change them, and what is told of them."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import AssetFields, Visibility
from hallmarket.server.files.paths import MAX_NAME_LENGTH

FileName = Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)]
UploadId = Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH + 100)]
MediaType = Annotated[str, msgspec.Meta(max_length=255)]


class Source(msgspec.Struct, frozen=True):
    """Where a file's new bytes are: an upload, by its bucket and path. Whatever else is said of them is looked up."""

    bucket: str | None = None
    path: str | None = None


class FileFields(AssetFields, frozen=True, kw_only=True):
    """What is said of a file that is to be changed."""

    id: UUID | UnsetType = UNSET
    metadata: Source | UnsetType | None = UNSET


class NewFileFields(AssetFields, frozen=True, kw_only=True):
    """What is said of a file to be; `id` is its upload's."""

    id: UUID


class NewFile(msgspec.Struct, frozen=True):
    """The body of `POST /files/create`."""

    file: NewFileFields


class ChangedFile(msgspec.Struct, frozen=True):
    """The body of `PUT /files/{id}`."""

    file: FileFields


class UploadWanted(msgspec.Struct, frozen=True):
    """The body of `POST /files/upload-url`."""

    file_name: FileName
    visibility: Visibility | None = None
    content_type: MediaType | None = None


class Completion(msgspec.Struct, frozen=True):
    """The body of `POST /files/upload/complete`."""

    upload_id: UploadId
    file_name: FileName | None = None
    download: bool = False


class Discard(msgspec.Struct, frozen=True):
    """The body of `DELETE /files/upload`."""

    upload_id: UploadId


class Content(msgspec.Struct, frozen=True):
    """Bytes that are kept, and what they are."""

    blob_id: UUID
    size_bytes: int
    sha3_512: bytes
    file_name: str
    type: str
    extension: str


class WireUpload(msgspec.Struct, frozen=True):
    """Bytes that were sent and are no file yet; `id` will be the file's."""

    id: UUID
    upload_id: str
    bucket: str
    path: str
    file_name: str
    mime_type: str
    size: int
    sha3_512: str
    download_url: str | UnsetType = UNSET  # where it is asked for


class UploadUrl(msgspec.Struct, frozen=True):
    """Where bytes may be sent, how, and for how many seconds from now."""

    upload_id: str
    upload_url: str
    method: str
    headers: dict[str, str]
    expires_in: int
    bucket: str
    path: str
    mime_type: str


class Arrived(msgspec.Struct, frozen=True):
    """What came in at an upload's address."""

    size: int
    sha3_512: str


class FileMetadata(msgspec.Struct, frozen=True, rename={"mime_type": "mimeType", "full_path": "fullPath"}):
    """The reference's FileMetadata, from the bytes themselves; `proof` is where the log's proof of them is had."""

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


class Described(msgspec.Struct, frozen=True):
    """What a file's metadata is, or will be."""

    metadata: FileMetadata
    preview: Any = None


class FileUrl(msgspec.Struct, frozen=True):
    """An address of a file's bytes that needs no token."""

    url: str
    expires_in: int


def metadata_of(file_id: UUID, bucket: str, path: str, content: Content) -> FileMetadata:
    """What is told of a file with this content."""
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
