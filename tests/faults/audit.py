"""The audit: read the whole public log, and compare it with everything that was acknowledged and published."""

import random
from typing import Any

import httpx

from _support.servers import Server
from _support.waiting import wait_until
from faults.load import Witness
from hallmarket.proof.bundle import Bundle, verify_bundle
from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint
from hallmarket.proof.entry import MediaEntry, decode_entry
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.merkle import leaf_hash, verify_consistency, verify_inclusion
from hallmarket.proof.tile import (
    TILE_HEIGHT,
    TILE_WIDTH,
    BundlePath,
    Tile,
    consistency_proof,
    decode_bundle,
    grow,
    inclusion_proof,
)

SAMPLE = 25


class PublicLog:
    """The log as it is served: its key, its checkpoint, all its tiles and all its entries."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self.key = VerifierKey.parse(http.get("/log/key").text.strip())
        self.checkpoint = open_checkpoint(http.get("/log/checkpoint").text, self.key)
        self.tiles = {(level, index): data for level, index, data in self._read_tiles()}
        bundles = range(-(-self.checkpoint.size // TILE_WIDTH))
        self.entries = [entry for index in bundles for entry in self._read_bundle(index)]

    def _get(self, path: str) -> bytes:
        response = self._http.get(f"/log/{path}")
        assert response.status_code == 200, f"{path}: {response.text}"
        return response.content

    def _read_tiles(self) -> Any:
        for level in range(8):
            hashes = self.checkpoint.size >> TILE_HEIGHT * level
            for index in range(-(-hashes // TILE_WIDTH)):
                yield level, index, self._get(Tile(level, index, min(hashes - index * TILE_WIDTH, TILE_WIDTH)).path)

    def _read_bundle(self, index: int) -> list[bytes]:
        width = min(self.checkpoint.size - index * TILE_WIDTH, TILE_WIDTH)
        entries = decode_bundle(self._get(BundlePath(index, width).path))
        assert len(entries) == width
        return entries

    def verify_whole(self) -> None:
        """Fail unless every tile and the checkpoint can be recomputed from the entries."""
        grown = grow(0, {}, [leaf_hash(entry) for entry in self.entries])
        assert (grown.size, grown.root, grown.tiles) == (self.checkpoint.size, self.checkpoint.root, self.tiles)

    def verify_prefix(self, old: Checkpoint) -> None:
        """Fail unless the log at the checkpoint `old` is a prefix of the log."""
        proof = consistency_proof(old.size, self.checkpoint.size, self.tiles)
        verify_consistency(old.size, old.root, self.checkpoint.size, self.checkpoint.root, proof)

    def verify_entry(self, index: int) -> None:
        """Fail unless the entry at `index` is included in the checkpoint."""
        proof = inclusion_proof(index, self.checkpoint.size, self.tiles)
        verify_inclusion(leaf_hash(self.entries[index]), index, self.checkpoint.size, proof, self.checkpoint.root)


def audit(server: Server, witness: Witness) -> set[str]:
    """Fail unless nothing acknowledged was lost, nothing is anchored twice, and the log only grew.

    Returns the anchored hashes.
    """
    with server.client() as http:
        wait_until(lambda: _settled(http), every_s=0.1)
        log = PublicLog(http)
        log.verify_whole()
        indexes = _read_media(log)
        for note in witness.checkpoints:
            log.verify_prefix(open_checkpoint(note, log.key))
        for hash_text, item_id in witness.acknowledged.items():
            assert indexes.get(hash_text, (-1, "lost"))[1] == item_id
        assert indexes.keys() <= witness.sent
        assert len(indexes) == _count(http, 3)
        assert _count(http, 1) == _count(http, 2) == _count(http, 4) == 0
        for hash_text, item_id in _sample(witness.acknowledged.items()):
            _verify_item(http, log, hash_text, item_id)
        for key, anchor in _sample(witness.keys.items()):
            again = http.post("/v1/media/anchor", json=anchor, headers={"idempotency-key": key})
            assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
            assert again.json()["id"] == witness.acknowledged[anchor["hash"]]
        return set(indexes)


def _settled(http: httpx.Client) -> bool:
    ready = http.get("/readyz").json()
    return ready["status"] == "ready" and ready["log"]["queue"] == 0 and _count(http, 2) == 0


def _count(http: httpx.Client, status: int) -> int:
    count = http.get("/v1/media", params={"status": status, "limit": 1}).json()["total"]
    assert isinstance(count, int)
    return count


def _read_media(log: PublicLog) -> dict[str, tuple[int, str]]:
    """Return every entry's index and id by its hash; fail if a hash or an id occurs twice."""
    indexes: dict[str, tuple[int, str]] = {}
    for index, data in enumerate(log.entries):
        entry = decode_entry(data)
        assert isinstance(entry, MediaEntry)
        assert entry.sha3_512 not in indexes, f"entries {indexes[entry.sha3_512][0]} and {index} have the same hash"
        indexes[entry.sha3_512] = (index, entry.id)
    assert len({item_id for _, item_id in indexes.values()}) == len(indexes), "two entries have the same id"
    return indexes


def _verify_item(http: httpx.Client, log: PublicLog, hash_text: str, item_id: str) -> None:
    item = http.get(f"/v1/media/{item_id}").json()
    assert (item["status"], item["hash"]) == (3, hash_text)
    assert http.get(f"/v1/public/media/{hash_text}").status_code == 200
    bundle = Bundle.parse(http.get(f"/v1/public/media/{hash_text}/proof").content)
    verified = verify_bundle(bundle, log.key, hash_text, item["size"])
    assert log.entries[verified.index] == bundle.entry
    log.verify_entry(verified.index)
    log.verify_prefix(verified.checkpoint)


def _sample(items: Any) -> list[Any]:
    everything = list(items)
    return random.sample(everything, min(SAMPLE, len(everything)))
