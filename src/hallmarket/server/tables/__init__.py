"""Tables: the columns and rows of datasets, in immutable Parquet files with a Delta Lake log."""
