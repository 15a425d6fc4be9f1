"""The error of every failed verification."""


class ProofError(ValueError):
    """A proof, or a part of one, is malformed or wrong; the message is one sentence for people."""
