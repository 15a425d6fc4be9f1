"""Datasets: tables that people create, fill, change and query; each finished write is a version that stays."""
