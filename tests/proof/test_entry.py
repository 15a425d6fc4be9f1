"""Entries and claims, against `vectors/entries.json`."""

import msgspec
import pytest
import rfc8785

from hallmarket.proof.entry import Claims, MediaEntry, UnknownEntry, canonical_claims, commit, decode_entry
from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import leaf_hash


@pytest.mark.vectors("entries", "claims")
def test_claims(case):
    """Claims have one canonical form and, with a salt, one commitment."""
    claims = msgspec.convert(case["claims"], Claims)
    assert canonical_claims(claims).decode() == case["canonical"]
    assert commit(bytes.fromhex(case["salt_hex"]), claims) == case["commitment"]


@pytest.mark.vectors("entries", "media")
def test_media_entries(case):
    """A media entry is encoded to these bytes, exact at any size, and decoded from them."""
    entry = MediaEntry(case["claims"], case["id"], case["sha3_512"], int(case["size"]))
    assert entry.encode().decode() == case["entry"]
    assert decode_entry(case["entry"].encode()) == entry
    assert leaf_hash(entry.encode()).hex() == case["leaf_hex"]


@pytest.mark.vectors("entries", "skipped")
def test_unknown_kinds(case):
    """An entry of an unknown kind is skipped, whatever its fields."""
    assert decode_entry(case["entry"].encode()) == UnknownEntry(case["kind"])


@pytest.mark.vectors("entries", "refused")
def test_refused_entries(case):
    """An entry that is not canonical is refused."""
    data = bytes.fromhex(case["entry_hex"]) if "entry_hex" in case else case["entry"].encode()
    with pytest.raises(ProofError):
        decode_entry(data)


def test_longest_entry():
    """An entry of 65,535 bytes is decoded; one byte more is refused, as no entry bundle could hold it."""
    longest = b'{"kind":"%s"}' % (b"x" * (65_535 - 11))
    assert decode_entry(longest) == UnknownEntry("x" * (65_535 - 11))
    with pytest.raises(ProofError, match="more than 65535 bytes"):
        decode_entry(longest.replace(b"x", b"xx", 1))


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_nested_brackets(bracket):
    """Thousands of nested brackets are refused, even in a skipped field."""
    for text in (bracket * 10_000, '{"a":' + bracket * 10_000):
        with pytest.raises(ProofError):
            decode_entry(text.encode())


def test_every_character_is_escaped_as_in_rfc_8785():
    """Claims are encoded like the `rfc8785` package encodes them, for every Unicode character."""
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    claims = Claims(createdOn="", creator="", metadata=every, name=every[::-1], organization="")
    assert canonical_claims(claims) == rfc8785.dumps(msgspec.to_builtins(claims))


def test_lone_surrogates():
    """Claims that UTF-8 cannot represent are refused."""
    with pytest.raises(ProofError, match="not UTF-8"):
        canonical_claims(Claims("", "", "\ud800", None, ""))


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_wrong_salts(salt):
    """A salt has 32 bytes; with a shorter one the claims could be guessed."""
    with pytest.raises(ProofError, match="32 bytes"):
        commit(salt, Claims("", "", "", None, ""))
