"""Runs a stranger's SELECT over given Parquet files, in a process of its own."""
