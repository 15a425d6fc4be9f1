"""Signed notes, against `vectors/notes.json`."""

import pytest

from hallmarket.proof.errors import ProofError
from hallmarket.proof.note import Note, Signature, SigningKey, VerifierKey, open_note


def keys_of(case):
    """Return the keys with which a case's note is opened."""
    return [VerifierKey.parse(text) for text in case["keys"]]


@pytest.mark.vectors("notes", "valid")
def test_valid_notes(case):
    """A note opens, is signed by exactly these keys, and is written unchanged."""
    note, signers = open_note(case["note"], keys_of(case))
    assert note.body == case["body"]
    assert [str(key) for key in signers] == case["signed_by"]
    assert note.text() == case["note"]
    assert Note.parse(case["note"].encode()) == note


@pytest.mark.vectors("notes", "malformed")
def test_malformed_notes(case):
    """A malformed note is refused before any key is used."""
    with pytest.raises(ProofError):
        Note.parse(case["note"])


@pytest.mark.vectors("notes", "unverified")
def test_unverified_notes(case):
    """A note opens only if a known key signed it and no signature by a known key is wrong."""
    note = Note.parse(case["note"])
    assert note.text() == case["note"]
    with pytest.raises(ProofError):
        open_note(case["note"], keys_of(case))


def test_largest_note():
    """A note of exactly 64 KiB opens; one byte more is refused."""
    key = SigningKey.generate("log.example.org")
    line = key.sign("x\n")
    body = "x" * (65_536 - len(line.encode()) - 2) + "\n"
    assert open_note(f"{body}\n{key.sign(body)}", [key.verifier_key])[0].body == body
    with pytest.raises(ProofError, match="64 KiB"):
        Note.parse(f"x{body}\n{line}")


def test_most_signatures():
    """A note with 100 signatures opens."""
    key = SigningKey.generate("log.example.org")
    note, signers = open_note("body\n\n" + key.sign("body\n") * 100, [key.verifier_key])
    assert len(note.signatures) == 100
    assert signers == [key.verifier_key]


def test_invalid_utf8():
    """A note that is not UTF-8, or that UTF-8 cannot represent, is refused."""
    line = SigningKey.generate("log.example.org").sign("body\n")
    for text in (b"\xff\n\n" + line.encode(), f"\ud800\n\n{line}"):
        with pytest.raises(ProofError, match="not UTF-8"):
            Note.parse(text)


def test_two_keys_with_one_id():
    """Two different keys with one name and one id are refused, because a signature could be by either."""
    one = SigningKey.generate("log.example.org").verifier_key
    other = VerifierKey(one.name, one.key_id, one.kind, bytes(32))
    note = "body\n\n— log.example.org AAAAAAA=\n"
    with pytest.raises(ProofError, match="Two different keys"):
        open_note(note, [one, other])


def test_a_key_that_is_not_on_the_curve():
    """A verifier key that is not a point of the curve verifies nothing."""
    key = SigningKey.generate("log.example.org")
    wrong = VerifierKey.of("log.example.org", 1, b"\x02" + bytes(31))
    honest = Note.parse("body\n\n" + key.sign("body\n")).signatures[0]
    forged = Signature(wrong.name, wrong.key_id, honest.blob).line()
    with pytest.raises(ProofError, match="is wrong"):
        open_note("body\n\n" + forged, [wrong])
