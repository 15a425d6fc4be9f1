"""Datasets as tables: columns, rows and files in the open Delta Lake format, each version's files for ever the same."""
