"""Thumbnails: small pictures of the bytes people gave us, made in the background by a process that may die of them."""
