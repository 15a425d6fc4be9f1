"""Pure verification of the log: hashing, tiles, notes, checkpoints, entries and proof bundles, without any I/O."""
