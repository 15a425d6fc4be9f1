"""The state file: which files need not be read and sent again."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.fingerprint import BUFFER_BYTES, fingerprint
from hallmarket.cli.anchor.state import AnchoredFile, State
from hallmarket.cli.anchor.walk import walk

KEY = "log.example+00000000+AAAA"
LONG_AGO_NS = 1_700_000_000_000_000_000


@pytest.fixture
def open_state(tmp_path):
    """Open the state file like one run does; it is closed at the end of the test."""
    opened = []

    def open_one(key=KEY, size=0):
        opened.append(State(tmp_path / "state/anchored.sqlite3", key, size))
        return opened[-1]

    yield open_one
    for state in opened:
        state.close()


@pytest.fixture
def file(tmp_path):
    """A file last modified long ago, as the walk finds it."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"picture")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return found(path)


def found(path):
    """Return a path as the walk finds it."""
    (file,) = walk([str(path)])
    return file


def acknowledged(file, media_id="id"):
    """Return a file as it is recorded once it is acknowledged."""
    return AnchoredFile(file.path, fingerprint(file.path, memoryview(bytearray(BUFFER_BYTES))), media_id)


def test_an_unchanged_file_is_found_in_the_next_run(open_state, file):
    """A recorded file is found by path, size, modification time and inode."""
    record = acknowledged(file)
    open_state().record([record])
    assert open_state().find_unchanged(file) == record.fingerprint.digest


def test_any_change_is_noticed(open_state, file, tmp_path):
    """A file with another size, modification time or inode is read again."""
    state = open_state()
    state.record([acknowledged(file)])
    path = tmp_path / "photo.jpg"
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS + 1))
    assert state.find_unchanged(found(path)) is None
    path.write_bytes(b"picture!")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    assert state.find_unchanged(found(path)) is None
    (tmp_path / "other").write_bytes(b"picture")
    os.utime(tmp_path / "other", ns=(LONG_AGO_NS, LONG_AGO_NS))
    (tmp_path / "other").replace(path)
    assert state.find_unchanged(found(path)) is None


def test_a_file_modified_just_now_is_not_recorded(open_state, file, tmp_path):
    """A file could change again within a clock tick unnoticed, so it is read once more."""
    state = open_state()
    (tmp_path / "photo.jpg").write_bytes(b"fresh")
    fresh = found(tmp_path / "photo.jpg")
    state.record([acknowledged(fresh)])
    assert state.find_unchanged(fresh) is None


def test_another_log_knows_nothing(open_state, file):
    """A file that is anchored in one log is not anchored in another, at any address."""
    open_state().record([acknowledged(file)])
    assert open_state(key="other.example+00000000+AAAA").find_unchanged(file) is None


def test_a_reset_log_is_noticed(open_state, file):
    """A log that is smaller than before was reset, so no file counts as anchored."""
    state = open_state(size=5)
    state.record([acknowledged(file)])
    state.record_log_size(9)
    assert not open_state(size=9).log_was_reset
    again = open_state(size=8)
    assert again.log_was_reset
    assert again.find_unchanged(file) is None


def test_a_failed_item_is_forgotten(open_state, file):
    """Forgetting an item returns its files, which are read again."""
    state = open_state()
    state.record([acknowledged(file, "failed-id")])
    assert [os.path.basename(path) for path in state.forget("failed-id")] == ["photo.jpg"]  # noqa: PTH119
    assert state.find_unchanged(file) is None
    assert state.forget("unknown") == []


def test_paths_mean_the_same_from_any_folder(open_state, file, monkeypatch, tmp_path):
    """A relative path is the same file as its absolute path."""
    monkeypatch.chdir(tmp_path)
    open_state().record([acknowledged(found("photo.jpg"))])
    assert open_state().find_unchanged(file)


def test_names_of_any_bytes_are_recorded(open_state, tmp_path):
    """A name that is not UTF-8 is recorded like any other."""
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.write_bytes(b"x")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    open_state().record([acknowledged(found(path), None)])
    assert open_state().find_unchanged(found(path))


def test_a_broken_state_file_is_named(tmp_path):
    """A damaged state file is refused by name, and not replaced."""
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be seen as none at all" * 20)
    with pytest.raises(CommandError, match=r"broken\.sqlite3 cannot be used"):
        State(path, KEY, 0)
    assert path.read_bytes().startswith(b"this is no database")


def test_concurrent_runs_share_a_new_state_file(tmp_path):
    """Runs that create the state file at the same time all use it, and wait for each other to write."""
    for attempt in range(20):
        path, together = tmp_path / f"{attempt}/anchored.sqlite3", threading.Barrier(8)

        def run(path=path, together=together):
            together.wait()
            state = State(path, KEY, 0)
            state.record_log_size(0)
            state.close()

        with ThreadPoolExecutor(8) as threads:
            for run_result in [threads.submit(run) for _ in range(8)]:
                run_result.result()
