"""Datasets: tables that people create, fill, update and query. Every finished write is a version that never changes."""
