"""The look-up cache: anchored media in memory, packed so that a million fit, and rendered when they are requested."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice

import asyncpg
import msgspec

from hallmarket.server.http.reply import Reply
from hallmarket.server.identity.types import iso_time
from hallmarket.server.previews.urls import THUMBNAIL_PATH

# Memory of an item in addition to its packed bytes, as measured: two objects and their entry in the table.
OVERHEAD_BYTES = 130
EVICT_TOGETHER = 1000  # items
# The response for an anchored item never changes, so any cache may store it, except while its thumbnail is being made.
FINAL = (b"cache-control", b"public, max-age=31536000, immutable")
BRIEF = (b"cache-control", b"public, max-age=5")
ANYWHERE = (b"access-control-allow-origin", b"*")

HEAD = struct.Struct("<64s32s16s")  # the hash, the leaf's hash, the entity tag
CHECKPOINT = struct.Struct("<32sqHq")  # the root's hash, number, signatures, microseconds since 1970
END = HEAD.size + CHECKPOINT.size
SEPARATOR = b"\n"  # JSON escapes control characters, so no field contains it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class LookupCache:
    """Up to `limit_bytes` of anchored items, by hash. A full cache evicts the items that were added first."""

    def __init__(self, limit_bytes: int, thumbnails: str) -> None:
        """`thumbnails` is the base URL of thumbnails."""
        self._limit_bytes = limit_bytes
        self._thumbnails = (thumbnails + THUMBNAIL_PATH).encode()
        self._size_bytes = 0
        # The key is a number made from the hash, which needs less memory. Of two hashes with one number, only the last
        # is cached.
        self._packed: dict[int, bytes] = {}

    def find(self, hash_text: str) -> Reply | None:
        """Return the response for a hash if it is cached. `hash_text` need not be a valid hash."""
        packed = self._packed.get(_number(hash_text))
        if packed is None or packed[:64].hex() != hash_text:
            return None
        return _render(hash_text, packed, self._thumbnails, FINAL)

    def add(self, row: asyncpg.Record) -> Reply:
        """Cache a row of `find_anchored`, and return its response. An item without its thumbnail yet is not cached."""
        hash_text, packed = row["hash"].hex(), _pack(row, self._thumbnails)
        if row["preview_state"] == "waiting":
            return _render(hash_text, packed, self._thumbnails, BRIEF)
        if self._limit_bytes:
            if self.is_full:
                # Evict many together: the search for the oldest item walks over the table's deleted entries.
                for oldest in list(islice(self._packed, min(EVICT_TOGETHER, len(self._packed) // 2 + 1))):
                    self._size_bytes -= self._cost(self._packed.pop(oldest))
            number = _number(hash_text)
            self._size_bytes -= self._cost(self._packed.pop(number, None))
            self._packed[number] = packed
            self._size_bytes += self._cost(packed)
        return _render(hash_text, packed, self._thumbnails, FINAL)

    def __len__(self) -> int:
        """Return the number of cached items."""
        return len(self._packed)

    @property
    def is_full(self) -> bool:
        """Whether the next item will evict others."""
        return self._size_bytes >= self._limit_bytes

    @staticmethod
    def _cost(packed: bytes | None) -> int:
        return len(packed) + OVERHEAD_BYTES if packed is not None else 0


def _number(hash_text: str) -> int:
    return hash(hash_text) & (1 << 60) - 1  # the largest integers that Python stores in 32 bytes


def _pack(row: asyncpg.Record, thumbnails: bytes) -> bytes:
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


def _render(hash_text: str, packed: bytes, thumbnails: bytes, caching: tuple[bytes, bytes]) -> Reply:
    """Render the reference's public item, a WirePublicItem."""
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
    return Reply(200, body, ((b"etag", b'"%s"' % tag.hex().encode()), caching, ANYWHERE))


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
