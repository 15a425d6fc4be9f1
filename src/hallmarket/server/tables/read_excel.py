"""Reads the first sheet of an Excel or OpenDocument workbook, which is held in memory."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_values import coerce_values
from hallmarket.server.tables.columns import declare_columns
from hallmarket.server.tables.type_inference import infer_cell_type
from hallmarket.server.tables.types import arrow_schema
from hallmarket.server.tables.uploaded_table import BATCH_ROWS, MAX_UNPACKED_BYTES, UploadedTable, to_json_value

MAX_EXCEL_BYTES = 256 * 1024 * 1024


def read_excel(path: Path) -> UploadedTable:
    """Read the first sheet of a workbook, whose first row names the columns. Raises InvalidRequest."""
    if path.stat().st_size > MAX_EXCEL_BYTES:
        raise InvalidRequest(f"The workbook is larger than {MAX_EXCEL_BYTES >> 20} MiB. Send CSV instead.", "file")
    try:
        _verify_unpacked_size(path)
        with CalamineWorkbook.from_path(str(path)) as book:
            sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except (CalamineError, BadZipFile, OSError, ValueError, IndexError) as error:
        raise InvalidRequest(f"The file is not a readable workbook: {error}", "file") from None
    if not sheet or not any(str(cell).strip() for cell in sheet[0]):
        raise InvalidRequest("The workbook's first sheet is empty. Its first row must name the columns.", "file")
    header, *body = sheet
    cells_by_column = [[_cell_value(row[index]) for row in body] for index in range(len(header))]
    columns = declare_columns(
        [_column_name(cell) for cell in header], [infer_cell_type(cells) for cells in cells_by_column]
    )
    arrays = [
        coerce_values(column, [to_json_value(cell) for cell in cells], 2)
        for column, cells in zip(columns, cells_by_column, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=arrow_schema(columns))
    return UploadedTable(columns, lambda: iter(table.to_batches(BATCH_ROWS)))


def _verify_unpacked_size(path: Path) -> None:
    """Raise InvalidRequest for a workbook that is too large for memory when unpacked."""
    if not is_zipfile(path):
        return  # the old .xls format, which is not compressed
    with ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise InvalidRequest(
            f"The workbook has {unpacked >> 20} MiB when unpacked; the limit is {MAX_UNPACKED_BYTES >> 20} MiB."
            " Send CSV instead.",
            "file",
        )


def _column_name(cell: object) -> str:
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()


def _cell_value(cell: Any) -> Any:
    """Get a cell's value. Excel stores every number as a float; one without a fraction becomes an int."""
    if cell == "":
        return None
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell
