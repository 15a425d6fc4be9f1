"""The server: one domain model under two HTTP dialects; main.py wires its rooms together."""
