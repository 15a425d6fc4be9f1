"""The state file: what need not be read and sent again."""

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
    """Open the state file as one run does; closed at the end."""
    opened = []

    def open_one(key=KEY, size=0):
        opened.append(State(tmp_path / "state/anchored.sqlite3", key, size))
        return opened[-1]

    yield open_one
    for state in opened:
        state.close()


@pytest.fixture
def file(tmp_path):
    """A file last changed long ago, as the walk finds it."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"picture")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return found(path)


def found(path):
    """A path as the walk finds it."""
    (file,) = walk([str(path)])
    return file


def done(file, media_id="id"):
    """A file as it is recorded once it is acknowledged."""
    return AnchoredFile(file.path, fingerprint(file.path, memoryview(bytearray(BUFFER_BYTES))), media_id)


def test_an_unchanged_file_is_found_in_the_next_run(open_state, file):
    """What one run records the next one finds, by path, size, time of change and inode."""
    record = done(file)
    open_state().record([record])
    assert open_state().find_unchanged(file) == record.fingerprint.digest


def test_any_change_is_noticed(open_state, file, tmp_path):
    """Another size, time of change or inode means that the file is read again."""
    state = open_state()
    state.record([done(file)])
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


def test_a_file_that_changed_just_now_is_not_remembered(open_state, file, tmp_path):
    """Within a clock's tick a file could change again unseen, so it is rather read once more."""
    state = open_state()
    (tmp_path / "photo.jpg").write_bytes(b"fresh")
    fresh = found(tmp_path / "photo.jpg")
    state.record([done(fresh)])
    assert state.find_unchanged(fresh) is None


def test_another_log_knows_nothing(open_state, file):
    """What one log has anchored another has not, whatever its address."""
    open_state().record([done(file)])
    assert open_state(key="other.example+00000000+AAAA").find_unchanged(file) is None


def test_a_log_begun_afresh_under_its_old_key_is_noticed(open_state, file):
    """A log smaller than it was has lost its past, so nothing counts as anchored."""
    state = open_state(size=5)
    state.record([done(file)])
    state.record_log_size(9)
    assert not open_state(size=9).log_was_reset
    again = open_state(size=8)
    assert again.log_was_reset
    assert again.find_unchanged(file) is None


def test_an_item_the_log_could_not_take_is_forgotten(open_state, file):
    """Forgetting an item names its files, and they are read again."""
    state = open_state()
    state.record([done(file, "failed-id")])
    assert [os.path.basename(path) for path in state.forget("failed-id")] == ["photo.jpg"]  # noqa: PTH119
    assert state.find_unchanged(file) is None
    assert state.forget("unknown") == []


def test_paths_mean_the_same_from_any_folder(open_state, file, monkeypatch, tmp_path):
    """A relative path is the same file as its absolute one."""
    monkeypatch.chdir(tmp_path)
    open_state().record([done(found("photo.jpg"))])
    assert open_state().find_unchanged(file)


def test_names_of_any_bytes_are_kept(open_state, tmp_path):
    """A name that is no UTF-8 is remembered like any other."""
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.write_bytes(b"x")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    open_state().record([done(found(path), None)])
    assert open_state().find_unchanged(found(path))


def test_a_broken_state_file_is_named(tmp_path):
    """A state file that is none is refused by name; it is not silently replaced."""
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be seen as none at all" * 20)
    with pytest.raises(CommandError, match=r"broken\.sqlite3 cannot be used"):
        State(path, KEY, 0)
    assert path.read_bytes().startswith(b"this is no database")


def test_many_runs_may_begin_at_once(tmp_path):
    """Runs that meet at a state file that is not there yet all come to use it, and wait for each other to write."""
    for attempt in range(20):
        path, together = tmp_path / f"{attempt}/anchored.sqlite3", threading.Barrier(8)

        def run(path=path, together=together):
            together.wait()
            state = State(path, KEY, 0)
            state.record_log_size(0)
            state.close()

        with ThreadPoolExecutor(8) as threads:
            for done in [threads.submit(run) for _ in range(8)]:
                done.result()
