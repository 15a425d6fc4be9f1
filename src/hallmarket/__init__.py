"""Hallmarket: a self-hosted registry and exchange for media and data."""
