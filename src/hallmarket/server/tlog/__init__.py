"""Transparency log: append entries, sequence them, publish the log and prove what it contains."""
