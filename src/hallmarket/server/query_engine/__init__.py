"""Query engine: runs untrusted SELECT statements over a dataset's Parquet files in sandboxed DuckDB processes."""
