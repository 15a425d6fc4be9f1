"""Consistency of a log: the checkpoint seen before must be a prefix of the log shown now."""

import hashlib

import pytest

from _support.small_log import SmallLog, serve_log
from hallmarket.client import Hallmarket, KnownLogs, LogRefused, LogView, Trust
from hallmarket.proof.checkpoint import open_checkpoint
from hallmarket.proof.errors import ProofError

SIZES = [1, 2, 255, 256, 257, 511, 513, 600]


@pytest.fixture
def known(tmp_path):
    """An empty file of known logs."""
    return KnownLogs(tmp_path / "known_logs.json")


@pytest.fixture(scope="module")
def log():
    """A log of 600 entries: two full tiles and part of a third."""
    return SmallLog().fill(600)


@pytest.fixture
def shown(log):
    """The log's server; its log can be replaced to simulate a dishonest one."""
    with serve_log(log) as shown:
        yield shown


@pytest.fixture
def server(shown):
    """A client of that server."""
    with Hallmarket(shown.url, retry_s=0) as server:
        yield server


def remembered(known, shown):
    """Return the remembered checkpoint of the server."""
    return known.find(shown.url).find_checkpoint()


def test_first_use_then_remembered_then_pinned(known, shown, server, log):
    """A key is trusted when first seen, then remembered; a pinned key overrides this."""
    first = LogView(server, known)
    assert (first.trust, first.remembered) == (Trust.FIRST_USE, None)
    assert known.read() == []
    first.remember()
    assert LogView(server, known).trust == Trust.REMEMBERED
    assert LogView(server, known, log.vkey).trust == Trust.PINNED


@pytest.mark.parametrize("old", SIZES)
@pytest.mark.parametrize("new", SIZES)
def test_a_log_that_only_grew_is_consistent(known, shown, server, log, old, new):
    """Any remembered size is proved to be a prefix of any larger one from its tiles; a smaller one is refused."""
    known.remember(shown.url, log.key.verifier_key, log.checkpoint(old))
    shown.shown_size = new
    if new < old:
        with pytest.raises(LogRefused, match="shows only"):
            LogView(server, known, cache_s=0)
    else:
        LogView(server, known).remember()
        assert remembered(known, shown).size == new


def test_a_deleted_partial_tile_is_read_from_the_full_one(known, shown, server, log):
    """If a partial tile is gone, the beginning of the full tile is used."""
    known.remember(shown.url, log.key.verifier_key, log.checkpoint(100))
    shown.partial_tiles_deleted, shown.shown_size = True, 200
    assert LogView(server, known).head.size == 200
    assert "/log/tile/0/000" in shown.requests


@pytest.mark.parametrize(
    ("old", "kept", "total"), [(600, 0, 600), (100, 99, 100), (100, 99, 600), (600, 256, 601), (600, 599, 600)]
)
def test_a_forked_log_is_refused_and_not_remembered(known, shown, server, log, old, kept, total):
    """A log with another history under the same key is refused at any size, and the file stays unchanged."""
    known.remember(shown.url, log.key.verifier_key, log.checkpoint(old))
    before = known.path.read_bytes()
    shown.log = log.fork(kept)
    for number in range(total - kept):
        shown.log.add(b"another past %d" % number)
    with pytest.raises(LogRefused, match="forked log: the log seen before"):
        LogView(server, known)
    assert known.path.read_bytes() == before


def test_a_log_without_its_tiles_is_refused(known, shown, server, log):
    """A server without the tiles in between proves nothing about its history."""
    known.remember(shown.url, log.key.verifier_key, log.checkpoint(100))
    shown.answer = lambda path, answer=shown.answer: None if "tile" in path else answer(path)
    with pytest.raises(LogRefused, match="lacks tile"):
        LogView(server, known)


def test_a_late_cache_is_waited_for(known, shown, server, log):
    """A checkpoint older than the remembered one is requested again before it is refused."""
    known.remember(shown.url, log.key.verifier_key, log.checkpoint(400))
    shown.shown_size = 300

    def catch_up(path, answer=shown.answer):
        found = answer(path)
        shown.shown_size = 500 if path == "/log/checkpoint" else shown.shown_size
        return found

    shown.answer = catch_up
    assert LogView(server, known).head.size == 500


def test_a_changed_key_is_refused(known, shown, server, log):
    """A known server with another key is refused until the key is pinned; the error names both keys and the file."""
    LogView(server, known).remember()
    shown.log = SmallLog().fill(3)
    with pytest.raises(LogRefused, match="changed its log key") as refusal:
        LogView(server, known)
    for text in (log.vkey, shown.log.vkey, str(known.path)):
        assert text in str(refusal.value)
    LogView(server, known, shown.log.vkey).remember()
    assert LogView(server, known).trust == Trust.REMEMBERED
    assert remembered(known, shown).size == 3


def test_a_pinned_key_that_is_not_the_servers_is_refused(known, server):
    """With a pinned key no other key is trusted, even on first use."""
    with pytest.raises(LogRefused, match="not the one given"):
        LogView(server, known, SmallLog().vkey)


def test_a_checkpoint_signed_by_another_is_refused(known, shown, server, log):
    """The checkpoint must be signed by the key that the server shows."""
    other = SmallLog().fill(5)
    shown.answer = lambda path, answer=shown.answer: (
        other.checkpoint().encode() if path == "/log/checkpoint" else answer(path)
    )
    with pytest.raises(ProofError):
        LogView(server, known)


def test_a_proof_of_an_earlier_checkpoint_is_of_the_same_log(known, server, log):
    """A proof from an earlier, smaller checkpoint is verified against the current log."""
    view = LogView(server, known)
    for index, size in ((0, 1), (0, 300), (299, 300), (10, 600)):
        verified = view.verify(log.bundle(index, size), log.hashes[index], None)
        assert (verified.index, verified.checkpoint.size) == (index, size)


def test_a_proof_newer_than_the_checkpoint_moves_the_head(known, shown, server, log):
    """If the log grows meanwhile, or a cache is late, the newest checkpoint is remembered."""
    shown.shown_size = 300
    view = LogView(server, known)
    shown.shown_size = 400
    view.verify(log.bundle(350, 351), log.hashes[350], None)
    assert view.head.size == 400
    view.verify(log.bundle(599), log.hashes[599], None)
    view.remember()
    assert remembered(known, shown) == open_checkpoint(log.checkpoint(), log.key.verifier_key)


def test_a_proof_of_a_forked_log_is_refused(known, server, log):
    """A proof with the log's key but another history is a fork, whether older or newer than the head."""
    view = LogView(server, known)
    for total in (400, 700):
        fork = log.fork(300)
        index = fork.add(b"secretly")
        fork.fill(total - 301)
        with pytest.raises(LogRefused, match="forked log"):
            view.verify(fork.bundle(index), hashlib.sha3_512(b"secretly").hexdigest(), None)


def test_a_proof_for_another_file_is_refused(known, server, log):
    """The given fingerprint and size must be the entry's."""
    view = LogView(server, known)
    with pytest.raises(ProofError, match="another file"):
        view.verify(log.bundle(3), log.hashes[4], None)
    with pytest.raises(ProofError, match="bytes"):
        view.verify(log.bundle(3), log.hashes[3], 1)
