"""The `hallmarket` command, one file a verb."""
