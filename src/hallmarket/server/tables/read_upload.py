"""Reads an uploaded file as a table: CSV, Parquet, JSON, NDJSON or Excel, by its name and first bytes."""

from pathlib import Path

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.read_csv import read_csv
from hallmarket.server.tables.read_excel import read_excel
from hallmarket.server.tables.read_json import read_json, read_ndjson
from hallmarket.server.tables.read_parquet import read_parquet
from hallmarket.server.tables.uploaded_table import UploadedTable

FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".xlsx": "excel", ".xls": "excel", ".xlsb": "excel", ".xlsm": "excel", ".ods": "excel",
}  # fmt: skip
READERS = {
    "csv": read_csv,
    "parquet": read_parquet,
    "json": read_json,
    "ndjson": read_ndjson,
    "excel": read_excel,
}


def read_upload(path: Path, name: str) -> UploadedTable:
    """Read the file at `path`, which was uploaded as `name`. Raises InvalidRequest."""
    return READERS[detect_format(path, name)](path)


def detect_format(path: Path, name: str) -> str:
    """Detect a file's format: csv, parquet, json, ndjson or excel. Raises InvalidRequest if it is another."""
    with path.open("rb") as opened:
        head = opened.read(4096)
    if head.startswith(b"PAR1"):
        return "parquet"
    if kind := FORMATS.get(Path(name.lower()).suffix):
        return kind
    if head.lstrip()[:1] in (b"[", b"{"):
        return "json" if head.lstrip()[:1] == b"[" else "ndjson"
    raise InvalidRequest(f"Unknown file format. Send a file with a name ending in {', '.join(FORMATS)}.", "file")
