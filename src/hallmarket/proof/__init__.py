"""Pure verification of the log, without any I/O: hashes, tiles, notes, checkpoints, entries, proof bundles."""
