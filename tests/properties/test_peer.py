"""The independent implementation `pymerkle` agrees, in its SHA-256 mode with the prefixes of RFC 6962."""

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from hallmarket.proof.tile import consistency_proof, grow, inclusion_proof

bounded = settings(max_examples=100, database=None)
logs = st.one_of(
    st.lists(st.binary(max_size=20), min_size=1, max_size=40),
    st.integers(1, 600).map(lambda size: [b"%d" % number for number in range(size)]),
)


def peer_of(entries):
    """Return the other implementation's tree over the entries."""
    tree = pymerkle.InmemoryTree("sha256", disable_security=False)
    tree.append_entries(entries)
    return tree


def to_rfc6962(peer, old, new):
    """Convert pymerkle's consistency proof to the form of RFC 6962 section 2.1.2.

    Where the old tree ends, RFC 6962 uses one hash: the root of the subtree that begins there. pymerkle continues down
    to that subtree's first leaf and gives the hashes of its inclusion path instead, marked 0 in `subset` because they
    are not part of the old tree. They come first in `path`, so combining them with pymerkle's own hash function gives
    the hash of RFC 6962. The next hash, marked 1, is the last subtree of the old tree, which RFC 6962 puts before that
    hash, and omits if it is the whole old tree. The rest of both lists is the same.
    """
    if old == new:
        return []
    proof = peer.prove_consistency(old, new)
    pymerkle.verify_consistency(peer.get_root(old), peer.get_root(new), proof, old, new)
    ends = proof.subset.index(1)
    rest = proof.path[0]
    for sibling in proof.path[1:ends]:
        rest = proof.hasher.hash_pair(rest, sibling)
    last = [] if proof.subset.count(1) == 1 else [proof.path[ends]]
    return [*last, rest, *proof.path[ends + 1 :]]


@bounded
@given(logs, st.data())
def test_roots_agree(entries, data):
    """Both compute the same leaves, and the same root at any size."""
    peer, size = peer_of(entries), data.draw(st.integers(0, len(entries)))
    leaves = [leaf_hash(entry) for entry in entries]
    assert [peer.get_leaf(number + 1) for number in range(len(entries))] == leaves
    assert peer.get_root(size) == root_of(leaves[:size]) == grow(0, {}, leaves[:size]).root
    assert peer.get_root(0) == EMPTY_ROOT


@bounded
@given(logs, st.data())
def test_inclusion_proofs_agree(entries, data):
    """Both create the same inclusion proof, and each accepts the other's."""
    peer, size = peer_of(entries), data.draw(st.integers(1, len(entries)))
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(entry) for entry in entries]
    root = root_of(leaves[:size])
    ours = inclusion_proof(index, size, grow(0, {}, leaves).tiles)
    assert ours == [root_of(leaves[low:high]) for low, high in inclusion_ranges(index, size)]
    # pymerkle counts leaves from one and puts the leaf itself before the siblings.
    theirs = peer.prove_inclusion(index + 1, size)
    assert theirs.path == [leaves[index], *ours]
    verify_inclusion(leaves[index], index, size, theirs.path[1:], peer.get_root(size))
    carried = pymerkle.InclusionProof("sha256", True, size, index + 1, theirs.rule, [leaves[index], *ours])
    pymerkle.verify_inclusion(leaves[index], root, carried, index + 1, size)


@bounded
@given(logs, st.data())
def test_consistency_proofs_agree(entries, data):
    """Both create the same consistency proof between any two sizes, and we accept theirs."""
    peer, new = peer_of(entries), data.draw(st.integers(1, len(entries)))
    old = data.draw(st.integers(1, new))
    leaves = [leaf_hash(entry) for entry in entries]
    ours = consistency_proof(old, new, grow(0, {}, leaves).tiles)
    assert ours == [root_of(leaves[low:high]) for low, high in consistency_ranges(old, new)]
    assert ours == to_rfc6962(peer, old, new)
    verify_consistency(old, peer.get_root(old), new, peer.get_root(new), to_rfc6962(peer, old, new))


@bounded
@given(logs, st.data())
def test_refusals_agree(entries, data):
    """Both refuse a proof for one leaf if it is given for another."""
    peer, size = peer_of(entries), len(entries)
    index = data.draw(st.integers(0, size - 1))
    proof, stranger = peer.prove_inclusion(index + 1), leaf_hash(b"a stranger, longer than any entry of these logs")
    with pytest.raises(pymerkle.InvalidProof):
        pymerkle.verify_inclusion(stranger, peer.get_root(), proof)
    with pytest.raises(ProofError):
        verify_inclusion(stranger, index, size, proof.path[1:], peer.get_root())
