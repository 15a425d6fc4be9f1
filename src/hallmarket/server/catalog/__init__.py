"""Assets of every type: ownership, access, sharing, search and downloads."""
