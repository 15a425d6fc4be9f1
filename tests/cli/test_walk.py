"""The files that the arguments of `anchor` name."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from hallmarket.cli.anchor.walk import FoundFile, SkippedPath, walk


@pytest.fixture
def folder(tmp_path):
    """A folder with files on two levels, one of them hidden."""
    for name in ("b.jpg", "a.jpg", ".hidden", "sub/c.jpg", "sub/deep/d.tmp"):
        path = tmp_path / "top" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "top"


def names(paths, exclude=()):
    """Return the names of the files that a walk finds."""
    return [found.name for found in walk([str(path) for path in paths], exclude) if isinstance(found, FoundFile)]


def skipped(*paths):
    """Return the paths that a walk skips, with the reason and whether it is a failure."""
    return {Path(found.path).name: found[1:] for found in walk(list(map(str, paths))) if isinstance(found, SkippedPath)}


def test_a_folder_gives_every_file_in_order(folder):
    """A folder gives all its files, named by their paths below it, including hidden ones."""
    assert names([folder]) == [".hidden", "a.jpg", "b.jpg", "sub/c.jpg", "sub/deep/d.tmp"]


def test_a_file_is_named_by_its_own_name(folder):
    """A file given by itself has only its own name."""
    assert names([folder / "sub/c.jpg"]) == ["c.jpg"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.tmp", [".hidden", "a.jpg", "b.jpg", "sub/c.jpg"]),
        ("sub", [".hidden", "a.jpg", "b.jpg"]),
        ("sub/", [".hidden", "a.jpg", "b.jpg"]),
        ("sub/deep", [".hidden", "a.jpg", "b.jpg", "sub/c.jpg"]),
        ("sub/*.jpg", [".hidden", "a.jpg", "b.jpg", "sub/deep/d.tmp"]),
        (".*", ["a.jpg", "b.jpg", "sub/c.jpg", "sub/deep/d.tmp"]),
        ("top", []),
    ],
)
def test_exclude_matches_names_and_paths_below_the_argument(folder, pattern, left):
    """A pattern excludes every file and folder whose name or relative path it matches."""
    assert names([folder], [pattern]) == left


def test_quoted_globs_are_expanded(folder):
    """A quoted glob is expanded like by the shell, including **."""
    assert names([f"{folder}/**/*.jpg"]) == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_file_with_brackets_in_its_name_is_itself(folder):
    """A path that exists is never treated as a pattern."""
    (folder / "scan[1].jpg").write_bytes(b"x")
    assert names([folder / "scan[1].jpg"]) == ["scan[1].jpg"]


def test_links(folder, tmp_path):
    """In a folder a link to a file is read, one to a folder is skipped, a broken one fails; loops end."""
    (folder / "link.jpg").symlink_to(tmp_path / "top/a.jpg")
    (folder / "loop").symlink_to(folder)
    (folder / "broken").symlink_to("nowhere")
    assert "link.jpg" in names([folder])
    assert skipped(folder) == {
        "loop": ("is a link to a folder, which is not followed", False),
        "broken": ("is a broken link", True),
    }


def test_a_link_given_as_an_argument_is_followed(folder, tmp_path):
    """A link on the command line is followed."""
    (tmp_path / "album").symlink_to(folder / "sub")
    assert names([tmp_path / "album"]) == ["c.jpg", "deep/d.tmp"]


def test_special_files_are_skipped(folder):
    """Fifos and sockets in a folder are skipped with a reason; given by themselves they are failures."""
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    assert skipped(folder) == {"fifo": ("is a fifo", False), "socket": ("is a socket", False)}
    assert skipped(folder / "fifo", "/dev/null") == {"fifo": ("is a fifo", True), "null": ("is a device", True)}


def test_a_missing_path_is_named(folder):
    """A missing path fails with that reason, and so does a glob without a match."""
    assert skipped(folder / "none", f"{folder}/*.png") == {
        "none": ("there is no such file or folder", True),
        "*.png": ("there is no such file or folder", True),
    }


def test_folders_nested_deeper_than_python_recurses(tmp_path):
    """A file below 1,200 nested folders is found."""
    top = tmp_path / "nested"
    deep = "/".join(["d"] * 1200)
    subprocess.run(["mkdir", "-p", top / deep], check=True)
    try:
        (top / deep / "leaf").write_bytes(b"x")
        assert names([top]) == [f"{deep}/leaf"]
    finally:
        subprocess.run(["rm", "-rf", top], check=True)
