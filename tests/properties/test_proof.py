"""Properties of every log: proofs from tiles alone, growth in any steps, detection of every flipped bit."""

from bisect import bisect
from functools import cache
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from hallmarket.proof.cosignature import cosign
from hallmarket.proof.entry import Claims, MediaEntry, commit, decode_entry
from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import (
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from hallmarket.proof.note import COSIGNATURE_ED25519, SigningKey, open_note
from hallmarket.proof.tile import (
    consistency_proof,
    decode_bundle,
    encode_bundle,
    grow,
    inclusion_proof,
    root_from_tiles,
    tiles_needed,
)

LARGEST = 70_000
EDGES = sorted({abs(at + by) for at in (0, 256, 512, 32_768, 65_536, 65_792, LARGEST - 2) for by in range(-2, 3)})
LOG_KEY = SigningKey("log.example.org", bytes(range(32)))
WITNESS_KEY = SigningKey("w1.example.net", bytes(range(32)), COSIGNATURE_ED25519)

bounded = settings(max_examples=150, database=None)
sizes = st.one_of(st.sampled_from(EDGES), st.integers(0, LARGEST), st.integers(0, 600))


@cache
def leaves():
    """Return the leaves of the largest log, computed once."""
    return [sha256(number.to_bytes(4)).digest() for number in range(LARGEST)]


@cache
def tiles():
    """Return the largest log's tiles, which contain those of every smaller log."""
    return grow(0, {}, leaves()).tiles


def tiles_at(ranges, size):
    """Return the tiles that these ranges need at that size, as a reader would fetch them."""
    return {
        (tile.level, tile.index): tiles()[tile.level, tile.index][: 32 * tile.width]
        for tile in tiles_needed(ranges, size)
    }


def root_at(size):
    """Return the root at a size, computed only from the tiles it needs."""
    return root_from_tiles(size, tiles_at([(0, size)] if size else [], size))


def flip(data, bit):
    """Return the bytes with one bit flipped; a larger index wraps around."""
    flipped = bytearray(data)
    flipped[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(flipped)


bits = st.integers(0, 2**20)


@bounded
@given(sizes)
def test_roots_from_tiles(size):
    """Tiles give the same root as all leaves."""
    assert root_at(size) == root_of(leaves()[:size])


@bounded
@given(st.tuples(sizes, sizes).map(sorted))
def test_any_two_sizes_prove_consistent(pair):
    """For any two checkpoints the older is proved to be a prefix of the newer, from tiles alone."""
    old, new = pair
    proof = consistency_proof(old, new, tiles_at(consistency_ranges(old, new), new))
    verify_consistency(old, root_at(old), new, root_at(new), proof)
    assert proof == consistency_proof(old, new, tiles())


@bounded
@given(st.tuples(sizes, sizes).filter(lambda pair: pair[0] != pair[1]).map(sorted))
def test_any_entry_proves_included(pair):
    """Any entry of any log is proved to be included, from tiles alone; any other leaf is refused."""
    index, size = pair
    proof = inclusion_proof(index, size, tiles_at(inclusion_ranges(index, size), size))
    verify_inclusion(leaves()[index], index, size, proof, root_at(size))
    assert proof == inclusion_proof(index, size, tiles())
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(leaves()[index]), index, size, proof, root_at(size))


@bounded
@given(st.tuples(sizes, sizes).filter(all).map(sorted), st.tuples(sizes, sizes).map(sorted), bits)
def test_a_fork_is_never_consistent(pair, other, bit):
    """For a log with one changed entry, no proof shows consistency with the honest log."""
    old, new = pair
    forked = leaf_hash(leaves()[bit % old])
    root = root_of([*leaves()[: bit % old], forked, *leaves()[bit % old + 1 : old]])
    for proof in (consistency_proof(old, new, tiles()), consistency_proof(*other, tiles()), []):
        with pytest.raises(ProofError):
            verify_consistency(old, root, new, root_at(new), proof)


@bounded
@given(sizes, st.lists(st.one_of(st.integers(0, 40), st.integers(0, 700)), max_size=8))
def test_growing_in_any_steps(start, steps):
    """Growing in steps gives the same root, tiles and edge as growing in one step, from any size."""
    widths = {level: (start >> 8 * level) & 255 for level in range(3)}
    edge = {level: tiles()[level, start >> 8 * level + 8][: 32 * wide] for level, wide in widths.items() if wide}
    size = start
    for step in steps:
        before, step = size, min(step, LARGEST - size)
        size, root, new_tiles, edge = grow(before, edge, leaves()[before : before + step])
        assert (size, root) == (before + step, root_at(size))
        changed = changed_tiles(before, size)
        assert {position: len(tile) // 32 for position, tile in new_tiles.items()} == changed
        assert all(tile == tiles()[position][: len(tile)] for position, tile in new_tiles.items())
    assert {level: len(tile) // 32 for level, tile in edge.items()} == {
        level: (size >> 8 * level) & 255 for level in range(3) if (size >> 8 * level) & 255
    }


def changed_tiles(before, after):
    """Return the width of every tile that is new or wider at the second size."""
    new_tiles = {}
    for level in range(3):
        old, new = before >> 8 * level, after >> 8 * level
        if new > old:
            new_tiles |= {(level, index): min(256, new - 256 * index) for index in range(old // 256, -(-new // 256))}
    return new_tiles


@bounded
@given(st.tuples(sizes, sizes).filter(lambda pair: pair[0] != pair[1]).map(sorted), bits, bits)
def test_flipped_bits_of_inclusion(pair, which, bit):
    """Inclusion is refused if any bit of the leaf, the root or the proof is flipped."""
    index, size = pair
    parts = [leaves()[index], root_at(size), *inclusion_proof(index, size, tiles())]
    parts[which % len(parts)] = flip(parts[which % len(parts)], bit)
    with pytest.raises(ProofError):
        verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@bounded
@given(st.tuples(sizes, sizes).filter(lambda pair: pair[0] != pair[1]).map(sorted), bits, bits)
def test_flipped_bits_of_consistency(pair, which, bit):
    """Consistency is refused if any bit of either root or the proof is flipped."""
    old, new = pair
    parts = [root_at(old), root_at(new), *consistency_proof(old, new, tiles())]
    # An empty log is a prefix of any: there only its own root can be wrong.
    which %= len(parts) if old else 1
    parts[which] = flip(parts[which], bit)
    with pytest.raises(ProofError):
        verify_consistency(old, parts[0], new, parts[1], parts[2:])


@bounded
@given(st.tuples(sizes, sizes).filter(lambda pair: pair[0] != pair[1]).map(sorted), bits, bits)
def test_flipped_bits_of_tiles(pair, which, bit):
    """A proof from tiles is refused if any bit of a tile is flipped."""
    index, size = pair
    # The leaf itself is read from its tile too, and every hash of the proof from the tiles of its range.
    ranges = [(index, index + 1), *inclusion_ranges(index, size)]
    low, high = ranges[which % len(ranges)]
    level = ((high - low).bit_length() - 1) // 8
    held = tiles_at(ranges, size)
    position, offset = (level, low >> 8 * level + 8), (low >> 8 * level) % 256 * 32
    tile = held[position]
    held[position] = tile[:offset] + flip(tile[offset : offset + 32], bit) + tile[offset + 32 :]
    leaf = held[0, index // 256][index % 256 * 32 :][:32]
    with pytest.raises(ProofError):
        verify_inclusion(leaf, index, size, inclusion_proof(index, size, held), root_at(size))


@bounded
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=12), bits)
def test_flipped_bits_of_entry_bundles(entries, bit):
    """With any bit flipped, an entry bundle is refused, or its entries are not those of the log."""
    new_tiles = [leaf_hash(entry) for entry in entries]
    grown = grow(0, {}, new_tiles)

    def read(data):
        for index, entry in enumerate(decode_bundle(data)):
            proof = inclusion_proof(index, grown.size, grown.tiles)
            verify_inclusion(leaf_hash(entry), index, grown.size, proof, grown.root)

    read(encode_bundle(entries))
    with pytest.raises(ProofError):
        read(flip(encode_bundle(entries), bit))


@bounded
@given(sizes, bits)
def test_flipped_bits_of_notes(size, bit):
    """With any bit flipped, a signed checkpoint is refused, or loses one signature with its text unchanged."""
    checkpoint = Checkpoint("log.example.org", size, root_at(size))
    note = sign_checkpoint(checkpoint, LOG_KEY)
    with pytest.raises(ProofError):
        open_checkpoint(flip(note.encode(), bit), LOG_KEY.verifier_key)
    cosigned = note + cosign(WITNESS_KEY, checkpoint.body(), 1_700_000_000)
    try:
        opened, signers = open_note(flip(cosigned.encode(), bit), [LOG_KEY.verifier_key, WITNESS_KEY.verifier_key])
    except ProofError:
        return
    assert opened.body == checkpoint.body()
    assert len(signers) == 1


@bounded
@given(st.integers(0, 2**63 - 1), bits)
def test_flipped_bits_of_entries(size, bit):
    """With any bit flipped, an entry is refused, or is not the one in the log."""
    entry = MediaEntry("01" * 32, "ffffffff-ffff-4fff-bfff-ffffffffffff", "ab" * 64, size)
    sibling = leaf_hash(b"")
    root = root_of([leaf_hash(entry.encode()), sibling])

    def read(data):
        decode_entry(data)
        verify_inclusion(leaf_hash(data), 0, 2, [sibling], root)

    read(entry.encode())
    with pytest.raises(ProofError):
        read(flip(entry.encode(), bit))


@bounded
@given(
    st.builds(Claims, st.text(), st.text(), st.text(), st.none() | st.text(), st.text()),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 4),
    bits,
)
def test_flipped_bits_of_claims(claims, salt, which, bit):
    """With any bit of a claim or of the salt flipped, the commitment is different."""
    commitment = commit(salt, claims)
    assert commit(flip(salt, bit), claims) != commitment
    field = claims.__struct_fields__[which]
    text = (getattr(claims, field) or "").encode()
    flipped = flip(text, bit).decode(errors="backslashreplace") if text else "x"
    assert commit(salt, msgspec.structs.replace(claims, **{field: flipped})) != commitment


def test_edges_are_edges():
    """The preferred sizes are on both sides of every tile's end."""
    assert all(EDGES[bisect(EDGES, end) - 2] < end < EDGES[bisect(EDGES, end)] for end in (256, 512, 65_536))
    assert EDGES[-1] == LARGEST
