"""Passwords of operators as they are stored: argon2 digests, which take 0.1 s each: never in a transaction."""

import secrets
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from models.token import BASE62

MARK, RANDOM_LENGTH = "mpw_", 20
LONGEST = 1_000  # characters; argon2 would digest megabytes
_hasher = PasswordHasher()


def generate() -> str:
    """A new one: a mark that secret scanners know, and 20 random base62 characters (119 bits)."""
    return MARK + "".join(secrets.choice(BASE62) for _ in range(RANDOM_LENGTH))


def digest(password: str) -> str:
    """What is stored of a password."""
    return _hasher.hash(password)


def matches(stored: str, password: str) -> bool:
    """Whether it is the digest of this password."""
    try:
        return len(password) <= LONGEST and _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Whether it was made with other parameters than those of today."""
    return _hasher.check_needs_rehash(stored)


def nobody() -> str:
    """A digest of no password at all, compared where nobody has the address: the time of an answer does not tell
    who may sign in. It is written and not computed, so that the first answer of a process takes no longer either."""
    parameters = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${parameters}${_noise(_hasher.salt_len)}${_noise(_hasher.hash_len)}"


def _noise(length: int) -> str:
    return b64encode(secrets.token_bytes(length)).decode().rstrip("=")
