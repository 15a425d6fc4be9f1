"""Read an anchor request: JSON, a form, or one line of a batch, checked field by field before anything else happens."""

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from multipart import MultipartError, MultipartParser, parse_options_header

from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.http.exchange import UUID_TEXT
from hallmarket.server.media.types import MAX_BYTES, Anchor, read_hash

MAX_NAME_LENGTH = 1024
MAX_METADATA_BYTES = 64 * 1024
DIGITS = re.compile(r"[0-9]{1,19}")
FIELDS = ("hash", "size", "id", "name", "metadata")


class _Json(msgspec.Struct):
    """The JSON body's fields; anything else in it is ignored."""

    hash: str
    size: int
    id: str | msgspec.UnsetType | None = msgspec.UNSET
    name: str | msgspec.UnsetType | None = msgspec.UNSET
    metadata: str | msgspec.UnsetType | None = msgspec.UNSET


_decoder = msgspec.json.Decoder(_Json)
_any_decoder = msgspec.json.Decoder(float_hook=str)  # a float is wrong wherever it stands, however large


def read_anchor(content_type: bytes, body: bytes) -> Anchor:
    """A request of any of the three body types. Raises InvalidHash, or InvalidRequest naming what is wrong."""
    kind, options = parse_options_header(content_type.decode("latin-1"))
    kind = kind.lower()
    if kind == "application/json":
        return read_anchor_json(body)
    if kind == "application/x-www-form-urlencoded":
        return _read_form(_urlencoded(body))
    if kind == "multipart/form-data":
        return _read_form(_multipart(body, options.get("boundary", "")))
    raise InvalidRequest(
        "Content-Type must be application/json, multipart/form-data or application/x-www-form-urlencoded.",
        "content-type",
    )


def read_anchor_json(body: bytes | memoryview) -> Anchor:
    """A request as one JSON object. Raises as `read_anchor`."""
    try:
        fields = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _what_is_wrong(body, error) from None
    echo: dict[str, Any] = {"hash": fields.hash, "size": fields.size}
    for name in ("name", "metadata"):
        if (value := getattr(fields, name)) is not msgspec.UNSET:
            echo[name] = value
    return _check(fields.hash, fields.size, fields.id, fields.name, fields.metadata, echo)


def _check(hash_text: str, size: int, item_id: object, name: object, metadata: object, echo: dict[str, Any]) -> Anchor:
    digest = read_hash(hash_text)
    if not 0 <= size <= MAX_BYTES:
        raise InvalidRequest("size must be a whole number from 0 to 9223372036854775807.", "size")
    if isinstance(item_id, str) and not UUID_TEXT.fullmatch(item_id):
        raise InvalidRequest("id must be a UUID in its hyphenated form.", "id")
    check_texts(name, metadata)
    return Anchor(
        hash=digest,
        size=size,
        id=UUID(item_id) if isinstance(item_id, str) else None,
        name=name if isinstance(name, str) else None,
        metadata=metadata if isinstance(metadata, str) else "{}",
        echo=echo,
    )


def check_texts(name: object, metadata: object) -> None:
    """Raises InvalidRequest for a name or metadata that is too long or holds NUL; what is no text is not there."""
    if isinstance(name, str) and (len(name) > MAX_NAME_LENGTH or "\0" in name):
        raise InvalidRequest(f"name must have at most {MAX_NAME_LENGTH} characters, none of them NUL.", "name")
    if isinstance(metadata, str) and _too_long_or_nul(metadata):
        raise InvalidRequest("metadata must be at most 65,536 bytes of UTF-8, none of them NUL.", "metadata")


def _too_long_or_nul(text: str) -> bool:
    if "\0" in text:
        return True
    # Most texts are so short that they fit however they are encoded.
    return len(text) * 4 > MAX_METADATA_BYTES and len(text.encode()) > MAX_METADATA_BYTES


def _what_is_wrong(body: bytes | memoryview, error: Exception) -> DomainError:
    """Which field of a JSON body is wrong, and how; the decoder does not say it in our words."""
    if isinstance(error, RecursionError):
        return InvalidRequest("The body is nested too deeply.", "body")
    try:
        fields = _any_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidRequest("The body is no JSON in UTF-8.", "body")
    if not isinstance(fields, dict):
        return InvalidRequest("The body must be a JSON object.", "body")
    if not isinstance(fields.get("hash"), str):
        return InvalidRequest("hash is missing or no string.", "hash")
    try:
        read_hash(fields["hash"])
    except DomainError as invalid:
        return invalid
    if isinstance(fields.get("size"), bool) or not isinstance(fields.get("size"), int):
        return InvalidRequest("size is missing or no whole number.", "size")
    for name in ("id", "name", "metadata"):
        if not isinstance(fields.get(name), str | None):
            return InvalidRequest(f"{name} must be a string or null.", name)
    return InvalidRequest("The body does not fit an anchor request.", "body")


def _read_form(fields: Mapping[str, str]) -> Anchor:
    for name in ("hash", "size"):
        if name not in fields:
            raise InvalidRequest(f"{name} is missing.", name)
    read_hash(fields["hash"])
    if not DIGITS.fullmatch(fields["size"]):
        raise InvalidRequest("size must be a whole number in digits.", "size")
    size = int(fields["size"])
    echo: dict[str, Any] = {"hash": fields["hash"], "size": size}
    echo |= {name: fields[name] for name in ("name", "metadata") if name in fields}
    return _check(fields["hash"], size, fields.get("id"), fields.get("name"), fields.get("metadata"), echo)


def _urlencoded(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:  # UnicodeDecodeError is one
        raise InvalidRequest("The body is no form in UTF-8.", "body") from None
    return _once(pairs)


def _multipart(body: bytes, boundary: str) -> dict[str, str]:
    if not boundary:
        raise InvalidRequest("The Content-Type multipart/form-data lacks its boundary.", "content-type")
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
        raise InvalidRequest("The body is no multipart form in UTF-8.", "body") from None
    return _once(pairs)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in FIELDS and name in fields:
            raise InvalidRequest(f"{name} is given twice.", name)
        fields[name] = value
    return fields
