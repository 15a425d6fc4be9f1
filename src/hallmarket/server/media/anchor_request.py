"""Read and validate an anchor request: JSON, a form, or one line of a batch."""

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from multipart import MultipartError, MultipartParser, parse_options_header

from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.media.types import MAX_SIZE_BYTES, AnchorRequest, read_hash

MAX_NAME_LENGTH = 1024
MAX_METADATA_BYTES = 64 * 1024
DIGITS = re.compile(r"[0-9]{1,19}")
FIELDS = ("hash", "size", "id", "name", "metadata")


class _Json(msgspec.Struct):
    """The fields of a JSON body. Other fields are ignored."""

    hash: str
    size: int
    id: str | msgspec.UnsetType | None = msgspec.UNSET
    name: str | msgspec.UnsetType | None = msgspec.UNSET
    metadata: str | msgspec.UnsetType | None = msgspec.UNSET


_decoder = msgspec.json.Decoder(_Json)
_any_decoder = msgspec.json.Decoder(float_hook=str)  # floats are never valid here, and some are too large to decode


def read_anchor_request(content_type: bytes, body: bytes) -> AnchorRequest:
    """Read a body of any of the three types. Raises InvalidHash, or InvalidRequest with the invalid field."""
    kind, options = parse_options_header(content_type.decode("latin-1"))
    kind = kind.lower()
    if kind == "application/json":
        return read_anchor_json(body)
    if kind == "application/x-www-form-urlencoded":
        return _read_form(_parse_urlencoded(body))
    if kind == "multipart/form-data":
        return _read_form(_parse_multipart(body, options.get("boundary", "")))
    raise InvalidRequest(
        "Content-Type must be application/json, multipart/form-data or application/x-www-form-urlencoded.",
        "content-type",
    )


def read_anchor_json(body: bytes | memoryview) -> AnchorRequest:
    """Read one JSON object. Raises as `read_anchor_request`."""
    try:
        fields = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _describe_error(body, error) from None
    echo: dict[str, Any] = {"hash": fields.hash, "size": fields.size}
    for name in ("name", "metadata"):
        if (value := getattr(fields, name)) is not msgspec.UNSET:
            echo[name] = value
    return _validate(fields.hash, fields.size, fields.id, fields.name, fields.metadata, echo)


def _validate(
    hash_text: str, size: int, item_id: object, name: object, metadata: object, echo: dict[str, Any]
) -> AnchorRequest:
    digest = read_hash(hash_text)
    if not 0 <= size <= MAX_SIZE_BYTES:
        raise InvalidRequest("size must be a whole number from 0 to 9223372036854775807.", "size")
    if isinstance(item_id, str) and not UUID_PATTERN.fullmatch(item_id):
        raise InvalidRequest("id must be a UUID in its hyphenated form.", "id")
    verify_texts(name, metadata)
    return AnchorRequest(
        hash=digest,
        size=size,
        id=UUID(item_id) if isinstance(item_id, str) else None,
        name=name if isinstance(name, str) else None,
        metadata=metadata if isinstance(metadata, str) else "{}",
        echo=echo,
    )


def verify_texts(name: object, metadata: object) -> None:
    """Raises InvalidRequest if the name or the metadata is too long or contains NUL. Values that are no text pass."""
    if isinstance(name, str) and (len(name) > MAX_NAME_LENGTH or "\0" in name):
        raise InvalidRequest(f"name must have at most {MAX_NAME_LENGTH} characters, and no NUL.", "name")
    if isinstance(metadata, str) and _is_too_long_or_has_nul(metadata):
        raise InvalidRequest("metadata must have at most 65,536 bytes of UTF-8, and no NUL.", "metadata")


def _is_too_long_or_has_nul(text: str) -> bool:
    if "\0" in text:
        return True
    # Most texts are so short that they fit in any encoding, and need not be encoded here.
    return len(text) * 4 > MAX_METADATA_BYTES and len(text.encode()) > MAX_METADATA_BYTES


def _describe_error(body: bytes | memoryview, error: Exception) -> DomainError:
    """Return the error that names the invalid field of a JSON body, which the decoder's own error does not."""
    if isinstance(error, RecursionError):
        return InvalidRequest("The body is nested too deeply.", "body")
    try:
        fields = _any_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidRequest("The body is not valid JSON in UTF-8.", "body")
    if not isinstance(fields, dict):
        return InvalidRequest("The body must be a JSON object.", "body")
    if not isinstance(fields.get("hash"), str):
        return InvalidRequest("hash is missing or not a string.", "hash")
    try:
        read_hash(fields["hash"])
    except DomainError as invalid:
        return invalid
    if isinstance(fields.get("size"), bool) or not isinstance(fields.get("size"), int):
        return InvalidRequest("size is missing or not a whole number.", "size")
    for name in ("id", "name", "metadata"):
        if not isinstance(fields.get(name), str | None):
            return InvalidRequest(f"{name} must be a string or null.", name)
    return InvalidRequest("The body is not a valid anchor request.", "body")


def _read_form(fields: Mapping[str, str]) -> AnchorRequest:
    for name in ("hash", "size"):
        if name not in fields:
            raise InvalidRequest(f"{name} is missing.", name)
    read_hash(fields["hash"])
    if not DIGITS.fullmatch(fields["size"]):
        raise InvalidRequest("size must be a whole number, written in digits.", "size")
    size = int(fields["size"])
    echo: dict[str, Any] = {"hash": fields["hash"], "size": size}
    echo |= {name: fields[name] for name in ("name", "metadata") if name in fields}
    return _validate(fields["hash"], size, fields.get("id"), fields.get("name"), fields.get("metadata"), echo)


def _parse_urlencoded(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:  # UnicodeDecodeError is a ValueError
        raise InvalidRequest("The body is not a valid form in UTF-8.", "body") from None
    return _unique_fields(pairs)


def _parse_multipart(body: bytes, boundary: str) -> dict[str, str]:
    if not boundary:
        raise InvalidRequest("Content-Type is multipart/form-data without a boundary.", "content-type")
    pairs = []
    try:
        parser = MultipartParser(
            BytesIO(body), boundary, content_length=len(body), part_limit=100, memory_limit=2 * len(body) + 4096
        )
        for part in parser:
            if part.name in FIELDS and part.filename:
                raise InvalidRequest(f"{part.name} must be a field, not a file.", part.name)
            if part.name in FIELDS:
                pairs.append((part.name, part.raw.decode()))
            part.close()
    except (MultipartError, ValueError):
        raise InvalidRequest("The body is not a valid multipart form in UTF-8.", "body") from None
    return _unique_fields(pairs)


def _unique_fields(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in FIELDS and name in fields:
            raise InvalidRequest(f"{name} appears twice. Send it once.", name)
        fields[name] = value
    return fields
