"""Keys that sign notes, in the text formats of c2sp.org/signed-note, and their signature lines."""

import re
import secrets
from hashlib import sha256
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hallmarket.proof.errors import ProofError
from hallmarket.proof.strict import read_base64, read_text, write_base64

ED25519 = 0x01
COSIGNATURE_ED25519 = 0x04

KEY_BYTES = 32
KEY_ID_BYTES = 4
SIGNATURE_BYTES = 64

_SECRET_PREFIX = "PRIVATE+KEY+"  # noqa: S105 - the fixed prefix of Go's text format
_BAD_IN_NAME = re.compile(r"[\s+\x00-\x1f]")


def check_name(name: str) -> str:
    """Return a key's name if it is valid: not empty, without Unicode spaces, `+` and control characters."""
    if not name or _BAD_IN_NAME.search(read_text(name, "The key's name")):
        raise ProofError("A key's name must not be empty or contain a space, a + or a control character.")
    return name


class Signature(msgspec.Struct, frozen=True):
    """One signature line: the key's name, its id (4 bytes) and what follows it (64 bytes for type 0x01)."""

    name: str
    key_id: bytes
    blob: bytes

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a signature line without its LF; raises ProofError."""
        fields = line.split(" ")
        if len(fields) != 3 or fields[0] != "—":
            raise ProofError("A signature line must be a dash, the key's name and base64, with one space between.")
        data = read_base64(fields[2], "A signature")
        if len(data) <= KEY_ID_BYTES:
            raise ProofError("A signature is too short.")
        return cls(check_name(fields[1]), data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])

    def line(self) -> str:
        """Return the signature line with its LF."""
        return f"— {self.name} {write_base64(self.key_id + self.blob)}\n"


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key with its name, written `name+hex8(key_id)+base64(kind ‖ public)`; str() gives that text."""

    name: str
    key_id: bytes
    kind: int
    public: bytes

    @classmethod
    def of(cls, name: str, kind: int, public: bytes) -> Self:
        """Return a public key with its name; its id is SHA-256(name ‖ LF ‖ kind ‖ public)[:4]."""
        if kind not in (ED25519, COSIGNATURE_ED25519):
            raise ProofError(f"Keys of type {kind:#04x} are not supported.")
        if len(public) != KEY_BYTES:
            raise ProofError(f"An Ed25519 key has {KEY_BYTES} bytes.")
        key_id = sha256(check_name(name).encode() + b"\n" + bytes([kind]) + public).digest()[:KEY_ID_BYTES]
        return cls(name, key_id, kind, public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key from its text, without spaces around it; raises ProofError."""
        fields = text.split("+", 2)
        if len(fields) != 3 or not (data := read_base64(fields[2], "The verifier key's last part")):
            raise ProofError("A verifier key is written name+id+base64.")
        key = cls.of(fields[0], data[0], data[1:])
        if fields[1] != key.key_id.hex():
            raise ProofError("The verifier key's id does not belong to its name and bytes.")
        return key

    def __str__(self) -> str:
        """Return the verifier key's text."""
        return f"{self.name}+{self.key_id.hex()}+{write_base64(bytes([self.kind]) + self.public)}"

    def verify_bytes(self, message: bytes, signature: bytes) -> None:
        """Raise ProofError unless the 64 bytes are this key's Ed25519 signature of the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise ProofError(f"The signature by {self.name} is wrong.") from None


class SigningKey:
    """A private key with its name, in the text format of Go's note.GenerateKey; its repr does not show the secret."""

    __slots__ = ("_private", "verifier_key")

    def __init__(self, name: str, secret: bytes, kind: int = ED25519) -> None:
        """Create the key from its 32 secret bytes; raises ProofError."""
        if len(secret) != KEY_BYTES:
            raise ProofError(f"An Ed25519 key has {KEY_BYTES} bytes.")
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.verifier_key = VerifierKey.of(name, kind, self._private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> Self:
        """Return a new random key; raises ProofError for an invalid name."""
        return cls(name, secrets.token_bytes(KEY_BYTES), kind)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key from `PRIVATE+KEY+<name>+<hex8 id>+<base64(kind ‖ secret)>`; raises ProofError."""
        fields = text.removeprefix(_SECRET_PREFIX).split("+", 2)
        if not text.startswith(_SECRET_PREFIX) or len(fields) != 3:
            raise ProofError("A signing key is written PRIVATE+KEY+name+id+base64.")
        if not (data := read_base64(fields[2], "The signing key's last part")):
            raise ProofError("The signing key is empty.")
        key = cls(fields[0], data[1:], data[0])
        if fields[1] != key.verifier_key.key_id.hex():
            raise ProofError("The signing key's id does not belong to its name and bytes.")
        return key

    def text(self) -> str:
        """Return the key's text, including the secret."""
        key = self.verifier_key
        secret = write_base64(bytes([key.kind]) + self._private.private_bytes_raw())
        return f"{_SECRET_PREFIX}{key.name}+{key.key_id.hex()}+{secret}"

    def __repr__(self) -> str:
        """Show the public key only."""
        return f"SigningKey({self.verifier_key})"

    def sign(self, body: str) -> str:
        """Sign a note's body (ending in LF) and return the signature line with its LF; only for a key of type 0x01."""
        if self.verifier_key.kind != ED25519:
            raise ProofError("This key makes cosignatures, not plain signatures.")
        if not body.endswith("\n"):
            raise ProofError("A note's body must end in a line feed.")
        return self.signature_line(read_text(body, "The note's body").encode())

    def signature_line(self, message: bytes, before: bytes = b"") -> str:
        """Sign the message and return the signature line, with `before` between the key's id and the signature."""
        key = self.verifier_key
        return Signature(key.name, key.key_id, before + self._private.sign(message)).line()
