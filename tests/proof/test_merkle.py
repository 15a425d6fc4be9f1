"""Hashes and proofs of RFC 6962, against `vectors/tree.json`."""

from base64 import b64decode

import pytest

from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)


def log_of_words():
    """Return the leaves of the log of 15 entries."""
    words = "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten"
    return [leaf_hash(word.encode()) for word in words.split()]


def hashes_of(ranges):
    """Return the hashes of ranges of that log, computed from its leaves."""
    return [root_of(log_of_words()[low:high]) for low, high in ranges]


def inclusion(case):
    """Return the arguments of verify_inclusion for a case."""
    proof = [b64decode(one) for one in case["proof_base64"]]
    return b64decode(case["leaf_base64"]), case["index"], case["size"], proof, b64decode(case["root_base64"])


def consistency(case):
    """Return the arguments of verify_consistency for a case."""
    proof = [b64decode(one) for one in case["proof_base64"]]
    old, new = b64decode(case["old_root_base64"]), b64decode(case["new_root_base64"])
    return case["old_size"], old, case["new_size"], new, proof


@pytest.mark.vectors("tree", "leaves_base64")
def test_leaves(case):
    """Every entry of the test log has the published leaf."""
    assert b64decode(case) in log_of_words()


def test_leaf_of_one():
    """A leaf is SHA-256(0x00 ‖ entry)."""
    assert leaf_hash(b"one").hex() == "d0d7360ab79f58ab1e1e3fe64ad77e2ea0bc07e36b5f46ed2223edd9298df9e9"


@pytest.mark.vectors("tree", "roots_base64")
def test_roots(case, request):
    """The first n entries of the test log have the published root."""
    size = int(request.node.callspec.id.split()[0])
    assert root_of(log_of_words()[:size]) == b64decode(case)


def test_roots_of_tlog_specification():
    """Sizes 0, 1, 2 and 3 follow the definition."""
    one, two, three = log_of_words()[:3]
    assert root_of([]) == EMPTY_ROOT
    assert root_of([one]) == one
    assert root_of([one, two]) == node_hash(one, two)
    assert root_of([one, two, three]) == node_hash(node_hash(one, two), three)


@pytest.mark.vectors("tree", "inclusion")
def test_inclusion(case):
    """A published inclusion proof verifies, and consists of the hashes of our ranges."""
    verify_inclusion(*inclusion(case))
    assert hashes_of(inclusion_ranges(case["index"], case["size"])) == inclusion(case)[3]


@pytest.mark.vectors("tree", "refused_inclusion")
def test_refused_inclusion(case):
    """A wrong inclusion proof is refused."""
    with pytest.raises(ProofError):
        verify_inclusion(*inclusion(case))


@pytest.mark.vectors("tree", "consistency")
def test_consistency(case):
    """A published consistency proof verifies, and consists of the hashes of our ranges."""
    verify_consistency(*consistency(case))
    assert hashes_of(consistency_ranges(case["old_size"], case["new_size"])) == consistency(case)[4]


@pytest.mark.vectors("tree", "refused_consistency")
def test_refused_consistency(case):
    """A wrong consistency proof is refused."""
    with pytest.raises(ProofError):
        verify_consistency(*consistency(case))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5), (6, 5)])
def test_no_such_entry(index, size):
    """There is no inclusion proof for an entry outside the log."""
    with pytest.raises(ProofError, match=f"no entry {index} in a log of {size}"):
        inclusion_ranges(index, size)


@pytest.mark.parametrize(("old_size", "new_size"), [(1, 0), (5, 4), (-1, 4), (-2, -1)])
def test_no_such_growth(old_size, new_size):
    """There is no consistency proof from a larger log to a smaller one."""
    with pytest.raises(ProofError, match="cannot grow"):
        consistency_ranges(old_size, new_size)


def test_a_proof_of_the_wrong_length_says_so():
    """The error for a proof with too many or too few hashes says which."""
    leaf, *others = log_of_words()[:3]
    with pytest.raises(ProofError, match="inclusion proof has too many"):
        verify_inclusion(leaf, 0, 2, others, node_hash(leaf, others[0]))
    with pytest.raises(ProofError, match="inclusion proof has too few"):
        verify_inclusion(leaf, 0, 4, others[:1], node_hash(leaf, others[0]))
    with pytest.raises(ProofError, match="consistency proof has too many"):
        verify_consistency(1, leaf, 2, node_hash(leaf, others[0]), others)
    with pytest.raises(ProofError, match="consistency proof has too few"):
        verify_consistency(1, leaf, 4, node_hash(leaf, others[0]), others[:1])


def test_text_is_not_a_hash():
    """A text of 32 characters is refused as a hash."""
    with pytest.raises(ProofError, match="Every hash must have 32 bytes"):
        verify_inclusion("x" * 32, 0, 1, [], "x" * 32)
