"""Media: anchor, list, look up and prove."""
