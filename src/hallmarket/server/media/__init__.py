"""Media: anchoring files, and listing, looking up and proving what is anchored."""
