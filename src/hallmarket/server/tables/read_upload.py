"""Tables out of files: CSV, Parquet, JSON, NDJSON and Excel, in batches, with the columns they turn out to have."""

from pathlib import Path

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.read_csv import read_csv
from hallmarket.server.tables.read_excel import read_excel
from hallmarket.server.tables.read_json import read_json, read_lines
from hallmarket.server.tables.read_parquet import read_parquet
from hallmarket.server.tables.upload import Upload

FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".xlsx": "excel", ".xls": "excel", ".xlsb": "excel", ".xlsm": "excel", ".ods": "excel",
}  # fmt: skip


def read_upload(path: Path, name: str) -> Upload:
    """Read a file that was called `name`; its ending and its first bytes tell the format. Raises InvalidRequest."""
    kind = find_format(path, name)
    return {
        "csv": read_csv,
        "parquet": read_parquet,
        "json": read_json,
        "ndjson": read_lines,
        "excel": read_excel,
    }[kind](path)


def find_format(path: Path, name: str) -> str:
    """csv, parquet, json, ndjson or excel. Raises InvalidRequest for anything else."""
    with path.open("rb") as opened:
        head = opened.read(4096)
    if head.startswith(b"PAR1"):
        return "parquet"
    if kind := FORMATS.get(Path(name.lower()).suffix):
        return kind
    if head.lstrip()[:1] in (b"[", b"{"):
        return "json" if head.lstrip()[:1] == b"[" else "ndjson"
    raise InvalidRequest(f"A dataset can be made from a file ending in {', '.join(FORMATS)}.", "file")
