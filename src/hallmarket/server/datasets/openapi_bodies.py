"""What the dataset routes that read their bodies themselves say of them in the OpenAPI document."""

from typing import Any

from hallmarket.server.errors import Conflict, Duplicate, Locked, NotFound, PayloadTooLarge

READ = {"scope": "assets:read"}
WRITE = {"scope": "assets:write"}
_ROWS = {"type": "array", "items": {"type": "object"}, "description": "Objects, a row each."}
_FIELDS: dict[str, Any] = {
    "name": {"type": "string", "maxLength": 1024},
    "description": {"type": "string"},
    "visibility": {"type": "string", "enum": ["public", "private", "organization", "monetized", "inherit"]},
}
DATASET_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "dataset": {
            "type": "object",
            "description": "Any field of an asset, and:",
            "properties": _FIELDS
            | {
                "schema": {"type": "string", "description": "CREATE TABLE …; without it the rows tell the columns."},
                "metadata": {"type": "object", "properties": {"columns": {"type": "array", "items": {}}}},
                "rows": _ROWS,
                "refs": {"type": "object", "description": "Columns that hold ids of assets or actions."},
                "enum_columns": {"type": "object", "description": "Columns that take certain values alone."},
                "indexes": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
    "required": ["dataset"],
}
INGEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rows": _ROWS,
        "mode": {"type": "string", "enum": ["append", "overwrite", "upsert", "update"], "default": "append"},
        "finalize": {"type": "boolean", "default": True, "description": "Make a version of it; false: more comes."},
    },
    "required": ["rows"],
}
FILE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "CSV, Parquet, JSON, NDJSON or Excel."},
        "dataset": {"type": "string", "description": "JSON: fields of the dataset, as from a schema."},
    },
    "required": ["file"],
}
HERE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file_id": {"type": "string", "format": "uuid", "description": "A file that is here already."},
        "dataset": {"type": "object", "description": "Fields of the dataset, as from a schema."},
    },
    "required": ["file_id"],
}
CREATE: dict[str, Any] = WRITE | {
    "body": {"application/json": DATASET_SCHEMA},
    "example": {"dataset": {"name": "Rain", "rows": [{"id": 1, "day": "2026-01-01", "mm": 3.5}]}},
    "raises": (Conflict, NotFound, Locked),
}
CREATE_FROM_FILE: dict[str, Any] = WRITE | {
    "body": {"multipart/form-data": FILE_SCHEMA, "application/json": HERE_SCHEMA},
    "raises": (Conflict, NotFound, PayloadTooLarge, Locked),
}
INGEST: dict[str, Any] = WRITE | {
    "body": {"application/json": INGEST_SCHEMA},
    "example": {"rows": [{"id": 1, "mm": 4.0}], "mode": "upsert", "finalize": True},
    "raises": (Conflict, Locked),
}
CHANGE: dict[str, Any] = WRITE | {"raises": (Conflict, Duplicate, Locked)}
