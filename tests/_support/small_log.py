"""A small transparency log in memory and a server for it; both can be made to lie, as a dishonest operator would."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from hallmarket.proof.bundle import Bundle, ProofFile
from hallmarket.proof.checkpoint import Checkpoint, sign_checkpoint
from hallmarket.proof.entry import (
    AnyClaims,
    Claims,
    DatasetVersionClaims,
    DatasetVersionEntry,
    Entry,
    LicenceClaims,
    LicenceEntry,
    MediaEntry,
    commit,
)
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import SigningKey
from hallmarket.proof.manifest import Manifest
from hallmarket.proof.merkle import leaf_hash
from hallmarket.proof.tile import grow, inclusion_proof, parse_tile_path, root_from_tiles

WHEN = "2026-05-03T12:39:30.212576+00:00"
ORIGIN = "log.example/small"
HASH_BYTES = 32


class SmallLog:
    """Entries, a key, and checkpoints of any size."""

    def __init__(self, key: SigningKey | None = None) -> None:
        self.key = key or SigningKey.generate(ORIGIN)
        self.entries: list[bytes] = []
        self.disclosed: list[tuple[AnyClaims, bytes]] = []
        self.hashes: list[str] = []

    @property
    def vkey(self) -> str:
        """The verifier key's text."""
        return str(self.key.verifier_key)

    def add(self, content: bytes, name: str | None = "photo.jpg") -> int:
        """Enter a file's bytes and return its index."""
        return self._enter(MediaEntry, content, Claims(WHEN, str(uuid4()), "{}", name, str(uuid4())))

    def add_version(self, manifest: Manifest, **changed: Any) -> int:
        """Enter a version of a dataset and return its index; `changed` replaces claims."""
        facts = {"dataset": manifest.dataset, "version": manifest.version, "rows": manifest.rows} | changed
        claims = DatasetVersionClaims(
            createdOn=WHEN, creator=str(uuid4()), name="Stations", organization=str(uuid4()), **facts
        )
        return self._enter(DatasetVersionEntry, manifest.encode(), claims)

    def add_licence(self, claims: LicenceClaims) -> int:
        """Enter a purchase and return its index."""
        salt = hashlib.sha256(claims.asset.encode()).digest()
        return self.enter(LicenceEntry(commit(salt, claims), str(uuid4())), claims, salt)

    def enter(self, entry: Entry, claims: AnyClaims, salt: bytes) -> int:
        """Enter an entry as it is given and return its index."""
        self.entries.append(entry.encode())
        self.disclosed.append((claims, salt))
        self.hashes.append("" if isinstance(entry, LicenceEntry) else entry.sha3_512)
        return len(self.entries) - 1

    def _enter(self, kind: type[MediaEntry | DatasetVersionEntry], content: bytes, claims: AnyClaims) -> int:
        salt = hashlib.sha256(content).digest()
        sha3_512 = hashlib.sha3_512(content).hexdigest()
        return self.enter(kind(commit(salt, claims), str(uuid4()), sha3_512, len(content)), claims, salt)

    def fill(self, count: int) -> "SmallLog":
        """Enter `count` files as filler."""
        for number in range(count):
            self.add(b"filler %d" % number)
        return self

    def fork(self, shared: int) -> "SmallLog":
        """Return another log under the same key that shares only the first entries."""
        other = SmallLog(self.key)
        other.entries, other.disclosed = self.entries[:shared], self.disclosed[:shared]
        other.hashes = self.hashes[:shared]
        return other

    def tiles(self, size: int | None = None) -> dict[tuple[int, int], bytes]:
        """Compute every tile at a size."""
        return grow(0, {}, [leaf_hash(entry) for entry in self.entries[:size]]).tiles

    def checkpoint(self, size: int | None = None) -> str:
        """Sign the checkpoint of a size; by default of the whole log."""
        size = len(self.entries) if size is None else size
        root = root_from_tiles(size, self.tiles(size))
        return sign_checkpoint(Checkpoint(self.key.verifier_key.name, size, root), self.key)

    def bundle(self, index: int, size: int | None = None) -> Bundle:
        """Build the proof bundle of an entry under the checkpoint of a size."""
        size = len(self.entries) if size is None else size
        proof = ProofFile(index, tuple(inclusion_proof(index, size, self.tiles(size))), self.checkpoint(size))
        claims, salt = self.disclosed[index]
        return Bundle(entry=self.entries[index], claims=claims, salt=salt, proof=proof.text(), timestamps=[])


class LogServer:
    """Responses of a log server, under our paths. Replace `log` to lie; set `shown_size` to hide the log's end."""

    def __init__(self, log: SmallLog) -> None:
        self.log = log
        self.shown_size: int | None = None
        self.partial_tiles_deleted = False
        self.requests: list[str] = []
        self.url = ""

    def answer(self, path: str) -> bytes | None:
        """Return the body for a path, or None for a 404."""
        self.requests.append(path)
        if path == "/log/key":
            return f"{self.log.vkey}\n".encode()
        if path == "/log/checkpoint":
            return self.log.checkpoint(self.shown_size).encode()
        if path.startswith("/log/tile/"):
            return self._tile(path.removeprefix("/log/"))
        if path.startswith("/v1/public/media/") and path.endswith("/proof"):
            sha3_512 = path.split("/")[4]
            return self.log.bundle(self.log.hashes.index(sha3_512)).encode() if sha3_512 in self.log.hashes else None
        return None

    def _tile(self, path: str) -> bytes | None:
        try:
            level, index, width = parse_tile_path(path)
        except (ProofError, ValueError):
            return None
        data = self.log.tiles().get((level, index), b"")
        if self.partial_tiles_deleted and width < 256 and len(data) == 256 * HASH_BYTES:
            return None
        return data[: width * HASH_BYTES] if len(data) >= width * HASH_BYTES else None


@contextmanager
def serve_log(log: SmallLog) -> Iterator[LogServer]:
    """Serve a log on a free port until the block ends."""
    responses = LogServer(log)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = responses.answer(self.path)
            self.send_response(200 if body is not None else 404)
            body = b'{"code":"NOT_FOUND","message":"Nothing here.","details":null}' if body is None else body
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        responses.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield responses
        finally:
            server.shutdown()
            thread.join()


def flip_bit(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit inverted."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def b64(data: bytes) -> str:
    """Encode as standard padded base64."""
    return base64.b64encode(data).decode()
