"""Anchored items in packed form, a third of a kilobyte each, and the public response that is rendered from it."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import asyncpg
import msgspec

from hallmarket.server.http.reply import Reply
from hallmarket.server.identity.types import iso_time

# The response for an anchored item never changes, so any cache may store it, except while its thumbnail is being made.
FINAL = (b"cache-control", b"public, max-age=31536000, immutable")
BRIEF = (b"cache-control", b"public, max-age=5")
ANY_ORIGIN = (b"access-control-allow-origin", b"*")

HASH_BYTES = 64
HEAD = struct.Struct("<64s32s16s")  # the hash, the leaf's hash, the entity tag
CHECKPOINT = struct.Struct("<32sqHq")  # the root's hash, number, signatures, microseconds since 1970
END = HEAD.size + CHECKPOINT.size
SEPARATOR = b"\n"  # JSON escapes control characters, so no field contains it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def pack_item(row: asyncpg.Record, thumbnails: bytes) -> bytes:
    """Pack a row of `find_anchored`. `thumbnails` is the base URL of thumbnails, which the entity tag depends on."""
    thumbnail = str(row["preview_id"]).encode() if row["preview_state"] == "made" else b""
    texts = (
        thumbnail,
        msgspec.json.encode(row["name"]),
        b"%d" % row["size"],
        iso_time(row["created_on"]).encode(),
        msgspec.json.encode(row["metadata"]),
    )
    since_1970 = (row["anchored_on"] - EPOCH) // MICROSECOND
    checkpoint = CHECKPOINT.pack(row["root_hash"], row["number"], row["signature_count"], since_1970)
    rest = checkpoint + SEPARATOR.join(texts)
    content = row["leaf_hash"] + rest + (thumbnails if thumbnail else b"")
    tag = hashlib.blake2b(content, digest_size=16).digest()
    return HEAD.pack(row["hash"], row["leaf_hash"], tag) + rest


def render_item(hash_text: str, packed: bytes, thumbnails: bytes, *, is_final: bool = True) -> Reply:
    """Render the response for a packed item: the reference's public item, a WirePublicItem."""
    _, leaf_hash, tag = HEAD.unpack_from(packed)
    thumbnail, name, size, created_on, metadata = packed[END:].split(SEPARATOR)
    body = (
        b'{"hash":"%s","name":%s,"size":%s,"thumbnail":%s,"createdOn":"%s","metadata":%s,'
        b'"transaction":{"transactionId":"0x%s",%s}}'
    ) % (
        hash_text.encode(),
        name,
        size,
        b'"%s%s"' % (thumbnails, thumbnail) if thumbnail else b"null",
        created_on,
        metadata,
        leaf_hash.hex().encode(),
        _render_checkpoint(packed[HEAD.size : END]),
    )
    return Reply(200, body, ((b"etag", b'"%s"' % tag.hex().encode()), FINAL if is_final else BRIEF, ANY_ORIGIN))


@lru_cache(4096)
def _render_checkpoint(packed: bytes) -> bytes:
    root_hash, number, signatures, since_1970 = CHECKPOINT.unpack(packed)
    anchored_on = EPOCH + since_1970 * MICROSECOND
    return b'"blockId":"0x%s","blockNumber":%d,"networkValidators":%d,"anchoredTime":%d,"createdOn":"%s"' % (
        root_hash.hex().encode(),
        number,
        signatures,
        int(anchored_on.timestamp()),
        iso_time(anchored_on).encode(),
    )
