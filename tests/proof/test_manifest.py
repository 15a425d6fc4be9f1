"""Manifests and entries of dataset versions."""

import json
from hashlib import sha3_512
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.proof.entry import DatasetVersionClaims, DatasetVersionEntry, MediaEntry, commit, decode_entry
from hallmarket.proof.errors import ProofError
from hallmarket.proof.manifest import Manifest, ManifestColumn, ManifestFile

ID = "0190a3c2-5f0e-7cc1-8a55-3d1c2b7f9e10"
HASH = sha3_512(b"").hexdigest()
columns = st.builds(
    ManifestColumn,
    st.text(),
    st.text(),
    st.booleans(),
    st.none() | st.text(),
    st.none() | st.lists(st.text()).map(tuple),
    st.none() | st.sampled_from(["asset", "action"]),
    st.none() | st.text(),
)
files = st.builds(ManifestFile, st.just("0a.parquet"), st.integers(0, 2**40), st.just(HASH), st.integers(0, 2**40))


def make(given_columns: list[ManifestColumn], given_files: list[ManifestFile], version: int = 1) -> Manifest:
    """Return a consistent manifest."""
    rows = sum(file.rows for file in given_files)
    return Manifest(tuple(given_columns), ID, tuple(given_files), rows, version)


@given(st.lists(columns, max_size=3), st.lists(files, max_size=3), st.integers(1, 2**31 - 1))
def test_a_manifest_has_one_encoding(given_columns: Any, given_files: Any, version: int) -> None:
    """A manifest with any column names is canonical JSON by RFC 8785, and is parsed back."""
    manifest = make(given_columns, given_files, version)
    data = manifest.encode()
    assert data == rfc8785.dumps(json.loads(data))
    assert Manifest.parse(data) == manifest


def test_an_entry_of_a_version_is_read() -> None:
    """A version's entry has one encoding, is not a media entry, and may commit to claims without an organization."""
    claims = DatasetVersionClaims("2026-01-01T00:00:00.000000+00:00", ID, ID, "Rain", None, 2**53 + 1, 3)
    entry = DatasetVersionEntry(commit(bytes(32), claims), ID, HASH, 2**53 + 1)
    data = entry.encode()
    assert decode_entry(data) == entry
    assert msgspec.json.decode(data)["kind"] == "dataset-version"
    other = decode_entry(data.replace(b"dataset-version", b"media"))
    assert isinstance(other, MediaEntry)
    for wrong in (data + b" ", data.replace(b'"v":1', b'"v":2'), data.replace(HASH.encode(), HASH[1:].encode())):
        with pytest.raises(ProofError):
            decode_entry(wrong)
