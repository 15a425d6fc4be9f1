"""Detection of media types from the first bytes and the file name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.files.sniff import HEAD_BYTES, TYPES, find_extension, sniff

PNG, ZIP, BINARY = b"\x89PNG\r\n\x1a\nabc", b"PK\x03\x04abc", b"\x01\x02\xff\xfe"
UNKNOWN = "application/octet-stream"
CASES = {
    "image": (PNG, "a.png", "image/png", "png"),
    "image with the name of a table": (PNG, "a.csv", "image/png", "png"),
    "image without an extension": (PNG, "picture", "image/png", "png"),
    "spelling of an extension is kept": (b"\xff\xd8\xff\xe0", "A.JPEG", "image/jpeg", "jpeg"),
    "office document": (ZIP, "a.xlsx", TYPES["xlsx"], "xlsx"),
    "archive with the name of an image": (ZIP, "a.png", "application/zip", "zip"),
    "audio in a container": (b"\0\0\0\x18ftypmp42", "a.m4a", "audio/mp4", "m4a"),
    "video": (b"\0\0\0\x18ftypisom", "a", "video/mp4", "mp4"),
    "HEIC": (b"\0\0\0\x18ftypheic", "a.heic", "image/heic", "heic"),
    "text": ("Grüße\n".encode(), "a.csv", "text/csv", "csv"),
    "JSON": (b"{}", "a.json", "application/json", "json"),
    "text without an extension": (b"hello", "README", "text/plain", "txt"),
    "text with the name of an image": (b"hello", "a.png", "text/plain", "txt"),
    "text with an unknown extension": (b"data_x", "a.cif", UNKNOWN, "cif"),
    "binary with the name of a text": (BINARY, "a.csv", UNKNOWN, "bin"),
    "binary with the name of an image": (BINARY, "a.png", UNKNOWN, "bin"),
    "type without a signature": (BINARY, "a.tar", "application/x-tar", "tar"),
    "binary with an unknown extension": (BINARY, "a.xyz", UNKNOWN, "xyz"),
    "binary without an extension": (BINARY, "a", UNKNOWN, "bin"),
    "empty": (b"", "a.csv", "text/csv", "csv"),
    "empty without an extension": (b"", "a", UNKNOWN, "bin"),
}


@pytest.mark.parametrize(("head", "name", "kind", "extension"), CASES.values(), ids=CASES)
def test_media_types(head: bytes, name: str, kind: str, extension: str) -> None:
    """The bytes determine the type, and the name decides between types that begin alike."""
    found = sniff(head, name)
    assert (found.type, found.extension) == (kind, extension)


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20), st.integers(-3, 0))
def test_truncated_text_is_text(text: str, less: int) -> None:
    """Text is detected even if the head ends inside a character of several bytes."""
    assert sniff(("a" + text * HEAD_BYTES).encode()[: HEAD_BYTES + less], "a.txt").type == "text/plain"


@given(st.binary(max_size=40), st.text(max_size=40))
def test_any_bytes_have_a_type_and_a_safe_extension(head: bytes, name: str) -> None:
    """Any bytes and any name have a known type and a safe extension."""
    found = sniff(head, name)
    assert found.type in {*TYPES.values(), UNKNOWN, "application/x-ole-storage"}
    assert find_extension(f"a.{found.extension}") == found.extension
