"""`hallmarket verify`: check files, or a saved proof, against the log."""
