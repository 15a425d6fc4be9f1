"""What bytes are: told by how they begin, their name helping where that leaves more than one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.files.sniff import HEAD_BYTES, TYPES, find_extension, sniff

PNG, ZIP, BINARY = b"\x89PNG\r\n\x1a\nabc", b"PK\x03\x04abc", b"\x01\x02\xff\xfe"
UNKNOWN = "application/octet-stream"
CASES = {
    "picture": (PNG, "a.png", "image/png", "png"),
    "picture under another's name": (PNG, "a.csv", "image/png", "png"),
    "picture without a name": (PNG, "picture", "image/png", "png"),
    "spelling of an extension is kept": (b"\xff\xd8\xff\xe0", "A.JPEG", "image/jpeg", "jpeg"),
    "office document": (ZIP, "a.xlsx", TYPES["xlsx"], "xlsx"),
    "archive under a picture's name": (ZIP, "a.png", "application/zip", "zip"),
    "sound in a container": (b"\0\0\0\x18ftypmp42", "a.m4a", "audio/mp4", "m4a"),
    "film": (b"\0\0\0\x18ftypisom", "a", "video/mp4", "mp4"),
    "HEIC": (b"\0\0\0\x18ftypheic", "a.heic", "image/heic", "heic"),
    "text": ("Grüße\n".encode(), "a.csv", "text/csv", "csv"),
    "JSON": (b"{}", "a.json", "application/json", "json"),
    "text without a name": (b"hello", "README", "text/plain", "txt"),
    "text under a picture's name": (b"hello", "a.png", "text/plain", "txt"),
    "text that nobody knows": (b"data_x", "a.cif", UNKNOWN, "cif"),
    "bytes under a text's name": (BINARY, "a.csv", UNKNOWN, "bin"),
    "bytes under a picture's name": (BINARY, "a.png", UNKNOWN, "bin"),
    "bytes of a kind that begins anyhow": (BINARY, "a.tar", "application/x-tar", "tar"),
    "bytes that nobody knows": (BINARY, "a.xyz", UNKNOWN, "xyz"),
    "bytes without a name": (BINARY, "a", UNKNOWN, "bin"),
    "nothing": (b"", "a.csv", "text/csv", "csv"),
    "nothing at all": (b"", "a", UNKNOWN, "bin"),
}


@pytest.mark.parametrize(("head", "name", "kind", "extension"), CASES.values(), ids=CASES)
def test_what_bytes_are(head: bytes, name: str, kind: str, extension: str) -> None:
    """Bytes decide; a name decides between what they may be."""
    found = sniff(head, name)
    assert (found.type, found.extension) == (kind, extension)


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20), st.integers(-3, 0))
def test_text_that_is_cut_off_is_text(text: str, less: int) -> None:
    """A letter of several bytes that the head ends in makes no text binary."""
    assert sniff(("a" + text * HEAD_BYTES).encode()[: HEAD_BYTES + less], "a.txt").type == "text/plain"


@given(st.binary(max_size=40), st.text(max_size=40))
def test_anything_is_something(head: bytes, name: str) -> None:
    """Whatever the bytes and the name: a type, and an extension that is safe to show."""
    found = sniff(head, name)
    assert found.type in {*TYPES.values(), UNKNOWN, "application/x-ole-storage"}
    assert find_extension(f"a.{found.extension}") == found.extension
