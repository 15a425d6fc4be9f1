"""The transparency log: append, sequence, publish and prove."""
