"""File names and wire paths of uploads and files."""

import unicodedata
from uuid import UUID

import msgspec

from hallmarket.server.database.ids import new_id

MAX_NAME_LENGTH = 1024
FALLBACK_NAME = "file"
PUBLIC_BUCKET, OTHER_BUCKET = "public-files", "files"


class UploadLocation(msgspec.Struct, frozen=True):
    """An upload's id, which will be the file's, and its bucket, path and file name on the wire.

    The path does not reveal where the bytes are stored: blobs have ids of their own.
    """

    file_id: UUID
    bucket: str
    path: str
    file_name: str

    @property
    def upload_id(self) -> str:
        """The upload's id on the wire."""
        return f"{self.bucket}/{self.path}"


def new_location(file_name: str, visibility: str | None = None) -> UploadLocation:
    """Return the location of a new upload."""
    file_id, name = new_id(), clean_file_name(file_name)
    return UploadLocation(file_id, bucket_for(visibility), f"{file_id}/{name}", name)


def bucket_for(visibility: str | None) -> str:
    """Return the reference's bucket for files with a visibility."""
    return PUBLIC_BUCKET if visibility == "public" else OTHER_BUCKET


def clean_file_name(file_name: str) -> str:
    """Return a name without folders and control characters; `file` if nothing is left."""
    name = file_name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cs"))
    return name.strip()[:MAX_NAME_LENGTH] or FALLBACK_NAME


def parse_upload_id(upload_id: str) -> tuple[UUID, str] | None:
    """Return the file id and the path in an upload id, which is a bucket and a path; None if it is invalid."""
    path = upload_id.partition("/")[2]
    try:
        return UUID(path.partition("/")[0]), path
    except ValueError:
        return None
