"""The Merkle tree of RFC 6962, and verification of its proofs by RFC 9162 sections 2.1.3.2 and 2.1.4.2."""

from collections.abc import Sequence
from hashlib import sha256

from hallmarket.proof.errors import ProofError
from hallmarket.proof.strict import HASH_BYTES

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the leaf of an entry: SHA-256(0x00 ‖ entry), 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the node over two hashes: SHA-256(0x01 ‖ left ‖ right), 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the roots of perfect subtrees of one size; the last one may be smaller."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        # Splitting at the largest power of two leaves an odd last hash unpaired: it moves up unchanged.
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return the half-open leaf ranges whose hashes prove a leaf, its sibling first; raises ProofError."""
    _check_index(index, size)
    low, high, ranges = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """Return the half-open leaf ranges whose hashes prove that the old tree is a prefix of the new (RFC 6962 2.1.2)."""
    _check_sizes(old_size, new_size)
    if old_size in (0, new_size):
        return []
    low, high, ranges = 0, new_size, []
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    # An old tree that is one perfect subtree needs no hash of its own: the verifier has its root.
    if low:
        ranges.append((low, high))
    return ranges[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless the proof leads from the leaf at `index` to the root of the tree of `size` leaves."""
    _check_index(index, size)
    _check_hashes([leaf, root, *proof])
    here, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("The inclusion proof has too many hashes.")
        if here & 1 or here == last:
            result = node_hash(sibling, result)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofError("The inclusion proof has too few hashes.")
    if result != root:
        raise ProofError("The inclusion proof does not lead to the checkpoint's root: the entry is not in this log.")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless the proof shows that the old tree is a prefix of the new one."""
    _check_sizes(old_size, new_size)
    _check_hashes([old_root, new_root, *proof])
    for size, root in ((old_size, old_root), (new_size, new_root)):
        if size == 0 and root != EMPTY_ROOT:
            raise ProofError("A tree without leaves must have the empty tree's root.")
    if old_size in (0, new_size):
        if proof:
            raise ProofError("A consistency proof between these sizes must be empty.")
        if old_size == new_size and old_root != new_root:
            raise ProofError("Two roots of one size differ: the log is forked.")
        return
    if not proof:
        raise ProofError("The consistency proof is missing.")
    _verify_path(old_size, old_root, new_size, new_root, list(proof))


def _verify_path(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: list[bytes]) -> None:
    # An old tree of 2^n leaves is one perfect subtree, so its root takes the position of the first hash.
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("The consistency proof has too many hashes.")
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofError("The consistency proof has too few hashes.")
    if old != old_root:
        raise ProofError("The consistency proof does not lead to the old root: the log has rewritten its past.")
    if new != new_root:
        raise ProofError("The consistency proof does not lead to the new root.")


def _split(width: int) -> int:
    # The largest power of two that is smaller than the width.
    return 1 << (width - 1).bit_length() - 1


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise ProofError(f"There is no entry {index} in a log of {size} entries.")


def _check_sizes(old_size: int, new_size: int) -> None:
    if not 0 <= old_size <= new_size:
        raise ProofError(f"A log cannot grow from {old_size} to {new_size} entries.")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if not all(isinstance(one, bytes) and len(one) == HASH_BYTES for one in hashes):
        raise ProofError(f"Every hash must have {HASH_BYTES} bytes.")
