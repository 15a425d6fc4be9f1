"""Properties of every text format of the proofs: one encoding per value, and ProofError for anything else."""

from contextlib import suppress
from hashlib import sha256

import msgspec
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmarket.proof.bundle import Bundle, ProofFile, verify_bundle
from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from hallmarket.proof.cosignature import cosign, verify_cosignature
from hallmarket.proof.entry import Claims, MediaEntry, canonical_claims, commit, decode_entry
from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import leaf_hash, verify_consistency, verify_inclusion
from hallmarket.proof.note import COSIGNATURE_ED25519, ED25519, Note, Signature, SigningKey, VerifierKey, open_note
from hallmarket.proof.tile import (
    BundlePath,
    Tile,
    decode_bundle,
    encode_bundle,
    grow,
    parse_tile_path,
    range_hash,
    tiles_needed,
)

bounded = settings(max_examples=150, database=None)

KEY = SigningKey("log.example.org", bytes(range(32)))
WITNESS = SigningKey("w1.example.net", bytes(range(32)), COSIGNATURE_ED25519)
CLAIMS = Claims("2026-01-01T00:00:00.000000+00:00", "creator", "{}", None, "organization")
ENTRY = MediaEntry(commit(bytes(32), CLAIMS), "ffffffff-ffff-4fff-bfff-ffffffffffff", "ab" * 64, 5)
CHECKPOINT = Checkpoint("log.example.org", 1, leaf_hash(ENTRY.encode()))
NOTE = sign_checkpoint(CHECKPOINT, KEY) + cosign(WITNESS, CHECKPOINT.body(), 1_700_000_000)
PROOF = ProofFile(0, (), NOTE, b"extra")
BUNDLE = Bundle(entry=ENTRY.encode(), claims=CLAIMS, salt=bytes(32), proof=PROOF.text(), timestamps=[])

names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1)
hashes = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
claims = st.builds(Claims, texts, texts, texts, st.none() | texts, texts)
digits = st.binary(min_size=64, max_size=64).map(bytes.hex)
entries = st.builds(
    MediaEntry,
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.uuids().map(str),
    digits,
    st.integers(0, 2**63 - 1),
)


@bounded
@given(claims)
def test_claims_are_canonical(some):
    """Claims are encoded as the `rfc8785` package encodes them."""
    assert canonical_claims(some) == rfc8785.dumps(msgspec.to_builtins(some))
    assert commit(bytes(32), some) == sha256(bytes(32) + canonical_claims(some)).hexdigest()


@bounded
@given(entries)
def test_entries_are_canonical(entry):
    """An entry is decoded to the same value, and encoded as the `rfc8785` package encodes it up to 2^53."""
    assert decode_entry(entry.encode()) == entry
    if entry.size < 2**53:
        fields = {"v": 1, "kind": "media", **msgspec.to_builtins(entry)}
        assert entry.encode() == rfc8785.dumps(fields)


@bounded
@given(names, st.sampled_from([ED25519, COSIGNATURE_ED25519]), hashes)
def test_keys_round_trip(name, kind, secret):
    """A key with any name is parsed to the same key."""
    key = SigningKey(name, secret, kind)
    assert VerifierKey.parse(str(key.verifier_key)) == key.verifier_key
    assert SigningKey.parse(key.text()).text() == key.text()


@bounded
@given(
    st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32) | st.just("\n")),
    st.lists(
        st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)),
        max_size=5,
    ),
)
def test_notes_round_trip(text, strangers):
    """A note with any text and any unknown signatures opens, and is written unchanged."""
    body = text + "\n"
    note = f"{body}\n{KEY.sign(body)}" + "".join(stranger.line() for stranger in strangers)
    opened, signers = open_note(note, [KEY.verifier_key])
    assert (opened.body, opened.text(), signers) == (body, note, [KEY.verifier_key])
    assert opened.signatures[1:] == tuple(strangers)


@bounded
@given(names, st.integers(0, 2**63 - 1), hashes, st.integers(0, 2**63 - 1))
def test_checkpoints_round_trip(origin, size, root, timestamp):
    """Any checkpoint opens with its log's key, and can be cosigned at any second."""
    checkpoint, key = Checkpoint(origin, size, root), SigningKey(origin, bytes(32))
    assert open_checkpoint(sign_checkpoint(checkpoint, key), key.verifier_key) == checkpoint
    line = cosign(WITNESS, checkpoint.body(), timestamp)
    assert verify_cosignature(Signature.parse(line[:-1]), WITNESS.verifier_key, checkpoint.body()) == timestamp


@bounded
@given(st.integers(0, 63), st.integers(0, 2**55), st.integers(1, 256))
def test_tile_paths_round_trip(level, index, width):
    """The path of any tile or entry bundle is parsed to the same tile or bundle."""
    assert parse_tile_path(Tile(level, index, width).path) == Tile(level, index, width)
    assert parse_tile_path(BundlePath(index, width).path) == BundlePath(index, width)


@bounded
@given(st.lists(st.binary(max_size=300), max_size=256))
def test_entry_bundles_round_trip(some):
    """An entry bundle is decoded to the same entries."""
    assert decode_bundle(encode_bundle(some)) == some


@bounded
@given(st.integers(0, 2**63 - 1), st.lists(hashes, max_size=63), st.none() | st.binary())
def test_proof_files_round_trip(index, proof, extra):
    """A proof file is parsed to the same value."""
    file = ProofFile(index, tuple(proof), NOTE, extra)
    assert ProofFile.parse(file.text()) == file


@bounded
@given(entries, st.none() | claims, st.none() | hashes, st.lists(json_values, max_size=3))
def test_bundles_round_trip(entry, some, salt, timestamps):
    """A proof bundle is parsed to the same value, with its timestamps unchanged."""
    bundle = Bundle(entry=entry.encode(), claims=some, salt=salt, proof=PROOF.text(), timestamps=timestamps)
    assert Bundle.parse(bundle.encode()) == bundle


@st.composite
def malformed(draw, text):
    """Draw a valid text with a part of it replaced, or any text."""
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 8)))
    between = draw(st.one_of(st.sampled_from(["", "\n", "\n\n", " ", "+", "0", "=", "null", "[", '"']), st.text()))
    return draw(st.one_of(st.just(text[:start] + between + text[end:]), st.text()))


def check(parse, text):
    """Parse a text as str and bytes; any exception except ProofError fails the test."""
    for form in (text, text.encode(errors="surrogatepass"), text.encode("utf-16")):
        with suppress(ProofError):
            parse(form)


@bounded
@given(
    malformed(str(KEY.verifier_key)),
    malformed(KEY.text()),
    malformed(CHECKPOINT.body()),
    malformed("tile/0/x001/x234/067.p/1"),
    st.text(st.characters()),
)
def test_malformed_texts(verifier_key, signing_key, body, path, anything):
    """Malformed keys, checkpoint bodies and paths raise ProofError and nothing else."""
    for parse, spoilt in (
        (VerifierKey.parse, verifier_key),
        (SigningKey.parse, signing_key),
        (Checkpoint.parse, body),
        (parse_tile_path, path),
        (lambda text: cosign(WITNESS, text, 1), anything),
        (KEY.sign, anything),
    ):
        for text in (spoilt, anything):
            with suppress(ProofError):
                parse(text)


@bounded
@given(
    malformed(NOTE), malformed(PROOF.text()), malformed(BUNDLE.encode().decode()), malformed(ENTRY.encode().decode())
)
def test_malformed_documents(note, proof, bundle, entry):
    """Malformed notes, proof files, bundles and entries raise ProofError and nothing else."""
    keys = [KEY.verifier_key, WITNESS.verifier_key]
    check(Note.parse, note)
    check(lambda text: open_note(text, keys), note)
    check(lambda text: open_checkpoint(text, KEY.verifier_key), note)
    check(ProofFile.parse, proof)
    check(lambda text: verify_bundle(Bundle.parse(text), KEY.verifier_key), bundle)
    check(lambda text: decode_entry(text if isinstance(text, bytes) else text.encode(errors="surrogatepass")), entry)
    for some in (Bundle(entry=entry.encode(errors="replace"), claims=None, salt=None, proof=proof, timestamps=[]),):
        with suppress(ProofError):
            verify_bundle(some, KEY.verifier_key)


@bounded
@given(st.binary(max_size=600), claims, st.binary(max_size=40), st.text(st.characters()))
def test_arbitrary_bytes(data, some, salt, proof):
    """Arbitrary bytes raise ProofError and nothing else."""
    for read in (decode_bundle, decode_entry, Note.parse, ProofFile.parse, Bundle.parse):
        with suppress(ProofError):
            read(data)
    for signature in (Signature("w1.example.net", WITNESS.verifier_key.key_id, data), Signature(proof, data, data)):
        with suppress(ProofError):
            verify_cosignature(signature, WITNESS.verifier_key, proof)
    with suppress(ProofError):
        bundle = Bundle(entry=ENTRY.encode(), claims=some, salt=salt, proof=proof, timestamps=[])
        verify_bundle(bundle, KEY.verifier_key)


whole = st.integers(-3, 70) | st.integers()


@bounded
@given(st.binary(max_size=33) | hashes, whole, whole, st.lists(st.binary(max_size=33) | hashes, max_size=6), hashes)
def test_arbitrary_proofs(one, first, second, proof, other):
    """Arbitrary numbers and hashes raise ProofError and nothing else."""
    for attempt in (
        lambda: verify_inclusion(one, first, second, proof, other),
        lambda: verify_consistency(first, one, second, other, proof),
        lambda: tiles_needed([(first, second)], 70),
        lambda: range_hash(first, second, {(0, 0): b"".join(proof)}),
        lambda: grow(first, {0: b"".join(proof)}, [one]),
    ):
        with suppress(ProofError):
            attempt()
