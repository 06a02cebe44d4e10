"""Secrets that have to be read again, sealed: credentials of directories (product rule D1)."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from models.errors import Refused


class Locked(Refused):
    """There is no key, or none that opens what was sealed."""

    status = 503


def new_key() -> str:
    """A key for MUSTER_SECRET_KEY: 32 random bytes in base64."""
    return Fernet.generate_key().decode()


class Vault:
    """Seals with the first key, and opens with any: a key is replaced by putting a new one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises ValueError where one is no key."""
        self._keys = MultiFernet([Fernet(key) for key in keys]) if keys else None
        self._first = keys[:1]

    @property
    def has_key(self) -> bool:
        """Whether anything can be sealed at all."""
        return self._keys is not None

    def seal(self, secret: str) -> bytes:
        """What is stored of a secret."""
        if self._keys is None:
            raise Locked(
                "secrets of directories cannot be kept: MUSTER_SECRET_KEY is not set; whoever runs this installation"
                " makes a key with `muster directory key`"
            )
        return self._keys.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret."""
        if self._keys is None:
            raise Locked("the client secret cannot be read: MUSTER_SECRET_KEY is not set")
        try:
            return self._keys.decrypt(sealed).decode()
        except InvalidToken:
            raise Locked(
                "the client secret cannot be read: no key of MUSTER_SECRET_KEY opens it; put the key that it was"
                " sealed with back behind the present one, or enter the secret again"
            ) from None

    def opens(self, sealed: bytes) -> bool:
        """Whether any key opens it."""
        try:
            self.open(sealed)
        except Locked:
            return False
        return True

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the first key opens it, so that it needs no older one."""
        return Vault(self._first).opens(sealed)

    def renew(self, sealed: bytes) -> bytes:
        """The same secret, sealed with the first key."""
        return self.seal(self.open(sealed))
