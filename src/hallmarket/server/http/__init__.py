"""What both dialects share of HTTP: admission, bodies, paging, errors, metrics; no room, no database."""
