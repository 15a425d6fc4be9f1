"""What files are called: by their senders, and in the wire's words for where bytes lie."""

import unicodedata
from uuid import UUID

MAX_NAME_LENGTH = 1024
NAMELESS = "file"
PUBLIC, OTHERS = "public-files", "files"


def clean_file_name(file_name: str) -> str:
    """A name without the folders it stood in and without control characters; `file` where nothing is left."""
    name = file_name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    name = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cs"))
    return name.strip()[:MAX_NAME_LENGTH] or NAMELESS


def bucket_of(visibility: str | None) -> str:
    """The reference's word for where bytes lie that so many may see."""
    return PUBLIC if visibility == "public" else OTHERS


def path_of(file_id: UUID, file_name: str) -> str:
    """A file's path on the wire. It names no place of ours: objects are called by ids of their own."""
    return f"{file_id}/{file_name}"


def split_upload_id(text: str) -> tuple[UUID, str] | None:
    """The id and path in an `upload_id`, which is a bucket and a path; None if it is none."""
    path = text.partition("/")[2]
    try:
        return UUID(path.partition("/")[0]), path
    except ValueError:
        return None
