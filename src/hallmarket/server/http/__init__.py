"""HTTP for all rooms: admission, bodies, both dialects, errors, metrics, logs, documentation."""
