"""A workbook's first sheet as an upload, held whole."""

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce import coerce_values
from hallmarket.server.tables.declare import declare_columns
from hallmarket.server.tables.types import arrow_schema
from hallmarket.server.tables.upload import BATCH_ROWS, MAX_UNPACKED_BYTES, Upload, plain

MAX_EXCEL_BYTES = 256 * 1024 * 1024


def read_excel(path: Path) -> Upload:
    """The first sheet of a workbook; its first row names the columns. Raises InvalidRequest."""
    if path.stat().st_size > MAX_EXCEL_BYTES:
        raise InvalidRequest(f"A workbook may have {MAX_EXCEL_BYTES >> 20} MiB; send larger data as CSV.", "file")
    try:
        _check_unpacked(path)
        with CalamineWorkbook.from_path(str(path)) as book:
            sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except (CalamineError, BadZipFile, OSError, ValueError, IndexError) as error:
        raise InvalidRequest(f"The file is no workbook that can be read: {error}", "file") from None
    if not sheet or not any(str(cell).strip() for cell in sheet[0]):
        raise InvalidRequest("The workbook's first sheet is empty: its first row must name the columns.", "file")
    header, *body = sheet
    values = [[_cell(row[place]) for row in body] for place in range(len(header))]
    columns = declare_columns([_heading(cell) for cell in header], [_excel_kind(cells) for cells in values])
    arrays = [
        coerce_values(column, [plain(cell) for cell in cells], 2) for column, cells in zip(columns, values, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=arrow_schema(columns))
    return Upload(columns, lambda: iter(table.to_batches(BATCH_ROWS)))


def _check_unpacked(path: Path) -> None:
    """Raises InvalidRequest for a workbook whose parts, unpacked, are more than fits into memory."""
    if not is_zipfile(path):
        return  # an old one, which is not packed
    with ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise InvalidRequest(
            f"The workbook has {unpacked >> 20} MiB, unpacked; send more than {MAX_UNPACKED_BYTES >> 20} MiB as CSV.",
            "file",
        )


def _heading(cell: object) -> str:
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()


def _cell(cell: Any) -> Any:
    """A cell's value; Excel has no whole numbers, so a float that is one becomes one."""
    if cell == "":
        return None
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell


def _excel_kind(cells: Sequence[Any]) -> str:
    types = {type(cell) for cell in cells} - {type(None)}
    if types <= {int, float} and types:
        return "bigint" if types == {int} else "double precision"
    known = {bool: "boolean", datetime: "timestamp", date: "date", time: "time"}
    if types and types <= {date, datetime}:
        return "date" if types == {date} else "timestamp"
    return known.get(next(iter(types)), "text") if len(types) == 1 else "text"
