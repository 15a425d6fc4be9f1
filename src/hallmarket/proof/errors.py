"""What goes wrong when something offered as a proof is none."""


class ProofError(ValueError):
    """A proof, or a part of one, is malformed or false; the message is one sentence for people."""
